"""The API on Tornado's HTTP, without its web framework: HTTPServerConnectionDelegate."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import cast

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
    format_timestamp,
)

from garagebench.server.limits import DISCARD_BYTES, Limits
from garagebench.server.openapi import TIMING_HEADER
from garagebench.server.registry import Job
from garagebench.server.service import Reply, Service, find_path
from garagebench.server.tornado_http import is_gone, is_huge, serve, settle

_LINES = {
    status.value: ResponseStartLine("HTTP/1.1", status.value, status.phrase)
    for status in HTTPStatus
}


class Api(HTTPServerConnectionDelegate):
    """Makes a delegate for each request."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self.service = service
        self.limit_bytes = limits.body_bytes

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Answer one request."""
        return _Request(self, cast(HTTP1Connection, request_conn))


class _Request(HTTPMessageDelegate):
    def __init__(self, api: Api, connection: HTTP1Connection) -> None:
        self._api = api
        self._connection = connection
        self._body = b""
        self._size = 0

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> None:
        assert isinstance(start_line, RequestStartLine)  # noqa: S101  for the type checker
        self._line = start_line
        self._headers = headers
        if is_huge(headers):
            self._reply(self._api.service.too_large(self._api.limit_bytes))

    def data_received(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= self._api.limit_bytes:
            self._body += chunk
        elif self._size > DISCARD_BYTES:
            self._reply(self._api.service.too_large(self._api.limit_bytes))

    def finish(self) -> None:
        if is_gone(self._connection):
            return
        service, headers = self._api.service, self._headers
        if self._size > self._api.limit_bytes:
            self._reply(service.too_large(self._api.limit_bytes))
            return
        self._reply(
            service.answer(
                self._line.method,
                find_path(self._line.path),
                headers.get("Content-Type"),
                self._body,
                TIMING_HEADER in headers,
            )
        )

    def _reply(self, reply: Reply) -> None:
        connection = self._connection
        stream = connection.stream
        headers = HTTPHeaders(
            {
                "Date": format_timestamp(time.time()),
                "Content-Type": reply.content_type,
                "Content-Length": str(len(reply.body)),
            }
        )
        headers.update(reply.headers)
        body = b"" if self._line.method == "HEAD" else reply.body
        connection.write_headers(_LINES[reply.status], headers, body)
        connection.finish()
        if reply.parked:
            settle(self._api.service, stream, reply)


def run(job: Job) -> int:
    """Serve until a signal comes."""
    return serve(job, Api(job.service, job.limits))
