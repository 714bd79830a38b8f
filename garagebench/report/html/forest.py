"""The forest plot: for each case its interval, its threshold and a dot for each generation, on one axis.

The axis is that of the inverse hyperbolic sine: even around zero, where the threshold is, and logarithmic further out, so that
+260 % and +6 % are seen in one picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from garagebench.check.verdict import CaseVerdict
from garagebench.report.headline import format_change

#: Of a picture, in its own units.
WIDTH, HEIGHT = 360, 24
MARGIN = 8

#: Thresholds that the axis reaches to at least, on either side.
LEAST_REACH = 2.0

#: Labels on the axis, beside 0 and the thresholds, in percent.
TICKS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)

#: Parts of the width that two labels are apart, at least.
LEAST_APART = 0.09


class Axis:
    """Changes in percent -> places on a line. unit: the change up to which the axis is about even."""

    def __init__(self, cases: Sequence[CaseVerdict]) -> None:
        self.unit = max((case.threshold_percent for case in cases), default=5.0)
        known = [value for case in cases for value in _list_values(case)]
        self._low = min([-LEAST_REACH, *map(self._bend, known)])
        self._high = max([LEAST_REACH, *map(self._bend, known)])

    def place(self, percent: float) -> float:
        """Return where a change is, from the left."""
        share = (self._bend(percent) - self._low) / (self._high - self._low)
        return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)

    def _bend(self, percent: float) -> float:
        return math.asinh(percent / self.unit)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Places and labels, those nearest to zero first served."""
        found = [(self.place(0), "0")]
        for size in (self.unit, *TICKS):
            for percent in (size, -size):
                place = self.place(percent)
                is_inside = MARGIN <= place <= WIDTH - MARGIN and percent > -100  # noqa: PLR2004  nothing is faster
                apart = min(abs(place - other) for other, _ in found)
                if is_inside and apart > LEAST_APART * WIDTH:
                    found.append((place, f"{percent:+g}"))
        return sorted(found)


def _list_values(case: CaseVerdict) -> Iterator[float]:
    for value in (*case.changes_percent, case.low, case.high, case.change_percent):
        if value is not None:
            yield value


@dataclass(frozen=True)
class Picture:
    """What is drawn of a case: places from the left. dots: a path with one for each generation. text: the same in words."""

    threshold: float
    zero: float
    middle: float | None
    low: float | None
    high: float | None
    dots: str
    text: str


def draw_case(case: CaseVerdict, axis: Axis) -> Picture:
    """Return the picture of a case."""

    def place(percent: float | None) -> float | None:
        return None if percent is None else axis.place(percent)

    known = [axis.place(value) for value in case.changes_percent if value is not None]
    count = f", {len(known)} generations" if known else ""
    return Picture(
        axis.place(case.threshold_percent),
        axis.place(0),
        place(case.change_percent),
        place(case.low),
        place(case.high),
        # One path for all, however many there are: a line without length has round ends.
        "".join(f"M{value:g} {_scatter(number)}h0" for number, value in enumerate(known)),
        f"{format_change(case)}, threshold {case.threshold_percent:g} %{count}",
    )


def _scatter(number: int) -> int:
    """Return the height of a dot: so that equal ones lie beside each other, and the same every time."""
    return HEIGHT // 2 + (number * 5 % 9) - 4
