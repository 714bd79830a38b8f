"""The driver `locust`: cars arrive, stay and leave, in a process of Locust's own.

In another process, because Locust's gevent replaces the sockets and the threads of the one that it is in.
"""

from __future__ import annotations

import importlib.util
import json
import math
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from garagebench.errors import Unavailable
from garagebench.load.child import wait_for
from garagebench.load.driver import Tick
from garagebench.load.endpoint import Endpoint, LoadError
from garagebench.load.latencies import Latencies
from garagebench.load.meter import Meter
from garagebench.load.outcome import LoadOutcome, LoadSettings
from garagebench.load.stop import Stop
from garagebench.system.interrupts import temporary_directory

FIX = "pip install 'garagebench[load]'"

SCENARIO = Path(__file__).with_name("locustfile.py")

#: Until it has loaded the scenario, which undoes it, Ctrl-C ends it without a word: else that were a traceback.
LOCUST = """
import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
from locust.main import main
main()
"""

#: Where its page is.
WEB_HOST = "127.0.0.1"

#: For cars on their way when the load ends.
STOP_S = 5

#: How long a master waits for its workers.
WORKERS_S = 60

WAITS = "the latencies are of a closed loop: a car that waits for a reply sends nothing"


def check_package() -> None:
    """Raise Unavailable where Locust is missing."""
    if importlib.util.find_spec("locust") is None:
        raise Unavailable(f"locust is not installed: {FIX}")


def check_ports(settings: LoadSettings) -> None:
    """Raise LoadError where Locust could not listen: it would say so in tracebacks, long after its page was announced."""
    if settings.web_port is not None:
        check_port(WEB_HOST, settings.web_port)
    if settings.role == "master":
        check_port(settings.master_host, settings.master_port)


def check_port(host: str, port: int) -> None:
    """Raise LoadError where nobody can listen on that host and port."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            None if host == "*" else host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Locust does
            listener.bind(address)
    except (OSError, UnicodeError) as error:  # the latter of a name that cannot be one
        reason = error.strerror if isinstance(error, OSError) else error
        raise LoadError(f"cannot listen on {host}, port {port}: {reason}") from None


def drive(
    settings: LoadSettings, endpoint: Endpoint, meter: Meter, stop: Stop, tick: Tick
) -> LoadOutcome:
    """Put the load on; Locust shows its own table. Raises LoadError, Unavailable."""
    check_package()
    with temporary_directory("garagebench-") as folder:
        figures = folder / "figures.json"
        arguments = [
            *("--host", endpoint.url),
            *("--users", settings.users),
            *("--spawn-rate", settings.users),
            *("--vehicle", endpoint.find_vehicle()),
            *("--seed", settings.seed),
            *("--figures", figures),
            *choose_mode(settings),
        ]
        meter.begin()
        code = run_locust(arguments, stop)
        meter.end()
        if not figures.exists() and stop.asked:
            raise KeyboardInterrupt  # before there was any load
        if not figures.exists():
            raise LoadError(f"Locust ended with exit code {code} and without figures")
        return summarise(json.loads(figures.read_text(encoding="ascii")), code)


def choose_mode(settings: LoadSettings) -> list[object]:
    """Return the arguments that say how long, with or without its page, and whether there are workers."""
    mode: list[object] = []
    if settings.duration_s is not None:
        mode += ["--run-time", f"{math.ceil(settings.duration_s)}s"]
    if settings.web_port is None:
        mode += ["--headless"]
    else:
        mode += ["--web-host", WEB_HOST, "--web-port", settings.web_port]
        mode += ["--autostart", "--autoquit", 0] if settings.duration_s is not None else []
    if settings.role == "master":
        mode += ["--master", "--expect-workers", settings.expect_workers]
        mode += ["--expect-workers-max-wait", WORKERS_S]
        mode += ["--master-bind-host", settings.master_host]
        mode += ["--master-bind-port", settings.master_port]
    return mode


def work(settings: LoadSettings, stop: Stop) -> int:
    """Be a worker of a master, until that ends; return Locust's exit code. Raises Unavailable."""
    check_package()
    where = ["--master-host", settings.master_host, "--master-port", settings.master_port]
    return run_locust(["--worker", *where], stop)


def run_locust(arguments: Sequence[object], stop: Stop) -> int:
    """Return the exit code of Locust with these arguments and this scenario. Its streams are ours: standard error only."""
    common = ["-f", SCENARIO, "--loglevel", "WARNING", "--stop-timeout", STOP_S]
    command = [sys.executable, "-c", LOCUST, *map(str, [*common, *arguments])]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        start_new_session=True,  # Ctrl-C is ours to handle
    ) as process:
        try:
            wait_for(process, stop, lambda _: None)
        finally:
            process.kill()
    return process.returncode


def summarise(figures: dict[str, Any], code: int) -> LoadOutcome:
    """Return what came of it, from what the scenario has written."""
    latencies = Latencies((us, count) for us, count in figures["latencies"])
    seconds = max((seconds for seconds, _ in figures["processes"].values()), default=0.0)
    shares = [share for _, share in figures["processes"].values()]
    replies = {int(status): count for status, count in figures["replies"].items()}
    return LoadOutcome(
        seconds=seconds,
        sent=sum(replies.values()) + sum(figures["errors"].values()),
        replies=replies,
        errors=figures["errors"],
        refused=0,
        percentiles_us=latencies.percentiles(),
        max_us=latencies.max_us,
        histogram=latencies.encode(),
        generator_share=max(shares, default=None),
        parked=figures["good"].get("/park", 0),
        unparked=figures["good"].get("/unpark", 0),
        exit_code=code,
        caveats=[WAITS],
    )
