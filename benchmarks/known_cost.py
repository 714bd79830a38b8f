"""Is what is measured what it costs? Loops of known cost, as a stage and timed directly, in the same rounds.

    python benchmarks/known_cost.py [SECONDS]

As a stage, the loop runs once for each request, and the empty loop around it is subtracted. Directly, it stands
a hundred times in a row between two clock reads, so that what is around it weighs next to nothing.
"""

import sys
from itertools import chain
from statistics import median

from garagebench import measure
from garagebench.engine import Block, Case, RowSpec, Step
from garagebench.engine.estimate import estimate
from garagebench.engine.metadata import describe_machine
from garagebench.engine.result import combine

COPIES = 100
REQUESTS = 120


def spin(turns):
    """Go round an empty Python loop."""
    for _ in range(turns):
        pass


#: Name -> (the step, what it is given): a loop in C over a list, and a loop in Python.
LOOPS = {
    **{f"sum of {n}": ("sum(x)", [1] * n) for n in (20, 40, 60)},
    **{f"{n} turns": ("spin(x)", n) for n in (8, 16, 24)},
}


class KnownCost:
    """For each loop a case that is a stage, and one that is timed directly."""

    def cases(self):
        """Yield the cases in pairs."""
        for name, (source, given) in LOOPS.items():
            tape = [given] * REQUESTS
            for how, copies in (("stage", 1), ("directly", COPIES)):
                block = Block(tape, tape, REQUESTS * copies)
                steps = [Step("loop", source)] * copies
                names = {"spin": spin} if "spin" in source else {}
                yield Case(f"{name}, {how}", "x", steps, "x", names, [block])

    def rows(self):
        """Return a row for each case."""
        names = chain.from_iterable((f"{name}, stage", f"{name}, directly") for name in LOOPS)
        return [RowSpec(name, {name: 1}) for name in names]


def main():
    """Print what each loop costs, and the stage's share of it, taken within rounds."""
    result = measure(KnownCost(), budget_s=float(sys.argv[1]) if len(sys.argv) > 1 else 30)
    (contestant,) = result.contestants
    print(describe_machine())
    for caveat in result.caveats:
        print(caveat)
    rows = {row.name: row for row in contestant.rows}
    for name in LOOPS:
        stage, directly = rows.get(f"{name}, stage"), rows.get(f"{name}, directly")
        if stage is None or directly is None:
            print(f"{name}: the time is too short to measure it")
            continue
        direct_ns = combine(contestant.series, directly.isolated)
        stage_ns = combine(contestant.series, stage.isolated)
        shares = [
            median(a / b for a, b in zip(*rounds, strict=True))
            for rounds in zip(stage_ns, direct_ns, strict=True)
        ]
        share = estimate(shares)
        cost_ns = median(map(median, direct_ns))
        interval = "" if share.low is None else f" [{share.low:.3f}, {share.high:.3f}]"
        print(f"{name}: {cost_ns:.0f} ns, as a stage {share.median:.3f} of it{interval}")


if __name__ == "__main__":
    main()
