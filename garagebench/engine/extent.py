"""How much is measured, and how far it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Rounds of a generation where neither time nor precision decides.
USUAL_ROUNDS = 20


@dataclass(frozen=True)
class Extent:
    """How much is measured. limit_s: seconds for the whole of it; infinite for as long as it takes.

    generations: so many, or as many as the limit allows; None: what the limit buys is spent. rounds: in each generation;
    None: USUAL_ROUNDS, or what the limit allows.
    """

    limit_s: float = math.inf
    generations: int | None = None
    rounds: int | None = None

    def __post_init__(self) -> None:
        if self.generations is None and math.isinf(self.limit_s):
            raise ValueError("neither time nor generations are limited: it would not end")


#: Seconds that are taken at most where nobody named a time.
MOST_S = 120.0


def enough(budget_s: float | None, generations: int | None, least: int) -> Extent:
    """Return the extent of a run: so many generations, or a budget that is spent.

    Where neither is named: `least` generations, which is enough for intervals, or what MOST_S allows.
    """
    if generations is not None:
        return Extent(generations=generations)
    if budget_s is not None:
        return Extent(limit_s=budget_s)
    return Extent(limit_s=MOST_S, generations=least)


@dataclass(frozen=True)
class Progress:
    """How far it is: generations (or what else) done and planned (None: not known), seconds gone and expected in all.

    expected_s is infinite where nobody knows.
    """

    generation: int
    generations: int | None
    elapsed_s: float
    expected_s: float
    what: str = "generation"
