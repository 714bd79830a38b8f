"""The drivers of our own, open and closed, from the first connection to the last car that leaves."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from garagebench.load.arrivals import SCHEDULES
from garagebench.load.cars import Cars
from garagebench.load.connections import Connections
from garagebench.load.driver import Driver, Tally, Tick
from garagebench.load.endpoint import Endpoint
from garagebench.load.meter import Meter
from garagebench.load.outcome import LoadOutcome, LoadSettings, choose_parked
from garagebench.load.stop import Stop

#: Of <linux/prctl.h>: how late the kernel may wake this thread up, so that it can wake others at the same time.
PR_SET_TIMERSLACK = 29


def drive(
    settings: LoadSettings, endpoint: Endpoint, meter: Meter, stop: Stop, tick: Tick
) -> LoadOutcome:
    """Put the load on. Raises LoadError, Unavailable."""
    assert settings.duration_s is not None  # noqa: S101  for the type checker: only Locust may go on for ever
    cars = Cars(endpoint, endpoint.find_vehicle(), settings.seed)
    cars.most, caveats = choose_parked(endpoint, settings.connections)
    with Connections(endpoint, settings.connections) as connections:
        driver = Driver(connections, cars, stop)
        driver.fill()
        with undisturbed():
            meter.begin()
            cpu_s, begin_s = time.process_time(), time.monotonic()
            if settings.driver == "closed":
                tally = driver.closed(settings.duration_s, tick)
            else:
                schedule = SCHEDULES[settings.arrivals](settings.rate, settings.seed)
                tally = driver.open(schedule, settings.duration_s, tick)
            share = (time.process_time() - cpu_s) / (time.monotonic() - begin_s)
            meter.end()
        driver.drain()
    return summarise(tally, driver, cars, connections, share, caveats)


def summarise(
    tally: Tally,
    driver: Driver,
    cars: Cars,
    connections: Connections,
    share: float,
    caveats: list[str],
) -> LoadOutcome:
    """Return what came of it."""
    errors = dict(connections.errors)
    if tally.unsent:
        errors["not sent: every connection waited for a reply"] = tally.unsent
    is_open = len(tally.delays) > 0
    return LoadOutcome(
        seconds=tally.busy_s,
        sent=tally.sent + tally.unsent,
        replies=dict(tally.replies),
        errors=errors,
        refused=connections.refused,
        untimed=sum(driver.untimed.values()),
        percentiles_us=tally.latencies.percentiles(),
        max_us=tally.latencies.max_us,
        histogram=tally.latencies.encode(),
        send_delay_p99_us=tally.delays.percentiles([99.0])[99.0] if is_open else None,
        generator_share=share,
        parked=cars.parked,
        unparked=cars.unparked,
        caveats=caveats,
    )


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the garbage collector and the timer's slack (50 us) out of the latencies."""
    set_slack(1)
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        set_slack(0)  # what it was


def set_slack(slack_ns: int) -> None:
    """Set this thread's timer slack; 0 for the default. Nothing happens where there is no such thing."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, slack_ns, 0, 0, 0)
