"""`garagebench history`: add, show, check."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from garagebench.commands.options import (
    FORMATS,
    PAGE,
    FiniteRange,
    add_options,
    make_format_option,
)
from garagebench.commands.output import (
    check_page,
    default_format,
    make_console,
    report_option,
    write_page,
)

if TYPE_CHECKING:
    from garagebench.gate.trees.git import Git
    from garagebench.history.points import Point
    from garagebench.history.store import History

#: Of a history, in the directory in which the command runs.
FILE = "garagebench-history.jsonl"


def _place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    return add_options(
        [
            click.option(
                "--file",
                "path",
                type=click.Path(path_type=Path, dir_okay=False),
                metavar="FILE",
                help=f"Where the history is kept.  [default: {FILE}]",
            ),
            click.option(
                "--branch",
                metavar="NAME",
                help="Keep it in an orphan branch of this repository instead; nothing is checked out or pushed.",
            ),
        ],
        command,
    )


least_option = click.option(
    "--min-change",
    "least_percent",
    type=FiniteRange(min=0, min_open=True),
    default=3.0,
    metavar="PERCENT",
    help="Steps that are smaller are not told.",
)

source_option = click.option(
    "--source",
    type=click.Choice(["check", "run"]),
    help="Which results, where there are both.  [default: what was added last]",
)


def _open(path: Path | None, branch: str | None) -> tuple[Git, History]:
    """Return git in the repository that the command runs in, and the history. Raises UsageError, HistoryError."""
    from garagebench.gate.trees.git import find_repository
    from garagebench.history.places import Branch, File
    from garagebench.history.store import History

    if path is not None and branch is not None:
        raise click.UsageError("--file and --branch: a history is kept in one of them")
    git = find_repository(Path.cwd(), os.environ)
    return git, History(Branch(git, branch) if branch is not None else File(path or Path(FILE)))


@click.group()
def history() -> None:
    """Keep results over time, draw them, and find the commits at which a line bends.

    What is kept are ratios: of a check, to the revision that it was measured against; of a run, to the reference of that
    run. Never absolute times, which belong to a machine and an hour.

    \b
    Examples:
      garagebench history add verdict.json
      garagebench history show
      garagebench history check
    """  # noqa: D301  click wants the character


@history.command()
@click.argument("file", type=click.Path(path_type=Path))
@_place_options
@click.option(
    "--commit", metavar="REV", help="What was measured.  [default: head of the check; HEAD]"
)
@click.option("--report", "address", metavar="URL", help="Where a report on it is.")
@click.option(
    "--new-anchor", is_flag=True, help="Begin a new line: it is measured against another revision."
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=1000,
    metavar="N",
    help="Drop the oldest commits beyond so many.",
)
def add(
    file: Path,
    path: Path | None,
    branch: str | None,
    commit: str | None,
    address: str | None,
    new_anchor: bool,
    keep: int,
) -> None:
    """Add the result of a commit.

    FILE is a verdict of `check --format json`, or what `run --output` wrote. All checks of a history are measured against the same revision, so that their changes can be compared. A second
    result of a commit replaces the first one.

    \b
    Examples:
      garagebench history add verdict.json
      garagebench history add verdict.json --branch garagebench-history --report https://example.org/r/12.html
      garagebench history add run.json.gz --commit v2.1 --file speed.jsonl
    """  # noqa: D301  click wants the character
    from garagebench.report.history import describe_point

    git, found = _open(path, branch)
    point = replace(_read_point(file, git, commit), report=address)
    is_replaced = found.add(point, new_anchor=new_anchor, most=keep)
    found.save(f"garagebench: {len(point.cases)} cases of {point.commit[:10]}")
    done = "replaced" if is_replaced else "added"
    click.echo(
        f"{done}: {describe_point(point)} ({len(point.cases)} cases) in {found.place}", err=True
    )


def _read_point(file: Path, git: Git, named: str | None) -> Point:
    """Return the point of a result of either kind. Raises HistoryError, VerdictError, ResultError."""
    from garagebench.check.saved import find_verdict
    from garagebench.engine import Result
    from garagebench.history.commits import find_commit
    from garagebench.history.points import HistoryError, find_head, from_report, from_verdict
    from garagebench.run.rows import make_report

    if not file.is_file():
        raise HistoryError(f"{file}: no such file")
    verdict = find_verdict(file)
    try:
        if verdict is not None:
            return from_verdict(verdict, find_commit(git, named or find_head(verdict)))
        report = make_report(Result.load(file))
        return from_report(report, find_commit(git, named or "HEAD"))
    except HistoryError as error:
        raise HistoryError(f"{file}: {error}") from None


@history.command()
@_place_options
@source_option
@least_option
@click.option(
    "--last", type=click.IntRange(min=1), default=365, metavar="N", help="Show so many commits."
)
@click.option(
    "--commit-url",
    metavar="URL",
    help="Address of a commit's page, with {commit} in it.  [default: from the remote `origin`]",
)
@make_format_option((*FORMATS, PAGE))
@report_option
def show(
    path: Path | None,
    branch: str | None,
    source: str | None,
    least_percent: float,
    last: int,
    commit_url: str | None,
    format: str | None,  # noqa: A002
    page: Path | None,
) -> None:
    """Show the history as a table or as a page.

    The page has a chart of each case that changed. Every point of a chart leads to its commit and to its report. Changes need `pip install 'garagebench[history]'`; without it
    everything else is shown.

    \b
    Examples:
      garagebench history show
      garagebench history show --report history.html
      garagebench history show --branch garagebench-history --last 50 --format markdown
    """  # noqa: D301  click wants the character
    from garagebench.history.commits import make_link
    from garagebench.history.overview import look_at
    from garagebench.report.history import render_history
    from garagebench.report.html.history import render_history as render_page

    check_page(page)
    git, found = _open(path, branch)
    overview = look_at(
        str(found.place),
        found.series(source),
        make_link(git, commit_url),
        most=last,
        least_percent=least_percent,
    )
    write_page(page, lambda: render_page(overview))
    form = format or default_format()
    text = render_page(overview) if form == PAGE else render_history(overview, form, make_console())
    click.echo(text, nl=False)


@history.command()
@_place_options
@source_option
@least_option
@click.option(
    "--all", "everything", is_flag=True, help="Tell all changes, again, and remember nothing."
)
@click.option(
    "--format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Format of standard output.",
)
def check(
    path: Path | None,
    branch: str | None,
    source: str | None,
    least_percent: float,
    everything: bool,
    format: str,  # noqa: A002
) -> None:
    """Tell the changes that are new.

    A change is a step that stays, and not a single bad result.

    A change is found when it and two commits after it have been measured. It is told once: the history remembers it. This
    needs `pip install 'garagebench[history]'`.

    \b
    Examples:
      garagebench history check
      garagebench history check --branch garagebench-history --min-change 5
      garagebench history check --all

    Exit code: 0 nothing became slower, 1 error, 2 usage, 3 something did, 4 too few commits.
    """  # noqa: D301  click wants the character
    from garagebench.history.changes import (
        LEAST_POINTS,
        exit_code,
        find_changes,
        leave_out_told,
        make_told,
    )
    from garagebench.report.history import render_changes

    _, found = _open(path, branch)
    series = found.series(source)
    changes = find_changes(series, least_percent)
    if not everything:
        changes = leave_out_told(changes, series, found.told)
    click.echo(render_changes(changes, format), nl=False)
    if changes and not everything:
        found.tell(make_told(changes, series))
        found.save(f"garagebench: {len(changes)} changes told")
    if len(series.points) < LEAST_POINTS:
        few = f"too few commits: {len(series.points)}, and a change takes {LEAST_POINTS}"
        click.echo(few, err=True)
    click.get_current_context().exit(exit_code(changes, series))
