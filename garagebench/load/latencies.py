"""Latencies in whole microseconds: counted while there is load, put into an HdrHistogram when it is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from garagebench.errors import Unavailable

#: What every row shows.
PERCENTILES = (50.0, 90.0, 99.0, 99.9)

#: The largest latency that is kept apart: ten minutes.
LARGEST_US = 600_000_000

#: Significant digits: exact to the microsecond up to 262 ms, to 0.001 % beyond.
DIGITS = 5

FIX = "pip install 'garagebench[load]'"


class Latencies:
    """How often each number of microseconds was seen."""

    def __init__(self, counts: Iterable[tuple[int, int]] = ()) -> None:
        self.counts: dict[int, int] = dict(counts)

    def add(self, latency_us: int) -> None:
        """Count one."""
        # A dictionary, not the histogram: that takes 1.5 us for a value, a tenth of all that a request costs here.
        self.counts[latency_us] = self.counts.get(latency_us, 0) + 1

    def __len__(self) -> int:
        return sum(self.counts.values())

    @property
    def max_us(self) -> int | None:
        """The largest; None where there is none."""
        return max(self.counts, default=None)

    def percentiles(self, wanted: Sequence[float] = PERCENTILES) -> Mapping[float, int | None]:
        """Return percentile -> microseconds; None where nothing was counted. Raises Unavailable."""
        histogram = self.histogram()
        if not self.counts:
            return dict.fromkeys(wanted)
        found = histogram.get_percentile_to_value_dict(list(wanted))
        return {one: min(found[one], max(self.counts)) for one in wanted}

    def histogram(self) -> Any:
        """Return the HdrHistogram. Raises Unavailable where the package is missing."""
        histogram = _load_package()(1, LARGEST_US, DIGITS)
        for latency_us, count in self.counts.items():
            histogram.record_value(min(latency_us, LARGEST_US), count)
        return histogram

    def encode(self) -> str | None:
        """Return the histogram in the text form that all HdrHistogram libraries read; None where it is empty."""
        return self.histogram().encode().decode("ascii") if self.counts else None


def _load_package() -> Any:
    try:
        from hdrh.histogram import HdrHistogram
    except ImportError as error:
        raise Unavailable(
            f"latencies are kept in an HdrHistogram, and {error.name} is not installed: {FIX}"
        ) from None
    return HdrHistogram


def read_curve(text: str, wanted: Sequence[float]) -> Mapping[float, int]:
    """Return percentile -> microseconds of what `encode` wrote. Raises Unavailable, ValueError for what is no histogram."""
    package = _load_package()
    try:
        histogram = package.decode(text)
        return {one: int(histogram.get_value_at_percentile(one)) for one in wanted}
    except Exception as error:  # whatever the package thinks of it
        raise ValueError("not a histogram of latencies") from error


def check_package() -> None:
    """Raise Unavailable where latencies could not be summarised, before there are any."""
    Latencies().histogram()
