"""From settings to a row: a server, a driver, the books, and whether the figures hold."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Protocol

from garagebench.engine.metadata import collect_environment
from garagebench.load import own_drivers, scenario, wrk
from garagebench.load.books import Site, read_reported
from garagebench.load.capacity import CapacityGoal, find_capacity
from garagebench.load.driver import Tick
from garagebench.load.endpoint import Endpoint, parse_url
from garagebench.load.latencies import check_package
from garagebench.load.meter import Meter
from garagebench.load.outcome import Drive, LoadSettings, find_program
from garagebench.load.row import LoadReport, LoadRow
from garagebench.load.stop import Stop
from garagebench.load.summary import make_row
from garagebench.probe.process import ServerProcess
from garagebench.system.cores import own_core

DRIVERS: Mapping[str, Drive] = {
    "open": own_drivers.drive,
    "closed": own_drivers.drive,
    "wrk": wrk.drive,
    "locust": scenario.drive,
}

INTERRUPTED = "interrupted: the figures are of what was measured until then"

#: Connections that the server may have besides those of the load.
BESIDE = 16


def check_driver(settings: LoadSettings) -> None:
    """Raise Unavailable where the driver needs what is not installed, LoadError where it could not listen."""
    check_package()
    if settings.driver == "wrk":
        find_program("wrk", wrk.FIX)
    if settings.driver == "locust":
        scenario.check_package()
        scenario.check_ports(settings)


def check_url(settings: LoadSettings) -> None:
    """Raise LoadError where the URL is none, or nothing is there, or something that is no garage."""
    if settings.url is not None:
        parse_url(settings.url).check_garage()


def measure_row(settings: LoadSettings, stop: Stop, tick: Tick) -> LoadRow:
    """Put the load on, and return what came of it. Raises LoadError, ServerFailed, Unavailable."""
    if settings.url is not None:
        endpoint = parse_url(settings.url)
        return _measure(settings, Site(endpoint), describe_place(endpoint), stop, tick)
    with own_core() as (core, note), ServerProcess(list_arguments(settings), core) as server:
        site = Site(parse_url(server.url), server, core, core is None)
        return _measure(settings, site, [note] if note else [], stop, tick)


class LoadProgress(Protocol):
    """Shown what is done, and how many seconds of it are gone."""

    def begin(self, what: str, expected_s: float | None) -> None:
        """It begins, and takes so long; None: until it is stopped."""

    def tick(self, elapsed_s: float) -> None:
        """So many seconds of it are gone."""


def run(
    settings: LoadSettings, target: CapacityGoal | None, stop: Stop, progress: LoadProgress
) -> LoadReport:
    """Return the report of one run, or, with a target, of the search for the highest rate that meets it."""

    def measure(rate: float) -> LoadRow | None:
        if stop.asked:
            return None
        at_rate = replace(settings, rate=rate)
        what = f"{settings.driver} load" + (f", {rate:,.0f}/s" if settings.driver == "open" else "")
        progress.begin(what, settings.duration_s)
        return measure_row(at_rate, stop, progress.tick)

    if target is None:
        row = measure(settings.rate)
        rows, capacity = [row] if row else [], None
    else:
        rows, capacity = find_capacity(target, settings.rate, measure)
    return LoadReport(
        environment=collect_environment(),
        settings=asdict(settings),
        interrupted=stop.asked,
        caveats=(INTERRUPTED,) if stop.asked else (),
        rows=tuple(rows),
        capacity=capacity,
    )


def list_arguments(settings: LoadSettings) -> list[str]:
    """Return the arguments of `garagebench serve`."""
    most = BESIDE + max(settings.connections, settings.users)
    arguments = ["--impl", settings.impl, "--server", settings.server, "--layout", settings.layout]
    arguments += [] if settings.spaces is None else ["--spaces", str(settings.spaces)]
    return [*arguments, "--connections", str(max(most, 1000))]


def describe_place(endpoint: Endpoint) -> list[str]:
    """Return what is to be said about a server that somebody else has started."""
    try:
        here = ipaddress.ip_address(endpoint.host).is_loopback
    except ValueError:
        here = endpoint.host == "localhost"
    where = "the server runs on this machine" if here else "the server runs elsewhere"
    return [f"{where}: its use of CPU is not known, nor whether it shares a core with the load"]


def _measure(
    settings: LoadSettings, site: Site, caveats: list[str], stop: Stop, tick: Tick
) -> LoadRow:
    endpoint = site.endpoint
    meter = Meter(site.own.pid if site.own else None, site.core)
    before = endpoint.read_counts(), endpoint.read_spaces()
    outcome = DRIVERS[settings.driver](settings, endpoint, meter, stop, tick)
    reported = read_reported(site, *before)
    if meter.caveat:
        caveats = [*caveats, meter.caveat]
    return make_row(settings, site, outcome, reported, meter, caveats)
