"""Where the time of a request goes: one bar for each implementation, made of its stages."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Return a chart for each operation, layout and workload whose stages were measured."""
    charts = []
    places = dict.fromkeys((row.operation, row.layout, row.workload) for row in report.rows)
    for place in places:
        rows = [row for row in report.rows if (row.operation, row.layout, row.workload) == place]
        chart = _make_chart(f"{place[0]}, layout {place[1]}, workload {place[2]}", rows)
        if place[0] in REQUESTS and chart.bars:
            charts.append(chart)
    return charts


def _make_chart(title: str, rows: Sequence[Row]) -> Chart:
    subjects = dict.fromkeys((row.impl, row.runtime, row.server) for row in rows)
    parts = {
        subject: [
            (row.stage, row.median)
            for stage in PARTS
            for row in rows
            if (row.impl, row.runtime, row.server) == subject
            and row.stage == stage
            and row.median is not None
            and row.median > 0
        ]
        for subject in subjects
    }
    parts = {subject: found for subject, found in parts.items() if len(found) > 1}
    sums = {subject: sum(value for _, value in found) for subject, found in parts.items()}
    longest = max(sums.values(), default=1.0)
    scale = choose_scale([*sums.values()] or [1.0], "ns")
    stages = [
        stage for stage in PARTS if any(stage == name for one in parts.values() for name, _ in one)
    ]
    bars = []
    for (impl, runtime, server), found in parts.items():
        behind = f" behind {server}" if server else ""
        told = ", ".join(
            f"{_name(stage)} {format_number(value / scale.size)}" for stage, value in found
        )
        begin, pieces = 0.0, []
        for stage, value in found:
            width = WIDTH * value / longest
            pieces.append(Piece(_name(stage), round(begin, 2), round(width, 2), PARTS.index(stage)))
            begin += width
        bars.append(Bar(f"{impl}@{runtime}{behind}", f"{told} {scale.name}", tuple(pieces)))
    return Chart(title, tuple(bars), tuple((_name(stage), PARTS.index(stage)) for stage in stages))


def _name(stage: str | None) -> str:
    return (stage or "").replace("_", " ")
