"""How `wire` reads: any pieces of a stream mean the same, and one client's bytes mean nothing for another."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import FIRST, PARK, cut, make_post

from garagebench.core.garage import Garage
from garagebench.core.layout import Layout
from garagebench.impls.registry import load_impl
from garagebench.server import Limits, Service

wire = pytest.importorskip("garagebench.server.wire")
connections = pytest.importorskip("garagebench.server.wire_connection")

LIMIT = 100
GET = b"GET /garage HTTP/1.1\r\nHost: garage\r\n\r\n"
CHUNKED = make_post("/park", b"", "Transfer-Encoding: chunked").replace(
    b"Content-Length: 0\r\n", b""
)
WHOLE = b"13\r\n" + PARK + b"\r\n0\r\n\r\n"
BAD = b"13\r\n" + PARK + b"xx0\r\n\r\n"


class Transport:
    """A transport as `wire` uses one, on one end of a pair of sockets."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self.aborted = self.closed = False

    def get_extra_info(self, name: str) -> Any:
        assert name == "socket"
        return self._socket

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True

    def write_eof(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def set_write_buffer_limits(self, high: int) -> None:
        pass


class Clients:
    """Clients of one server, in this process and one after the other; `asked` is what reached the garage."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []
        garage = Garage(Layout.builtin("seed"), load_impl("lists"))
        self.service = Service(garage, lambda *request: self.asked.append(request))
        self._wire = wire.Wire(self.service, Limits(body_bytes=LIMIT))
        self._wire.replies.date = "today"

    def send(self, *pieces: bytes) -> bytes:
        """Send the pieces on a connection of their own; what comes back."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            connection = connections.Connection(self._wire)
            connection.connection_made(Transport(theirs))
            for piece in pieces:
                connection.data_received(piece)
            connection.connection_lost(None)
            ours.setblocking(False)
            try:
                return ours.recv(1_000_000)
            except BlockingIOError:
                return b""


@pytest.fixture
def clients() -> Clients:
    """A server with an empty garage."""
    return Clients()


REQUESTS = (
    make_post("/park", PARK),
    make_post("/unpark", FIRST),
    make_post("/park", b"{", "X-Odd: 1"),
    make_post("/park", PARK, "Connection: keep-alive"),
    make_post("/nosuch", PARK),
    CHUNKED + WHOLE,
    CHUNKED + b"5;a=b\r\n" + PARK[:5] + b"\r\nE\r\n" + PARK[5:] + b"\r\n00\r\nX: y\r\n\r\n",
    GET,
    GET.replace(b"GET", b"HEAD"),
    make_post("/park", PARK, "Connection: close"),
    CHUNKED + BAD,
    make_post("/park", PARK, "Content-Length: 5"),
)


@given(st.lists(st.sampled_from(REQUESTS), max_size=6), st.lists(st.integers(1, 1200)))
def test_any_pieces_mean_the_same(requests: Sequence[bytes], places: Sequence[int]) -> None:
    """However a stream is cut, the same requests reach the garage, and the replies are the same bytes."""
    stream = b"".join(requests)
    whole, pieces = Clients(), Clients()
    answered = whole.send(stream)
    assert pieces.send(*cut(stream, places)) == answered
    assert pieces.asked == whole.asked


@given(st.lists(st.sampled_from(REQUESTS), max_size=4))
def test_single_bytes_mean_the_same(requests: Sequence[bytes]) -> None:
    """Byte by byte, too."""
    stream = b"".join(requests)
    whole, single = Clients(), Clients()
    answered = whole.send(stream)
    assert single.send(*cut(stream, range(len(stream)))) == answered
    assert single.asked == whole.asked


@pytest.mark.parametrize("bad", [BAD, b"%x\r\n" % (LIMIT + 1)])
def test_a_bad_body_harms_nobody_else(clients: Clients, bad: bytes) -> None:
    """After a body that was refused, the same head with a good one is served, on another connection."""
    assert b" 200 " in clients.send(CHUNKED + WHOLE)
    assert b" 200 " not in clients.send(CHUNKED + bad)
    assert b" 200 " in clients.send(CHUNKED + WHOLE)


@pytest.mark.parametrize(
    "head",
    [
        make_post("/park", PARK).replace(b"Host", b"Host: a\r\nHost"),
        make_post("/park", PARK).replace(b"HTTP/1.1", b"HTTP/0.9"),
        make_post("/park", PARK).replace(b"HTTP/1.1", b"HTTP/2.0"),
        make_post("/park", PARK).replace(b"HTTP/1.1", b"RTSP/1.0"),
        make_post("/park", PARK, "X: a\r\n b"),
        make_post("/park", PARK, "X: a\r\n\tb"),
        make_post("/park", PARK, "Transfer-Encoding: chunked"),
        CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + WHOLE,
        CHUNKED.replace(b"chunked", b"x\r\nTransfer-Encoding: chunked") + WHOLE,
        CHUNKED.replace(b"chunked", b"chunked\r\nTransfer-Encoding: chunked") + WHOLE,
    ],
)
def test_heads_that_are_refused(clients: Clients, head: bytes) -> None:
    """What httptools lets pass and a proxy may read otherwise is refused with 400, and nothing behind it is read."""
    data = clients.send(head + make_post("/park", PARK))
    assert data.startswith(b"HTTP/1.1 400 ")
    assert data.count(b"HTTP/1.1 4") == 1
    assert clients.asked == []


@pytest.mark.parametrize(
    ("version", "value", "ends"),
    [
        ("1.1", "x, Close", True),
        ("1.1", "close\r\nConnection: keep-alive", True),
        ("1.1", "keep-alive", False),
        ("1.0", "keep-alive", False),
        ("1.0", "x", True),
    ],
)
def test_what_ends_a_connection(clients: Clients, version: str, value: str, ends: bool) -> None:
    """`close` ends it among whatever other words, and HTTP/1.0 goes on only where it asks to."""
    fields = f"Connection: {value}\r\nHost:".encode()
    for request in (make_post("/park", PARK), GET):
        odd = request.replace(b"Host:", fields).replace(b"1.1", version.encode(), 1)
        data = clients.send(odd + GET)
        assert data.count(b" 200 OK") == 2 - ends
        assert (b"Connection: close" in data) is ends


def test_expecting_in_a_list(clients: Clients) -> None:
    """Who expects 100 Continue among other things is told to go on, once."""
    request = make_post("/park", PARK, "Expect: x, 100-Continue")
    data = clients.send(request[: -len(PARK)], request[-len(PARK) : -3], request[-3:])
    assert data.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert data.count(b" 100 Continue") == 1


def test_time_outs_are_counted_in_sweeps() -> None:
    """A header that is not whole is given up two sweeps after its time, and not before, whatever the clock says."""
    served = wire.Wire(Clients().service, Limits(header_timeout_s=3))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = connections.Connection(served)
        transport = Transport(theirs)
        connection.connection_made(transport)
        connection.data_received(GET[:-1])
        for _ in range(4):
            served.sweep()
            assert not transport.closed
        served.sweep()
        assert transport.closed
        assert ours.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_head_is_refused_without_a_body(clients: Clients) -> None:
    """The reply to HEAD has no body, also where it is refused."""
    data = clients.send(make_post("/park", PARK.ljust(LIMIT + 1)).replace(b"POST", b"HEAD", 1))
    assert data.startswith(b"HTTP/1.1 413 ")
    assert data.endswith(b"\r\n\r\n")


def test_a_space_that_somebody_freed_is_not_given_back_again(clients: Clients) -> None:
    """A reply that could not be written for a space that is free again changes nothing, and counts for nothing."""
    service = clients.service
    service.park(PARK)
    service.unpark(FIRST)
    service.take_back(FIRST)
    assert service.books == "parked 1, unparked 1, given back 0, taken 0"


class Full(Transport):
    """A transport of a client whose system takes no more at the moment."""

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


@pytest.mark.parametrize("taken", [0, 10])
def test_a_reply_taken_in_part_goes_on(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    """What the system does not take at once, nothing of it or all but the first bytes, the transport writes."""

    def write(fd: int, data: bytes) -> int:
        if not taken:
            raise BlockingIOError
        return write_for_real(fd, data[:taken])

    write_for_real = connections.os.write
    monkeypatch.setattr(connections.os, "write", write)
    service = Clients().service
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = connections.Connection(wire.Wire(service, Limits()))
        connection.connection_made(Full(theirs))
        for _ in range(2):  # the second finds its head known
            connection.data_received(make_post("/park", PARK))
            reply = ours.recv(1000)
            assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
            assert reply.endswith(b"}")
        connection.connection_lost(None)
    assert service.books == "parked 2, unparked 0, given back 0, taken 2"


def test_a_space_is_given_back_where_the_client_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the reply cannot be written at all, the space is free again and the connection ends."""

    def write(fd: int, data: bytes) -> int:
        raise ConnectionResetError

    service = Clients().service
    ours, theirs = socket.socketpair()
    with ours, theirs:
        served = wire.Wire(service, Limits())
        served.learn(make_post("/park", PARK).partition(b"{")[0])
        connection = connections.Connection(served)
        transport = Full(theirs)
        connection.connection_made(transport)
        monkeypatch.setattr(connections.os, "write", write)
        connection.data_received(make_post("/park", PARK))
        connection.connection_lost(None)
    assert transport.aborted
    assert service.books == "parked 1, unparked 0, given back 1, taken 0"
