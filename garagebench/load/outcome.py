"""What a driver says of its run: one form for all of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from garagebench.errors import Unavailable
from garagebench.load.driver import Tick
from garagebench.load.endpoint import Endpoint
from garagebench.load.meter import Meter
from garagebench.load.stop import Stop

#: Spaces that are taken before the clock starts, at most: the slowest server parks so many in a few seconds.
MOST_PARKED = 20_000


@dataclass(frozen=True, kw_only=True)
class LoadSettings:
    """What load to put on what. url: None for a server of one's own, made of impl to spaces.

    rate: requests a second, open loop only. users: Locust's. master_host: what the master binds to and the workers
    connect to. duration_s: None for the page of Locust, until it is stopped.
    """

    driver: str = "open"
    url: str | None = None
    impl: str = "lists"
    server: str = "tornado"
    layout: str = "seed"
    spaces: int | None = None
    rate: float = 1000.0
    arrivals: str = "poisson"
    connections: int = 64
    users: int = 50
    duration_s: float | None = 10.0
    seed: int = 0
    web_port: int | None = None
    role: str | None = None
    expect_workers: int = 1
    master_host: str = "127.0.0.1"
    master_port: int = 5557


@dataclass(kw_only=True)
class LoadOutcome:
    """What came of it. percentiles_us: percentile -> microseconds.

    untimed: replies before and after the time that counts. astray: replies that the server may have written and nobody
    read. parked, unparked: replies with a 200, untimed ones included.
    """

    seconds: float
    sent: int
    replies: Mapping[int, int]
    errors: Mapping[str, int]
    refused: int
    untimed: int = 0
    astray: int = 0
    percentiles_us: Mapping[float, int | None]
    max_us: int | None
    histogram: str | None = None
    send_delay_p99_us: int | None = None
    generator_share: float | None
    parked: int
    unparked: int
    exit_code: int | None = None
    caveats: list[str] = field(default_factory=list)


#: Puts the load on, tells the meter when the time that counts begins and ends, and the tick how much of it is gone.
Drive = Callable[[LoadSettings, Endpoint, Meter, Stop, Tick], LoadOutcome]


def choose_parked(endpoint: Endpoint, connections: int) -> tuple[int, list[str]]:
    """Return how many spaces to take before the clock starts, so that the garage is half full, and what is to be said.

    connections: on each of which another car may be on its way.
    """
    spaces = endpoint.read_spaces()
    if spaces is None:
        return 0, [f"{endpoint.url}/garage says no spaces: the garage is as full as it was found"]
    free, taken = spaces
    wanted = max((free + taken) // 2 - taken, 0)
    parked, said = min(wanted, MOST_PARKED), []
    if parked < wanted:
        share = (taken + parked) / (free + taken)
        said.append(f"the garage is {share:.1%} full, not half: {parked} cars are parked first")
    if free - parked < connections:
        room = f"room for {free - parked} cars more, and {connections} connections"
        said.append(f"{room}: where cars are refused, take fewer --connections or more --spaces")
    return parked, said


def find_program(name: str, fix: str) -> Path:
    """Return where the program is. Raises Unavailable, with what would fix that."""
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is not installed: {fix}")
    return Path(found)
