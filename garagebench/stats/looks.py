"""When a gate looks at its generations, and what each look may decide: fixed before anything is measured.

A gate that looks after every generation finds what it looks for sooner or later: at an undivided level 0.5 % becomes
1.7 % by the 40th look. So the looks are few, and both errors are shared out among them. *Slower* is decided at a level
that is a share of ALPHA. *Not slower* is decided where at most so many of the generations lie above the threshold:
where the true median lies on it, each generation does with one half, so that the chance to be wrong at any of the
looks is a walk on the binomial lattice and is counted exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from garagebench.stats.levels import ALPHA, TAIL

#: Generations at which a gate looks: at the first six at most one case in 64 is wrongly below its threshold.
LOOKS = (6, 10, 15, 24, 39, 60, 96, 150)

#: Shares of ALPHA. The first two looks have none: so few generations cannot confirm one of several cases.
SLOWER_SHARES = (0.0, 0.0, 0.35, 0.25, 0.18, 0.12, 0.06, 0.04)

#: Share of TAIL that is used up by the end of each look.
NOT_SLOWER_SPENT = (0.63, 0.87, 0.91, 0.94, 0.96, 0.98, 0.99, 1.0)


@dataclass(frozen=True)
class Look:
    """One look. generations: how many there are by then.

    alpha: the error that it may use up for *slower*, all cases together. above: *not slower* is a case of which at most
    so many generations lie above the threshold; -1: this look cannot say so of any.
    """

    generations: int
    alpha: float
    above: int


@lru_cache(maxsize=64)
def plan_looks(most: int | None = None) -> tuple[Look, ...]:
    """Return the looks of a gate that measures so many generations; None: as many as it takes, by the clock.

    With a number the last look is at that number and has all that is left of both errors: it cannot go on.
    """
    counts = [count for count in LOOKS if most is None or count < most]
    slower = list(SLOWER_SHARES[: len(counts)])
    spent = list(NOT_SLOWER_SPENT[: len(counts)])
    if most is not None:
        counts.append(most)
        slower.append(1.0 - sum(slower))
        spent.append(1.0)
    above = _boundaries(counts, [TAIL * share for share in spent])
    return tuple(
        Look(count, ALPHA * share, most_above)
        for count, share, most_above in zip(counts, slower, above, strict=True)
    )


@lru_cache(maxsize=64)
def single_look(generations: int) -> Look:
    """Return the only look of a gate whose generations are judged all at once: it has the whole of both errors."""
    return Look(generations, ALPHA, _boundaries([generations], [TAIL])[0])


def _boundaries(counts: list[int], spent: list[float]) -> list[int]:
    """Return for each look the largest count above that keeps the error so far within what may be spent by then."""
    # Chance of each count above so far, of the walks that no look has ended.
    alive = {0: 1.0}
    used, before = 0.0, 0
    found = []
    for count, limit in zip(counts, spent, strict=True):
        for _ in range(count - before):
            alive = {
                above: 0.5 * (alive.get(above, 0.0) + alive.get(above - 1, 0.0))
                for above in range(max(alive, default=0) + 2)
            }
        before = count
        most = -1
        while most < count and used + alive.get(most + 1, 0.0) <= limit:
            most += 1
            used += alive.pop(most, 0.0)
        found.append(most)
    return found
