"""The API on Tornado, with a RequestHandler."""

from __future__ import annotations

from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.web import Application, RequestHandler, stream_request_body

from garagebench.server import problems
from garagebench.server.limits import DISCARD_BYTES, Limits
from garagebench.server.openapi import TIMING_HEADER
from garagebench.server.registry import Job
from garagebench.server.service import Reply, Service, find_path
from garagebench.server.tornado_http import Server, is_gone, is_huge, serve, settle


@stream_request_body  # or Tornado would answer what is too large with a bare 400
class ApiHandler(RequestHandler):
    """Every path and every method: what there is, is the service's to say."""

    def initialize(self, service: Service, limits: Limits) -> None:
        """Take what the application has for each request."""
        self._service = service
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
            self._service.answer(
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


def make_app(service: Service, limits: Limits | None = None) -> Application:
    """Return the application, for any HTTPServer. limits: None for the defaults."""
    given = {"service": service, "limits": limits or Limits()}
    return Application([(r".*", ApiHandler, given)], log_function=lambda _: None)


def make_server(service: Service, limits: Limits) -> Server:
    """Return an HTTPServer with safe limits; Tornado's own are an hour of idle time and bodies of 100 MiB."""
    return Server(make_app(service, limits), service, limits)


def run(job: Job) -> int:
    """Serve until a signal comes."""
    return serve(job, make_app(job.service, job.limits))
