"""The command line: parse, call, print, exit code. What a command needs is imported when it runs."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from garagebench import __version__
from garagebench.errors import GarageError, UnknownName

if TYPE_CHECKING:
    from rich.console import Console

FORMATS = ("table", "markdown", "json", "csv")
LIST_TOPICS = ("impls", "runtimes", "stages", "layouts", "workloads")

CONTEXT = {
    "auto_envvar_prefix": "GARAGEBENCH",
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
    "show_default": True,
}
INTERRUPTED = 130


class Misuse(click.ClickException):
    """An unknown name: one sentence on standard error, and the exit code of a usage error."""

    exit_code = 2


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


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="garagebench")
@click.pass_context
def main(ctx: click.Context) -> None:
    r"""Tell where the time of a request goes, implementation by implementation.

    \b
    Examples:
      garagebench run                            four implementations, 30 seconds, a table
      garagebench run --impl numba --stage total
      garagebench verify my_pool.py:MyPool

    Defaults of `run` can be set in pyproject.toml under [tool.garagebench], as in `budget = 60`, or in the
    environment, as in GARAGEBENCH_RUN_BUDGET=60.

    \b
    Shell completion (bash; also zsh, fish):
      eval "$(_GARAGEBENCH_COMPLETE=bash_source garagebench)"
    """
    if any(word in ctx.help_option_names for word in sys.argv[1:]):
        return
    from garagebench.configuration import load_configuration

    ctx.default_map = {"run": load_configuration(Path.cwd())}


def complete_impl(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the implementations whose names begin so."""
    from garagebench.impls.registry import entries

    return [name for name in entries() if name.startswith(incomplete)]


format_option = click.option(
    "--format",
    type=click.Choice(FORMATS),
    help="Of standard output.  [default: table on a terminal, else markdown]",
)


@main.command()
@click.option(
    "--impl",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_impl,
    help="A name, or path/to/file.py:NAME. Repeatable.  [default: lists numpy numba pypy]",
)
@click.option(
    "--runtime",
    multiple=True,
    metavar="PYTHON",
    help="Run on this interpreter instead. Repeatable.  [default: this one; pypy3 for pypy]",
)
@click.option(
    "--layout", default="seed", metavar="NAME|FILE", help="A built-in layout or a TOML file."
)
@click.option(
    "--spaces", type=click.IntRange(min=1), metavar="N", help="Scale the layout to N spaces."
)
@click.option(
    "--workload",
    default="fill",
    metavar="NAME|FILE",
    help="fill, mixed, churn, or a trace of JSON lines.",
)
@click.option(
    "--operation",
    type=click.Choice(["park", "unpark", "both"]),
    default="both",
    help="What is requested.",
)
@click.option(
    "--stage",
    multiple=True,
    metavar="NAME",
    help="Measure this stage only. Repeatable; see `garagebench list stages`.  [default: all]",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    metavar="SECONDS",
    help="Time for the whole run.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    metavar="N",
    help="Of the workload and of the order of measuring.",
)
@format_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write the result, .json or .json.gz (a pyperf suite).",
)
def run(  # noqa: A002
    impl: tuple[str, ...],
    runtime: tuple[str, ...],
    stage: tuple[str, ...],
    budget: float,
    format: str | None,
    output: Path | None,
    **others: Any,
) -> None:
    r"""Measure every stage of park and unpark, in lock-step.

    `lists` on this interpreter is always measured: it is what the ratios refer to.

    \b
    Examples:
      garagebench run
      garagebench run --impl numba --impl path/to/file.py:MyPool --budget 60
      garagebench run --impl lists --runtime pypy3 --runtime python3.13 --stage total
      garagebench run --spaces 1000000 --impl numba --output big.json.gz

    Exit code: 0 good, 1 a named implementation cannot run, 3 wrong answers, 130 interrupted.
    """
    from garagebench import experiment
    from garagebench.engine.files import check_path
    from garagebench.report.progress import show_progress

    settings = experiment.Settings(
        impl or experiment.CLASSIC, runtime, stages=stage, budget_s=budget, **others
    )
    if output is not None:
        check_path(output)
    with show_progress(make_console(err=True)) as on_progress:
        result = experiment.run(settings, on_progress=on_progress, output=output)
    print_reports([result], format)
    for sentence in experiment.describe_problems(result):
        click.echo(sentence, err=True)
    click.get_current_context().exit(experiment.exit_code(result, impl))


