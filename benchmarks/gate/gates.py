"""How often is `garagebench check` right? Gates on identical code and on code with a known slowdown.

    python benchmarks/gate/gates.py SERIES... [--output results/gates.jsonl] [--gates N]

Each gate checks a fresh repository and adds a line to the output, with the host's speeds just before it; what is there
of this machine already is not done again.
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
from datetime import UTC, datetime
from pathlib import Path

from busy import ALWAYS, BURSTS, busy
from journal import Journal
from repository import SOURCE, STAGES, make_repository, write_version

sys.path.insert(0, str(Path(__file__).parents[1]))
from host_speed import look

#: Parts of about a fifth of their `total`, and how often they do their work to be one.
FIFTH = {"park floor_lookup": 22, "unpark space_lookup": 5}


@dataclass(frozen=True)
class Series:
    """Gates of one sort. slowdown: share by which the stage, or `total`, is slowed down. disturbed: how both cores are."""

    gates: int
    options: tuple[str, ...] = ()
    slowdown: float = 0.0
    of_total: bool = False
    disturbed: tuple[float, float] | None = None
    times: dict[str, int] | None = None


SERIES = {
    "identical": Series(40),
    "identical, both cores busy": Series(20, disturbed=ALWAYS),
    "identical, 1 %": Series(40, ("--max-slowdown", "1")),
    "stage +5 %": Series(40, ("--max-slowdown", "2", "--budget", "30"), 0.05),
    "total +3 %": Series(20, ("--max-slowdown", "1.5", "--budget", "30"), 0.03, of_total=True),
    "total +2 %": Series(20, ("--max-slowdown", "1", "--budget", "60"), 0.02, of_total=True),
    "total +10 %": Series(20, (), 0.1, of_total=True),
    "a fifth +20 %": Series(20, (), 0.2, times=FIFTH),
    "identical, disturbed": Series(40, disturbed=BURSTS),
    "identical, 1 %, disturbed": Series(40, ("--max-slowdown", "1"), disturbed=BURSTS),
    "stage +5 %, disturbed": Series(
        40, ("--max-slowdown", "2", "--budget", "30"), 0.05, disturbed=BURSTS
    ),
    "total +3 %, disturbed": Series(
        20, ("--max-slowdown", "1.5", "--budget", "30"), 0.03, of_total=True, disturbed=BURSTS
    ),
    "total +2 %, disturbed": Series(
        20, ("--max-slowdown", "1", "--budget", "60"), 0.02, of_total=True, disturbed=BURSTS
    ),
    "total +10 %, disturbed": Series(20, (), 0.1, of_total=True, disturbed=BURSTS),
    "a fifth +20 %, disturbed": Series(20, (), 0.2, times=FIFTH, disturbed=BURSTS),
}


def garagebench(*arguments, directory):
    """Run the command in a directory; return what it printed as JSON, and its exit code."""
    command = [sys.executable, "-m", "garagebench", *arguments, "--format", "json"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def measure_share(stage, times):
    """Return the slow stage's share of its `total`."""
    operation, name = stage.split()
    with tempfile.TemporaryDirectory() as directory:
        write_version(Path(directory), stage, 0, times)
        report = garagebench(
            *("run", "--impl", f"{SOURCE.name}:SLOW", "--operation", operation),
            *("--generations", "6"),
            directory=directory,
        )
    ns = {row["stage"]: row["median"] for row in report["rows"] if row["impl"] != "lists"}
    return ns[name] / ns["total"]


def run_gate(series, seed, shares):
    """Run one gate; return what it found, beside what there was to find."""
    rng = random.Random(seed)
    times = series.times or STAGES
    stage = rng.choice(list(times)) if series.slowdown else ""
    every = round(1 / series.slowdown) if series.slowdown else 0
    key = stage, times.get(stage, 1)
    if stage and key not in shares:
        shares[key] = measure_share(stage, times)
    if series.of_total:
        every = round(shares[key] / series.slowdown)
    host = look()
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        if series.disturbed is not None:
            stack.enter_context(busy(os.sched_getaffinity(0), series.disturbed, seed))
        make_repository(Path(directory), stage, every, times)
        verdict = garagebench(
            *("check", "--base", "HEAD", "--impl", f"{SOURCE.name}:SLOW", "--seed", str(seed)),
            *series.options,
            directory=directory,
        )
    operation = stage.partition(" ")[0]
    cases = {f"{case['operation']} {case['stage']}": case for case in verdict["cases"]}
    return {
        "options": " ".join(series.options),
        "stage": stage or None,
        "every": every or None,
        "share_of_total": round(shares[key], 3) if stage else None,
        "exit_code": verdict["exit_code"],
        "attributed_to": verdict["attributed_to"],
        "change_percent": cases[stage]["change_percent"] if stage in cases else None,
        "total_change_percent": cases.get(f"{operation} total", {}).get("change_percent"),
        "unresolved": sum(case["verdict"] == "unresolved" for case in verdict["cases"]),
        "seconds": verdict["seconds"],
        # Of identical code half of the generations have head slower: how many were, of how many.
        "head_slower": {
            name: [case["head_slower"], case["generations"]] for name, case in cases.items()
        },
        "notes": verdict["notes"],
        "host": host,
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
            # Hosts of one name may be as different as quiet and two-speed ones.
            day = datetime.now(UTC).date().isoformat()
            journal.add(series=name, number=number, **found, day=day)


if __name__ == "__main__":
    main()
