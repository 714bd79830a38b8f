"""Numbers to text: three significant digits, one unit a column, never scientific notation."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from garagebench.run.report import Unit

MINUS = "\N{MINUS SIGN}"
EN_DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
MICRO = "\N{MICRO SIGN}"
LEVEL = "\N{ALMOST EQUAL TO}"

GROUPED_FROM = 10_000
NEXT_SCALE_FROM = 0.9995
WHOLE_FROM = 99.95


@dataclass(frozen=True)
class Scale:
    """A unit to show numbers in: its name, and how many base units (ns, bytes) it holds."""

    name: str
    size: float


SCALES: dict[Unit, tuple[Scale, ...]] = {
    "ns": (Scale("ns", 1), Scale(f"{MICRO}s", 1e3), Scale("ms", 1e6), Scale("s", 1e9)),
    "bytes": (Scale("B", 1), Scale("KiB", 2**10), Scale("MiB", 2**20), Scale("GiB", 2**30)),
}
RATE_SCALES = (Scale("G", 1e9), Scale("M", 1e6), Scale("k", 1e3), Scale("", 1))


def choose_scale(values: Iterable[float], unit: Unit) -> Scale:
    """Return the largest scale in which the smallest value (zeros aside) is not below 1."""
    smallest = min((abs(value) for value in values if value), default=0.0)
    fitting = [scale for scale in SCALES[unit] if smallest >= scale.size]
    return fitting[-1] if fitting else SCALES[unit][0]


def format_number(value: float, *, finest: int | None = None) -> str:
    """Return the value with 3 significant digits, and at most `finest` digits after the point."""
    decimals = 2 - _exponent(value)
    if finest is not None:
        decimals = min(decimals, finest)
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-decimals))
    grouping = "," if abs(rounded) >= GROUPED_FROM else ""
    return f"{rounded:{grouping}f}".replace("-", MINUS) if rounded else "0"


def choose_finest(low: float | None, high: float | None) -> int | None:
    """Return how many digits after the point an interval bears out: two of its half-width."""
    if low is None or high is None or low == high:
        return None
    return 1 - _exponent((high - low) / 2)


def format_interval(low: float, high: float) -> str:
    """Return low, dash, high; or `low to high` where a minus sign would meet the dash."""
    finest = choose_finest(low, high)
    dash = " to " if low < 0 else EN_DASH
    return f"{format_number(low, finest=finest)}{dash}{format_number(high, finest=finest)}"


def format_ratio(ratio: float) -> str:
    """Return the ratio with 3 significant digits; below 1 with two after the point, or 2 in all."""
    if ratio <= 0:
        return TIMES + format_number(ratio)
    finest = max(2, 1 - _exponent(ratio))
    return TIMES + format_number(ratio, finest=finest)


def format_rate(per_second: float) -> str:
    """Return a rate such as `412k` or `1.2M`: one digit after the point below 100, else none."""
    for scale in RATE_SCALES:
        scaled = per_second / scale.size
        if scaled >= NEXT_SCALE_FROM:
            break
    return f"{scaled:.{0 if scaled >= WHOLE_FROM else 1}f}{scale.name}"


def _exponent(value: float) -> int:
    """Return the power of ten of the first digit, after rounding to three digits."""
    return int(f"{value:.2e}".partition("e")[2])