@main.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@format_option
@click.option(
    "--update",
    "document",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="DOCUMENT.md",
    help="Replace what stands between the file's markers in this document, and nothing else.",
)
def report(files: tuple[Path, ...], format: str | None, document: Path | None) -> None:  # noqa: A002
    r"""Print again what `run --output` measured, or put it into a document.

    The markers of results/seed.json.gz are <!-- garagebench:seed --> and <!-- /garagebench:seed -->.

    \b
    Examples:
      garagebench report results/seed.json.gz
      garagebench report results/seed.json.gz --format csv
      garagebench report results/seed.json.gz --update README.md
    """
    from garagebench.engine import Result
    from garagebench.experiment import make_report
    from garagebench.report import render_markdown, update_document

    if format in ("json", "csv") and len(files) > 1:
        raise click.UsageError(
            f"--format {format} takes one FILE: times of different files are not comparable"
        )
    results = [Result.load(path) for path in files]
    if document is None:
        print_reports(results, format)
        return
    for path, result in zip(files, results, strict=True):
        stem = path.name.partition(".")[0]
        changed = update_document(document, stem, render_markdown(make_report(result)))
        click.echo(f"{document}: {'updated' if changed else 'up to date'} from {path}", err=True)


@main.command("list")
@click.argument("topic", type=click.Choice(LIST_TOPICS), required=False)
@format_option
def list_(topic: str | None, format: str | None) -> None:  # noqa: A002
    r"""List what there is to choose from, and what of it runs here.

    \b
    Examples:
      garagebench list
      garagebench list impls
      garagebench list stages --format csv
    """
    from garagebench.listing import TOPICS
    from garagebench.report.listing import render_listing

    chosen = {name: list(TOPICS[name]()) for name in TOPICS if topic in (None, name)}
    click.echo(render_listing(chosen, format or default_format(), make_console()), nl=False)


@main.command()
@click.argument("impl", shell_complete=complete_impl)
@click.option(
    "--runtime",
    metavar="PYTHON",
    help="The interpreter to run it on.  [default: this one; pypy3 for pypy]",
)
@click.option("--seed", type=int, default=0, metavar="N", help="Of the random part of the search.")
@click.pass_context
def verify(ctx: click.Context, impl: str, runtime: str | None, seed: int) -> None:
    r"""Run the conformance suite on an implementation.

    Prints the shortest sequence of calls that shows what broke. Exit code: 0 right, 3 wrong answers.

    \b
    Examples:
      garagebench verify numba
      garagebench verify path/to/file.py:MyPool
      garagebench verify lists --runtime pypy3
    """
    from garagebench.experiment import verify_impl

    verdict = verify_impl(impl, runtime, seed)
    click.echo(verdict.text)
    ctx.exit(verdict.exit_code)


def print_reports(results: list[Any], form: str | None) -> None:
    """Print each result on standard output."""
    from garagebench.experiment import make_report
    from garagebench.report import render

    form = form or default_format()
    console = make_console() if form == "table" else None
    for result in results:
        # Plain echo: rich would wrap Markdown, and write colours past a closed pipe.
        click.echo(render(make_report(result), form, console), nl=False)  # type: ignore[arg-type]


def default_format() -> str:
    """Return the format for standard output as it is."""
    return "table" if sys.stdout.isatty() else "markdown"


def make_console(*, err: bool = False) -> Console:
    """Return a rich console, which honours NO_COLOR, TERM and COLUMNS."""
    from rich.console import Console

    return Console(stderr=err)
