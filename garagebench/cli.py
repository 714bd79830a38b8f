"""The command line: the group, and what becomes of errors. Each command is in `commands/`."""

from __future__ import annotations

import errno
import signal
import sys
from pathlib import Path
from typing import Any

import click

from garagebench import __version__
from garagebench.commands import (
    bisect,
    comment,
    gate,
    history,
    judge,
    listing,
    load,
    report,
    run,
    scale,
    selftest,
    serve,
    verify,
)
from garagebench.errors import GarageError, UnknownName
from garagebench.exit_codes import INTERRUPTED, USAGE

HELP = {"-h", "--help"}
CONTEXT = {
    "auto_envvar_prefix": "GARAGEBENCH",
    "help_option_names": sorted(HELP),
    "max_content_width": 100,
    "show_default": True,
}

#: Commands whose defaults pyproject.toml may set.
CONFIGURABLE = ("run", "compare", "check", "bisect", "selftest")


class Misuse(click.ClickException):
    """An unknown name: one sentence on standard error, and the exit code of a usage error."""

    exit_code = USAGE


class Commands(click.Group):
    """A group in which our errors become one sentence, and Ctrl-C exit code 130."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. SIGTERM unwinds like an exit: workers and temporary files go."""
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
        try:
            return super().invoke(ctx)
        except UnknownName as error:
            raise Misuse(str(error)) from None
        except GarageError as error:
            raise click.ClickException(str(error)) from None
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when nobody reads on
            where = error.filename or "standard output"
            raise click.ClickException(f"{where}: {error.strerror or error}") from None


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="garagebench")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Tell whether a change made Python code slower, and where the time goes.

    \b
    Examples:
      garagebench check --base main --pytest bench     is the working tree slower than main?
      garagebench run                            four implementations, at most 120 seconds, a table
      garagebench run --impl numba --stage total
      garagebench verify my_pool.py:MyPool

    Defaults can be set in pyproject.toml: in [tool.garagebench] for all commands, as in `budget = 60`, or in a table
    such as [tool.garagebench.check] for one command. They can also be set in the environment, as in
    GARAGEBENCH_CHECK_BUDGET=60.

    \b
    Shell completion (bash; also zsh, fish):
      eval "$(_GARAGEBENCH_COMPLETE=bash_source garagebench)"
    """  # noqa: D301  click wants the character
    if ctx.invoked_subcommand not in CONFIGURABLE or HELP.intersection(sys.argv[1:]):
        return  # a mistake in the file must not keep anybody from reading the help
    from garagebench.commands.configuration import load_defaults

    options = {name: [one.name for one in main.commands[name].params] for name in CONFIGURABLE}
    ctx.default_map = load_defaults(Path.cwd(), options)


for command in (
    run.run,
    report.report,
    listing.list_,
    verify.verify,
    gate.compare,
    gate.check,
    judge.judge,
    bisect.bisect,
    history.history,
    comment.comment,
    selftest.selftest,
    serve.serve,
    load.load,
    scale.scale,
):
    main.add_command(command)
