"""From generations to a verdict. Pure statistics: no clock, no process.

A case is *slower* when its confirmed interval lies above 0 and the estimate is at or above the threshold; *not
slower* when its interval lies below the threshold; else *inconclusive*. All cases together are called slower by
mistake with at most ALPHA: the sign test of each case is held to a level that Holm's procedure gives it (Holm,
Scandinavian Journal of Statistics 6, 1979), and what ALPHA allows is shared out over the looks at the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Largest probability that a gate calls identical code slower, all cases and looks together.
ALPHA = 0.005

#: Error on either side of the interval that a case must have below the threshold to be not slower.
TAIL = 0.025

Case = TypeVar("Case")  # whatever a caller tells its cases apart by

Outcome = Literal["slower", "not slower", "inconclusive"]

EXIT_CODES: Mapping[Outcome, int] = {"not slower": 0, "slower": 3, "inconclusive": 4}


@dataclass(frozen=True)
class Judgement:
    """One case's verdict. Changes are logarithms of head / base; low and high are None where nothing bounds."""

    outcome: Outcome
    change: float
    low: float | None
    high: float | None
    generations: int


def judge(
    changes: Mapping[Case, Sequence[float]], thresholds: Mapping[Case, float], alpha: float
) -> dict[Case, Judgement]:
    """Judge all cases at once.

    changes: case -> for each generation the log of head / base. thresholds: case -> the log of the slowdown that
    counts. alpha: the error that this look may use up.
    """
    levels = holm_levels({case: sign_test(values) for case, values in changes.items()}, alpha)
    return {
        case: _judge_case(values, thresholds[case], levels[case])
        for case, values in changes.items()
    }


def _judge_case(values: Sequence[float], threshold: float, level: float | None) -> Judgement:
    if not values:
        return Judgement("inconclusive", 0.0, None, None, 0)
    change = median(values)
    low, high = bounds(values, TAIL)
    if level is not None and change >= threshold:
        # The interval that decided is the one to show.
        return Judgement("slower", change, *bounds(values, level), len(values))
    outcome: Outcome = "not slower" if high is not None and high < threshold else "inconclusive"
    return Judgement(outcome, change, low, high, len(values))


def overall(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the gate's verdict: slower if any case is, not slower if all are, else inconclusive."""
    if "slower" in outcomes:
        return "slower"
    if outcomes and all(outcome == "not slower" for outcome in outcomes):
        return "not slower"
    return "inconclusive"


def sign_test(values: Sequence[float]) -> float:
    """Return how probable it is that so many of the values lie above 0 when half of them should."""
    above = sum(value > 0 for value in values)
    return binomial_tail(len(values), len(values) - above)


def binomial_tail(count: int, most: int) -> float:
    """Return the probability of at most `most` heads in `count` throws of a fair coin."""
    ways = sum(math.comb(count, heads) for heads in range(most + 1))
    return ways / float(2**count)


def holm_levels(p_values: Mapping[Case, float], alpha: float) -> dict[Case, float | None]:
    """Return the level at which each case is confirmed, or None where it is not.

    The smallest p-value is held to alpha / m, the next one to alpha / (m - 1), until one is too large.
    """
    levels: dict[Case, float | None] = dict.fromkeys(p_values)
    for left, case in zip(
        range(len(p_values), 0, -1), sorted(p_values, key=p_values.__getitem__), strict=True
    ):
        if p_values[case] > alpha / left:
            break
        levels[case] = alpha / left
    return levels


def bounds(values: Sequence[float], tail: float) -> tuple[float | None, float | None]:
    """Return order statistics that bound the median with at most `tail` of error on either side.

    The lower one is above 0 exactly when the sign test's p-value is at most `tail`.
    """
    ordered = sorted(values)
    rank = 0
    while rank < len(ordered) and binomial_tail(len(ordered), rank) <= tail:
        rank += 1
    if rank == 0:
        return None, None
    return ordered[rank - 1], ordered[-rank]


def least_generations(cases: int, alpha: float) -> int:
    """Return the number of generations below which no case could be confirmed slower."""
    return math.ceil(-math.log2(alpha / max(cases, 1)))


def generations_needed(judgement: Judgement, threshold: float) -> int | None:
    """Return about how many generations would decide an inconclusive case; None where none would.

    The interval narrows with the square root of their number, towards the estimate; one that sits on the
    threshold cannot be decided.
    """
    distance = abs(threshold - judgement.change)
    if judgement.low is None or judgement.high is None or distance == 0:
        return None
    half_width = (judgement.high - judgement.low) / 2
    return math.ceil(judgement.generations * max(1.0, half_width / distance) ** 2)
