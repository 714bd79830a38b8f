"""`garagebench verify`."""

from __future__ import annotations

import click

from garagebench.commands.options import complete_impl


@click.command()
@click.argument("impl", shell_complete=complete_impl)
@click.option(
    "--runtime",
    metavar="PYTHON",
    help="The interpreter to run it on.  [default: this one; pypy3 for pypy]",
)
@click.option("--seed", type=int, default=0, metavar="N", help="Of the random part of the search.")
@click.pass_context
def verify(ctx: click.Context, impl: str, runtime: str | None, seed: int) -> None:
    """Run the conformance suite on an implementation.

    Prints the shortest sequence of calls that shows what broke. Exit code: 0 right, 3 wrong answers.

    \b
    Examples:
      garagebench verify numba
      garagebench verify path/to/file.py:MyPool
      garagebench verify lists --runtime pypy3
    """  # noqa: D301  click wants the character
    from garagebench.experiment import verify_impl

    verdict = verify_impl(impl, runtime, seed)
    click.echo(verdict.text)
    ctx.exit(verdict.exit_code)
