"""The scenario that Locust runs: cars arrive, stay for a while, and leave. Locust loads this file; we never import it.

It stands alone, so that it can also be given to a Locust elsewhere: `locust -f locustfile.py --host http://...`.
"""

from __future__ import annotations

import itertools
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from gevent.hub import Hub
from locust import FastHttpUser, events, task

JSON = {"Content-Type": "application/json"}
OK = 200

# From here on, Ctrl-C ends the load in order. gevent would print it into the live table as an error.
signal.signal(signal.SIGINT, signal.default_int_handler)
Hub.NOT_ERROR = (*Hub.NOT_ERROR, KeyboardInterrupt)


class Tally:
    """What this process has seen since it last told its master. latencies: microseconds -> replies."""

    def __init__(self) -> None:
        self.latencies = Counter[int]()
        self.replies = Counter[str]()
        self.errors = Counter[str]()
        self.good = Counter[str]()
        self.began: tuple[float, float] | None = None
        #: By process: seconds from the first request to the last reply, and the share of a core.
        self.processes: dict[str, list[float]] = {}

    def to_data(self, name: str) -> dict[str, Any]:
        """Return what can go over the wire, and forget it."""
        data = {
            "latencies": sorted(self.latencies.items()),
            "replies": dict(self.replies),
            "errors": dict(self.errors),
            "good": dict(self.good),
            "processes": {one or name: use for one, use in self.processes.items()},
        }
        for counter in (self.latencies, self.replies, self.errors, self.good):
            counter.clear()
        return data

    def add(self, data: dict[str, Any]) -> None:
        """Take over what another process has seen."""
        self.latencies.update(dict(data["latencies"]))
        for name in ("replies", "errors", "good"):
            getattr(self, name).update(data[name])
        self.processes.update(data["processes"])


tally = Tally()
numbers = itertools.count()


def add_options(parser: Any) -> None:
    """Add what this scenario can be told."""
    parser.add_argument("--vehicle", default="small", help="What wants to park")
    parser.add_argument("--stay", type=float, default=1.0, help="Seconds a car stays, on average")
    parser.add_argument("--away", type=float, default=1.0, help="Seconds it is away, on average")
    parser.add_argument("--seed", type=int, default=0, help="Of these times")
    parser.add_argument("--figures", default="", help="File for what was measured, as JSON")


def on_request(
    name: str, response_time: float, response: Any, exception: Exception | None, **_: Any
) -> None:
    """Count a request: its latency to the microsecond, where Locust's own statistics round."""
    now_s, cpu_s = time.monotonic(), time.process_time()
    if tally.began is None:
        tally.began = now_s - response_time / 1e3, cpu_s
    seconds = now_s - tally.began[0]
    tally.processes[""] = [seconds, (cpu_s - tally.began[1]) / seconds if seconds else 0.0]
    status = getattr(response, "status_code", 0) or 0
    if status == 0:
        tally.errors[type(exception).__name__] += 1
        return
    tally.latencies[int(response_time * 1e3)] += 1
    tally.replies[str(status)] += 1
    if status == OK:
        tally.good[name] += 1


def on_report(client_id: str, data: dict[str, Any]) -> None:
    """Tell the master what was seen here."""
    data["garagebench"] = tally.to_data(client_id)


def on_worker_report(client_id: str, data: dict[str, Any]) -> None:
    """Hear it."""
    tally.add(data["garagebench"])


def on_init(environment: Any, **_: Any) -> None:
    """Have the figures written when all workers have told theirs."""
    options = environment.parsed_options
    if options is None or not options.figures or options.worker:
        return

    def write(exit_code: int) -> None:
        figures = {"exit_code": exit_code, **tally.to_data("this process")}
        new = Path(f"{options.figures}.tmp")
        new.write_text(json.dumps(figures), encoding="ascii")
        new.replace(options.figures)

    listen("quit", write)


def listen(event: str, handler: Callable[..., None]) -> None:
    """Have Locust call the handler at that event."""
    hook: Any = getattr(events, event)  # it has no types
    hook.add_listener(handler)


listen("init_command_line_parser", add_options)
listen("request", on_request)
listen("report_to_master", on_report)
listen("worker_report", on_worker_report)
listen("init", on_init)


class Car(FastHttpUser):
    """A car: it comes, stays, leaves, and comes again. When the load ends, it leaves."""

    def on_start(self) -> None:
        """Draw its habits."""
        self._place: bytes | None = None
        self._trip: gevent.Greenlet[[], None] | None = None
        options = self.environment.parsed_options
        assert options is not None  # noqa: S101  for the type checker
        # Cars differ, and those of one worker from those of the next.
        worker = getattr(self.environment.runner, "worker_index", 0)
        self._random = random.Random(f"{options.seed} {worker} {next(numbers)}")
        self._stay, self._away, self._vehicle = options.stay, options.away, options.vehicle

    def wait_time(self) -> float:
        """Return how long it stays, or is away, in seconds: most are short, some are long."""
        mean_s = self._away if self._place is None else self._stay
        return self._random.expovariate(1 / mean_s) if mean_s > 0 else 0.0

    @task
    def arrive_or_leave(self) -> None:
        """Park where it is away, else unpark."""
        # In a greenlet of its own: Locust may kill a car whose wait is just over in the middle of its request, and
        # then nobody would know whether a space is taken.
        self._trip = gevent.spawn(self._turn)
        self._trip.get()

    def on_stop(self) -> None:
        """Leave, if it is parked, when the request on its way has been answered."""
        if self._trip is not None:
            self._trip.join()
            if self._place is not None:
                self._turn()

    def _turn(self) -> None:
        if self._place is None:
            reply = self._ask("/park", json.dumps({"vehicle": self._vehicle}))
            self._place = reply.content if reply.status_code == OK else None
        else:
            place, self._place = self._place, None
            self._ask("/unpark", place.decode())

    def _ask(self, path: str, body: str) -> Any:
        return self.client.post(path, data=body, headers=JSON)
