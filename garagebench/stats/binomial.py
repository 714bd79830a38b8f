"""Exact bounds of a proportion (Clopper and Pearson, Biometrika 26, 1934)."""

from __future__ import annotations

import math
from collections.abc import Callable

from garagebench.stats.levels import CONFIDENCE

#: Halvings of the interval from 0 to 1 until it is as narrow as a float tells apart.
HALVINGS = 60


def exact_bounds(
    successes: int, trials: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return the smallest and the largest probability that such a count does not rule out at the confidence.

    successes: 0 to `trials`, of at least 1. Either bound errs with at most half of 1 - confidence.
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"{successes} successes in {trials} trials")
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else _solve(lambda p: at_least(successes, trials, p), tail)
    high = (
        1.0
        if successes == trials
        else 1 - _solve(lambda p: at_least(trials - successes, trials, p), tail)
    )
    return low, high


def at_least(successes: int, trials: int, probability: float) -> float:
    """Return the chance of so many successes or more."""
    if probability <= 0:
        return float(successes == 0)
    if probability >= 1:
        return 1.0
    return math.fsum(
        math.exp(
            math.lgamma(trials + 1)
            - math.lgamma(count + 1)
            - math.lgamma(trials - count + 1)
            + count * math.log(probability)
            + (trials - count) * math.log1p(-probability)
        )
        for count in range(successes, trials + 1)
    )


def _solve(rising: Callable[[float], float], level: float) -> float:
    """Return the probability at which a rising function reaches the level."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < level else (low, middle)
    return low
