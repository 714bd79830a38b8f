"""The options of `check` and `compare`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from garagebench.commands.options import (
    add_options,
    asv_option,
    budget_option,
    command_options,
    generations_option,
    impl_option,
    layout_option,
    max_slowdown_option,
    pyperf_option,
    pytest_option,
    pytest_options_option,
    seed_option,
    subject_option,
    verdict_format_option,
    workload_option,
)
from garagebench.commands.output import report_option


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


def parse_shard(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Return the number of the part and how many there are."""
    if value is None:
        return None
    number, _, of = value.partition("/")
    if not (number.isascii() and of.isascii() and number.isdigit() and of.isdigit()):
        raise click.BadParameter(f"{value!r} is not I/N, as in 2/3")
    if not 1 <= int(number) <= int(of):
        raise click.BadParameter(f"{value!r}: parts are numbered from 1 to N")
    return int(number), int(of)


def make_keeping(
    output: str | None, shard: tuple[int, int] | None, shard_by: str, resume: str | None
) -> Any:
    """Return what is kept of a check."""
    from garagebench.check.parts import Keeping
    from garagebench.gate.record import Shard

    if shard is not None and output is None and resume is None:
        raise click.UsageError(
            "--shard needs --output FILE: the verdict is given by `garagebench judge`"
        )
    if output is not None and resume is not None and Path(output) != Path(resume):
        raise click.UsageError("--resume FILE goes on with FILE itself: leave --output out")
    if output is not None and Path(output).exists() and resume is None:
        raise click.UsageError(
            f"{output} is there already: --resume {output} goes on with it, another --output begins anew"
        )
    path = resume or output
    return Keeping(
        None if path is None else Path(path),
        Shard(*(shard or (1, 1)), shard_by),
        resume is not None,
    )


#: What is measured.
SUBJECTS = (
    subject_option(
        "A function without arguments, a mapping or a list of such functions, or an object with cases(), taken from each "
        "side. Repeatable."
    ),
    pytest_option,
    asv_option,
    pyperf_option,
    *command_options,
    click.option(
        "--install",
        multiple=True,
        metavar="CMD",
        help="Give each side an environment of its own, and run CMD in it and in the copy of the side before anything is "
        "measured: --install 'pip install . -r bench/requirements.txt'. For compiled extensions and changed dependencies. "
        "Repeatable.",
    ),
    click.option(
        "--same-dependencies",
        is_flag=True,
        help="With --install: give base the versions of dependencies that head has.",
    ),
    click.option(
        "--benchmarks-from",
        type=click.Choice(["head", "base", "each"]),
        default="head",
        show_default=True,
        help="Whose benchmark files are used on both sides.",
    ),
)

#: How much is measured, and from where on it is slower.
RULES = (
    pytest_options_option,
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
)

#: Of a garage, and what is drawn by chance.
DRAWN = (
    layout_option,
    workload_option,
    seed_option("Random seed for the workload and the order of measuring."),
)


def bisect_options(command: Any) -> Any:
    """Add the options by which `bisect` makes its checks."""
    return add_options((*SUBJECTS, *RULES, *DRAWN), command)


def comparison_options(command: Any) -> Any:
    """Add the options that `compare` and `check` share."""
    options = (
        *SUBJECTS,
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
        click.option(
            "--output",
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="Keep what is measured in this file, at every look: for --resume and for `garagebench judge`.",
        ),
        click.option(
            "--shard",
            callback=parse_shard,
            metavar="I/N",
            help="Measure part I of N, for N jobs at once, and end with exit code 0; `garagebench judge` gives the verdict. "
            "Needs --output.",
        ),
        click.option(
            "--shard-by",
            type=click.Choice(["cases", "generations"]),
            default="cases",
            show_default=True,
            help="What the jobs share: cases are faster, generations see several machines for every case.",
        ),
        click.option(
            "--resume",
            type=click.Path(exists=True, dir_okay=False),
            metavar="FILE",
            help="Go on with an interrupted check from what --output has kept.",
        ),
        *RULES,
        click.option(
            "--count",
            type=click.Choice(["instructions"]),
            help="Also count instructions with valgrind, as evidence besides the times. Takes a minute more, or as long as the code takes under valgrind.",
        ),
        *DRAWN,
        verdict_format_option,
        report_option,
    )
    return add_options(options, command)
