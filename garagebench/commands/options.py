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


def parse_with(
    _ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str]:
    """Return stage -> variant."""
    if not texts:
        return {}
    from garagebench.contestants import parse_variants

    return parse_variants(texts)


def complete_with(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the STAGE=VARIANT that begin so."""
    from garagebench.stages.variants import VARIANTS

    known = (f"{stage}={variant}" for stage in VARIANTS for variant in VARIANTS[stage])
    return [text for text in known if text.startswith(incomplete)]


with_option = click.option(
    "--with",
    multiple=True,
    metavar="STAGE=VARIANT",
    callback=parse_with,
    shell_complete=complete_with,
    help="Use this variant of a stage. Repeatable; see `garagebench list stages`.",
)

format_option = click.option(
    "--format",
    type=click.Choice(FORMATS),
    help="Of standard output.  [default: table on a terminal, else markdown]",
)
