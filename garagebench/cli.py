"""The command line: parse, call, print, exit code. What a command needs is imported when it runs."""

from __future__ import annotations

import errno
import math
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

HELP = {"-h", "--help"}
CONTEXT = {
    "auto_envvar_prefix": "GARAGEBENCH",
    "help_option_names": sorted(HELP),
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
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when nobody reads on
            where = error.filename or "standard output"
            raise click.ClickException(f"{where}: {error.strerror or error}") from None


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="garagebench")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Tell where the time of a request goes, implementation by implementation.

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
    """  # noqa: D301  click wants the character
    if ctx.invoked_subcommand != "run" or HELP.intersection(sys.argv[1:]):
        return  # a mistake in the file must not keep anybody from reading the help
    from garagebench.configuration import load_configuration

    ctx.default_map = {"run": load_configuration(Path.cwd())}


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
    callback=check_budget,
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
def run(
    impl: tuple[str, ...],
    runtime: tuple[str, ...],
    stage: tuple[str, ...],
    budget: float,
    format: str | None,  # noqa: A002
    output: Path | None,
    **others: Any,
) -> None:
    """Measure every stage of park and unpark, in lock-step.

    `lists` on this interpreter is always measured: it is what the ratios refer to.

    \b
    Examples:
      garagebench run
      garagebench run --impl numba --impl path/to/file.py:MyPool --budget 60
      garagebench run --impl lists --runtime pypy3 --runtime python3.13 --stage total
      garagebench run --spaces 1000000 --impl numba --output big.json.gz

    Exit code: 0 good, 1 error (also: what was named cannot run), 2 usage, 3 wrong answers, 130 interrupted.
    """  # noqa: D301  click wants the character
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
    print_report(result, format)
    for sentence in experiment.describe_problems(result):
        click.echo(sentence, err=True)
    if output is not None:
        experiment.save(result, output)  # last: where it fails, the result has been printed
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
    """Print what `run --output` measured, or put it into a document.

    The markers of results/seed.json.gz are <!-- garagebench:seed --> and <!-- /garagebench:seed -->.

    \b
    Examples:
      garagebench report results/seed.json.gz
      garagebench report results/seed.json.gz --format csv
      garagebench report results/seed.json.gz --update README.md
    """  # noqa: D301  click wants the character
    from garagebench.engine import Result
    from garagebench.experiment import make_report
    from garagebench.report import render_markdown, update_document

    if format in ("json", "csv") and len(files) > 1:
        raise click.UsageError(
            f"--format {format} takes one FILE: times of different files are not comparable"
        )
    if document is not None and format not in (None, "markdown"):
        raise click.UsageError(f"--update writes Markdown: leave out --format {format}")
    results = {path: Result.load(path) for path in files}
    for path, result in results.items():
        if document is not None:
            stem = path.name.partition(".")[0]
            changed = update_document(document, stem, render_markdown(make_report(result)))
            done = "updated" if changed else "up to date"
            click.echo(f"{document}: {done} from {path}", err=True)
            continue
        if len(results) > 1:
            click.echo(f"\n{path}:\n")
        print_report(result, format)


@main.command("list")
@click.argument("topic", type=click.Choice(LIST_TOPICS), required=False)
@format_option
def list_(topic: str | None, format: str | None) -> None:  # noqa: A002
    """List what there is to choose from, and what of it runs here.

    \b
    Examples:
      garagebench list
      garagebench list impls
      garagebench list stages --format csv
    """  # noqa: D301  click wants the character
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


def comparison_options(command: Any) -> Any:
    """Add the options that `compare` and `check` share."""
    options = (
        click.option(
            "--impl",
            multiple=True,
            metavar="NAME",
            shell_complete=complete_impl,
            help="path/to/file.py:NAME, taken from each side. Repeatable.",
        ),
        click.option(
            "--max-slowdown",
            type=click.FloatRange(min=0, min_open=True),
            default=5.0,
            metavar="PERCENT",
            help="The slowdown from which a case is slower.",
        ),
        click.option(
            "--budget",
            type=click.FloatRange(min=0, min_open=True),
            default=30.0,
            callback=check_budget,
            metavar="SECONDS",
            help="Time for the whole of it.",
        ),
        click.option(
            "--allow-different-answers",
            is_flag=True,
            help="Compare times although the sides answer differently.",
        ),
        click.option(
            "--layout",
            default="seed",
            metavar="NAME|FILE",
            help="A built-in layout or a TOML file.",
        ),
        click.option(
            "--workload",
            default="fill",
            metavar="NAME|FILE",
            help="fill, mixed, churn, or a trace of JSON lines.",
        ),
        click.option(
            "--seed", type=int, default=0, metavar="N", help="Of workload and order of measuring."
        ),
        format_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@click.argument("base")
@click.argument("head")
@comparison_options
def compare(base: str, head: str, format: str | None, **settings: Any) -> None:  # noqa: A002
    """Compare two revisions live, in lock-step, or two result files.

    Files are garagebench's own, any pyperf suite, or JSON of pytest-benchmark.

    \b
    Examples:
      garagebench compare main my-branch --impl path/to/file.py:MyPool
      garagebench compare HEAD~1 HEAD --impl path/to/file.py:MyPool --budget 60
      garagebench compare before.json.gz after.json.gz

    Exit code: 0 not slower, 1 error, 3 slower, 4 inconclusive, 130 interrupted.
    """  # noqa: D301  click wants the character
    from garagebench.regression import compare_two_files

    if Path(base).is_file() and Path(head).is_file():
        print_verdict(compare_two_files(Path(base), Path(head), settings["max_slowdown"]), format)
    else:
        measure_revisions(base, head, format, **settings)


@main.command()
@click.option(
    "--base",
    required=True,
    metavar="REV",
    help="The revision to compare with; of a branch, the merge base.",
)
@comparison_options
def check(base: str, format: str | None, **settings: Any) -> None:  # noqa: A002
    """Check whether the working tree is slower than a revision.

    Both sides are measured live, in lock-step, from copies; the repository is left as it is. A case is slower when
    its confirmed interval lies above 0 and the estimate is at or above --max-slowdown.

    \b
    Examples:
      garagebench check --base main --impl path/to/file.py:MyPool
      garagebench check --base HEAD~1 --impl path/to/file.py:MyPool --max-slowdown 2 --budget 60

    Exit code: 0 not slower, 1 error, 3 slower, 4 inconclusive, 130 interrupted.
    """  # noqa: D301  click wants the character
    measure_revisions(base, None, format, **settings)


def measure_revisions(
    base: str,
    head: str | None,
    form: str | None,
    *,
    impl: tuple[str, ...],
    budget: float,
    **others: Any,
) -> None:
    """Measure, print the verdict, exit."""
    from garagebench.regression import Settings, compare_revisions
    from garagebench.report.progress import show_progress

    settings = Settings(base, head, impls=impl, budget_s=budget, **others)
    with show_progress(make_console(err=True)) as on_progress:
        verdict = compare_revisions(settings, Path.cwd(), on_progress=on_progress)
    print_verdict(verdict, form)


def print_verdict(verdict: Any, form: str | None) -> None:
    """Print the verdict on standard output and exit with its code."""
    from garagebench.report.verdict import render_verdict

    click.echo(render_verdict(verdict, form or default_format(), make_console()), nl=False)
    click.get_current_context().exit(verdict.exit_code)


def print_report(result: Any, form: str | None) -> None:
    """Print a result on standard output."""
    from garagebench.experiment import make_report
    from garagebench.report import render

    form = form or default_format()
    console = make_console() if form == "table" else None
    # Plain echo: rich would wrap Markdown, and write colours past a closed pipe.
    click.echo(render(make_report(result), form, console), nl=False)  # type: ignore[arg-type]
    for caveat in result.caveats if form == "csv" else ():  # which has no place for them
        click.echo(f"note: {caveat}", err=True)


def default_format() -> str:
    """Return the format for standard output as it is."""
    return "table" if sys.stdout.isatty() else "markdown"


def make_console(*, err: bool = False) -> Console:
    """Return a rich console, which honours NO_COLOR, TERM and COLUMNS."""
    from rich.console import Console

    return Console(stderr=err)
