"""The API as a RequestHandler of Tornado."""

from __future__ import annotations

from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.web import RequestHandler, stream_request_body

from garagebench.server import problems
from garagebench.server.limits import DISCARD_BYTES, Limits
from garagebench.server.openapi import TIMING_HEADER
from garagebench.server.service import Answer, Reply, Service, find_path
from garagebench.server.tornado_http import is_gone, is_huge, settle


@stream_request_body  # or Tornado would answer what is too large with a bare 400
class ApiHandler(RequestHandler):
    """Every path and every method: what there is, is the service's to say."""

    def initialize(self, service: Service, limits: Limits, answer: Answer | None = None) -> None:
        """Take what the application has for each request. answer: what answers instead of the service."""
        self._service = service
        self._answer = answer or service.answer
        self._limit_bytes = limits.body_bytes
        self._body = b""
        self._size = 0

    def prepare(self) -> None:
        """Refuse at once what is too large to be read and thrown away."""
        if is_huge(self.request.headers):
            self._reply(self._service.too_large(self._limit_bytes))

    def data_received(self, chunk: bytes) -> None:
        """Keep the body up to its limit."""
        self._size += len(chunk)
        if self._size <= self._limit_bytes:
            self._body += chunk
        elif self._size > DISCARD_BYTES:
            self._reply(self._service.too_large(self._limit_bytes))

    def handle(self) -> None:
        """Answer."""
        if is_gone(self.request.connection):  # type: ignore[arg-type]
            return
        if self._size > self._limit_bytes:
            self._reply(self._service.too_large(self._limit_bytes))
            return
        request = self.request
        headers = request.headers
        self._reply(
            self._answer(
                request.method or "",
                find_path(request.path),
                headers.get("Content-Type"),
                self._body,
                TIMING_HEADER in headers,
            )
        )

    get = head = post = put = patch = delete = options = handle

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer what Tornado refuses itself: methods that it does not know, and what went wrong in this class."""
        service, request = self._service, self.request
        refusal = service.refuse_head(request.method or "", find_path(request.path), None)
        self._reply(refusal or service.problem(problems.INTERNAL, "the log says how"))

    def compute_etag(self) -> None:
        """No reply is worth a hash: none is asked for twice."""

    def _reply(self, reply: Reply) -> None:
        self.set_status(reply.status)
        self.set_header("Content-Type", reply.content_type)
        for name, value in reply.headers:
            self.set_header(name, value)
        connection = self.request.connection
        assert isinstance(connection, HTTP1Connection)  # noqa: S101  there is no other
        stream = connection.stream
        self.finish(reply.body)
        if reply.parked:
            settle(self._service, stream, reply)
