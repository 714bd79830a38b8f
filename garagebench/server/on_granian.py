"""The API on Granian, embedded in an asyncio loop, over RSGI.

Granian does not say whether a reply was written: what is promised here is that it was handed over, also where the client
has gone meanwhile, and one that sends no more after its request may have no reply. It has no idle time-out of its own
but that of the headers, which begins to count when the last reply has gone.

It reads a body to its end with one empty piece, and with two where the body was cut off or is malformed; it says no
more. Two there are behind trailers, too: a body with trailers is refused with the others.

Connections beyond their number wait: Granian takes them from the kernel when there is room (its `backpressure`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from granian._granian import SocketHolder  # the only way to hand it a socket
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from garagebench.errors import GarageError
from garagebench.server import problems
from garagebench.server.limits import DISCARD_BYTES
from garagebench.server.openapi import TIMING_HEADER
from garagebench.server.registry import Job
from garagebench.server.service import Reply
from garagebench.server.stopping import wait_for_signal, wait_until_idle

REST_S = 0.3


class ServerFailed(GarageError):
    """Granian has ended, and nobody asked it to."""


class CutOff(GarageError):
    """The body has ended before its end."""


class App:
    """The RSGI application; `in_flight` counts requests that have no reply yet."""

    def __init__(self, job: Job) -> None:
        self._service = job.service
        self._limits = job.limits
        self.in_flight = 0
        self._lets_go = False

    def let_go(self) -> None:
        """Let every reply be the last one on its connection."""
        self._lets_go = True

    async def __call__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        self.in_flight += 1
        try:
            reply = await self._answer(scope, protocol)
            headers = [
                ("content-type", reply.content_type),
                *((name.lower(), value) for name, value in reply.headers),
            ]
            if (
                self._lets_go
            ):  # Granian itself closes what is idle when it stops, and tells nobody before
                headers.append(("connection", "close"))
            if scope.method == "HEAD":
                headers.append(("content-length", str(len(reply.body))))
                protocol.response_empty(reply.status, headers)
            else:
                protocol.response_bytes(reply.status, headers, reply.body)
        finally:
            self.in_flight -= 1

    async def _answer(self, scope: Any, protocol: Any) -> Reply:
        limit = self._limits.body_bytes
        if _measure_head(scope) > self._limits.header_bytes:
            detail = f"of headers at most {self._limits.header_bytes} bytes are read"
            return self._service.problem(problems.HEADERS_TOO_LARGE, detail)
        try:
            async with asyncio.timeout(self._limits.body_timeout_s):
                body = await self._read(scope, protocol)
        except TimeoutError:
            return self._service.problem(problems.TOO_SLOW, "the body did not come in time")
        except CutOff:
            return self._service.problem(problems.MALFORMED, "the body did not come whole")
        if body is None:
            return self._service.too_large(limit)
        headers = scope.headers
        if scope.http_version != "1" and len(headers.get_all("host")) != 1:
            return self._service.problem(problems.MALFORMED, "HTTP/1.1 wants one Host")
        content_type = headers.get("content-type")
        if content_type is None and "content-type" in headers:
            content_type = "no text"  # what Granian cannot decode it says is not there
        return self._service.answer(
            scope.method,
            scope.path,
            content_type,
            body,
            TIMING_HEADER.lower() in headers,
        )

    async def _read(self, scope: Any, protocol: Any) -> bytes | None:
        """Return the body, or None where it is too large; raises CutOff where it is not whole."""
        length = int(scope.headers.get("content-length") or 0)
        if length > DISCARD_BYTES:
            return None
        body = b""
        size = ends = 0
        async for chunk in protocol:
            size += len(chunk)
            ends += not chunk
            if size > DISCARD_BYTES:
                return None
            if size <= self._limits.body_bytes:
                body += chunk
        if ends > 1 or size < length:
            raise CutOff
        return body if size <= self._limits.body_bytes else None


def _measure_head(scope: Any) -> int:
    """Return the bytes of the path and the headers: Granian's own limit cannot be below twice ours."""
    headers = scope.headers
    names, values = headers.keys(), headers.values()
    texts = (scope.path, scope.query_string, *names, *values)
    return sum(map(len, texts)) + 4 * len(names)


class _Server(Server):
    listener_fd: int

    def _init_shared_socket(self) -> None:
        self._shd = SocketHolder(self.listener_fd, False, self.backlog)  # type: ignore[call-arg]


def run(job: Job) -> int:
    """Serve until a signal comes."""
    logging.getLogger("_granian").setLevel(logging.ERROR)
    return asyncio.run(_serve(job))


async def _serve(job: Job) -> int:
    limits = job.limits
    app = App(job)
    server = _Server(
        app,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        backlog=limits.backlog,
        websockets=False,
        backpressure=limits.connections,
        http1_settings=HTTP1Settings(
            header_read_timeout=int(1000 * limits.header_timeout_s),
            max_buffer_size=2 * max(limits.header_bytes, 8192),
        ),
        log_enabled=False,
    )
    server.listener_fd = job.listener.dup().detach()  # Granian closes it
    serving = asyncio.create_task(server.serve())
    signalled = asyncio.create_task(wait_for_signal(job, app.let_go))
    await asyncio.wait([serving, signalled], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        signalled.cancel()
        await serving
        raise ServerFailed("Granian ended by itself")
    number = signalled.result()
    job.listener.close()
    server.stop()
    end_s = time.monotonic() + limits.drain_s
    await wait_until_idle(lambda: app.in_flight, limits.drain_s)
    await asyncio.wait([serving], timeout=max(end_s - time.monotonic(), 0))
    # Its threads end a moment after it says that it has ended; one that met an interpreter on its way out would panic.
    await asyncio.sleep(REST_S)
    job.ended()
    return number
