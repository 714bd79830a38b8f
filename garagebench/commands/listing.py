"""`garagebench list`."""

from __future__ import annotations

import click

from garagebench.commands.options import format_option
from garagebench.commands.output import default_format, make_console

LIST_TOPICS = ("impls", "runtimes", "stages", "layouts", "workloads", "servers")


@click.command("list")
@click.argument("topic", type=click.Choice(LIST_TOPICS), required=False)
@format_option
def list_(topic: str | None, format: str | None) -> None:  # noqa: A002
    """List what can be chosen, and show what runs on this machine.

    \b
    Examples:
      garagebench list
      garagebench list impls
      garagebench list stages --format csv
    """  # noqa: D301  click wants the character
    from garagebench.report.listing import render_listing
    from garagebench.run.listing import TOPICS

    chosen = {name: list(TOPICS[name]()) for name in TOPICS if topic in (None, name)}
    click.echo(render_listing(chosen, format or default_format(), make_console()), nl=False)
