"""`garagebench bisect`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from garagebench.commands.gate import make_settings
from garagebench.commands.gate_options import bisect_options
from garagebench.commands.options import PytestCommand
from garagebench.commands.output import make_console

if TYPE_CHECKING:
    from garagebench.check.bisect import SearchStep
    from garagebench.check.verdict import Verdict


@click.command(cls=PytestCommand)
@click.option("--good", required=True, metavar="REV", help="A revision that is not slower yet.")
@click.option(
    "--bad", default="HEAD", show_default=True, metavar="REV", help="A revision that is slower."
)
@bisect_options
@click.option(
    "--format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Format of standard output.",
)
def bisect(good: str, bad: str, format: str, **options: Any) -> None:  # noqa: A002
    """Find the commit that made code slower.

    First the bad revision is checked against the good one. Then commits between them are, as git bisects, each against the good
    one and in lock-step: a verdict decides and not a time. At last the commit that was found is checked against its parent.
    Commits that cannot be installed, loaded or judged are skipped; if the answer is then one of several, all are named.

    The repository is not changed: each check works in copies. Interrupted, the same command goes on where it was.

    \b
    Examples:
      garagebench bisect --good v1.0 --pytest bench
      garagebench bisect --good v1.0 --bad main --subject bench/parsing.py:parse_all
      garagebench bisect --good HEAD~50 --command 'python -m mytool input.txt' --install 'pip install .'

    Exit code: 0 found, 1 error, 2 usage, 4 a range, or nothing, 130 interrupted.
    """  # noqa: D301  click wants the character
    from garagebench.check.bisect import Notebook, Search, exit_code, place_notebook
    from garagebench.check.revisions import compare_revisions
    from garagebench.gate.trees.git import find_repository, resolve
    from garagebench.report.bisect import render_bisect
    from garagebench.report.progress import show_progress

    here = Path.cwd()
    git = find_repository(here, os.environ)
    ends = resolve(git, good), resolve(git, bad)
    settings = make_settings(*ends, **options)
    notebook = Notebook(place_notebook(os.environ, git.directory, settings, *ends))
    console = make_console(err=True)
    if notebook.known:
        console.print(
            f"going on after {len(notebook.known)} checks of the interrupted search",
            highlight=False,
        )

    def tell(step: SearchStep, left: int) -> None:
        text = f"{step.commit[:10]} {step.outcome} ({left} commits were left): {step.reason}"
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    with show_progress(console) as on_progress:

        def judge(base: str, head: str, only: frozenset[str] | None) -> Verdict:
            asked = replace(settings, base=base, head=head, only=only)
            # A record is of parts, and there are none.
            return cast("Verdict", compare_revisions(asked, here, on_progress=on_progress))

        found = Search(git, *ends, judge, notebook, tell).run()
    notebook.forget()
    click.echo(render_bisect(found, format), nl=False)
    click.get_current_context().exit(exit_code(found))
