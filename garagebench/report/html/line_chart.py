"""Lines over two axes, either of which may be logarithmic: growth, and latencies by their percentile."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from garagebench.errors import Unavailable
from garagebench.load.latencies import read_curve
from garagebench.load.row import LoadReport, LoadRow
from garagebench.report.html.bars import COLOURS
from garagebench.report.scale import MODES, format_ns, format_spaces
from garagebench.scale.report import ONE_OPERATION, ScaleReport

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 10, 28

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """A line. marks: the points that have a label on the x axis. number: of its colour. text: the marks in words."""

    name: str
    points: tuple[tuple[float, float], ...]
    marks: tuple[tuple[float, float], ...]
    number: int
    text: str

    @property
    def path(self) -> str:
        """The points, as a polyline takes them."""
        return " ".join(f"{x},{y}" for x, y in self.points)


@dataclass(frozen=True)
class LineChart:
    """A picture. x_ticks, y_ticks: places and labels."""

    title: str
    series: tuple[Series, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM


def draw_lines(
    title: str,
    lines: Mapping[str, Points],
    x_labels: Mapping[float, str],
    format_y: Callable[[float], str],
) -> LineChart:
    """Return the chart of lines whose y is on a logarithmic axis. x_labels: place on the x axis -> label."""
    xs, ys = ([point[side] for points in lines.values() for point in points] for side in (0, 1))
    low_x, high_x = min(xs), max(xs)
    low_y, high_y = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    high_y = max(high_y, low_y + 1)

    def place_x(value: float) -> float:
        share = (value - low_x) / (high_x - low_x) if high_x > low_x else 0.5
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def place_y(value: float) -> float:
        share = (math.log10(value) - low_y) / (high_y - low_y)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def tell(points: Points) -> str:
        return ", ".join(f"{x_labels[x]}: {format_y(y)}" for x, y in points if x in x_labels)

    return LineChart(
        title,
        tuple(
            Series(
                name,
                tuple((place_x(x), place_y(y)) for x, y in points),
                tuple((place_x(x), place_y(y)) for x, y in points if x in x_labels),
                number % COLOURS,
                f"{name}: {tell(points)}",
            )
            for number, (name, points) in enumerate(lines.items())
        ),
        tuple((place_x(x), label) for x, label in x_labels.items()),
        tuple((place_y(10.0**power), format_y(10.0**power)) for power in range(low_y, high_y + 1)),
    )


def draw_growth(report: ScaleReport) -> Iterator[LineChart]:
    """Yield a chart for each workload and mode: time over spaces, both logarithmic."""
    for workload, mode in dict.fromkeys((row.workload, row.mode) for row in report.rows):
        lines: dict[str, list[tuple[float, float]]] = {}
        sizes = {}
        for row in sorted(report.rows, key=lambda row: row.spaces):
            if (row.workload, row.mode) == (workload, mode) and row.median:
                sizes[math.log10(row.spaces)] = format_spaces(row.spaces)
                lines.setdefault(row.impl, []).append((math.log10(row.spaces), row.median))
        if lines:
            title = f"{workload}: what one {ONE_OPERATION[workload]} costs, {MODES[mode]}, over the number of spaces"
            yield draw_lines(title, lines, sizes, format_ns)


#: Percentile -> its place: the number of nines, and one more step for the largest.
PERCENTILES = {"p50_us": 50.0, "p90_us": 90.0, "p99_us": 99.0, "p99_9_us": 99.9}
LARGEST = 4.0
LABELS = {0.3: "50 %", 1.0: "90 %", 2.0: "99 %", 3.0: "99.9 %", LARGEST: "the largest"}

#: Of a curve, where the whole histogram was kept: so many for each nine.
STEPS = 10


def draw_latencies(report: LoadReport) -> Iterator[LineChart]:
    """Yield the chart of latencies: a line for each rate, over the percentile."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for number, row in enumerate(report.rows, 1):
        points = [(place, us * 1e3) for place, us in _list_latencies(row) if us > 0]
        rate = f"run {number}" if row.rate is None else f"{row.rate:,.0f} requests/s"
        name = rate if rate not in lines else f"{rate} (run {number})"
        if points:
            lines[name] = points
    if lines:
        yield draw_lines("Latency by percentile, for each rate", lines, LABELS, format_ns)


def _list_latencies(row: LoadRow) -> Iterator[tuple[float, int]]:
    """Yield place and microseconds: of the whole histogram where it can be read, else of what every row has."""
    shown: dict[float, int] = {
        place_percentile(one): us
        for key, one in PERCENTILES.items()
        if (us := getattr(row, key)) is not None
    }
    if row.histogram is not None:
        with suppress(Unavailable, ValueError):
            places = [one / STEPS for one in range(3 * STEPS + 1)]
            curve = read_curve(row.histogram, [100 - 100 / 10**place for place in places])
            shown = {**dict(zip(places, curve.values(), strict=True)), **shown}
    yield from sorted(shown.items())
    if row.max_us is not None:
        yield LARGEST, row.max_us


def place_percentile(percentile: float) -> float:
    """Return the number of nines: 1 for 90 %, 2 for 99 %."""
    return round(-math.log10(1 - percentile / 100), 1)
