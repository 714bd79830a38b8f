"""Medians and their intervals. The statistical unit is the generation: one set of fresh processes."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from garagebench.stats.levels import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


#: A normal distribution's standard deviation, in median absolute deviations.
NORMAL = 1.4826

#: The standard error of a normal sample's median, in that of its mean.
OF_A_MEDIAN = 1.2533


@dataclass(frozen=True)
class Estimate:
    """A median with its interval; `low` and `high` are None where there are too few values for one."""

    median: float
    low: float | None
    high: float | None


def estimate(values: Sequence[float]) -> Estimate:
    """Return the median with the sign-test interval, which assumes nothing of the distribution.

    The interval lies between two order statistics and covers at least CONFIDENCE (Conover, Practical
    Nonparametric Statistics, 3rd ed., section 3.2).
    """
    ordered = sorted(values)
    rank = interval_rank(len(ordered))
    if rank == 0:
        return Estimate(median(ordered), None, None)
    return Estimate(median(ordered), ordered[rank - 1], ordered[-rank])


def interval_rank(count: int, confidence: float = CONFIDENCE) -> int:
    """Return r so that the r-th smallest and the r-th largest of `count` values bound the median; 0: none do."""
    # What lies so far from the middle adds less than e^-200 to the tail; 2^-count is no float for counts in thousands.
    rank = max(0, count // 2 - 10 * math.isqrt(count))
    chance = math.exp(_log_choices(count, rank) - count * math.log(2))
    tail = 0.0
    while rank < count // 2:
        tail += chance
        if 1 - 2 * tail < confidence:
            break
        chance *= (count - rank) / (rank + 1)
        rank += 1
    return rank


def _find_least() -> int:
    return next(count for count in itertools.count(1) if interval_rank(count))


def _log_choices(count: int, chosen: int) -> float:
    return math.lgamma(count + 1) - math.lgamma(chosen + 1) - math.lgamma(count - chosen + 1)


#: Fewer generations have no interval at this confidence: 6 for 95 %.
LEAST_GENERATIONS = _find_least()


def useful_generations(most: int) -> int:
    """Return the largest count up to `most` that the interval uses well: one at which its rank grows.

    6, 9, 12, 15, 17, 20 and so on; a count between two of them widens the interval. Below 6: `most` itself.
    """
    while most > LEAST_GENERATIONS and interval_rank(most) == interval_rank(most - 1):
        most -= 1
    return most


def log_ratio(value: float, reference: float) -> float:
    """Return ln(value / reference).

    Infinite where one of them is not above zero (minus for the value, plus for the reference), nan where both are.
    """
    if value > 0 and reference > 0:
        return math.log(value / reference)
    if value > 0:
        return math.inf
    return -math.inf if reference > 0 else math.nan


def median_log_ratio(values: Iterable[float], references: Iterable[float]) -> float:
    """Return the median of the log ratios of one generation, round by round; nan where no round has one.

    A round in which neither is above zero tells nothing and is left out: a nan has no place in an order.
    """
    logs = (
        log_ratio(value, reference) for value, reference in zip(values, references, strict=False)
    )
    told = [log for log in logs if not math.isnan(log)]
    return median(told) if told else math.nan


def deviation(values: Sequence[float]) -> float:
    """Return the standard deviation of the middle: what a median minds is the middle of the values, not the ends."""
    middle = median(values)
    return NORMAL * median(abs(value - middle) for value in values)


def quantile(values: Iterable[float], share: float) -> float:
    """Return the value below which `share` of the values lie (the nearest one that occurs)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
