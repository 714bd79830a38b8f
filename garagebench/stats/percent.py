"""Changes are logarithms of head / base inside, and percent where people set or read them: options and pages."""

from __future__ import annotations

import math

#: Beyond this, e to the power of a logarithm does not fit a float.
LARGEST = 700.0


def to_log(percent: float) -> float:
    """Return the logarithm of a change that is given in percent of the base."""
    return math.log1p(percent / 100)


def to_percent(log: float) -> float:
    """Return a change in percent of the base; above 0 it is slower."""
    return 100 * math.expm1(min(log, LARGEST))
