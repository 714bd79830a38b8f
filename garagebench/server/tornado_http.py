"""What both Tornado servers share: an HTTPServer with safe limits that can drain, and the care for a reply."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, cast

from tornado.concurrent import future_add_done_callback
from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream, StreamClosedError

from garagebench.server import problems
from garagebench.server.limits import DISCARD_BYTES, Limits
from garagebench.server.raw import render_reply
from garagebench.server.registry import Job
from garagebench.server.service import Reply, Service
from garagebench.server.stopping import wait_for_signal, wait_until_idle


class Server(HTTPServer):
    """Tornado's server with our limits; `in_flight` counts requests whose headers have come and whose reply has not gone."""

    def initialize(  # type: ignore[override]
        self, delegate: HTTPServerConnectionDelegate, service: Service, limits: Limits
    ) -> None:
        super().initialize(
            cast(Any, delegate),
            # Tornado has one clock for both: what would be safe for headers cuts idle connections, too.
            idle_connection_timeout=min(limits.header_timeout_s, limits.idle_timeout_s),
            body_timeout=limits.body_timeout_s,
            max_header_size=limits.header_bytes,
            max_body_size=sys.maxsize,  # its refusal would be a bare 400: the delegates see to it
            max_buffer_size=2 * DISCARD_BYTES,
        )
        self.in_flight = 0
        self._open = 0
        self._limit = limits.connections
        self._service = service

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Serve a new connection, or say that there are too many."""
        if self._open >= self._limit:
            stream.write(render_reply(refuse_connection(self._service)))
            stream.close()
            return
        self._open += 1
        super().handle_stream(stream, address)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> _Watched:
        """Watch every request, so that one knows when all have been answered."""
        inner = super().start_request(server_conn, request_conn)
        return _Watched(self, cast(HTTP1Connection, request_conn), inner)

    def on_close(self, server_conn: object) -> None:
        """Count the connection out."""
        self._open -= 1
        super().on_close(server_conn)

    def let_go(self) -> None:
        """Let every reply be the last one on its connection."""
        self.conn_params.no_keep_alive = True

    async def drain(self, deadline_s: float) -> None:
        """Take no more connections, answer what has begun, and close."""
        self.stop()
        await wait_until_idle(lambda: self.in_flight, deadline_s)
        await self.close_all_connections()


class _Watched(HTTPMessageDelegate):
    """Hands everything on but what Tornado should not have let pass, and counts the request while it is in flight."""

    def __init__(
        self, server: Server, connection: HTTP1Connection, inner: HTTPMessageDelegate
    ) -> None:
        self._server = server
        self._connection = connection
        self._inner = inner
        self._counted = False
        self.data_received = inner.data_received  # type: ignore[method-assign]

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        object_to(start_line, headers)
        if "close" in split_list(headers.get("Connection", "")):
            # Tornado does so itself where the header has no other word in it.
            self._connection._disconnect_on_finish = True  # noqa: SLF001
        self._server.in_flight += 1
        self._counted = True
        return self._inner.headers_received(start_line, headers)

    def finish(self) -> None:
        if self._server.conn_params.no_keep_alive:
            # Tornado has looked at that when the headers came: it would close, and not say so.
            self._connection._disconnect_on_finish = True  # noqa: SLF001
        self._inner.finish()
        # A RequestHandler that was given its body in parts answers in a later turn of the loop.
        future_add_done_callback(
            self._connection._finish_future,  # noqa: SLF001
            lambda _: self._end(),
        )

    def on_connection_close(self) -> None:
        self._inner.on_connection_close()
        self._end()

    def _end(self) -> None:
        if self._counted:
            self._counted = False
            self._server.in_flight -= 1


def object_to(start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
    """Raise HTTPInputError, which Tornado answers with 400, for what it lets pass and a proxy might read otherwise."""
    is_old = start_line.version == "HTTP/1.0"
    if is_old and "Transfer-Encoding" in headers:
        raise HTTPInputError("HTTP/1.0 has no Transfer-Encoding")
    hosts = len(headers.get_list("Host"))
    if hosts > 1 or not (hosts or is_old):
        raise HTTPInputError("HTTP/1.1 wants one Host")


def split_list(value: str) -> list[str]:
    """Return the words of a header that is a list, in small letters."""
    return [word.strip() for word in value.lower().split(",")]


def refuse_connection(service: Service) -> Reply:
    """Return the reply to one connection too many."""
    return service.problem(problems.UNAVAILABLE, "too many connections")


def is_huge(headers: HTTPHeaders) -> bool:
    """Tell whether the body is too large to be read and thrown away. What is no length is Tornado's to refuse."""
    length = headers.get("Content-Length", "")
    return length.isdecimal() and int(length) > DISCARD_BYTES


def is_gone(connection: HTTPConnection) -> bool:
    """Tell whether nobody is there any more to take a reply."""
    stream = cast(HTTP1Connection, connection).stream
    return stream is None or stream.closed()


def settle(service: Service, stream: IOStream, reply: Reply) -> None:
    """Take the space back that a reply gives away, if the operating system does not get all of it.

    To be called when the reply has been handed to the stream, which writes what it can at once.
    """
    if stream.error is not None:
        service.take_back(reply.body)
    elif stream.writing():
        try:
            flushed = stream.write(b"")  # done when all before it is
        except StreamClosedError:
            service.take_back(reply.body)
            return
        future_add_done_callback(
            flushed, lambda future: service.take_back(reply.body) if future.exception() else None
        )


def serve(
    job: Job, delegate: HTTPServerConnectionDelegate, let_go: Callable[[], object] = lambda: None
) -> int:
    """Run an HTTPServer for the delegate until a signal comes, and drain. let_go: ends replies that would not end."""
    return asyncio.run(_serve(job, delegate, let_go))


async def _serve(
    job: Job, delegate: HTTPServerConnectionDelegate, let_go: Callable[[], object]
) -> int:
    server = Server(delegate, job.service, job.limits)
    server.add_sockets([job.listener])

    def end() -> None:
        server.let_go()
        let_go()

    number = await wait_for_signal(job, end)
    await server.drain(job.limits.drain_s)
    job.ended()
    return number
