"""Whether instruction counts are level for identical code, and up for 0.5 % more work.

    python benchmarks/gate/counts.py [--output results/counts.jsonl] [--pairs N]

Each pair is counted as `check --count instructions` does it, on copies in directories of equally long names.
"""

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

from repository import SOURCE, STAGES, write_version

from garagebench.engine.metadata import describe_machine
from garagebench.experiment import load_layout
from garagebench.gate.live import Pair
from garagebench.gate.witness import count_pairs
from garagebench.regression import Settings, make_source
from garagebench.workload import make_workload

PAIRS = 20
EVERY = 200


def count_pair(stage, every):
    """Return case -> percent more instructions in head, where every `every`-th call of the stage is made twice."""
    layout = load_layout("seed", None)
    workload = make_workload("fill", layout, 0)
    with tempfile.TemporaryDirectory() as directory:
        sources, roots = [], []
        for side, rate in (("base", 0), ("head", every)):
            place = Path(directory, side)
            place.mkdir()
            write_version(place, stage, rate)
            roots.append(str(place))
            impl = f"{place / SOURCE.name}:SLOW"
            sources.append(make_source(Settings("HEAD"), impl, None, layout, workload))
        witness = count_pairs([Pair("slow", "here", sys.executable, *sources)], tuple(roots))
    return {
        f"{case.operation} {case.stage}": round(counted.change_percent, 4)
        for case, counted in witness.cases.items()
    }


def main():
    """Count what is missing of the pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("results/counts.jsonl"))
    parser.add_argument("--pairs", type=int, default=PAIRS, help="of each sort")
    chosen = parser.parse_args()
    lines = chosen.output.read_text().splitlines() if chosen.output.exists() else []
    here = describe_machine()
    done = {
        (one["series"], one["number"]) for one in map(json.loads, lines) if one["machine"] == here
    }
    for number in range(chosen.pairs):
        stage = random.Random(number).choice(list(STAGES))
        for series, every in (("identical", 0), ("+0.5 %", EVERY)):
            if (series, number) in done:
                continue
            found = {
                "series": series,
                "number": number,
                "stage": stage,
                "changes_percent": count_pair(stage, every),
                "machine": here,
            }
            with chosen.output.open("a", encoding="utf-8") as output:
                output.write(json.dumps(found) + "\n")
            changes = found["changes_percent"]
            print(
                series, number, stage, changes[stage], max(map(abs, changes.values())), flush=True
            )


if __name__ == "__main__":
    main()
