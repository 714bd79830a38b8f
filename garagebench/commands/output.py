"""Where reports go: standard output, as the terminal or the user wants them."""

from __future__ import annotations

import sys
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


def default_format() -> str:
    """Return the format for standard output as it is."""
    return "table" if sys.stdout.isatty() else "markdown"


def make_console(*, err: bool = False) -> Console:
    """Return a rich console, which honours NO_COLOR, TERM and COLUMNS."""
    from rich.console import Console

    return Console(stderr=err)
