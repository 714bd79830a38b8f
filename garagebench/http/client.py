"""A client of one kept connection that asks, waits, and asks again: as little of its own as Python can do."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Sequence
from typing import NamedTuple

from garagebench.errors import GarageError

#: Seconds without a reply after which the server counts as hung.
PATIENCE_S = 10.0

#: Seconds after which a connection that nobody used is made anew: the server may be about to close it, and the first of
#: them does so after ten.
FRESH_S = 2.0

_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)\r", re.IGNORECASE)
_STATUS = slice(9, 12)


class NoReply(GarageError, OSError):
    """The connection ended, or what came was no reply."""


class Answer(NamedTuple):
    """One reply, and the nanoseconds from before it was asked for to its last byte."""

    status: int
    body: bytes
    time_ns: int


class Client:
    """One connection. Use it as a context manager."""

    def __init__(self, host: str, port: int) -> None:
        self._head = (
            "POST /{} HTTP/1.1\r\nHost: {}:{}\r\nContent-Type: application/json\r\n"
            "Content-Length: {}\r\n\r\n"
        )
        self._address = (host, port)
        self._connect()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def refresh(self) -> None:
        """Make the connection anew where it has not been used for a while. Raises OSError."""
        if time.monotonic() - self._used_s > FRESH_S:
            self.close()
            self._connect()

    def make_requests(self, operation: str, bodies: Sequence[bytes]) -> list[bytes]:
        """Return whole requests, ready to be sent."""
        return [
            self._head.format(operation, *self._address, len(body)).encode() + body
            for body in bodies
        ]

    def ask(self, requests: Sequence[bytes]) -> list[Answer]:
        """Send the requests, each when the one before is answered. Raises OSError."""
        clock = time.perf_counter_ns
        answers = []
        for request in requests:
            begin_ns = clock()
            self._socket.sendall(request)
            status, body = self._receive()
            answers.append(Answer(status, body, clock() - begin_ns))
        self._used_s = time.monotonic()
        return answers

    def _connect(self) -> None:
        self._socket = socket.create_connection(self._address, timeout=PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used_s = time.monotonic()

    def _receive(self) -> tuple[int, bytes]:
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._read(data)
        found = _LENGTH.search(data, 0, end + 2)
        if found is None:
            raise NoReply(f"a reply without a Content-Length: {data[:80]!r}")
        stop = end + 4 + int(found[1])
        while len(data) < stop:
            data += self._read(data)
        if len(data) > stop:
            raise NoReply(f"more than was asked for: {data[stop : stop + 80]!r}")
        return int(data[_STATUS]), data[end + 4 :]

    def _read(self, before: bytes) -> bytes:
        piece = self._socket.recv(65_536)
        if not piece:
            raise NoReply(f"the connection was closed after {before[:80]!r}")
        return piece
