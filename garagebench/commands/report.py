"""`garagebench report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from garagebench.commands.options import (
    CHARTS,
    PAGE,
    RUN_FORMATS,
    VERDICT_FORMATS,
    make_format_option,
)
from garagebench.commands.output import default_format, make_console, print_report

if TYPE_CHECKING:
    from garagebench.check.verdict import Verdict

#: Formats that only a verdict has.
OF_VERDICTS = tuple(form for form in VERDICT_FORMATS if form not in RUN_FORMATS)


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@make_format_option((*RUN_FORMATS, PAGE, *OF_VERDICTS))
@click.option(
    "--update",
    "document",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="DOCUMENT.md",
    help="Replace the text between the markers of FILE in this document; change nothing else.",
)
def report(files: tuple[Path, ...], format: str | None, document: Path | None) -> None:  # noqa: A002
    """Print the result of `run --output` or a verdict of `check --format json` in any format, or put it into a document.

    For example, the markers of results/seed.json.gz in a document are <!-- garagebench:seed --> and
    <!-- /garagebench:seed -->.

    \b
    Examples:
      garagebench report results/seed.json.gz
      garagebench report results/seed.json.gz --format csv
      garagebench report results/seed.json.gz --format html > report.html
      garagebench report results/seed.json.gz --update README.md
      garagebench report verdict.json --format junit > junit.xml
    """  # noqa: D301  click wants the character
    from garagebench.check.saved import find_verdict

    if len(files) == 1 and document is None and (verdict := find_verdict(files[0])) is not None:
        print_saved_verdict(verdict, format)
        return
    print_results(files, format, document)


def print_saved_verdict(verdict: Verdict, form: str | None) -> None:
    """Print a verdict of `check --format json` in another format."""
    from garagebench.report import html
    from garagebench.report.verdict import render_verdict

    if form == CHARTS:
        raise click.UsageError(f"--format {CHARTS} is of `run`, and this is a verdict")
    form = form or default_format()
    text = (
        html.render_verdict(verdict)
        if form == PAGE
        else render_verdict(verdict, form, make_console())
    )
    click.echo(text, nl=False)


def print_results(files: tuple[Path, ...], form: str | None, document: Path | None) -> None:
    """Print the results of `run`, or put them into a document."""
    from garagebench.engine import Result
    from garagebench.report import html, render, update_document
    from garagebench.run.rows import make_report

    if form in OF_VERDICTS:
        raise click.UsageError(
            f"--format {form} is of a verdict, as `check --format json` writes it"
        )
    if form in ("json", "csv", CHARTS) and len(files) > 1:
        raise click.UsageError(
            f"--format {form} takes one FILE: times of different files are not comparable"
        )
    if document is not None and form not in (None, "markdown"):
        raise click.UsageError(f"--update writes Markdown: leave out --format {form}")
    results = {path: Result.load(path) for path in files}
    if form == PAGE:
        reports = {str(path): make_report(result) for path, result in results.items()}
        click.echo(html.render_results(reports), nl=False)
        return
    for path, result in results.items():
        if document is not None:
            stem = path.name.partition(".")[0]
            changed = update_document(document, stem, render(make_report(result), "markdown"))
            done = "updated" if changed else "up to date"
            click.echo(f"{document}: {done} from {path}", err=True)
            continue
        if len(results) > 1:
            click.echo(f"\n{path}:\n")
        print_report(result, form)
