"""The comparison with the peers in short: the verdicts of all four tools on the same recorded rounds.

    python benchmarks/gate/replayed.py [--gates N] [--rounds results/rounds_before.json.gz]

garagebench draws generations of both sides at once, as it measures them. The others measure one side after the other,
so that they get one stretch of the recording for the base and the next one for the head. `compare_to` is pyperf's own;
the rules of pytest-benchmark and hyperfine are those of peers.py, with the same threshold.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyperf
from peers import CHANGE, SLOWDOWN, THRESHOLD, welch

from garagebench.check.selftest import load_recording
from garagebench.engine.contestant import combine
from garagebench.gate.case import Thresholds
from garagebench.gate.replay import Replay, Slowdown

ROUNDS = Path(__file__).parents[2] / "results" / "rounds_before.json.gz"
OPERATION = "park"
TOOLS = ("garagebench", "pyperf, any size", "pyperf, threshold", "pytest-benchmark", "hyperfine")

#: Processes of one side, where a tool has several.
PROCESSES = 10


class Stretches:
    """Rounds of `total` as a tool gets them that measures one side after the other."""

    def __init__(self, recording):
        base, head = recording.contestants
        terms = {row.name: row for row in base.rows}[f"{OPERATION}/total"]
        self._sides = [combine(side.series, terms.isolated) for side in (base, head)]

    def draw(self, rng, factor):
        """Return processes of both sides, each a list of seconds; the head takes `factor` times as long."""
        begin = rng.randrange(len(self._sides[0]) - 2 * PROCESSES + 1)
        middle = begin + PROCESSES
        base = self._sides[0][begin:middle]
        head = self._sides[1][middle : middle + PROCESSES]
        return _scale(base, 1), _scale(head, factor)


def _scale(side, factor):
    return [[factor * ns * 1e-9 for ns in rounds] for rounds in side]


def judge_pyperf(base, head, *options):
    """Return whether `compare_to` calls the head significantly slower."""
    with tempfile.TemporaryDirectory() as directory:
        for name, side in (("base", base), ("head", head)):
            runs = [
                pyperf.Run(rounds, metadata={"name": "total"}, collect_metadata=False)
                for rounds in side
            ]
            pyperf.Benchmark(runs).dump(str(Path(directory, f"{name}.json")))
        command = [sys.executable, "-m", "pyperf", "compare_to", "base.json", "head.json", *options]
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True)
    return "slower" in done.stdout


def judge_pytest_benchmark(base, head):
    """Return whether the median of one process is above the other's by the threshold: `median:5%`."""
    return statistics.median(head[0]) > (1 + THRESHOLD / 100) * statistics.median(base[0])


def judge_hyperfine(base, head):
    """Return whether the mean is, and Welch's test finds the processes to differ."""
    sides = [[statistics.mean(rounds) for rounds in side] for side in (base, head)]
    ratio = statistics.mean(sides[1]) / statistics.mean(sides[0])
    return ratio >= 1 + THRESHOLD / 100 and welch(*sides) < 0.05


def replay(recording, gates):
    """Return (tool, is slowed down) -> how many gates were called slower."""
    known = recording.settings["selftest"]
    own = Replay(recording, known["generations"], Thresholds(THRESHOLD))
    stretches = Stretches(recording)
    judges = {
        "pyperf, any size": judge_pyperf,
        "pyperf, threshold": lambda *sides: judge_pyperf(*sides, f"--min-speed={THRESHOLD}"),
        "pytest-benchmark": judge_pytest_benchmark,
        "hyperfine": judge_hyperfine,
    }
    called = Counter()
    for number in range(gates):
        for is_slow in (False, True):
            rng = random.Random(f"{number} {is_slow}")
            slowdown = Slowdown(own_total(own), SLOWDOWN) if is_slow else None
            called["garagebench", is_slow] += own.gate(rng, slowdown)[0] == "slower"
            sides = stretches.draw(rng, 1 + SLOWDOWN * is_slow)
            for tool, judge in judges.items():
                called[tool, is_slow] += judge(*sides)
    return called


def own_total(replay_of):
    """Return the case that is slowed down: all of a park."""
    return replace(next(iter(replay_of.parts)), row=f"{OPERATION}/total")


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gates", type=int, default=20, help="of each sort")
    parser.add_argument("--rounds", type=Path, default=ROUNDS)
    chosen = parser.parse_args()
    called = replay(load_recording(chosen.rounds), chosen.gates)
    print(f"| tool | identical, called slower | {CHANGE}, called slower |\n| :--- | ---: | ---: |")
    for tool in TOOLS:
        print(
            f"| {tool} | {called[tool, False]} of {chosen.gates} | {called[tool, True]} of {chosen.gates} |"
        )


if __name__ == "__main__":
    main()
