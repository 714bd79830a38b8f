"""`garagebench run --subject` and `run --pytest`: the user's own benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from garagebench.commands.options import refuse_stray_options
from garagebench.commands.output import make_console, print_report, write_results

if TYPE_CHECKING:
    from garagebench.run.benchmarks import BenchmarkSettings

#: Options that only the worked example has.
OF_GARAGES = (
    "impl",
    "layout",
    "spaces",
    "workload",
    "operation",
    "stage",
    "with",
    "processes",
    "server",
    "ladder",
)


def wants_benchmarks(settings: BenchmarkSettings) -> bool:
    """Tell whether the user's own benchmarks are to be measured, and not the worked example. Raises UsageError.

    What was typed decides; pyproject.toml does where nothing was.
    """
    refuse_stray_options(settings.pytest_options, settings.pytest, settings.commands)
    own = _find_typed(("subject", "pytest", "asv", "pyperf", "command"))
    of_garages = _find_typed(OF_GARAGES)
    if own and of_garages:
        raise click.UsageError(
            f"--{of_garages[0]} is of the worked example and does not apply to --{own[0]}: leave one out"
        )
    named = (settings.subjects, *settings.suites.values(), settings.commands)
    return bool(own) or (any(named) and not of_garages)


def _find_typed(names: tuple[str, ...]) -> list[str]:
    ctx = click.get_current_context()
    asked = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    return [name for name in names if ctx.get_parameter_source(name) in asked]


def measure_benchmarks(
    settings: BenchmarkSettings, form: str | None, output: Path | None, page: Path | None
) -> None:
    """Measure, print the table, exit."""
    from garagebench.engine.files import check_path
    from garagebench.report.progress import show_progress
    from garagebench.run.benchmarks import exit_code, run_benchmarks
    from garagebench.run.conduct import save
    from garagebench.run.rows import describe_problems

    if output is not None:
        check_path(output)
    with show_progress(make_console(err=True)) as on_progress:
        result = run_benchmarks(settings, on_progress=on_progress, output=output)
    print_report(result, form)
    write_results(page, result)
    for sentence in describe_problems(result):
        click.echo(sentence, err=True)
    if output is not None:
        save(result, output)  # last: where it fails, the result has been printed
    click.get_current_context().exit(exit_code(result))
