"""`garagebench run`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from garagebench.commands.benchmarks import measure_benchmarks, wants_benchmarks
from garagebench.commands.options import (
    RUN_FORMATS,
    PytestCommand,
    add_command_options,
    asv_option,
    budget_option,
    choose_limit,
    generations_option,
    impl_option,
    layout_option,
    make_format_option,
    pyperf_option,
    pytest_option,
    pytest_options_option,
    seed_option,
    spaces_option,
    subject_option,
    with_option,
    workload_option,
)
from garagebench.commands.output import (
    check_page,
    make_console,
    print_report,
    report_option,
    write_results,
)
from garagebench.commands.serve import complete_server

if TYPE_CHECKING:
    from garagebench.run.experiment import RunSettings


@click.command(cls=PytestCommand)
@subject_option(
    "Measure functions of your own: a function without arguments, a mapping or a list of such functions, or an object "
    "with cases(). Repeatable: the ratios refer to the first."
)
@pytest_option
@asv_option
@pyperf_option
@add_command_options
@pytest_options_option
@impl_option(
    "Implementation: a name, or path/to/file.py:NAME. Repeatable.  [default: lists numpy numba pypy]"
)
@click.option(
    "--runtime",
    multiple=True,
    metavar="PYTHON",
    help="Interpreter for what is measured. Repeatable.  [default: that of garagebench; pypy3 for pypy]",
)
@layout_option
@spaces_option
@workload_option
@click.option(
    "--operation",
    type=click.Choice(["park", "unpark", "both", "park_many", "unpark_many", "many"]),
    default="both",
    help="Requests to measure. both: park and unpark; many: park_many and unpark_many, for whole batches.",
)
@click.option(
    "--stage",
    multiple=True,
    metavar="NAME",
    help="Measure only this stage. Repeatable; see `garagebench list stages`.  [default: all]",
)
@with_option
@click.option(
    "--processes",
    type=click.IntRange(min=1, max=255),
    metavar="N",
    help="Compare N processes that use one garage at the same time with one process alone. Only for `shared`.",
)
@click.option(
    "--server",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_server,
    help="Also measure the API behind this server, as stage http. Repeatable; see `garagebench list servers`.",
)
@click.option(
    "--ladder",
    is_flag=True,
    help="With --server: also measure partial servers, which skip some of the work, to show the cost of each part.",
)
@budget_option(
    "Time for the whole run; all of it is used.  [default: until there are intervals, at most 120]"
)
@generations_option(
    "Measure N generations instead of using --budget: the same work on every machine."
)
@seed_option("Random seed for the workload and the order of measuring.")
@make_format_option(RUN_FORMATS)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write the result to FILE, .json or .json.gz (a pyperf suite).",
)
@report_option
def run(
    subject: tuple[str, ...],
    pytest: tuple[str, ...],
    pytest_options: tuple[str, ...],
    asv: tuple[str, ...],
    pyperf: tuple[str, ...],
    command: tuple[str, ...],
    setup: str | None,
    prepare: str | None,
    impl: tuple[str, ...],
    runtime: tuple[str, ...],
    stage: tuple[str, ...],
    server: tuple[str, ...],
    processes: int | None,
    budget: float | None,
    generations: int | None,
    format: str | None,  # noqa: A002
    output: Path | None,
    page: Path | None,
    **others: Any,
) -> None:
    """Measure functions, a test suite, or the worked example.

    With --subject and --pytest, your own code is measured. Without them, every stage of park and unpark is: the
    implementations are measured in lock-step: in short turns, in random order. `lists` on the interpreter of
    garagebench is always measured: the ratios refer to this `lists`. With --with, this reference has no variants, and
    every implementation that is named, also `lists`, has them. With --server, `http` is the CPU time of the server for
    one request minus `total`; the ratios refer to `lists` behind the first server.

    \b
    Examples:
      garagebench run --subject bench/parsing.py:parse --subject bench/parsing.py:parse_faster
      garagebench run --command 'python old.py' --command 'python new.py'
      garagebench run --pytest bench --runtime python3.11 --runtime python3.13
      garagebench run --pytest tests/test_bench.py --output today.json.gz -- -k json
      garagebench run
      garagebench run --impl numba --impl path/to/file.py:MyPool --budget 60
      garagebench run --impl lists --runtime pypy3 --runtime python3.13 --stage total
      garagebench run --spaces 1000000 --impl numba --output big.json.gz
      garagebench run --impl lists --with validate=msgspec --with encode=rendered
      garagebench run --processes 2
      garagebench run --impl lists --server tornado --server wire
      garagebench run --impl lists --server wire --ladder --stage http_cpu

    Exit code: 0 good, 1 error (also if something that was named cannot run), 2 usage, 3 wrong answers, 130 interrupted.
    """  # noqa: D301  click wants the character
    from garagebench.engine.files import check_path
    from garagebench.http import stage as served
    from garagebench.report.progress import show_progress
    from garagebench.run import experiment, rows
    from garagebench.run.benchmarks import BenchmarkSettings
    from garagebench.run.conduct import save
    from garagebench.sharing import race

    check_page(page)
    budget, generations = choose_limit(budget, generations)
    limits = budget, generations, others["seed"]
    whole = command, setup, prepare
    own = BenchmarkSettings(subject, pytest, pytest_options, runtime, *limits, *whole, asv, pyperf)
    if wants_benchmarks(own):
        measure_benchmarks(own, format, output, page)
    others["variants"] = others.pop("with")
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
    write_results(page, result)
    for sentence in rows.describe_problems(result):
        click.echo(sentence, err=True)
    if output is not None:
        save(result, output)  # last: where it fails, the result has been printed
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
    from garagebench.sharing.race import IMPLS

    ctx = click.get_current_context()

    def is_asked_for(name: str) -> bool:
        asked = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
        return ctx.get_parameter_source(name) in asked

    for name in ("runtime", "stage", "workload", "server"):
        if is_asked_for(name):
            raise click.UsageError(f"--processes cannot be combined with --{name}")
    impls = settings.impls if is_asked_for("impl") else IMPLS[:1]
    return replace(settings, impls=impls, runtimes=(), stages=())
