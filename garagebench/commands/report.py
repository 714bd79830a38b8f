"""`garagebench report`."""

from __future__ import annotations

from pathlib import Path

import click

from garagebench.commands.options import CHARTS, PAGE, RUN_FORMATS, make_format_option
from garagebench.commands.output import print_report


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@make_format_option((*RUN_FORMATS, PAGE))
@click.option(
    "--update",
    "document",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="DOCUMENT.md",
    help="Replace the text between the markers of FILE in this document; change nothing else.",
)
def report(files: tuple[Path, ...], format: str | None, document: Path | None) -> None:  # noqa: A002
    """Print the result of `run --output`, or put it into a document.

    For example, the markers of results/seed.json.gz in a document are <!-- garagebench:seed --> and
    <!-- /garagebench:seed -->.

    \b
    Examples:
      garagebench report results/seed.json.gz
      garagebench report results/seed.json.gz --format csv
      garagebench report results/seed.json.gz --format html > report.html
      garagebench report results/seed.json.gz --update README.md
    """  # noqa: D301  click wants the character
    from garagebench.engine import Result
    from garagebench.report import render, update_document
    from garagebench.run.rows import make_report

    if format in ("json", "csv", CHARTS) and len(files) > 1:
        raise click.UsageError(
            f"--format {format} takes one FILE: times of different files are not comparable"
        )
    if document is not None and format not in (None, "markdown"):
        raise click.UsageError(f"--update writes Markdown: leave out --format {format}")
    results = {path: Result.load(path) for path in files}
    if format == PAGE:
        from garagebench.report.html import render_results

        reports = {str(path): make_report(result) for path, result in results.items()}
        click.echo(render_results(reports), nl=False)
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
        print_report(result, format)
