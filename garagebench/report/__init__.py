"""Finished results to text and Markdown, out of one grid, and to CSV and JSON.

Importing this package does not import rich: only the drawing of a table does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from garagebench.report.benchmark_action import render_benchmark_action
from garagebench.report.benchmarks import make_page
from garagebench.report.comma_separated import render_csv
from garagebench.report.grid import Grid, make_grids
from garagebench.report.markdown import render_markdown
from garagebench.report.markers import replace_between_markers, update_document
from garagebench.report.page import draw_markdown, draw_table
from garagebench.run.report import Report, ReportError, Row, from_json, to_json
from garagebench.run.rows import is_of_benchmarks

if TYPE_CHECKING:
    from rich.console import Console

Format = Literal["table", "markdown", "json", "csv", "github-action-benchmark"]

__all__ = [
    "Format",
    "Grid",
    "Report",
    "ReportError",
    "Row",
    "from_json",
    "make_grids",
    "render",
    "render_benchmark_action",
    "render_csv",
    "render_markdown",
    "render_text",
    "replace_between_markers",
    "to_json",
    "update_document",
]


def render(report: Report, form: Format, console: Console | None = None) -> str:
    """Return the report in a format; a table is made for the console, but not printed on it."""
    if is_of_benchmarks(report.settings) and form in ("table", "markdown"):
        page = make_page(report)
        return draw_markdown(page) if console is None else draw_table(page, console)
    if form == "table" and console is not None:
        with console.capture() as capture:
            render_text(report, console)
        return capture.get()
    if form == "markdown":
        return render_markdown(report)
    if form == "json":
        return to_json(report)
    if form == "csv":
        return render_csv(report)
    if form == "github-action-benchmark":
        return render_benchmark_action(report)
    need = "a table needs the console that it is for" if form == "table" else f"no format {form!r}"
    raise ReportError(f"{need}; formats: {', '.join(get_args(Format))}")


def render_text(report: Report, console: Console) -> None:
    """Print the report on the console as tables that fit its width."""
    from garagebench.report import text

    text.render_text(report, console)
