"""`garagebench judge`."""

from __future__ import annotations

from pathlib import Path

import click

from garagebench.commands.gate import print_verdict
from garagebench.commands.options import verdict_format_option
from garagebench.commands.output import check_page, report_option


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE...")
@verdict_format_option
@report_option
def judge(files: tuple[str, ...], format: str | None, page: Path | None) -> None:  # noqa: A002
    """Give one verdict on a check whose parts were measured by several jobs.

    Each FILE was written by one of the jobs, as in `garagebench check --base main --pytest bench --shard 1/2 --output
    part-1.json`. Every part of the plan must be there exactly once, of the same revisions and the same run. The chance of a
    false alarm is that of one check, not of N.

    \b
    Examples:
      garagebench judge part-1.json part-2.json
      garagebench judge parts/*.json --format markdown

    Exit code: 0 not slower, 1 error, 2 usage, 3 slower or wrong answers, 4 inconclusive.
    """  # noqa: D301  click wants the character
    from garagebench.check.parts import judge_files

    check_page(page)
    print_verdict(judge_files([Path(file) for file in files]), format, page)
