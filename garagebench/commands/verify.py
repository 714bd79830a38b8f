"""`garagebench verify`."""

from __future__ import annotations

from typing import Any

import click

from garagebench.commands.options import complete_impl, seed_option, with_option


@click.command()
@click.argument("impl", shell_complete=complete_impl)
@click.option(
    "--runtime",
    metavar="PYTHON",
    help="Interpreter for the implementation.  [default: that of garagebench; pypy3 for pypy]",
)
@seed_option("Random seed for the random part of the search.")
@with_option
def verify(impl: str, runtime: str | None, seed: int, **others: Any) -> None:
    """Check the answers of an implementation (the conformance suite).

    If an answer is wrong, the shortest sequence of calls that shows the error is printed. Exit code: 0 right, 3 wrong
    answers.

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
