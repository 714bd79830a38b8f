"""Student's t: how far a mean of few normal values may lie from the true one."""

from __future__ import annotations

import math
from functools import lru_cache

from garagebench.stats.levels import CONFIDENCE

#: Steps of the integral over the density, and halvings of what the quantile lies in: five digits.
STEPS = 2_000
HALVINGS = 60

#: Beyond it lies less than what five digits show, for one degree of freedom at 99 %.
FARTHEST = 1_000.0


@lru_cache(maxsize=256)
def t_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """Return t so that a variable with so many degrees of freedom lies within -t and t with that probability."""
    if freedom < 1 or not 0 < confidence < 1:
        raise ValueError(f"{freedom} degrees of freedom at {confidence}")
    low, high = 0.0, FARTHEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return high


def _within(t: float, freedom: int) -> float:
    """Return the probability of lying within -t and t: Simpson's rule over the angle whose tangent is t / sqrt(freedom)."""
    end = math.atan(t / math.sqrt(freedom))
    width = end / STEPS
    values = [math.cos(step * width) ** (freedom - 1) for step in range(STEPS + 1)]
    inner = values[0] + values[-1] + 4 * sum(values[1:-1:2]) + 2 * sum(values[2:-1:2])
    log_scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(math.pi)
    return 2 * math.exp(log_scale) * inner * width / 3
