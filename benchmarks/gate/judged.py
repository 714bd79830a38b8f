"""How often is `garagebench judge` right? Plans of several parts, replayed from recorded rounds.

    python benchmarks/gate/judged.py RECORDING... [--plans N] [--output results/judged.jsonl]

Each part is measured as a gate of its own is, at its looks or its share of the generations, with draws of its own; then
all parts are judged together.
"""

import argparse
import json
import random
from pathlib import Path

from garagebench.engine.metadata import describe_machine
from garagebench.engine.result import Result
from garagebench.gate.case import Thresholds
from garagebench.gate.joint import check_parts, judge_parts
from garagebench.gate.live import SHARED_GENERATIONS
from garagebench.gate.record import CASES, GENERATIONS, Measured, Plan, Record, Shard, name_cases
from garagebench.gate.replay import Replay, Slowdown
from garagebench.gate.state import look_at_all
from garagebench.run.rules import complete
from garagebench.stats.binomial import exact_bounds
from garagebench.stats.looks import plan_looks

PLANS = 1000
PARTS = (1, 3, 8)
THRESHOLDS = (1.0, 2.0, 5.0)

#: Generations that a part by cases has at most.
MOST = 60

#: How much larger than the threshold a slowdown of a whole is, that is to be found.
MARGIN = 2.0


def measure_part(replay, rng, thresholds, shard, slowdown):
    """Return what a job would keep of its part."""
    rules = replay.rules
    mine = [case for case in rules if case in shard.choose(rules)]
    changes = {case: [] for case in mine}

    def draw(cases):
        drawn = replay.draw(rng, slowdown)
        for case in cases:
            if case in drawn:
                changes[case].append(drawn[case])

    done = 0
    if shard.by == GENERATIONS:
        done = shard.share(SHARED_GENERATIONS)
        for _ in range(done):
            draw(mine)
    else:
        wholes = thresholds.find_wholes({case: rules[case] for case in mine})
        judgements, still_open = {}, mine
        for look in plan_looks():
            if look.generations > MOST:
                break
            for _ in range(look.generations - done):
                draw(still_open)
            done = look.generations
            still_open, is_over = look_at_all(
                changes,
                thresholds,
                judgements,
                still_open,
                wholes,
                look,
                len(rules) - len(mine),
            )
            if is_over or not still_open:
                break
    plan = Plan("base", "head", (), thresholds.percent, {}, None, 0)
    cases = tuple(Measured(case, rules[case], 1.0, tuple(changes[case])) for case in mine)
    return Record(
        plan, shard, "replayed", "base", "head", cases, name_cases(rules), done, 0.0, is_whole=True
    )


def count(recording, chosen, percent, parts, by, *, slowed):
    """Return how many of the plans were slower, inconclusive and not slower, and how many generations they had."""
    thresholds = Thresholds(percent)
    replay = Replay(recording, MOST, thresholds)
    whole = next(case for case, rule in replay.rules.items() if rule.part_of is None)
    slowdown = Slowdown(whole, MARGIN * percent / 100) if slowed else None
    outcomes = {"slower": 0, "inconclusive": 0, "not slower": 0}
    generations = 0
    for number in range(chosen.plans):
        rng = random.Random(f"{number} {percent} {parts} {by} {slowed}")
        records = [
            measure_part(replay, rng, thresholds, Shard(part, parts, by), slowdown)
            for part in range(1, parts + 1)
        ]
        check_parts({str(record.shard.number): record for record in records})
        outcomes[judge_parts(records).outcome] += 1
        generations += sum(
            len(one.changes) for record in records for one in record.cases if one.case == whole
        )
    return outcomes, generations / chosen.plans


def main():
    """Replay all plans; a line for each sort."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--plans", type=int, default=PLANS)
    parser.add_argument("--output", type=Path, default=Path("results/judged.jsonl"))
    chosen = parser.parse_args()
    for path in chosen.recordings:
        recording = complete(Result.load(path))
        for percent in THRESHOLDS:
            for parts in PARTS:
                for by in (CASES, GENERATIONS) if parts > 1 else (CASES,):
                    for slowed in (False, True):
                        outcomes, generations = count(
                            recording, chosen, percent, parts, by, slowed=slowed
                        )
                        low, high = exact_bounds(outcomes["slower"], chosen.plans)
                        line = {
                            "recording": path.name,
                            "max_slowdown": percent,
                            "parts": parts,
                            "by": by,
                            "slowed_percent": MARGIN * percent if slowed else 0,
                            "plans": chosen.plans,
                            **outcomes,
                            "slower_bounds": [round(low, 4), round(high, 4)],
                            "generations_of_the_whole": round(generations, 1),
                            "machine": describe_machine(),
                        }
                        with chosen.output.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(line) + "\n")
                        print(*line.values(), flush=True)


if __name__ == "__main__":
    main()
