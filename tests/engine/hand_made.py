"""Results made by hand: series whose medians one sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from garagebench.engine.contestant import Contestant, Problem, RowTerms, Series
from garagebench.engine.result import Result, ResultRow

#: One case, less the empty loop.
CASE = RowTerms("case", {"case": 1, "case (empty loop)": -1}, {})


def steady(value: float, generations: int = 6, rounds: int = 3) -> Series:
    """The same value in every round of every generation."""
    return [[value] * rounds for _ in range(generations)]


def contestant(
    name: str,
    loop: Series,
    empty: Series | None = None,
    *,
    rows: Sequence[RowTerms] = (CASE,),
    problem: Problem | None = None,
    more: Mapping[str, Series] | None = None,
) -> Contestant:
    """One that was measured in `case`, with an empty loop of nothing unless it is given."""
    if empty is None:
        empty = [[0.0] * len(rounds) for rounds in loop]
    series = {"case": loop, "case (empty loop)": empty, **(more or {})}
    return Contestant(name, tuple(rows), series, problem)


def rows_of(*contestants: Contestant) -> list[ResultRow]:
    """The rows of a result of these; the first is the reference."""
    return Result(contestants).rows()
