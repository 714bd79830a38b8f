"""A history as HTML: a chart for each case that changed, each point of which leads to its commit; all others small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from garagebench.history.changes import Change
from garagebench.history.overview import Overview
from garagebench.history.points import Point
from garagebench.history.store import Series
from garagebench.report.history import describe_change, list_cases, thin
from garagebench.report.html.document import draw
from garagebench.report.html.sparkline import Curve

#: Cases with a chart of their own, those with the largest changes: more would not be looked at, and make the file large.
MOST_CHARTS = 8

WIDTH, HEIGHT = 720, 180
LEFT, RIGHT, TOP, BOTTOM = 48, 8, 8, 22

#: Of the small pictures, and how many values they show.
SMALL_WIDTH, SMALL_HEIGHT, SMALL_VALUES = 180, 24, 60


@dataclass(frozen=True)
class Dot:
    """A point of a chart. number: of its commit."""

    number: int
    x: int
    y: int


@dataclass(frozen=True)
class Chart:
    """The line of a case. steps: begin, end and height of each piece between changes. text: the same in words."""

    case: str
    dots: tuple[Dot, ...]
    steps: tuple[tuple[int, int, int], ...]
    ticks: tuple[tuple[int, str], ...]
    text: str


def render_history(overview: Overview) -> str:
    """Return the document."""
    series, changes = overview.series, overview.changes or ()
    charted = _choose_charts(changes)
    return draw(
        "history.html",
        _make_data(overview),
        title=f"{len(series.points)} commits of {len(series.cases)} cases",
        overview=overview,
        series=series,
        changes=changes,
        number={point.commit: number for number, point in enumerate(series.points)},
        reports={point.commit: _find_report(point) for point in series.points},
        charts=[_draw_chart(case, series, changes) for case in charted],
        charted=charted,
        small=[
            (case, f"{values[-1]:.3f}", _draw_small(case, values))
            for case, values in list_cases(series).items()
        ],
        size=(WIDTH, HEIGHT, LEFT, HEIGHT - BOTTOM),
    )


def _find_report(point: Point) -> str | None:
    """Return where a report is: a page of the web, or a file beside this one; None: nothing that a link may lead to."""
    scheme, colon, _ = (point.report or "").partition(":")
    return point.report if not colon or scheme.lower() in ("http", "https") else None


def _choose_charts(changes: Sequence[Change]) -> list[str]:
    largest = sorted(changes, key=lambda change: -abs(change.percent))
    return list(dict.fromkeys(change.case for change in largest))[:MOST_CHARTS]


def _make_data(overview: Overview) -> dict[str, object]:
    """Return what the file has as JSON. The changes against the anchor are in thousandths: the file must stay small."""
    series = overview.series
    return {
        "source": series.source,
        "anchor": series.anchor,
        "commits": [point.commit for point in series.points],
        "changes_permille": {
            case: [
                round(1000 * (point.cases[case].ratio - 1)) if case in point.cases else None
                for point in series.points
            ]
            for case in series.cases
        },
        "changes": [describe_change(change) for change in overview.changes or ()],
    }


def _draw_chart(case: str, series: Series, changes: Sequence[Change]) -> Chart:
    known = {
        number: point.cases[case].ratio
        for number, point in enumerate(series.points)
        if case in point.cases
    }
    low, high = min(known.values()), max(known.values())
    margin = max(0.05 * (high - low), 0.01 * high)
    low, high = low - margin, high + margin
    room = WIDTH - LEFT - RIGHT

    def place_x(number: int) -> int:
        return LEFT + round(room * (number + 0.5) / len(series.points))

    def place_y(ratio: float) -> int:
        return round(HEIGHT - BOTTOM - (ratio - low) / (high - low) * (HEIGHT - TOP - BOTTOM))

    mine = [change for change in changes if change.case == case]
    begins = [next(n for n in known if series.points[n] is change.since) for change in mine]
    edges = [min(known), *begins, len(series.points)]
    levels = [mine[0].before, *(change.after for change in mine)] if mine else []
    steps = tuple(
        (place_x(begin), place_x(end - 1), place_y(level))
        for begin, end, level in zip(edges, edges[1:], levels, strict=False)
    )
    told = "; ".join(f"{one.percent:+.1f} % at {one.since.commit[:10]}" for one in mine)
    return Chart(
        case,
        tuple(Dot(number, place_x(number), place_y(ratio)) for number, ratio in known.items()),
        steps,
        tuple((place_y(value), f"{value:.2f}") for value in (low + margin, high - margin)),
        f"{case}, {len(known)} commits: {told}",
    )


def _draw_small(case: str, values: Sequence[float]) -> Curve:
    shown = thin(values, SMALL_VALUES)
    low = min(shown)
    room = max(max(shown) - low, 0.02 * low)
    step = (SMALL_WIDTH - 4) / max(1, len(shown) - 1)
    points = (
        f"{2 + number * step:.0f},{SMALL_HEIGHT - 2 - (value - low) / room * (SMALL_HEIGHT - 4):.0f}"
        for number, value in enumerate(shown)
    )
    text = f"{case}: from {min(values):.3f} to {max(values):.3f}"
    return Curve(" ".join(points), text, SMALL_WIDTH, SMALL_HEIGHT)
