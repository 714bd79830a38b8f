"""Where reports go: standard output, as the terminal or the user wants them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console


def print_report(result: Any, form: str | None) -> None:
    """Print a result on standard output."""
    from garagebench.report import render
    from garagebench.run.rows import make_report

    form = form or default_format()
    console = make_console() if form == "table" else None
    # Plain echo: rich would wrap Markdown, and write colours past a closed pipe.
    click.echo(render(make_report(result), form, console), nl=False)  # type: ignore[arg-type]
    for caveat in result.caveats if form == "csv" else ():  # which has no place for them
        click.echo(f"note: {caveat}", err=True)


#: For commands whose result can also be an HTML file.
report_option = click.option(
    "--report",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="Also write a report to FILE.html, with pictures: one file that needs no network.",
)


def check_page(page: Path | None) -> None:
    """See that a report can be written there, before anything is measured for it. Raises UsageError, ResultError."""
    from garagebench.engine.files import check_place

    if page is None:
        return
    if page.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"--report {page}: a report ends in .html")
    check_place(page)


def write_page(page: Path | None, render: Callable[[], str]) -> None:
    """Write the report, whole or not at all. Raises ResultError."""
    from garagebench.engine.files import write_whole

    if page is not None:
        text = render()
        write_whole(page, lambda whole: whole.write_text(text, encoding="utf-8"))


def write_results(page: Path | None, result: Any) -> None:
    """Write the report on a result of `run`."""
    from garagebench.report.html import render_results
    from garagebench.run.rows import make_report

    write_page(page, lambda: render_results({"garagebench run": make_report(result)}))


def default_format() -> str:
    """Return the format for standard output as it is."""
    return "table" if sys.stdout.isatty() else "markdown"


def make_console(*, err: bool = False) -> Console:
    """Return a rich console, which honours NO_COLOR, TERM and COLUMNS."""
    from rich.console import Console

    return Console(stderr=err)
