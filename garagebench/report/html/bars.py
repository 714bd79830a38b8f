"""Where the time of a request goes: one bar for each implementation, made of its stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from garagebench.report.quantity import choose_scale, format_number
from garagebench.run.report import Report, Row

#: Stages that add up to a request, in its order; http is what a server adds to it.
PARTS = (
    "validate",
    "space_lookup",
    "sequence",
    "assignment",
    "floor_lookup",
    "release",
    "encode",
    "http",
)
REQUESTS = ("park", "unpark")

WIDTH = 100.0

#: That the style has.
COLOURS = len(PARTS)


@dataclass(frozen=True)
class Piece:
    """A part of a bar, in percent of the longest bar. number: of its colour."""

    stage: str
    begin: float
    width: float
    number: int


@dataclass(frozen=True)
class Bar:
    """An implementation."""

    name: str
    text: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Chart:
    """The bars of an operation; stages: those that there are, with the numbers of their colours."""

    title: str
    bars: tuple[Bar, ...]
    stages: tuple[tuple[str, int], ...]


def make_charts(report: Report) -> list[Chart]:
    """Return a chart for each operation, layout and workload whose stages were measured; one more where HTTP was, too."""
    charts = []
    places = dict.fromkeys((row.operation, row.layout, row.workload) for row in report.rows)
    for place in places:
        operation, layout, workload = place
        if operation not in REQUESTS:
            continue
        rows = [row for row in report.rows if (row.operation, row.layout, row.workload) == place]
        where = f"layout {layout}, workload {workload}"
        inside = {subject: _find_parts(rows, *subject, None) for subject in _list_subjects(rows)}
        charts.append(
            _make_chart(
                f"{operation}, {where}",
                {"@".join(subject): found for subject, found in inside.items()},
            )
        )
        # HTTP is so much longer that nothing else could be seen in one chart with bars that lack it.
        servers = dict.fromkeys(
            (row.impl, row.runtime, row.server) for row in rows if row.server is not None
        )
        charts.append(
            _make_chart(
                f"{operation} over HTTP, {where}",
                {
                    f"{impl}@{runtime} behind {server}": inside[impl, runtime] + http
                    for impl, runtime, server in servers
                    if (http := _find_parts(rows, impl, runtime, server))
                },
            )
        )
    return [chart for chart in charts if chart.bars]


def _list_subjects(rows: Sequence[Row]) -> dict[tuple[str, str], None]:
    return dict.fromkeys((row.impl, row.runtime) for row in rows)


def _find_parts(
    rows: Sequence[Row], impl: str, runtime: str, server: str | None
) -> list[tuple[str, float]]:
    """Return stage and nanoseconds of each part of a request; server: None for those inside the process."""
    return [
        (stage, row.median)
        for stage in PARTS
        for row in rows
        if (row.impl, row.runtime, row.server, row.stage) == (impl, runtime, server, stage)
        and row.median is not None
        and row.median > 0
    ]


def _make_chart(title: str, parts: Mapping[str, Sequence[tuple[str, float]]]) -> Chart:
    """Return the bars of subjects, by name, that have more than one part."""
    parts = {name: found for name, found in parts.items() if len(found) > 1}
    sums = {name: sum(value for _, value in found) for name, found in parts.items()}
    longest = max(sums.values(), default=1.0)
    scale = choose_scale([*sums.values()] or [1.0], "ns")
    stages = [
        stage
        for stage in PARTS
        if any(stage == one for found in parts.values() for one, _ in found)
    ]
    bars = []
    for name, found in parts.items():
        told = ", ".join(
            f"{_name(stage)} {format_number(value / scale.size)}" for stage, value in found
        )
        begin, pieces = 0.0, []
        for stage, value in found:
            width = WIDTH * value / longest
            pieces.append(Piece(_name(stage), round(begin, 2), round(width, 2), PARTS.index(stage)))
            begin += width
        bars.append(Bar(name, f"{told} {scale.name}", tuple(pieces)))
    return Chart(title, tuple(bars), tuple((_name(stage), PARTS.index(stage)) for stage in stages))


def _name(stage: str | None) -> str:
    return (stage or "").replace("_", " ")
