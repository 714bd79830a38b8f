"""`garagebench compare` and `garagebench check`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from garagebench.commands.gate_options import comparison_options, make_keeping
from garagebench.commands.options import PytestCommand, choose_limit, refuse_stray_options
from garagebench.commands.output import check_page, default_format, make_console, write_page
from garagebench.errors import GarageError

if TYPE_CHECKING:
    from garagebench.check.revisions import CheckSettings


class CompareCommand(PytestCommand):
    """A command whose option --against takes several files at once, as a shell expands them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Name the option again for each of its files."""
        named: list[str] = []
        is_against = False
        for place, word in enumerate(args):
            if word == "--":
                named += args[place:]
                break
            if word.startswith("-") and word != "-":
                is_against = word == "--against"
                named += [] if is_against else [word]
                continue
            named += ["--against", word] if is_against else [word]
        return super().parse_args(ctx, named)


@click.command(cls=CompareCommand)
@click.argument("sides", nargs=-1, metavar="BASE HEAD | FILE... --against FILE...")
@click.option(
    "--against",
    multiple=True,
    metavar="FILE...",
    help="Result files of the base: the runs of several are counted together, and those of the other files, too.",
)
@comparison_options
def compare(
    sides: tuple[str, ...],
    against: tuple[str, ...],
    format: str | None,  # noqa: A002
    **settings: Any,
) -> None:
    """Measure and compare two revisions of any Python code, or compare result files.

    Two revisions are measured in lock-step: in short, alternating turns. Result files are those of garagebench, pyperf,
    pytest-benchmark, pytest-codspeed, hyperfine, Google Benchmark and asv. Where a file holds the measurements of one
    process, it takes several files for a verdict: FILE... --against FILE... compares the first ones (head) with the
    second ones (base).

    \b
    Examples:
      garagebench compare main my-branch --pytest bench
      garagebench compare main my-branch --subject bench/parsing.py:parse_all
      garagebench compare HEAD~1 HEAD --impl path/to/file.py:MyPool --budget 60
      garagebench compare before.json.gz after.json.gz
      garagebench compare after-*.json --against before-*.json --max-slowdown 10

    Exit code: 0 not slower, 1 error, 2 usage, 3 slower or wrong answers, 4 inconclusive, 130 interrupted.
    """  # noqa: D301  click wants the character
    if against:
        compare_result_files(against, sides, format, settings)
    if len(sides) != 2:  # noqa: PLR2004  BASE and HEAD
        raise click.UsageError(
            f"{len(sides)} arguments: BASE and HEAD, or FILE... --against FILE... for several files of a side"
        )
    if all(Path(side).is_file() for side in sides):
        compare_result_files(sides[:1], sides[1:], format, settings)
    measure(*sides, format, **settings)


def compare_result_files(
    bases: tuple[str, ...], heads: tuple[str, ...], form: str | None, settings: dict[str, Any]
) -> None:
    """Compare files, print the verdict, exit."""
    from garagebench.check.files import compare_sets_of_files
    from garagebench.gate.case import Thresholds

    check_page(settings["page"])
    refuse_options(OF_REVISIONS, "files are compared as they are")
    refuse_stray_options(settings["pytest_options"], (), ())
    if not heads:
        raise click.UsageError("--against: name the files that are compared with them, too")
    for name in (*bases, *heads):
        if not Path(name).is_file():
            raise GarageError(f"{name}: no such file")
    thresholds = Thresholds(settings["max_slowdown"], settings["threshold"])
    verdict = compare_sets_of_files(list(map(Path, bases)), list(map(Path, heads)), thresholds)
    print_verdict(verdict, form, settings["page"])


@click.command(cls=PytestCommand)
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

    What is checked is any Python code: the benchmarks of a suite (--pytest, --asv, --pyperf), functions (--subject), whole
    processes (--command), or implementations of the garage (--impl). Both sides, the base and the head (the working tree), are measured from copies,
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
      garagebench check --base main --asv benchmarks
      garagebench check --base main --pytest bench --install 'pip install . -r bench/requirements.txt'
      garagebench check --base main --subject bench/parsing.py:parse_all
      garagebench check --base main --command 'python -m mytool input.txt'
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
    count: str | None,
    fail_fast: bool,
    output: str | None,
    shard: tuple[int, int] | None,
    shard_by: str,
    resume: str | None,
    last_slower: bool,
    dry_run: bool,
    page: Path | None,
    require_all: bool,
    trust_other_machine: bool = False,
    **others: Any,
) -> None:
    """Measure, print the verdict, exit."""
    from garagebench.check.files import check_against_file
    from garagebench.check.last import recall, remember
    from garagebench.check.parts import tell_part
    from garagebench.check.revisions import compare_revisions, plan_comparison
    from garagebench.gate.record import Record
    from garagebench.report.progress import show_progress

    check_page(page)
    settings = make_settings(base, head, require_all=require_all, **others)
    settings = replace(
        settings,
        count_instructions=count is not None,
        fail_fast=fail_fast,
        keeping=make_keeping(output, shard, shard_by, resume),
        only=recall(Path.cwd()) if last_slower else None,
        trust_other_machine=trust_other_machine,
    )
    is_file = head is None and Path(base).is_file()
    if is_file:
        refuse_options(
            (*OF_LIVE_SIDES, "subject", "pytest", "command", "install"),
            "a result file says how it was measured",
        )
    for name in (base, head):
        refuse_missing_file(name)
    console = make_console(err=True)

    def tell(forecast: Any) -> None:
        console.print(forecast.sentence, highlight=False, soft_wrap=True)

    def show(output: str) -> None:
        console.print(output, highlight=False, soft_wrap=True, markup=False)

    with show_progress(console) as on_progress:
        if is_file:
            found: Any = check_against_file(settings, on_progress=on_progress)
        elif dry_run:
            found = plan_comparison(settings, Path.cwd(), on_progress=on_progress, on_output=show)
        else:
            found = compare_revisions(
                settings,
                Path.cwd(),
                on_progress=on_progress,
                on_forecast=tell,
                on_output=show,
            )
    if dry_run:
        print_forecast(found)
    elif isinstance(found, Record):
        click.echo(tell_part(found))
    else:
        if not is_file:
            remember(found, Path.cwd())
        print_verdict(found, form, page)


def make_settings(
    base: str,
    head: str | None,
    *,
    impl: tuple[str, ...],
    subject: tuple[str, ...],
    pytest: tuple[str, ...],
    pytest_options: tuple[str, ...],
    asv: tuple[str, ...],
    pyperf: tuple[str, ...],
    command: tuple[str, ...],
    setup: str | None,
    prepare: str | None,
    install: tuple[str, ...],
    same_dependencies: bool,
    benchmarks_from: str,
    budget: float | None,
    generations: int | None,
    max_slowdown: float,
    threshold: dict[str, float],
    require_all: bool = False,
    **others: Any,
) -> CheckSettings:
    """Return what is compared and how, from what was typed. Raises UsageError."""
    from garagebench.check.commands import CommandSettings
    from garagebench.check.environments import InstallSettings
    from garagebench.check.revisions import CheckSettings
    from garagebench.check.suites import SuiteSettings
    from garagebench.gate.case import Thresholds
    from garagebench.gate.limit import Limit

    refuse_stray_options(pytest_options, pytest, command, install)
    kind, paths = choose_suite({"pytest": pytest, "asv": asv, "pyperf": pyperf})
    return CheckSettings(
        base,
        head,
        impl,
        subject,
        SuiteSettings(paths, pytest_options, benchmarks_from, require_all, kind),
        CommandSettings(command, setup, prepare),
        InstallSettings(install, same_dependencies),
        limit=Limit(*choose_limit(budget, generations)),
        thresholds=Thresholds(max_slowdown, threshold),
        **others,
    )


def choose_suite(suites: dict[str, tuple[str, ...]]) -> tuple[str, tuple[str, ...]]:
    """Return the kind of the suite that is checked, and its paths, where there are any. Raises UsageError."""
    named = [(kind, paths) for kind, paths in suites.items() if paths]
    if len(named) > 1:
        kinds = " and ".join(f"--{kind}" for kind, _ in named)
        raise click.UsageError(f"{kinds}: check one suite after the other")
    return named[0] if named else ("pytest", ())


#: Options that mean nothing to two files, and to one as the base.
OF_LIVE_SIDES = (
    "layout",
    "workload",
    "seed",
    "count",
    "fail_fast",
    "last_slower",
    "dry_run",
    "output",
    "shard",
    "resume",
)
OF_REVISIONS = (
    *OF_LIVE_SIDES,
    "impl",
    "subject",
    "pytest",
    "asv",
    "pyperf",
    "command",
    "install",
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
    click.echo(forecast.sentence)
    for note in forecast.notes:
        click.echo(note, err=True)


def print_verdict(verdict: Any, form: str | None, page: Path | None) -> None:
    """Print the verdict on standard output and exit with its code. page: where the report is written, if anywhere."""
    from garagebench.report.html import render_verdict as render_page
    from garagebench.report.verdict import render_verdict

    show_in_workflow(verdict)  # first, so that it is there whoever reads on
    write_page(page, lambda: render_page(verdict))
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
