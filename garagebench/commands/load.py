"""`garagebench load`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from garagebench.commands.options import (
    FiniteRange,
    complete_impl,
    format_option,
    layout_option,
    seed_option,
    spaces_option,
)
from garagebench.commands.output import (
    check_page,
    default_format,
    make_console,
    report_option,
    write_page,
)
from garagebench.commands.serve import complete_server

if TYPE_CHECKING:
    from garagebench.load.outcome import LoadSettings

DRIVERS = ("open", "closed", "wrk", "locust")

#: Option -> the drivers that it is for.
ONLY_FOR = {
    "rate": ("open",),
    "arrivals": ("open",),
    "find_capacity": ("open",),
    "connections": ("open", "closed", "wrk"),
    "users": ("locust",),
    "web": ("locust",),
    "web_port": ("locust",),
    "master": ("locust",),
    "worker": ("locust",),
    "expect_workers": ("locust",),
    "master_host": ("locust",),
    "master_port": ("locust",),
}

#: Option -> another one, without which it does not apply.
NEEDS = {
    "latency_target": "find_capacity",
    "percentile": "find_capacity",
    "web_port": "web",
    "expect_workers": "master",
}

#: What a server somebody else has started does not need to be told.
OF_OWN_SERVER = ("impl", "server", "layout", "spaces")

#: What a worker is told by its master.
OF_WORKER = {"driver", "worker", "master_host", "master_port"}

DURATION_S = 10.0
STEP_S = 3.0

UNITS_US = {"us": 1, "ms": 1000, "s": 1_000_000}


def parse_latency(_ctx: click.Context, _param: click.Parameter, text: str) -> int:
    """Return microseconds."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)(us|ms|s)", text)
    latency_us = round(float(found[1]) * UNITS_US[found[2]]) if found else 0
    if latency_us <= 0:
        raise click.BadParameter(f"{text!r} is no latency, such as 500us, 10ms or 1s")
    return latency_us


@click.command()
@click.argument("url", required=False)
@click.option(
    "--driver",
    type=click.Choice(DRIVERS),
    default="open",
    metavar="NAME",
    help="How requests are sent. open: on schedule; closed: each after the previous reply; wrk: "
    "like closed, for the maximum throughput; locust: cars that arrive, stay and leave.",
)
@click.option(
    "--impl",
    default="lists",
    metavar="NAME",
    shell_complete=complete_impl,
    help="Implementation for the server that is started: a name, or path/to/file.py:NAME.",
)
@click.option(
    "--server",
    default="tornado",
    metavar="NAME",
    shell_complete=complete_server,
    help="Server to start; see `garagebench list servers`.",
)
@layout_option
@spaces_option
@click.option(
    "--rate",
    type=FiniteRange(min=1, max=1_000_000),
    default=1000.0,
    metavar="N",
    help="Requests per second, for --driver open; with --find-capacity: the first rate.",
)
@click.option(
    "--arrivals",
    type=click.Choice(["poisson", "uniform"]),
    default="poisson",
    help="Gaps between requests, for --driver open: random (poisson) or all equal (uniform).",
)
@click.option(
    "--connections",
    type=click.IntRange(1, 10_000),
    default=64,
    metavar="N",
    help="Number of connections at the same time; not for --driver locust.",
)
@click.option(
    "--users",
    type=click.IntRange(1, 100_000),
    default=50,
    metavar="N",
    help="Number of cars, for --driver locust.",
)
@click.option(
    "--duration",
    type=FiniteRange(min=0, min_open=True, max=86_400),
    metavar="SECONDS",
    help="How long to send requests.  [default: 10; with --find-capacity 3 for each rate; with --web until Ctrl-C]",
)
@click.option(
    "--find-capacity", is_flag=True, help="Find the highest rate that meets the latency target."
)
@click.option(
    "--latency-target",
    default="10ms",
    callback=parse_latency,
    metavar="TIME",
    help="Latency target for --find-capacity, such as 500us, 10ms or 1s.",
)
@click.option(
    "--percentile",
    type=click.Choice(["50", "90", "99", "99.9"]),
    default="99",
    help="Which percentile of the latencies must meet the latency target.",
)
@click.option("--web", is_flag=True, help="Show Locust's web page.")
@click.option(
    "--web-port",
    type=click.IntRange(1, 65_535),
    default=8089,
    metavar="N",
    help="Port of Locust's web page.",
)
@click.option(
    "--master",
    is_flag=True,
    help="Run as a Locust master: workers, here or on other machines, make the load.",
)
@click.option("--worker", is_flag=True, help="Run as a Locust worker.")
@click.option(
    "--expect-workers",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Number of workers that the master waits for.",
)
@click.option(
    "--master-host",
    default="127.0.0.1",
    metavar="ADDRESS",
    help="Address that a master listens on and a worker connects to.",
)
@click.option(
    "--master-port",
    type=click.IntRange(1, 65_535),
    default=5557,
    metavar="N",
    help="Port that a master listens on and a worker connects to.",
)
@seed_option("Random seed for the arrivals and the cars.")
@format_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write the report to FILE, as JSON.",
)
@report_option
def load(
    format: str | None,  # noqa: A002
    output: Path | None,
    page: Path | None,
    **options: Any,
) -> None:
    """Send requests to the API and measure how long replies take.

    The requests go to the server at URL or, without URL, to a server that is started for this run. Every row shows
    the percentiles of the latencies to the microsecond, the replies by status, the CPU use of client and server, and
    the books (cars parked and unparked, spaces given back and taken). If the figures of a row cannot be trusted, the
    row is marked invalid, with the reasons.

    \b
    Examples:
      garagebench load
      garagebench load --server wire --rate 5000 --duration 30
      garagebench load --server wire --driver wrk
      garagebench load http://127.0.0.1:8000 --driver closed --connections 8
      garagebench load --find-capacity --latency-target 10ms --percentile 99
      garagebench load --driver locust --users 100

    Exit code: 0 good, 1 error, 2 usage, 4 invalid, 130 interrupted.
    """  # noqa: D301  click wants the character
    from garagebench.engine.files import check_place, write_whole
    from garagebench.load.row import exit_code, to_json
    from garagebench.load.session import check_driver, check_url
    from garagebench.load.stop import stop_on_interrupt
    from garagebench.report.html import render_load as render_page
    from garagebench.report.load import render_load

    check_options()
    settings = make_settings(**options)
    check_driver(settings)
    if settings.url is None and settings.role != "worker":
        check_own_server(settings)
    check_page(page)
    if output is not None:
        check_place(output)
    check_url(settings)
    with stop_on_interrupt() as stop:
        if settings.role == "worker":
            work(settings, stop)
            return
        report = measure(settings, stop, options)
    click.echo(render_load(report, format or default_format(), make_console()), nl=False)
    write_page(page, lambda: render_page(report))
    if output is not None:
        write_whole(output, lambda whole: whole.write_text(to_json(report), encoding="utf-8"))
    click.get_current_context().exit(exit_code(report))


