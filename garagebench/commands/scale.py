"""`garagebench scale`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from garagebench.commands.options import (
    FiniteRange,
    budget_option,
    format_option,
    impl_option,
    seed_option,
)
from garagebench.commands.output import (
    check_page,
    default_format,
    make_console,
    report_option,
    write_page,
)

LARGEST = 100_000_000


@click.command()
@impl_option(
    "Implementation: a name, or path/to/file.py:NAME. Repeatable.  [default: all that have their own pool]"
)
@click.option(
    "--spaces",
    multiple=True,
    type=click.IntRange(min=10),
    metavar="N",
    help="Measure pools with N spaces. Repeatable.  [default: 100, 1000 and so on]",
)
@click.option(
    "--max-spaces",
    type=click.IntRange(min=10),
    default=LARGEST,
    metavar="N",
    help="The largest number of spaces, if --spaces is not used.",
)
@click.option(
    "--workload",
    type=click.Choice(["fill", "churn", "both"]),
    default="both",
    help="Workload. fill: spaces are taken; churn: spaces are released and as many are taken.",
)
@budget_option("Time for the whole run.", default=240.0)
@click.option(
    "--memory",
    type=FiniteRange(min=0, min_open=True),
    default=8.0,
    metavar="GIB",
    help="Memory for the whole run.",
)
@seed_option("Random seed for the places of the cars and the order of measuring.")
@format_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write the result to FILE, as JSON.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg|.png",
    help="Also draw the result, with two logarithmic axes; needs matplotlib.",
)
@report_option
def scale(
    impl: tuple[str, ...],
    spaces: tuple[int, ...],
    max_spaces: int,
    workload: str,
    budget: float,
    memory: float,
    format: str | None,  # noqa: A002
    output: Path | None,
    plot: Path | None,
    page: Path | None,
    **others: Any,
) -> None:
    """Measure how the cost of a pool's operations grows with the number of spaces.

    Each implementation is measured up to the largest size that its share of time and memory allows; larger sizes are
    shown as skipped, with the reason. The growth is called constant, logarithmic or linear if the figures show it.

    \b
    Examples:
      garagebench scale
      garagebench scale --impl tree --impl c --workload churn --plot churn.svg
      garagebench scale --impl path/to/file.py:MyPool --max-spaces 1000000 --budget 30

    Exit code: 0 good, 1 error (also if something that was named cannot run), 2 usage, 3 wrong answers, 130 interrupted.
    """  # noqa: D301  click wants the character
    from garagebench.engine.files import check_place, write_whole
    from garagebench.report.html import render_scale as render_page
    from garagebench.report.plot import SUFFIXES, check_plot, save_plot
    from garagebench.report.progress import show_progress
    from garagebench.report.scale import render_scale
    from garagebench.scale import scaling
    from garagebench.scale.first_look import IMPLS, SIZES, ScaleSettings
    from garagebench.scale.report import to_json
    from garagebench.subjects.pools import WORKLOADS

    check_page(page)
    if output is not None:
        check_place(output)
    if plot is not None:
        if plot.suffix.lower() not in SUFFIXES:
            raise click.UsageError(f"--plot {plot}: a plot ends in {' or '.join(SUFFIXES)}")
        if output is not None and plot.resolve() == output.resolve():
            raise click.UsageError(f"--output and --plot are both {plot}: name two files")
        check_plot(plot)
    settings = ScaleSettings(
        impl or IMPLS,
        choose_sizes(spaces, max_spaces, SIZES),
        WORKLOADS if workload == "both" else (workload,),
        budget_s=budget,
        memory_gib=memory,
        **others,
    )
    with show_progress(make_console(err=True)) as on_progress:
        report = scaling.scale(settings, on_progress=on_progress)
    click.echo(render_scale(report, format or default_format(), make_console()), nl=False)
    if output is not None:
        write_whole(output, lambda whole: whole.write_text(to_json(report), encoding="utf-8"))
    write_page(page, lambda: render_page(report))
    if plot is not None:
        save_plot(report, plot)
    click.get_current_context().exit(scaling.exit_code(report, impl))


def choose_sizes(
    spaces: tuple[int, ...], max_spaces: int, defaults: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the sizes, ascending: those given, or powers of ten up to the largest."""
    if spaces:
        return tuple(sorted(set(spaces)))
    within = [size for size in defaults if size < max_spaces]
    beyond = [defaults[-1] * 10**power for power in range(1, 3)]
    within += [size for size in beyond if size < max_spaces]
    return (*within, max_spaces)
