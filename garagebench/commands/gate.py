"""`garagebench compare` and `garagebench check`."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from garagebench.commands.options import (
    add_options,
    budget_option,
    choose_limit,
    format_option,
    generations_option,
    impl_option,
    layout_option,
    max_slowdown_option,
    seed_option,
    workload_option,
)
from garagebench.commands.output import default_format, make_console
from garagebench.errors import GarageError


def parse_thresholds(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> dict[str, float]:
    """Return case -> percent."""
    thresholds = {}
    for value in values:
        case, _, percent = value.rpartition("=")
        try:
            thresholds[case] = float(percent)
        except ValueError:
            thresholds[case] = math.nan
        if not case or not 0 < thresholds[case] < math.inf:
            raise click.BadParameter(f"{value!r} is not CASE=PERCENT, as in assignment=2")
    return thresholds


def comparison_options(command: Any) -> Any:
    """Add the options that `compare` and `check` share."""
    options = (
        click.option(
            "--subject",
            multiple=True,
            metavar="FILE.py:NAME",
            help="A function without arguments, a mapping or a list of such functions, or an object with cases(), taken "
            "from each side. Repeatable.",
        ),
        click.option(
            "--pytest",
            multiple=True,
            metavar="PATH",
            help="A test suite for pytest-benchmark or pytest-codspeed: a file or a directory, nothing of which is changed. "
            "Repeatable. What stands after -- is given to pytest: -- -k json.",
        ),
        click.option(
            "--benchmarks-from",
            type=click.Choice(["head", "base", "each"]),
            default="head",
            show_default=True,
            help="Whose benchmark files are used on both sides.",
        ),
        click.option(
            "--require-all",
            is_flag=True,
            help="Inconclusive if a benchmark of the suite does not work on both sides.",
        ),
        click.option(
            "--fail-fast",
            is_flag=True,
            help="End as soon as a slowdown is confirmed, and leave the rest unmeasured.",
        ),
        click.option(
            "--last-slower",
            is_flag=True,
            help="Only judge what the last check of this repository called slower or left undecided.",
        ),
        click.option(
            "--dry-run",
            is_flag=True,
            help="List the cases and the seconds that they would take, and measure nothing else.",
        ),
        click.argument("pytest_options", nargs=-1, metavar="[-- PYTEST_OPTIONS]"),
        impl_option("Implementation, taken from each side: path/to/file.py:NAME. Repeatable."),
        max_slowdown_option("The smallest slowdown that counts as slower."),
        click.option(
            "--threshold",
            multiple=True,
            callback=parse_thresholds,
            metavar="CASE=PERCENT",
            help="A different --max-slowdown for one case, by the name that is printed; * stands for any text. Of a garage also "
            "a stage (assignment, park/encode), an implementation, or IMPL/STAGE. Repeatable.",
        ),
        budget_option(
            "The most time that the command may take.  [default: until there is a verdict, at most 120, and more for a "
            "suite that needs it]"
        ),
        generations_option(
            "Measure N generations instead of using --budget: the same work on every machine."
        ),
        click.option(
            "--allow-different-answers",
            is_flag=True,
            help="Compare times even if the answers of the two sides differ.",
        ),
        click.option(
            "--count",
            type=click.Choice(["instructions"]),
            help="Also count instructions with valgrind, as evidence besides the times. Takes one minute more.",
        ),
        layout_option,
        workload_option,
        seed_option("Random seed for the workload and the order of measuring."),
        format_option,
    )
    return add_options(options, command)


@click.command()
@click.argument("base")
@click.argument("head")
@comparison_options
def compare(base: str, head: str, format: str | None, **settings: Any) -> None:  # noqa: A002
    """Measure and compare two revisions of any Python code, or compare two result files.

    Two revisions are measured in lock-step: in short, alternating turns. A result file is a file of garagebench, any
    pyperf suite, or JSON of pytest-benchmark.

    \b
    Examples:
      garagebench compare main my-branch --pytest bench
      garagebench compare main my-branch --subject bench/parsing.py:parse_all
      garagebench compare main my-branch --impl path/to/file.py:MyPool
      garagebench compare HEAD~1 HEAD --impl path/to/file.py:MyPool --budget 60
      garagebench compare before.json.gz after.json.gz

    Exit code: 0 not slower, 1 error, 2 usage, 3 slower or wrong answers, 4 inconclusive, 130 interrupted.
    """  # noqa: D301  click wants the character
    from garagebench.check.files import compare_two_files
    from garagebench.gate.case import Thresholds

    if Path(base).is_file() and Path(head).is_file():
        refuse_options(OF_REVISIONS, "two files are compared as they are")
        thresholds = Thresholds(settings["max_slowdown"], settings["threshold"])
        print_verdict(compare_two_files(Path(base), Path(head), thresholds), format)
    else:
        measure(base, head, format, **settings)


@click.command()
@click.option(
    "--base",
    required=True,
    metavar="REV|FILE",
    help="The revision to compare with (for a branch: the merge base), or a result file.",
)
@comparison_options
@click.option(
    "--trust-other-machine",
    is_flag=True,
    help="Give a verdict even if FILE is from another processor or interpreter.",
)
def check(base: str, format: str | None, **settings: Any) -> None:  # noqa: A002
    """Check whether the working tree is slower than a revision or a result file.

    What is checked is any Python code: the benchmarks of a test suite (--pytest), functions (--subject), or
    implementations of the garage (--impl). Both sides, the base and the head (the working tree), are measured from copies,
    in lock-step: in short, alternating turns. The repository is not changed.

    A case is slower if its slowdown is confirmed and the estimate is at or above --max-slowdown. The verdict needs every
    benchmark and every function; of a garage every total, and every stage that has a --threshold. Other stages explain
    the verdict: if such a stage is slower, the check fails; if it cannot be judged, it is shown as `unresolved`.

    With a FILE of `run --output`, the head is measured with the settings of that run, layout and workload included.
    Then the ratios to the reference are compared.

    \b
    Examples:
      garagebench check --base main --pytest bench
      garagebench check --base main --pytest tests/test_bench.py -- -k json
      garagebench check --base main --subject bench/parsing.py:parse_all
      garagebench check --base main --impl path/to/file.py:MyPool
      garagebench check --base HEAD~1 --impl path/to/file.py:MyPool --max-slowdown 2 --budget 60
      garagebench check --base results/seed.json.gz --impl numba

    Exit code: 0 not slower, 1 error, 2 usage, 3 slower or wrong answers, 4 inconclusive, 130 interrupted.
    """  # noqa: D301  click wants the character
    measure(base, None, format, **settings)


def measure(
    base: str,
    head: str | None,
    form: str | None,
    *,
    impl: tuple[str, ...],
    subject: tuple[str, ...],
    pytest: tuple[str, ...],
    pytest_options: tuple[str, ...],
    benchmarks_from: str,
    require_all: bool,
    budget: float | None,
    generations: int | None,
    max_slowdown: float,
    threshold: dict[str, float],
    count: str | None,
    last_slower: bool,
    dry_run: bool,
    **others: Any,
) -> None:
    """Measure, print the verdict, exit."""
    from garagebench.check.files import check_against_file
    from garagebench.check.last import recall, remember
    from garagebench.check.revisions import CheckSettings, compare_revisions, plan_comparison
    from garagebench.check.suites import SuiteSettings
    from garagebench.gate.case import Thresholds
    from garagebench.gate.live import Limit
    from garagebench.report.progress import show_progress

    if pytest_options and not pytest:
        raise click.UsageError(
            f"{' '.join(pytest_options)}: what stands after -- is for pytest: name a suite with --pytest PATH"
        )
    thresholds = Thresholds(max_slowdown, threshold)
    settings = CheckSettings(
        base,
        head,
        impl,
        subject,
        SuiteSettings(pytest, pytest_options, benchmarks_from, require_all),
        limit=Limit(*choose_limit(budget, generations)),
        thresholds=thresholds,
        count_instructions=count is not None,
        only=recall(Path.cwd()) if last_slower else None,
        **others,
    )
    is_file = head is None and Path(base).is_file()
    if is_file:
        refuse_options(
            (*OF_LIVE_SIDES, "subject", "pytest"), "a result file says how it was measured"
        )
    for name in (base, head):
        refuse_missing_file(name)
    with show_progress(make_console(err=True)) as on_progress:
        if is_file:
            verdict = check_against_file(settings, on_progress=on_progress)
        elif dry_run:
            forecast = plan_comparison(settings, Path.cwd(), on_progress=on_progress)
        else:
            verdict = compare_revisions(settings, Path.cwd(), on_progress=on_progress)
            remember(verdict, Path.cwd())
    if dry_run:
        print_forecast(forecast)
        return
    print_verdict(verdict, form)


#: Options that mean nothing to two files, and to one as the base.
OF_LIVE_SIDES = ("layout", "workload", "seed", "count", "fail_fast", "last_slower", "dry_run")
OF_REVISIONS = (
    *OF_LIVE_SIDES,
    "impl",
    "subject",
    "pytest",
    "budget",
    "generations",
    "allow_different_answers",
)


def refuse_options(names: tuple[str, ...], why: str) -> None:
    """Refuse what was typed and would be ignored; a default from pyproject.toml is meant for other runs."""
    ctx = click.get_current_context()
    for name in names:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} does not apply here: {why}")


def refuse_missing_file(name: str | None) -> None:
    """Refuse the name of a result file that is not there, before git is asked for such a revision."""
    if name is not None and name.endswith((".json", ".json.gz")) and not Path(name).is_file():
        raise GarageError(f"{name}: no such file")


def print_forecast(forecast: Any) -> None:
    """Print what a check would judge and how long it would take."""
    for case in forecast.cases:
        click.echo(case.title)
    count = len(forecast.cases)
    click.echo(
        f"{count} case{'s' * (count != 1)}: about {forecast.least_s:.0f} s where nothing is slower, "
        f"at most {forecast.most_s:.0f} s"
    )
    for note in forecast.notes:
        click.echo(note, err=True)


def print_verdict(verdict: Any, form: str | None) -> None:
    """Print the verdict on standard output and exit with its code."""
    from garagebench.report.verdict import render_verdict

    show_in_workflow(verdict)  # first, so that it is there whoever reads on
    click.echo(render_verdict(verdict, form or default_format(), make_console()), nl=False)
    click.get_current_context().exit(verdict.exit_code)


def show_in_workflow(verdict: Any) -> None:
    """Where this runs in a workflow of GitHub, add the verdict to the job's summary and annotate the run."""
    from garagebench.report.verdict import render_verdict
    from garagebench.report.workflow import find_summary, make_annotation, wants_annotations

    summary = find_summary(os.environ)
    if summary is not None:
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(render_verdict(verdict, "markdown", make_console()) + "\n")
        except OSError as error:  # the verdict stands, whoever can read it
            click.echo(f"GITHUB_STEP_SUMMARY: {summary}: {error.strerror}", err=True)
    if wants_annotations(os.environ):
        # On standard error, where the runner looks as well, so that standard output stays what --format says.
        click.echo(make_annotation(verdict), err=True)
