"""The desk before the service, for the threads of WSGI: the garage is not thread-safe, so there is a lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gunicorn.http.errors import ParseException

from garagebench.errors import GarageError
from garagebench.server import problems
from garagebench.server.limits import DISCARD_BYTES, Limits
from garagebench.server.openapi import TIMING_HEADER
from garagebench.server.problems import HttpProblem
from garagebench.server.service import Reply, Service

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

#: In the environ: the connection cannot go on behind this reply.
LAST = "garagebench.last"


class Malformed(GarageError):
    """The body is not what its headers say."""


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
        try:
            body = _read(environ, length, limit)
        except Malformed as error:
            environ[LAST] = True
            return self.refuse(problems.MALFORMED, str(error))
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

    def refuse(self, problem: HttpProblem, detail: str) -> Reply:
        """Return a problem as a reply, and count it."""
        with self._lock:
            return self._service.problem(problem, detail)

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


def _read(environ: Environ, length: int, limit: int) -> bytes:
    """Return the body, or its beginning where it is over the limit; raises Malformed where it does not come whole."""
    if length > DISCARD_BYTES:
        environ[LAST] = True
        return b""
    try:
        body: bytes = environ["wsgi.input"].read(limit + 1)
    except (ParseException, OSError) as error:  # the latter also where the client has gone
        raise Malformed(f"the body cannot be read: {error}") from error
    if len(body) < min(length, limit):  # gunicorn does not mind
        raise Malformed(f"of {length} bytes of the body {len(body)} came")
    return body
