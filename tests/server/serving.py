"""Servers as the tests start them, in processes of their own, and what is asked of them over plain sockets."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from garagebench.errors import Unavailable
from garagebench.server.registry import SERVERS, load_server

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0

PARK = b'{"vehicle":"small"}'
FIRST = b'{"floor":1,"row":3,"space":1}'
SECOND = b'{"floor":1,"row":3,"space":2}'
JSON = {"Content-Type": "application/json"}


def try_server(name: str) -> str:
    """Return why the server cannot run here, or an empty text."""
    try:
        load_server(name)
    except Unavailable as error:
        return str(error)
    return ""


def each_server(*names: str) -> list[Any]:
    """Return the servers as parameters; what cannot run here is skipped and says so."""
    reasons = {name: try_server(name) for name in names or SERVERS}
    return [
        pytest.param(name, marks=pytest.mark.skipif(bool(reason), reason=reason))
        for name, reason in reasons.items()
    ]


@dataclass(frozen=True)
class Answer:
    """One reply."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Ended:
    """A server that has ended: its exit code, and what it said on both streams."""

    code: int
    printed: str
    said: str

    @property
    def books(self) -> dict[str, int]:
        """The numbers of its last sentence."""
        return {
            name: int(count)
            for name, count in re.findall(r"(parked|unparked|given back|taken) (\d+)", self.said)
        }


class Served:
    """A running `garagebench serve`."""

    def __init__(self, name: str, *options: object, cwd: Path, **environment: str) -> None:
        kept = {key: value for key, value in os.environ.items() if "GARAGEBENCH" not in key}
        command = ["serve", "--server", name, "--port", "0", *map(str, options)]
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", "garagebench", *command],
            cwd=cwd,
            env={**kept, "PYTHONPATH": str(ROOT), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            pytest.fail(f"{name} did not start: {self.process.communicate()[1]}")
        self.port = int(self.url.rpartition(":")[2])

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that is kept."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def dial(self) -> socket.socket:
        """Return a plain connection, for what no client would send."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request on a connection of its own; JSON unless a content_type is given."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and "content-type" not in sent:
            sent.update(JSON)
        connection = self.connect()
        try:
            return ask_on(connection, method, path, body, sent)
        finally:
            connection.close()

    def send(self, data: bytes) -> bytes:
        """Send bytes on a connection of their own; what comes until the server closes it."""
        with self.dial() as connection:
            connection.sendall(data)
            return read_all(connection)

    def taken(self) -> int:
        """Return how many spaces are taken."""
        kinds = self.ask("GET", "/garage").json["kinds"]
        return sum(kind["taken"] for kind in kinds.values())

    def stop(self, number: int = signal.SIGTERM) -> Ended:
        """Send the signal to the whole group, as a terminal does with Ctrl-C, and wait for the end."""
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> Ended:
        """Wait for the end."""
        printed, said = self.process.communicate(timeout=PATIENCE_S)
        return Ended(self.process.returncode, printed, said)

    def kill(self) -> None:
        """End whatever is left of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for something that takes a moment; fail when it does not come."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.01)


def ask_on(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Send a request on a kept connection."""
    connection.request(method, path, body, JSON if headers is None else headers)
    reply = connection.getresponse()
    received = {name.lower(): value for name, value in reply.getheaders()}
    return Answer(reply.status, received, reply.read())


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the other side closes; a reset is an end, too."""
    data = b""
    try:
        while piece := connection.recv(65_536):
            data += piece
    except ConnectionError:
        pass
    return data


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """Return what comes until it ends so."""
    data = b""
    while not data.endswith(end):
        piece = connection.recv(65_536)
        assert piece, f"closed after {data!r}"
        data += piece
    return data


def make_post(path: str, body: bytes, *headers: str) -> bytes:
    """Return a request as bytes."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: garage",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def cut(data: bytes, places: Sequence[int]) -> Iterator[bytes]:
    """Yield the pieces; a place beyond the end is none."""
    inner = sorted({place for place in places if 0 < place < len(data)})
    for begin, end in zip([0, *inner], [*inner, len(data)], strict=True):
        yield data[begin:end]


#: Starts a server with the given options.
Serve = Callable[..., Served]
