"""`garagebench run`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from garagebench.commands.options import (
    RUN_FORMATS,
    budget_option,
    choose_limit,
    complete_impl,
    generations_option,
    make_format_option,
    with_option,
)
from garagebench.commands.output import make_console, print_report
from garagebench.commands.serve import complete_server

if TYPE_CHECKING:
    from garagebench.run.experiment import RunSettings


@click.command()
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
    type=click.Choice(["park", "unpark", "both", "park_many", "unpark_many", "many"]),
    default="both",
    help="What is requested; `many`: whole batches, parked and unparked.",
)
@click.option(
    "--stage",
    multiple=True,
    metavar="NAME",
    help="Measure this stage only. Repeatable; see `garagebench list stages`.  [default: all]",
)
@with_option
@click.option(
    "--processes",
    type=click.IntRange(min=1, max=255),
    metavar="N",
    help="Put N processes on one garage at once, beside one alone; `shared` only.",
)
@click.option(
    "--server",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_server,
    help="Also measure the API behind this server: stage http. Repeatable; see `garagebench list servers`.",
)
@click.option(
    "--ladder",
    is_flag=True,
    help="With --server: also measure servers that leave something out, to see what costs what.",
)
@budget_option(
    "Time for the whole run; all of it is spent.  [default: what intervals take, at most 120]"
)
@generations_option("Measure so many generations instead: the same work on every machine.")
@click.option(
    "--seed",
    type=int,
    default=0,
    metavar="N",
    help="Of the workload and of the order of measuring.",
)
@make_format_option(RUN_FORMATS)
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
    server: tuple[str, ...],
    processes: int | None,
    budget: float | None,
    generations: int | None,
    format: str | None,  # noqa: A002
    output: Path | None,
    **others: Any,
) -> None:
    """Measure every stage of park and unpark, in lock-step.

    `lists` on this interpreter is always measured: it is what the ratios refer to. With --with, that one stays
    plain, and all that are named, `lists` too, get the variants. With --server, `http` is the CPU time of the server
    for one request less `total`; the ratios refer to `lists` behind the first server.

    \b
    Examples:
      garagebench run
      garagebench run --impl numba --impl path/to/file.py:MyPool --budget 60
      garagebench run --impl lists --runtime pypy3 --runtime python3.13 --stage total
      garagebench run --spaces 1000000 --impl numba --output big.json.gz
      garagebench run --impl lists --with validate=msgspec --with encode=rendered
      garagebench run --processes 2
      garagebench run --impl lists --server tornado --server wire
      garagebench run --impl lists --server wire --ladder --stage http_cpu

    Exit code: 0 good, 1 error (also: what was named cannot run), 2 usage, 3 wrong answers, 130 interrupted.
    """  # noqa: D301  click wants the character
    from garagebench.engine.files import check_path
    from garagebench.http import stage as served
    from garagebench.report.progress import show_progress
    from garagebench.run import experiment, rows
    from garagebench.sharing import race

    others["variants"] = others.pop("with")
    budget, generations = choose_limit(budget, generations)
    settings = experiment.RunSettings(
        impl or experiment.CLASSIC,
        runtime,
        stages=stage,
        servers=server,
        budget_s=budget,
        generations=generations,
        **others,
    )
    if not server and (stage or settings.ladder):
        _check_serverless(settings)
    if processes is not None:
        settings = _adapt_to_processes(settings)
    if output is not None:
        check_path(output)
    with show_progress(make_console(err=True)) as on_progress:
        if processes is not None:
            result = race.run(settings, processes, on_progress=on_progress)
        else:
            measure = served.run if server else experiment.run
            result = measure(settings, on_progress=on_progress, output=output)
    print_report(result, format)
    for sentence in rows.describe_problems(result):
        click.echo(sentence, err=True)
    if output is not None:
        experiment.save(result, output)  # last: where it fails, the result has been printed
    code = rows.exit_code(result, impl) if processes is None else race.exit_code(result)
    click.get_current_context().exit(code)


def _check_serverless(settings: RunSettings) -> None:
    """Refuse what only servers have, where none is named."""
    from garagebench.server.stages import HTTP_STAGES

    asked = ["--ladder"] if settings.ladder else []
    asked += [f"stage {stage}" for stage in settings.stages if stage in HTTP_STAGES]
    if asked:
        raise click.UsageError(f"{asked[0]} is of servers: name one with --server")


def _adapt_to_processes(settings: RunSettings) -> RunSettings:
    """Return the settings for several processes; what was asked for and does not apply there is a usage error.

    A default from pyproject.toml is meant for other runs, and gives way.
    """
    from garagebench.sharing.race import IMPL

    ctx = click.get_current_context()

    def is_asked_for(name: str) -> bool:
        asked = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
        return ctx.get_parameter_source(name) in asked

    for name in ("runtime", "stage", "workload", "server"):
        if is_asked_for(name):
            raise click.UsageError(f"--processes cannot be combined with --{name}")
    impls = settings.impls if is_asked_for("impl") else (IMPL,)
    return replace(settings, impls=impls, runtimes=(), stages=())
