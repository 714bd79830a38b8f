"""Clients that send what is not whole, no HTTP or too much, and those that do not go."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from serving import FIRST, PARK, Serve, Served, each_server, make_post, read_all, wait_until

PROBLEM = b"application/problem+json"
GET = b"GET /healthz HTTP/1.1\r\nHost: garage\r\n\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nHost: garage\r\nConnection: close\r\n\r\n"
CHUNKED = (
    b"POST /park HTTP/1.1\r\nHost: garage\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@contextmanager
def stay(server: Served, request: bytes) -> Iterator[socket.socket]:
    """Ask, read the reply to its end, and do not close."""
    with server.dial() as connection:
        connection.sendall(request)
        read_all(connection)
        yield connection


def send_all(server: Served, data: bytes) -> bytes:
    """Send, say that this was all, and return what comes."""
    with server.dial() as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


@pytest.mark.parametrize("name", each_server("falcon", "flask"))
def test_clients_that_do_not_close_stall_nobody(serve: Serve, name: str) -> None:
    """Clients that have had their last reply and stay connected keep no other from being answered."""
    server = serve(name)
    with ExitStack() as staying:
        for _ in range(15):  # each of them cost all others two seconds
            connection = staying.enter_context(server.dial())
            connection.sendall(LAST)
        assert server.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize("name", each_server("falcon", "flask"))
def test_a_client_that_does_not_close_is_let_go(serve: Serve, name: str) -> None:
    """A client that stays connected after its last reply counts as a connection for a moment only."""
    server = serve(name, "--connections", 1)
    with stay(server, LAST):
        wait_until(lambda: server.ask("GET", "/healthz").status == 200, "the place of who stays")
    for _ in range(3):
        wait_until(lambda: server.ask("GET", "/healthz").status == 200, "the place of who goes")


@pytest.mark.parametrize("name", each_server("falcon", "flask"))
def test_a_client_that_does_not_close_holds_up_no_end(serve: Serve, name: str) -> None:
    """When the drain is over, who stays connected is let go, too."""
    server = serve(name, "--drain", 0)
    with stay(server, LAST):
        assert server.stop().code == 0


#: Bodies that are not what their headers say. Behind each, the client says that this was all.
CUT_OFF = {
    "short": make_post("/park", PARK).replace(b"Length: 19", b"Length: 40"),
    "no last chunk": CHUNKED + b"13\r\n" + PARK + b"\r\n",
    "short chunk": CHUNKED + b"28\r\n" + PARK,
    "no trailer": CHUNKED + b"13\r\n" + PARK + b"\r\n0\r\n",
    "no size": CHUNKED + b"13\r\n" + PARK + b"\r\nzz\r\n\r\n",
    "long chunk": CHUNKED + b"13\r\n" + PARK + b"x\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("data", CUT_OFF.values(), ids=CUT_OFF)
def test_a_body_that_is_cut_off(served: Served, data: bytes) -> None:
    """A body that does not come whole, or is no body, takes no space; who answers it does so with 400."""
    answer = send_all(served, data)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert served.taken() == 0


@pytest.mark.parametrize("name", each_server("falcon", "flask"))
def test_a_body_that_is_cut_off_is_told_of(serve: Serve, name: str) -> None:
    """The reply to a body that is none is a problem and the last one, and nothing of it is logged."""
    server = serve(name)
    for data in CUT_OFF.values():
        answer = send_all(server, data)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert PROBLEM in answer
        assert b"connection: close" in answer.lower()
    assert "Traceback" not in server.stop().said


@pytest.mark.parametrize("name", each_server("falcon", "flask"))
def test_a_body_that_is_reset(serve: Serve, name: str) -> None:
    """A client that is gone amid its body is nothing to write of in the log."""
    server = serve(name)
    with server.dial() as connection:
        connection.sendall(make_post("/park", PARK)[:-5])
        assert server.taken() == 0  # so the server has read those bytes
        reset = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
    ended = server.stop()
    assert (ended.books["parked"], ended.said.count("Traceback")) == (0, 0)


def test_a_whole_request_from_who_sends_no_more(served: Served) -> None:
    """A whole request is answered also when the client has said that this was all; granian may be too late for it."""
    if served.name == "granian":
        pytest.skip("hangs up when the client sends no more")
    assert send_all(served, make_post("/unpark", FIRST)).startswith(b"HTTP/1.1 409 ")
    pipelined = send_all(served, make_post("/unpark", FIRST) * 3)
    assert pipelined.count(b"HTTP/1.1 409 ") == 3


HOST = b"Host: garage\r\n"
REFUSED = {
    "line": (b"GET /healthz\r\n" + HOST, 400),
    "no colon": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"x\r\n", 400),
    "name": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"x y: z\r\n", 400),
    "lengths": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n", 400),
    "long line": (b"GET /healthz?" + b"x" * 9000 + b" HTTP/1.1\r\n" + HOST, 431),
    "long header": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 9000 + b"\r\n", 431),
    "headers": (b"GET /healthz HTTP/1.1\r\n" + HOST + (b"X: " + b"x" * 900 + b"\r\n") * 10, 431),
}


def count_refusals(server: Served, status: int) -> int:
    """Return how many requests to no operation were refused with the status."""
    text = server.ask("GET", "/metrics").body.decode()
    found = re.search(rf'replies_total{{operation="other",status="{status}"}} (\d+)', text)
    return int(found[1]) if found else 0


@pytest.mark.parametrize(("head", "status"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("name", each_server("wire", "falcon", "flask", "twisted"))
def test_what_a_framework_refuses_itself(serve: Serve, name: str, head: bytes, status: int) -> None:
    """Heads that are none or too large are answered with a problem, which is counted, and the connection ends."""
    server = serve(name)
    answer = server.send(head + b"\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert PROBLEM in answer
    assert count_refusals(server, status) == 1


@pytest.mark.parametrize("case", ["long line", "long header", "headers"])
@pytest.mark.parametrize("name", each_server("granian"))
def test_heads_over_the_limit(serve: Serve, name: str, case: str) -> None:
    """Heads that are no larger than what Granian can hold, and yet too large, are answered with a problem."""
    answer = serve(name).send(REFUSED[case][0] + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert PROBLEM in answer


def test_headers_in_another_encoding(served: Served) -> None:
    """A header that is no UTF-8 is nobody's business."""
    answer = served.send(LAST[:-2] + b"X: \xe9\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_large_headers_below_the_limit(served: Served) -> None:
    """A request line, or headers, of 7500 bytes are below the limit of all servers."""
    for head in (
        b"GET /healthz?" + b"x" * 7500 + b" HTTP/1.1\r\n" + HOST,
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 7500 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 90,
    ):
        answer = served.send(head + b"Connection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
