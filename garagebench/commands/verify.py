"""`garagebench verify`."""

from __future__ import annotations

from typing import Any

import click

from garagebench.commands.options import complete_impl, with_option


@click.command()
@click.argument("impl", shell_complete=complete_impl)
@click.option(
    "--runtime",
    metavar="PYTHON",
    help="The interpreter to run it on.  [default: this one; pypy3 for pypy]",
)
@click.option("--seed", type=int, default=0, metavar="N", help="Of the random part of the search.")
@with_option
def verify(impl: str, runtime: str | None, seed: int, **others: Any) -> None:
    """Run the conformance suite on an implementation.

    Prints the shortest sequence of calls that shows what broke. Exit code: 0 right, 3 wrong answers.

    \b
    Examples:
      garagebench verify numba
      garagebench verify path/to/file.py:MyPool
      garagebench verify lists --runtime pypy3
      garagebench verify lists --with encode=rendered
    """  # noqa: D301  click wants the character
    from garagebench.run.verify import verify_impl

    verdict = verify_impl(impl, runtime, seed, others["with"])
    click.echo(verdict.text)
    click.get_current_context().exit(verdict.exit_code)
