"""The service: one garage, its books, and an answer to every request, whatever framework it came through."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter_ns
from typing import Any, NamedTuple

from garagebench.core.garage import Garage, format_location
from garagebench.errors import SpaceEmpty
from garagebench.server import problems
from garagebench.server.metrics import METRICS_TYPE, render_metrics
from garagebench.server.openapi import describe_api
from garagebench.server.problems import HttpProblem

JSON = "application/json"

POSTS = ("/park", "/unpark")
GETS = ("/garage", "/healthz", "/readyz", "/metrics", "/openapi.json")

Headers = tuple[tuple[str, str], ...]
Record = Callable[[str, bytes], object]

#: Method, path, content type, body, and whether the stages are timed.
Answer = Callable[[str, str, "str | None", bytes, bool], "Reply"]


class Reply(NamedTuple):
    """What to answer. parked: it gives a space away, so `Service.take_back` it where it cannot be written."""

    status: int
    content_type: str
    body: bytes
    headers: Headers = ()
    parked: bool = False


class Timing:
    """Times of stages, as text in the form of the header `Server-Timing`."""

    def __init__(self) -> None:
        self._times_ns: list[tuple[str, int]] = []

    def measure(self, stage: str, function: Callable[..., Any], *arguments: object) -> Any:
        """Call the function and note how long it took."""
        begin = perf_counter_ns()
        result = function(*arguments)
        self._times_ns.append((stage, perf_counter_ns() - begin))
        return result

    def __str__(self) -> str:
        return ", ".join(f"{stage};dur={time_ns / 1e6:.6f}" for stage, time_ns in self._times_ns)


class Service:
    """One garage and the books of what was answered. Not thread-safe, like the garage: threads need a lock around it.

    record: called with the operation and the body of every request to park or unpark, in the order of their effect.
    ready: what /readyz says; off while the server drains.
    """

    def __init__(self, garage: Garage, record: Record | None = None) -> None:
        self.garage = garage
        self.ready = True
        self.parked = self.unparked = self.given_back = 0
        self.refused: Counter[tuple[str, int]] = Counter()
        self._record = record
        self._park = garage.handle_park
        self._unpark = garage.handle_unpark
        self._views: dict[str, Callable[[], Reply]] = {
            "/garage": self._garage,
            "/healthz": lambda: Reply(200, JSON, b'{"status":"ok"}'),
            "/readyz": self._readyz,
            "/metrics": self._metrics,
            "/openapi.json": lambda: Reply(200, JSON, describe_api(garage.layout)),
        }

    def park(self, body: bytes) -> bytes:
        """Park and return the body of the reply; raises what the garage raises."""
        if self._record is not None:
            self._record("park", body)
        park = self._park  # into a variable: see Garage.handle_park
        reply = park(body)
        self.parked += 1
        return reply

    def unpark(self, body: bytes) -> bytes:
        """Unpark and return the body of the reply; raises what the garage raises."""
        if self._record is not None:
            self._record("unpark", body)
        unpark = self._unpark
        reply = unpark(body)
        self.unparked += 1
        return reply

    def take_back(self, body: bytes) -> None:
        """Free the space that a reply to `park` gave away: it could not be written, so nobody knows of it."""
        if self._record is not None:
            self._record("unpark", body)
        with suppress(
            SpaceEmpty
        ):  # somebody guessed where it is and has freed it: that is in the books
            self._unpark(body)  # what park answers is what unpark asks
            self.given_back += 1

    def answer(
        self, method: str, path: str, content_type: str | None, body: bytes, timing: bool = False
    ) -> Reply:
        """Answer a whole request. path: without the query."""
        refusal = self.refuse_head(method, path, content_type)
        if refusal is not None:
            return refusal
        if path in self._views:
            return self._views[path]()
        operation = path[1:]
        try:
            if timing:
                return self._answer_timed(operation, body)
            if operation == "park":
                return Reply(200, JSON, self.park(body), parked=True)
            return Reply(200, JSON, self.unpark(body))
        except Exception as error:  # noqa: BLE001  a broken implementation must not end the server
            return self.refuse(operation, error)

    def refuse_head(self, method: str, path: str, content_type: str | None) -> Reply | None:
        """Return the reply to what is refused whatever its body is, or None."""
        refusal = find_refusal(method, path, content_type)
        return None if refusal is None else self.problem(*refusal)

    def refuse(self, operation: str, error: Exception) -> Reply:
        """Return the reply to a request that raised the error."""
        problem = problems.find_problem(error)
        if problem is problems.INTERNAL:
            logging.getLogger(__name__).error("%s failed", operation, exc_info=error)
            return self.problem(
                problem, "the implementation failed; the log says how", operation=operation
            )
        return self.problem(problem, str(error), operation=operation)

    def problem(
        self, problem: HttpProblem, detail: str, headers: Headers = (), operation: str = "other"
    ) -> Reply:
        """Return a problem as a reply, and count it."""
        self.refused[operation, problem.status] += 1
        return Reply(problem.status, problems.CONTENT_TYPE, problem.document(detail), headers)

    def too_large(self, limit_bytes: int) -> Reply:
        """Return the reply to a body over the limit."""
        return self.problem(
            problems.TOO_LARGE, f"too large: of a body at most {limit_bytes} bytes are read"
        )

    @property
    def spaces(self) -> dict[str, dict[str, int]]:
        """Free and taken spaces of each kind."""
        layout = self.garage.layout
        return {
            kind: {"free": free, "taken": capacity - free}
            for (kind, free), capacity in zip(
                self.garage.free.items(), layout.capacities, strict=True
            )
        }

    @property
    def books(self) -> str:
        """One sentence: what was answered with a space or a kind, and what is taken."""
        taken = sum(kind["taken"] for kind in self.spaces.values())
        return f"parked {self.parked}, unparked {self.unparked}, given back {self.given_back}, taken {taken}"

    def _answer_timed(self, operation: str, body: bytes) -> Reply:
        """Answer stage by stage, with the time of each in `Server-Timing` (in milliseconds, as it wants them)."""
        if self._record is not None:
            self._record(operation, body)
        timing = Timing()
        garage = self.garage
        if operation == "park":
            vehicle = timing.measure("validate", garage.validate_park, body)
            kind, index = timing.measure("sequence", garage.sequence, vehicle)
            place = timing.measure("floor_lookup", garage.floor_lookup, kind, index)
            reply = timing.measure("encode", garage.encode_park, place)
            self.parked += 1
        else:
            location = timing.measure("validate", garage.validate_unpark, body)
            kind, index = timing.measure("space_lookup", garage.space_lookup, location)
            if not timing.measure("release", garage.pools[kind].release, index):
                place = format_location(garage.layout.locations[kind][index])
                raise SpaceEmpty(f"the space is free already: {place}")
            reply = timing.measure("encode", garage.encode_unpark, kind)
            self.unparked += 1
        return Reply(200, JSON, reply, (("Server-Timing", str(timing)),), operation == "park")

    def _garage(self) -> Reply:
        return Reply(200, JSON, json.dumps({"kinds": self.spaces}, separators=(",", ":")).encode())

    def _readyz(self) -> Reply:
        if self.ready:
            return Reply(200, JSON, b'{"status":"ready"}')
        return self.problem(problems.UNAVAILABLE, "the server is about to end")

    def _metrics(self) -> Reply:
        text = render_metrics(self)
        if text is None:
            return self.problem(
                problems.NOT_HERE,
                "metrics need prometheus-client: pip install 'garagebench[server]'",
            )
        return Reply(200, METRICS_TYPE, text)


def find_path(target: str) -> str:
    """Return the path that a request is for: its target without the query, and without scheme and host before it."""
    scheme, separator, rest = target.partition("://")
    if separator and scheme.lower() in ("http", "https"):
        target = "/" + rest.partition("/")[2]
    return target.partition("?")[0]


def find_refusal(
    method: str, path: str, content_type: str | None
) -> tuple[HttpProblem, str, Headers] | None:
    """Return what is wrong with a request whatever its body is: the problem, its detail, more headers of the reply."""
    if path in POSTS:
        if method != "POST":
            return _not_allowed(path, "POST")
        if content_type is None or content_type.partition(";")[0].strip().lower() == JSON:
            return None
        return problems.WRONG_TYPE, f"the body must be {JSON}, not {content_type[:80]}", ()
    if path not in GETS:
        known = ", ".join((*POSTS, *GETS))
        return problems.NO_SUCH_PATH, f"no such path: {path[:80]!r}; there is: {known}", ()
    return None if method in ("GET", "HEAD") else _not_allowed(path, "GET, HEAD")


def _not_allowed(path: str, allowed: str) -> tuple[HttpProblem, str, Headers]:
    return problems.METHOD_NOT_ALLOWED, f"{path} takes {allowed} only", (("Allow", allowed),)
