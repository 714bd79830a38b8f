"""The rules of the gate, as they were and as they are, on recorded rounds of identical code.

    python benchmarks/gate/rules.py RECORDING... [--gates N] [--output results/rules.jsonl]

A gate draws generations with replacement from those recorded. Either chance decides in each which side is base, or the
sides stay as they were recorded. What is there of a recording already is not done again.
"""

import argparse
import json
import math
import random
from pathlib import Path
from statistics import median

from garagebench.check.selftest import load_recording
from garagebench.engine.contestant import combine
from garagebench.gate.case import Thresholds
from garagebench.gate.replay import Replay
from garagebench.stats.estimate import log_ratio, useful_generations
from garagebench.stats.judge import holm_levels

GATES = 1_000
PERCENTS = (1, 2, 5)

#: The rules as they were: a first look that takes three fifths of the time, a second one that takes the rest, half of
#: the error for each; stages under so many ns are not judged; a sign test; all that is judged must be decided.
FIRST_LOOK = 0.6
LOOKS = 2
LEAST_STAGE_NS = 200.0
ALPHA = 0.005
TAIL = 0.025


class OldRules:
    """Gates as they were judged before."""

    def __init__(self, recording, percent, *, swaps):
        generations = recording.settings["selftest"]["generations"]
        second = int(generations * (1 - FIRST_LOOK) / FIRST_LOOK)
        self._looks = generations, useful_generations(max(1, second))
        self._threshold = math.log1p(percent / 100)
        self._swaps = swaps
        base, head = recording.contestants
        self._changes = {}
        for terms in base.rows:
            sides = [combine(side.series, terms.isolated) for side in (base, head)]
            size_ns = median(map(median, sides[0]))
            if terms.is_judged and (terms.part_of is None or size_ns >= LEAST_STAGE_NS):
                self._changes[terms.name] = [
                    (_median_log(after, before), _median_log(before, after))
                    for before, after in zip(*sides, strict=True)
                ]

    def gate(self, rng):
        """Return the verdict of one gate."""
        changes = {case: [] for case in self._changes}
        outcomes = {}
        open_cases = list(changes)
        recorded = len(next(iter(self._changes.values())))
        for count in self._looks:
            drawn = [
                (rng.randrange(recorded), self._swaps and rng.random() < 0.5) for _ in range(count)
            ]
            for case in open_cases:
                values = (self._changes[case][number][swapped] for number, swapped in drawn)
                changes[case] += [value for value in values if math.isfinite(value)]
            levels = holm_levels(
                {case: _sign_test(values) for case, values in changes.items()}, ALPHA / LOOKS
            )
            for case in open_cases:
                outcomes[case] = self._judge(changes[case], levels[case])
            open_cases = [case for case in open_cases if outcomes[case] == "inconclusive"]
            if not open_cases:
                break
        if "slower" in outcomes.values():
            return "slower"
        return "inconclusive" if "inconclusive" in outcomes.values() else "not slower"

    def _judge(self, values, level):
        if not values:
            return "inconclusive"
        if level is not None and median(values) >= self._threshold:
            return "slower"
        rank = 0
        while rank < len(values) and binomial_tail(len(values), rank) <= TAIL:
            rank += 1
        is_below = rank > 0 and sorted(values)[-rank] < self._threshold
        return "not slower" if is_below else "inconclusive"


def _median_log(values, references):
    logs = [log_ratio(value, other) for value, other in zip(values, references, strict=True)]
    return math.nan if any(map(math.isnan, logs)) else median(logs)


def binomial_tail(count, most):
    """Return the probability of at most `most` heads in `count` throws of a fair coin."""
    ways = sum(math.comb(count, heads) for heads in range(most + 1))
    return ways / float(2**count)


def _sign_test(values):
    above = sum(value > 0 for value in values)
    return binomial_tail(len(values), len(values) - above)


def count_old(recording, percent, gates, *, swaps):
    """Return how the gates end under the rules as they were."""
    rules = OldRules(recording, percent, swaps=swaps)
    rng = random.Random(percent)
    return [rules.gate(rng) for _ in range(gates)]


def count_new(recording, percent, gates, *, swaps):
    """Return how they end under the rules as they are."""
    generations = recording.settings["selftest"]["generations"]
    # As many in all as the rules as they were had.
    most = generations + useful_generations(
        max(1, int(generations * (1 - FIRST_LOOK) / FIRST_LOOK))
    )
    rules = Replay(recording, max(most, 6), Thresholds(percent), swaps=swaps)
    rng = random.Random(percent)
    return [rules.gate(rng, None)[0] for _ in range(gates)]


def main():
    """Replay what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--gates", type=int, default=GATES)
    parser.add_argument("--output", type=Path, default=Path("results/rules.jsonl"))
    chosen = parser.parse_args()
    lines = chosen.output.read_text(encoding="utf-8").splitlines() if chosen.output.exists() else []
    done = {json.loads(line)["recording"] for line in lines}
    for path in chosen.recordings:
        name = path.name.partition(".")[0]
        if name in done:
            continue
        recording = load_recording(path)
        for percent in PERCENTS:
            for swaps in (True, False):
                for rules, count in (("old", count_old), ("new", count_new)):
                    outcomes = count(recording, percent, chosen.gates, swaps=swaps)
                    line = {
                        "recording": name,
                        "generations": len(next(iter(recording.contestants[0].series.values()))),
                        "max_slowdown": percent,
                        "swaps": swaps,
                        "rules": rules,
                        "gates": len(outcomes),
                        "slower": outcomes.count("slower"),
                        "inconclusive": outcomes.count("inconclusive"),
                    }
                    with chosen.output.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(line) + "\n")
                    print(*line.values(), flush=True)


if __name__ == "__main__":
    main()
