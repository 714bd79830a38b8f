"""How often is `garagebench check` right? Gates on identical code and on code with a known slowdown.

    python benchmarks/gate/gates.py SERIES... [--output results/gates.jsonl] [--gates N]

Each gate checks a fresh repository and adds a line to the output; what is there of this machine already is not done
again.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from busy import busy_in_bursts
from journal import Journal
from repository import SOURCE, STAGES, make_repository, write_version


@dataclass(frozen=True)
class Series:
    """Gates of one sort. slowdown: share by which the stage, or `total`, is slowed down."""

    gates: int
    budget_s: int
    max_slowdown: float
    slowdown: float = 0.0
    of_total: bool = False
    is_busy: bool = False


SERIES = {
    "identical": Series(60, 30, 5),
    "stage +5 %": Series(40, 30, 2, 0.05),
    "total +2 %": Series(20, 60, 1, 0.02, of_total=True),
    "identical, core busy": Series(30, 30, 5, is_busy=True),
    "stage +10 %, core busy": Series(20, 30, 5, 0.1, is_busy=True),
}


def garagebench(*arguments, directory):
    """Run the command in a directory; return what it printed as JSON, and its exit code."""
    command = [sys.executable, "-m", "garagebench", *arguments, "--format", "json"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def measure_share(stage):
    """Return the slow stage's share of its `total`."""
    operation, name = stage.split()
    with tempfile.TemporaryDirectory() as directory:
        write_version(Path(directory), stage, 0)
        report = garagebench(
            *("run", "--impl", f"{SOURCE.name}:SLOW", "--operation", operation, "--budget", "10"),
            directory=directory,
        )
    ns = {row["stage"]: row["median"] for row in report["rows"] if row["impl"] != "lists"}
    return ns[name] / ns["total"]


def run_gate(series, seed, shares):
    """Run one gate; return what it found, beside what there was to find."""
    rng = random.Random(seed)
    stage = rng.choice(list(STAGES)) if series.slowdown else ""
    every = round(1 / series.slowdown) if series.slowdown else 0
    if stage and stage not in shares:
        shares[stage] = measure_share(stage)
    if series.of_total:
        every = round(shares[stage] / series.slowdown)
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        if series.is_busy:
            stack.enter_context(busy_in_bursts(max(os.sched_getaffinity(0)), seed))
        make_repository(Path(directory), stage, every)
        verdict = garagebench(
            *("check", "--base", "HEAD", "--impl", f"{SOURCE.name}:SLOW", "--seed", str(seed)),
            *("--budget", str(series.budget_s), "--max-slowdown", str(series.max_slowdown)),
            directory=directory,
        )
    operation = stage.partition(" ")[0]
    totals = [
        case["change_percent"]
        for case in verdict["cases"]
        if (case["operation"], case["stage"]) == (operation, "total")
    ]
    return {
        "stage": stage or None,
        "every": every or None,
        "share_of_total": round(shares[stage], 3) if stage else None,
        "exit_code": verdict["exit_code"],
        "attributed_to": verdict["attributed_to"],
        "total_change_percent": totals[0] if totals else None,
        "seconds": verdict["seconds"],
        "notes": verdict["notes"],
    }


def main():
    """Run what is missing of the series."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("series", nargs="*", choices=[*SERIES, []], help="all, if none is named")
    parser.add_argument("--output", type=Path, default=Path("results/gates.jsonl"))
    parser.add_argument("--gates", type=int, help="fewer of each series")
    chosen = parser.parse_args()
    journal = Journal(chosen.output)
    done = Counter(gate["series"] for gate in journal.read())
    shares = {}
    for name in chosen.series or SERIES:
        for number in range(done[name], min(chosen.gates or 1000, SERIES[name].gates)):
            found = run_gate(SERIES[name], 1000 * list(SERIES).index(name) + number, shares)
            journal.add(series=name, number=number, **found)


if __name__ == "__main__":
    main()
