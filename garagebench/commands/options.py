"""Options that several commands have."""

from __future__ import annotations

import math

import click

FORMATS = ("table", "markdown", "json", "csv")


def check_budget(_ctx: click.Context, _param: click.Parameter, seconds: float) -> float:
    """Refuse what is no time: `inf` would never end, `nan` compares with nothing."""
    if not math.isfinite(seconds):
        raise click.BadParameter(f"{seconds} is not a number of seconds")
    return seconds


def complete_impl(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the implementations whose names begin so."""
    from garagebench.impls.registry import entries

    return [name for name in entries() if name.startswith(incomplete)]


format_option = click.option(
    "--format",
    type=click.Choice(FORMATS),
    help="Of standard output.  [default: table on a terminal, else markdown]",
)
