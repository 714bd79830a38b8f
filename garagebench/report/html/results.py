"""The results of `run`, `scale` and `load` as HTML: pictures first, each with its table behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from garagebench.load.row import LoadReport
from garagebench.report import load, scale
from garagebench.report.benchmarks import make_page
from garagebench.report.grid import Grid, collect_footnotes, make_grids
from garagebench.report.html.bars import Chart, make_charts
from garagebench.report.html.document import draw
from garagebench.report.html.line_chart import LineChart, draw_growth, draw_latencies
from garagebench.report.legend import describe_origin, make_legend
from garagebench.report.notes import tidy
from garagebench.report.page import Page, PlainGrid
from garagebench.run.report import Report
from garagebench.run.rows import is_of_benchmarks
from garagebench.scale.report import ScaleReport


def render_results(reports: Mapping[str, Report]) -> str:
    """Return the document on one or several result files. reports: name -> report."""
    data = {name: asdict(report) for name, report in reports.items()}
    parts = [_describe(name, report) for name, report in reports.items()]
    return draw("results.html", data, title=", ".join(reports), parts=parts)


def render_scale(report: ScaleReport) -> str:
    """Return the document on how costs grow."""
    page = scale.make_page(report)
    part = _describe_page("Growth with the number of spaces", page, draw_growth(report))
    return draw("results.html", asdict(report), title="garagebench scale", parts=[part])


def render_load(report: LoadReport) -> str:
    """Return the document on a load."""
    page = load.make_page(report)
    # As large as all the rest, and for programs, which read the file of --output.
    rows = [{**asdict(row), "histogram": None} for row in report.rows]
    part = _describe_page("Load", page, draw_latencies(report))
    data = {**asdict(report), "rows": rows}
    return draw("results.html", data, title="garagebench load", parts=[part])


@dataclass(frozen=True)
class Section:
    """A result, as it is shown: pictures, tables, and why to believe them."""

    name: str
    charts: Sequence[Chart] = ()
    lines: Sequence[LineChart] = ()
    grids: Sequence[Grid] = ()
    tables: Sequence[PlainGrid] = ()
    footnotes: Sequence[tuple[int, str]] = ()
    notes: Sequence[str] = ()
    origin: str | None = None


def _describe(name: str, report: Report) -> Section:
    if is_of_benchmarks(report.settings):
        return _describe_page(name, make_page(report))
    grids = make_grids(report)
    return Section(
        name,
        make_charts(report),
        grids=grids,
        footnotes=[(note.number, note.text) for note in collect_footnotes(grids)],
        notes=[make_legend(grids, "bold") if grids else "", *map(tidy, report.caveats)],
        origin=describe_origin(report),
    )


def _describe_page(name: str, page: Page, lines: Iterable[LineChart] = ()) -> Section:
    footnotes = list(enumerate(page.reasons, 1))
    return Section(name, lines=[*lines], tables=page.grids, footnotes=footnotes, notes=page.notes)