def check_options() -> None:
    """Raise UsageError where options were given that do not go together."""
    ctx = click.get_current_context()

    def is_asked_for(name: str) -> bool:
        asked = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
        return ctx.get_parameter_source(name) in asked

    def spell(name: str) -> str:
        return f"--{name.replace('_', '-')}"

    given = [name for name in ctx.params if is_asked_for(name)]
    driver = ctx.params["driver"]
    for name in given:
        if driver not in ONLY_FOR.get(name, DRIVERS):
            raise click.UsageError(
                f"{spell(name)} is for --driver {' or '.join(ONLY_FOR[name])}, not {driver}"
            )
        if name in NEEDS and not ctx.params[NEEDS[name]]:
            raise click.UsageError(f"{spell(name)} is for {spell(NEEDS[name])}")
        if name in OF_OWN_SERVER and ctx.params["url"] is not None:
            raise click.UsageError(f"{spell(name)} is for a server that is started, not for a URL")
        if ctx.params["worker"] and name not in OF_WORKER:
            what = "URL" if name == "url" else spell(name)
            raise click.UsageError(f"{what} is not for --worker: its master tells it what to do")


def check_own_server(settings: LoadSettings) -> None:
    """Raise what the server that is to be started would end with: UnknownName, Unavailable, LayoutError."""
    from garagebench.run.experiment import load_layout
    from garagebench.run.recipes import check_impl
    from garagebench.server.registry import check_interpreter, find_server

    find_server(settings.server)
    check_impl(settings.impl)
    check_interpreter(settings.impl)
    load_layout(settings.layout, settings.spaces)


def make_settings(
    *,
    web: bool,
    web_port: int,
    master: bool,
    worker: bool,
    duration: float | None,
    find_capacity: bool,
    latency_target: int,
    percentile: str,
    **others: Any,
) -> LoadSettings:
    """Return the settings of one run; those of the search are looked at elsewhere."""
    from garagebench.load.outcome import LoadSettings

    del latency_target, percentile
    if duration is None and not web:
        duration = STEP_S if find_capacity else DURATION_S
    return LoadSettings(
        duration_s=duration,
        web_port=web_port if web else None,
        role="worker" if worker else "master" if master else None,
        **others,
    )


def measure(settings: LoadSettings, stop: Any, options: dict[str, Any]) -> Any:
    """Return the report: of one run, or of the search for the capacity."""
    from garagebench.load.capacity import CapacityGoal
    from garagebench.load.session import run
    from garagebench.report.progress import SecondsLine

    target = None
    if options["find_capacity"]:
        target = CapacityGoal(options["latency_target"], float(options["percentile"]))
    with SecondsLine(make_console(err=True)) as line:
        if settings.web_port is not None:
            click.echo(f"Locust's page: http://127.0.0.1:{settings.web_port}", err=True)
        return run(settings, target, stop, line)


def work(settings: LoadSettings, stop: Any) -> None:
    """Be a worker until the master ends. Raises LoadError where Locust fails."""
    from garagebench.load.endpoint import LoadError
    from garagebench.load.scenario import work as work_for_master

    code = work_for_master(settings, stop)
    if stop.asked:
        raise KeyboardInterrupt
    if code != 0:
        raise LoadError(f"Locust ended with exit code {code}")
