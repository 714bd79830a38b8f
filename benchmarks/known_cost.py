"""Is what is measured what it costs? Loops of known cost, as a stage and timed directly, in the same rounds.

And is a difference of 5 % read as 5 %? Two loops of which one has so many more turns, likewise.

    python benchmarks/known_cost.py [SECONDS]

As a stage, the loop runs once for each request, and the empty loop around it is subtracted. Directly, it stands
a hundred times in a row between two clock reads, so that what is around it weighs next to nothing.
"""

import sys
from itertools import chain
from statistics import median

from garagebench import measure
from garagebench.engine import Block, Case, RowSpec, Step
from garagebench.engine.contestant import combine
from garagebench.engine.metadata import describe_machine
from garagebench.stats.estimate import estimate

COPIES = 100
REQUESTS = 120


def spin(turns):
    """Go round an empty Python loop."""
    for _ in range(turns):
        pass


#: Turns of two loops, of which one has 5 % more.
MORE = (160, 168)

#: Name -> (the step, what it is given): a loop in C over a list, and a loop in Python.
LOOPS = {
    **{f"sum of {n}": ("sum(x)", [1] * n) for n in (20, 40, 60)},
    **{f"{n} turns": ("spin(x)", n) for n in (8, 16, 24, *MORE)},
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
    if result.conditions is not None:
        print(f"slices of {result.conditions.slice_ns / 1e6:g} ms")
    for caveat in result.caveats:
        print(caveat)
    ns = {row.name: combine(contestant.series, row.isolated) for row in contestant.rows}
    for name in LOOPS:
        stage_ns, direct_ns = ns.get(f"{name}, stage"), ns.get(f"{name}, directly")
        if not stage_ns or not direct_ns:
            print(f"{name}: the time is too short to measure it")
            continue
        cost_ns = median(map(median, direct_ns))
        print(f"{name}: {cost_ns:.0f} ns, as a stage {format_share(stage_ns, direct_ns)} of it")
    few, more = (f"{turns} turns" for turns in MORE)
    for how in ("directly", "stage"):
        known = [ns.get(f"{name}, {how}") for name in (more, few)]
        if all(known):
            print(f"{more} against {few}, {how}: {format_share(*known)}")


def format_share(over_ns, under_ns):
    """Return the median over generations of the ratio of two series, with its interval."""
    shares = [
        median(a / b for a, b in zip(*rounds, strict=True))
        for rounds in zip(over_ns, under_ns, strict=True)
    ]
    share = estimate(shares)
    interval = "" if share.low is None else f" [{share.low:.3f}, {share.high:.3f}]"
    return f"{share.median:.3f}{interval}"


if __name__ == "__main__":
    main()
