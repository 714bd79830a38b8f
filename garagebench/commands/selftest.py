"""`garagebench selftest`."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from garagebench.commands.options import (
    budget_option,
    choose_limit,
    format_option,
    generations_option,
    max_slowdown_option,
    seed_option,
)
from garagebench.commands.output import default_format, make_console

#: What --replay is given where it is given nothing.
LAST = "LAST"


@click.command()
@click.option(
    "--gates",
    type=click.IntRange(min=2),
    default=5,
    metavar="N",
    help="Number of gates to measure with identical code, and the same number with a slowdown.",
)
@max_slowdown_option("Threshold of each gate: the --max-slowdown that you will use for `check`.")
@budget_option(
    "Time for each gate: the --budget that you will use for `check`.  [default: until there is a verdict, at most 120]"
)
@generations_option("Generations of each gate: the --generations that you will use for `check`.")
@seed_option("Random seed for everything that is chosen at random.")
@click.option(
    "--replay",
    is_flag=False,
    flag_value=LAST,
    metavar="[FILE]",
    help="Measure nothing; replay recorded rounds, from FILE or from the last selftest on this machine.",
)
@click.option(
    "--as-recorded",
    is_flag=True,
    help="With --replay: keep the sides as they were recorded, to see whether one side had an advantage.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write the recorded rounds to FILE, .json or .json.gz (a pyperf suite).",
)
@format_option
def selftest(
    gates: int,
    max_slowdown: float,
    budget: float | None,
    generations: int | None,
    seed: int,
    replay: str | None,
    as_recorded: bool,
    record: Path | None,
    format: str | None,  # noqa: A002
) -> None:
    """Show which slowdowns a gate (a run of `check`) on this machine can and cannot detect.

    Runs gates on identical code, and gates with a slowdown in a random stage of one side, and counts the verdicts. A
    thousand more gates are replayed from the recorded rounds. `check` shows the result if it is called with the same
    --budget or --generations and the same --max-slowdown. A selftest takes a few minutes.

    \b
    Examples:
      garagebench selftest
      garagebench selftest --budget 60 --max-slowdown 2
      garagebench selftest --replay
      garagebench selftest --replay results/rounds.json.gz --max-slowdown 3

    Exit code: 0 done, 1 error, 2 usage, 130 interrupted.
    """  # noqa: D301  click wants the character
    from garagebench.check import certificate as certificates
    from garagebench.check import selftest as selftests
    from garagebench.engine.files import check_path
    from garagebench.gate.limit import Limit
    from garagebench.report.progress import show_progress
    from garagebench.report.selftest import render_certificate

    plan = selftests.Plan(gates, Limit(*choose_limit(budget, generations)), max_slowdown, seed)
    if replay is not None:
        for name in ("record", "budget", "generations", "gates"):
            source = click.get_current_context().get_parameter_source(name)
            if source is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"--{name} takes a measurement, and --replay makes none")
        recording = selftests.load_recording(None if replay == LAST else Path(replay))
        certificate = selftests.replay(recording, plan, swaps=not as_recorded)
    else:
        if as_recorded:
            raise click.UsageError(
                "--as-recorded is of --replay: what is measured is recorded as it is"
            )
        if record is not None:
            check_path(record)
        with show_progress(make_console(err=True)) as on_progress:
            certificate, recording = selftests.selftest(plan, on_progress=on_progress)
        certificates.store(certificate, recording)
    click.echo(
        render_certificate(certificate, format or default_format(), make_console()), nl=False
    )
    if record is not None:
        recording.save(record)
