"""The desk before the service, for the threads of WSGI: the garage is not thread-safe, so there is a lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from garagebench.server import problems
from garagebench.server.limits import DISCARD_BYTES, Limits
from garagebench.server.openapi import TIMING_HEADER
from garagebench.server.service import Reply, Service

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Desk:
    """The service behind a lock."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service = service
        self._limit_bytes = limits.body_bytes
        self._lock = threading.Lock()

    def answer(self, environ: Environ) -> Reply:
        """Read the body and answer the request."""
        limit = self._limit_bytes
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(limit + 1) if length <= DISCARD_BYTES else b""
        with self._lock:
            if "HTTP_HOST" not in environ and environ["SERVER_PROTOCOL"] != "HTTP/1.0":
                return self._service.problem(problems.MALFORMED, "HTTP/1.1 wants one Host")
            if max(len(body), length) > limit:
                return self._service.too_large(limit)
            return self._service.answer(
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"],
                environ.get("CONTENT_TYPE"),
                body,
                f"HTTP_{TIMING_HEADER.upper().replace('-', '_')}" in environ,
            )

    def watch(self, reply: Reply) -> Body:
        """Return the body of a reply, to be iterated over by gunicorn."""
        return Body(self, reply)

    def take_back(self, reply: Reply) -> None:
        """Free the space that the reply gave away."""
        with self._lock:
            self._service.take_back(reply.body)


class Body:
    """One reply's body. gunicorn asks for the next piece when the system has the last one, and closes in any case."""

    def __init__(self, desk: Desk, reply: Reply) -> None:
        self._desk = desk
        self._reply = reply
        self._owed = reply.parked

    def __iter__(self) -> Iterator[bytes]:
        yield self._reply.body
        self._owed = False

    def close(self) -> None:
        """Give the space back if the body was not written."""
        if self._owed:
            self._owed = False
            self._desk.take_back(self._reply)
