"""`garagebench comment`."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--link", metavar="URL", help="Where the report with pictures is.")
@click.option(
    "--key",
    metavar="NAME",
    help="Tells the comments of several jobs apart.  [default: workflow and job]",
)
@click.option(
    "--number",
    type=click.IntRange(min=1),
    metavar="N",
    help="The pull or merge request.  [default: that of this job]",
)
def comment(file: Path, link: str | None, key: str | None, number: int | None) -> None:
    """Write a verdict into a comment on the pull request, or update the comment that is there.

    FILE is what `check --format json` has printed. In a job of GitHub this needs GITHUB_TOKEN and the permission
    `pull-requests: write`; in a job of GitLab, GITLAB_TOKEN with the scope `api`. If the comment cannot be written (pull
    requests from forks may not), a warning says so and the exit code is 0: the verdict of the check stands.

    \b
    Examples:
      garagebench comment verdict.json
      garagebench comment verdict.json --number 12 --link https://example.org/report.html
    """  # noqa: D301  click wants the character
    from garagebench.check.saved import VerdictError, find_verdict
    from garagebench.commands.output import make_console
    from garagebench.forge.comments import make_comment, name_job, write_comment
    from garagebench.forge.hosts import ForgeError, find_thread
    from garagebench.report.drawing import escape
    from garagebench.report.headline import make_headline
    from garagebench.report.verdict import render_verdict

    if not file.is_file():
        raise VerdictError(f"{file}: no such file")
    verdict = find_verdict(file)
    if verdict is None:
        raise VerdictError(f"{file}: not what `check --format json` prints")
    key = key or name_job(os.environ)
    table = render_verdict(verdict, "markdown", make_console())
    text = make_comment(key, escape(make_headline(verdict)), table, link)
    try:
        done = write_comment(find_thread(os.environ, number), key, text)
    except ForgeError as error:
        sign = "::warning title=garagebench::" if os.environ.get("GITHUB_ACTIONS") else "warning: "
        click.echo(f"{sign}no comment was written: {error}", err=True)
        return
    click.echo(f"comment {done}", err=True)
