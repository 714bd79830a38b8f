"""Whether instruction counts are level for identical code, and up for 0.5 % more work.

    python benchmarks/gate/counts.py [--output results/counts.jsonl] [--pairs N] [--busy]

Each pair is counted as `check --count instructions` does it, on copies in directories of equally long names. With --busy
only identical pairs are counted, while both cores are kept busy.
"""

import argparse
import contextlib
import os
import random
import sys
import tempfile
from pathlib import Path

from busy import ALWAYS, busy
from journal import Journal
from repository import SOURCE, STAGES, write_version

from garagebench.check.revisions import CheckSettings, make_target
from garagebench.core.workload import make_workload
from garagebench.gate.pairs import Pair
from garagebench.gate.witness import count_pairs
from garagebench.run.experiment import load_layout

PAIRS = 20
EVERY = 200


def count_pair(stage, every):
    """Return case -> percent more instructions in head, where every `every`-th call of the stage is made twice."""
    layout = load_layout("seed", None)
    workload = make_workload("fill", layout, 0)
    with tempfile.TemporaryDirectory() as directory:
        targets, roots = [], []
        for side, rate in (("base", 0), ("head", every)):
            place = Path(directory, side)
            place.mkdir()
            write_version(place, stage, rate)
            roots.append(str(place))
            impl = f"{place / SOURCE.name}:SLOW"
            targets.append(make_target(CheckSettings("HEAD"), impl, layout, workload))
        pair = Pair("slow", "here", sys.executable, tuple(targets))
        witness = count_pairs([pair], tuple(roots))
    return {
        case.row.replace("/", " "): round(counted.change_percent, 4)
        for case, counted in witness.cases.items()
    }


def main():
    """Count what is missing of the pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("results/counts.jsonl"))
    parser.add_argument("--pairs", type=int, default=PAIRS, help="of each sort")
    parser.add_argument("--busy", action="store_true")
    chosen = parser.parse_args()
    sorts = {"identical, both cores busy": 0} if chosen.busy else {"identical": 0, "+0.5 %": EVERY}
    journal = Journal(chosen.output)
    done = {(one["series"], one["number"]) for one in journal.read()}
    for number in range(chosen.pairs):
        stage = random.Random(number).choice(list(STAGES))
        for series, every in sorts.items():
            if (series, number) in done:
                continue
            with contextlib.ExitStack() as stack:
                if chosen.busy:
                    stack.enter_context(busy(os.sched_getaffinity(0), ALWAYS))
                changes = count_pair(stage, every)
            journal.add(series=series, number=number, stage=stage, changes_percent=changes)


if __name__ == "__main__":
    main()
