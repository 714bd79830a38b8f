"""The driver `wrk`, the system's package of that name: the ceiling, from a generator that is cheaper than any Python."""

from __future__ import annotations

import json
import math
import resource
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any

from garagebench.load.cars import Cars
from garagebench.load.child import wait_for
from garagebench.load.connections import Connections
from garagebench.load.driver import Driver, Tick
from garagebench.load.endpoint import Endpoint, LoadError
from garagebench.load.meter import Meter
from garagebench.load.outcome import LoadOutcome, LoadSettings, choose_parked, find_program
from garagebench.load.stop import Stop
from garagebench.load.wrk_script import MARK, write_script
from garagebench.system.interrupts import temporary_directory

FIX = "apt-get install wrk"

#: Beyond this, wrk counts a request as one without a reply.
TIMEOUT_S = 10

#: How many connections fill and empty the garage, before and after.
BESIDE = 8

#: wrk may not listen to signals yet when it gets one; a second one does it no harm.
AGAIN_S = 0.5

CORRECTED = "wrk adds to the latencies what it would have measured, had it not waited for replies"


def drive(
    settings: LoadSettings, endpoint: Endpoint, meter: Meter, stop: Stop, tick: Tick
) -> LoadOutcome:
    """Put the load on. Raises LoadError; Unavailable where there is no wrk."""
    program = find_program("wrk", FIX)
    assert settings.duration_s is not None  # noqa: S101  for the type checker: only Locust may go on for ever
    vehicle = endpoint.find_vehicle()
    cars = Cars(endpoint, vehicle, settings.seed)
    cars.most, caveats = choose_parked(endpoint, settings.connections)
    with Connections(endpoint, min(BESIDE, settings.connections)) as connections:
        before_it = Driver(connections, cars, stop)
        before_it.fill()
    script = write_script(endpoint, vehicle, cars, settings.seed)
    seconds = math.ceil(settings.duration_s)
    command = [
        str(program),
        "--threads=1",
        f"--connections={settings.connections}",
        f"--duration={seconds}s",
        f"--timeout={TIMEOUT_S}s",
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    meter.begin()
    said = run_program(command, endpoint, script, stop, tick)
    meter.end()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    found = parse_output(said)
    cars.held = [body.encode() for body in found["held"]]
    with Connections(endpoint, min(BESIDE, settings.connections)) as connections:
        after_it = Driver(connections, cars, stop)
        after_it.drain()
    untimed = before_it.untimed + after_it.untimed
    return summarise(settings, found, cars, untimed.total(), cpu_s, caveats)


def run_program(
    command: Sequence[str], endpoint: Endpoint, script: str, stop: Stop, tick: Tick
) -> str:
    """Return what wrk printed. Raises LoadError where it fails."""
    with temporary_directory("garagebench-") as folder, tempfile.TemporaryFile("w+") as output:
        path = folder / "park_and_unpark.lua"
        path.write_text(script, encoding="ascii")
        with subprocess.Popen(
            [*command, f"--script={path}", endpoint.url],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours to handle
        ) as process:
            try:
                wait_for(process, stop, tick, AGAIN_S)
            finally:
                process.kill()
        output.seek(0)
        said = output.read()
    if process.returncode != 0:
        last = said.strip().splitlines()[-1:] or ["it says nothing"]
        raise LoadError(f"wrk ended with exit code {process.returncode}: {last[0]}")
    return said


def parse_output(said: str) -> dict[str, Any]:
    """Return what the script said, by name. Raises LoadError where it did not say all."""
    found: dict[str, Any] = {"held": [], "status": {}, "error": {}, "percentile": {}, "max": None}
    for line in said.splitlines():
        if not line.startswith(MARK):
            continue
        name, _, value = line.removeprefix(MARK).partition(" ")
        if name == "held":
            found["held"].append(value)
        elif name in ("status", "error", "percentile"):
            key, _, count = value.partition(" ")
            found[name][key] = float(count)
        else:
            found[name] = float(value)
    missing = [one for one in ("us", "requests", "sent", "parked", "unparked") if one not in found]
    if missing:
        raise LoadError(f"wrk did not say {', '.join(missing)}; it said: {json.dumps(said[-500:])}")
    return found


def summarise(
    settings: LoadSettings,
    found: dict[str, Any],
    cars: Cars,
    untimed: int,
    cpu_s: float,
    caveats: list[str],
) -> LoadOutcome:
    """Return what came of it.

    wrk drops what is on its way when it stops: the server may have written a reply on every connection that nobody read.
    """
    seconds = found["us"] / 1e6
    errors = {
        what: int(count) for what, count in found["error"].items() if count and what != "status"
    }
    replies = {int(status): int(count) for status, count in found["status"].items()}
    shares = {float(one): int(us) for one, us in found["percentile"].items()}
    return LoadOutcome(
        seconds=seconds,
        sent=sum(replies.values()) + sum(errors.values()),
        replies=replies,
        errors={what: count for what, count in errors.items() if what != "connect"},
        refused=errors.get("connect", 0),
        untimed=untimed,
        astray=settings.connections,
        percentiles_us=shares or dict.fromkeys((50.0, 90.0, 99.0, 99.9)),
        max_us=None if found["max"] is None else int(found["max"]),
        generator_share=cpu_s / seconds if seconds else None,
        parked=cars.parked + int(found["parked"]),
        unparked=cars.unparked + int(found["unparked"]),
        exit_code=0,
        caveats=[*caveats, CORRECTED],
    )
