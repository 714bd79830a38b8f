"""Options that several commands have."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import click
from click.core import ParameterSource

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

FORMATS = ("table", "markdown", "json", "csv")

#: For the charts of github-action-benchmark.
CHARTS = "github-action-benchmark"

#: Of the stage table: what `garagebench.report.render` knows.
RUN_FORMATS = (*FORMATS, CHARTS)

#: One file with pictures.
PAGE = "html"


class FiniteRange(click.FloatRange):
    """A range of numbers: `inf` would never end, and `nan` compares with nothing, so that it is in every range."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number. Raises BadParameter."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


def complete_impl(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the implementations whose names begin so."""
    from garagebench.impls.registry import entries

    return [name for name in entries() if name.startswith(incomplete)]


def parse_with(
    _ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str]:
    """Return stage -> variant."""
    if not texts:
        return {}
    from garagebench.run.recipes import parse_variants

    return parse_variants(texts)


def complete_with(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the STAGE=VARIANT that begin so."""
    from garagebench.stages.variants import VARIANTS

    known = (f"{stage}={variant}" for stage in VARIANTS for variant in VARIANTS[stage])
    return [text for text in known if text.startswith(incomplete)]


def add_options(options: Sequence[Decorator], command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, so that its help lists them in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def budget_option(text: str, *, default: float | None = None) -> Decorator:
    """Return the option --budget; text: what the time is for."""
    return click.option(
        "--budget",
        type=FiniteRange(min=0, min_open=True),
        default=default,
        metavar="SECONDS",
        help=text,
    )


def generations_option(text: str) -> Decorator:
    """Return the option --generations, instead of --budget."""
    return click.option("--generations", type=click.IntRange(min=1), metavar="N", help=text)


#: Where an option's value can come from, the strongest first.
SOURCES = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP)


def choose_limit(budget: float | None, generations: int | None) -> tuple[float | None, int | None]:
    """Return seconds and generations, of which at most one is not None: the one from the stronger source. UsageError."""
    if budget is None or generations is None:
        return budget, generations
    ctx = click.get_current_context()
    ranks = [
        SOURCES.index(source) if source in SOURCES else len(SOURCES)
        for source in map(ctx.get_parameter_source, ("budget", "generations"))
    ]
    if ranks[0] == ranks[1]:
        raise click.UsageError("--budget and --generations: name one of them")
    return (budget, None) if ranks[0] < ranks[1] else (None, generations)


def seed_option(text: str) -> Decorator:
    """Return the option --seed; text: what is drawn with it."""
    return click.option("--seed", type=int, default=0, metavar="N", help=text)


def impl_option(text: str) -> Decorator:
    """Return the option --impl, which is repeatable."""
    return click.option(
        "--impl", multiple=True, metavar="NAME", shell_complete=complete_impl, help=text
    )


def subject_option(text: str) -> Decorator:
    """Return the option --subject, which is repeatable."""
    return click.option("--subject", multiple=True, metavar="FILE.py:NAME", help=text)


pytest_option = click.option(
    "--pytest",
    multiple=True,
    metavar="PATH",
    help="A test suite for pytest-benchmark or pytest-codspeed: a file or a directory, nothing of which is changed. "
    "Repeatable. What stands after -- is given to pytest: -- -k json.",
)

asv_option = click.option(
    "--asv",
    multiple=True,
    metavar="DIR",
    help="A directory of benchmarks for asv (benchmark_dir in asv.conf.json), nothing of which is changed: those called "
    "time_*. Repeatable.",
)

pyperf_option = click.option(
    "--pyperf",
    multiple=True,
    metavar="SCRIPT",
    help="A benchmark script of pyperf, nothing of which is changed. Repeatable.",
)

#: Filled by PytestCommand.
pytest_options_option = click.option("--pytest-options", multiple=True, hidden=True)


class PytestCommand(click.Command):
    """A command that takes arguments for pytest behind `--`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what stands behind `--` as values of a hidden option: it may look like options of ours."""
        if "--" in args:
            end = args.index("--")
            args = [*args[:end], *(f"--pytest-options={word}" for word in args[end + 1 :])]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the words behind the command's name."""
        return [*super().collect_usage_pieces(ctx), "[-- PYTEST_OPTIONS]"]


command_options = (
    click.option(
        "--command",
        multiple=True,
        metavar="CMD",
        help="A command, run as a whole process without a shell: --command 'python script.py'. Compared is its CPU time. "
        "Repeatable.",
    ),
    click.option(
        "--setup",
        metavar="CMD",
        help="With --command: run CMD once (of `check`: in each copy) before anything is measured.",
    ),
    click.option("--prepare", metavar="CMD", help="With --command: run CMD before each run."),
)


def add_command_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of commands to a command of ours."""
    return add_options(command_options, command)


def refuse_stray_options(
    pytest_options: Sequence[str],
    pytest: Sequence[str],
    commands: Sequence[str],
    installs: Sequence[str] = (),
) -> None:
    """Refuse what is meant for a suite, for commands or for environments where there are none. Raises UsageError."""
    ctx = click.get_current_context()
    same = ctx.get_parameter_source("same_dependencies")
    if not installs and same is ParameterSource.COMMANDLINE:
        raise click.UsageError(
            "--same-dependencies is of environments: name how with --install CMD"
        )
    for name in ("setup", "prepare"):
        if not commands and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} is of commands: name one with --command CMD")
    if pytest_options and not pytest:
        raise click.UsageError(
            f"{' '.join(pytest_options)}: what stands after -- is for pytest: name a suite with --pytest PATH"
        )


def max_slowdown_option(text: str) -> Decorator:
    """Return the option --max-slowdown, in percent."""
    return click.option(
        "--max-slowdown",
        type=FiniteRange(min=0, min_open=True),
        default=5.0,
        metavar="PERCENT",
        help=text,
    )


layout_option = click.option(
    "--layout", default="seed", metavar="NAME|FILE", help="A built-in layout or a TOML file."
)

spaces_option = click.option(
    "--spaces", type=click.IntRange(min=1), metavar="N", help="Scale the layout to N spaces."
)

workload_option = click.option(
    "--workload",
    default="fill",
    metavar="NAME|FILE",
    help="Workload: fill, mixed, churn, or a file with a trace in JSON lines.",
)

with_option = click.option(
    "--with",
    multiple=True,
    metavar="STAGE=VARIANT",
    callback=parse_with,
    shell_complete=complete_with,
    help="Use this variant of a stage. Repeatable; see `garagebench list stages`.",
)


def make_format_option(formats: tuple[str, ...]) -> Decorator:
    """Return the option --format with these to choose from."""
    return click.option(
        "--format",
        type=click.Choice(formats),
        metavar="NAME",
        help=f"Format of standard output: {', '.join(formats)}.  [default: table on a terminal, else markdown]",
    )


format_option = make_format_option(FORMATS)

#: Of a verdict.
VERDICT_FORMATS = (*FORMATS, "junit", "openmetrics")
verdict_format_option = make_format_option(VERDICT_FORMATS)
