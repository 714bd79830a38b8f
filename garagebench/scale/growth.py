"""How a cost grows with the size: constant, logarithmic or linear, and what speaks for it. Pure: no clock, no file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from garagebench.stats.student import t_quantile

#: Sizes that a class needs at least, and the factor between the smallest and the largest.
LEAST_SIZES = 4
LEAST_SPAN = 100.0

#: Relative noise below which a better fit proves nothing: caches alone move a cost by so much from size to size.
NOISE = 0.05

#: Typical relative distance from the curve (natural log) above which no class is named.
WORST_FIT = 0.4

#: What is called linear must grow so fast from the last size but one to the last, where what is constant weighs least:
#: a jump where a cache ends, of up to 4 in a decade, is not enough.
LEAST_LINEAR_EXPONENT = 0.6

#: What the reported exponent is fitted to.
UPPER_DECADES = 3

#: How much of a curve grows, relative to its constant part at the smallest size, in steps of 0.05 decades.
_SHARES = [0.0, *(10 ** (step / 20) for step in range(-240, 241))]

_SHAPES: dict[str, Callable[[float], float]] = {
    "constant": lambda _: 0.0,
    "logarithmic": math.log,
    "linear": lambda ratio: ratio - 1,
}


@dataclass(frozen=True, kw_only=True)
class Growth:
    """A class and its evidence; None where it is not known.

    distances: class -> typical relative distance of the points from the best curve of that class. exponent: of the
    power law over the upper decades, with its 95 % interval. cost_ratio: of the largest size to the smallest.
    reason: why there is no class.
    """

    growth: str | None
    reason: str | None
    sizes: int
    smallest: int | None = None
    largest: int | None = None
    cost_ratio: float | None = None
    exponent: float | None = None
    exponent_low: float | None = None
    exponent_high: float | None = None
    distances: Mapping[str, float] | None = None


def classify(costs: Mapping[int, float]) -> Growth:
    """Name the class of the costs (above 0) by size.

    Each class is the curve a + b g(n) with b >= 0 and g of 0, log n or n, fitted to the logarithms of the costs, so
    that every size weighs the same. Of two that fit as well as NOISE lets one tell, the slower growth is named; what
    no longer grows over the upper decades is constant.
    """
    sizes = sorted(costs)
    if len(sizes) < LEAST_SIZES or sizes[-1] < LEAST_SPAN * sizes[0]:
        reason = f"it takes {LEAST_SIZES} sizes over a factor of {LEAST_SPAN:.0f}"
        return Growth(growth=None, reason=reason, sizes=len(sizes))
    distances = {name: _fit(costs, shape) for name, shape in _SHAPES.items()}
    exponent, low, high = fit_exponent(costs)
    before, last = sizes[-2:]
    end = math.log(costs[last] / costs[before], last / before)
    allowed = ["constant"]
    if exponent * math.log(10**UPPER_DECADES) > NOISE:
        allowed.append("logarithmic")
    if end >= LEAST_LINEAR_EXPONENT:
        allowed.append("linear")
    best = min(allowed, key=lambda name: _score(name, distances[name], len(sizes)))
    unnamed: str | None = None
    if distances[best] > WORST_FIT:
        unnamed = f"no class fits: {best}, the nearest, is off by {distances[best]:.0%}"
    return Growth(
        growth=best if unnamed is None else None,
        reason=unnamed,
        sizes=len(sizes),
        smallest=sizes[0],
        largest=sizes[-1],
        cost_ratio=costs[sizes[-1]] / costs[sizes[0]],
        exponent=exponent,
        exponent_low=low,
        exponent_high=high,
        distances=distances,
    )


def fit_exponent(costs: Mapping[int, float]) -> tuple[float, float | None, float | None]:
    """Return the exponent of the power law over the upper decades, by least squares, and its 95 % interval."""
    largest = max(costs)
    upper = [n for n in costs if n * 10**UPPER_DECADES >= largest]
    xs, ys = [math.log(n) for n in upper], [math.log(costs[n]) for n in upper]
    mean_x, mean_y = _mean(xs), _mean(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    if not spread:
        return 0.0, None, None
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    freedom = len(upper) - 2
    if freedom < 1:
        return slope, None, None
    rest = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in zip(xs, ys, strict=True))
    error = t_quantile(freedom) * math.sqrt(rest / freedom / spread)
    return slope, slope - error, slope + error


def _fit(costs: Mapping[int, float], shape: Callable[[float], float]) -> float:
    """Return the root mean square distance, in natural logarithms, of the best curve of that shape."""
    smallest = min(costs)
    grown = [shape(n / smallest) for n in costs]
    logs = [math.log(cost) for cost in costs.values()]
    shares = _SHARES if any(grown) else (0.0,)
    return min(_distance(logs, [math.log1p(share * part) for part in grown]) for share in shares)


def _distance(logs: Sequence[float], curve: Sequence[float]) -> float:
    apart = [log - point for log, point in zip(logs, curve, strict=True)]
    mean = _mean(apart)
    return math.sqrt(_mean([(one - mean) ** 2 for one in apart]))


def _score(name: str, distance: float, points: int) -> float:
    """Akaike's criterion, with the noise as the least distance."""
    parameters = 1 if name == "constant" else 2
    return 2 * points * math.log(max(distance, NOISE)) + 2 * parameters


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
