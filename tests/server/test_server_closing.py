"""What becomes of those who are just coming when a server ends."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from serving import FIRST, PARK, PATIENCE_S, Serve, ask_on, each_server, make_post, read_until

from garagebench.errors import Unavailable
from garagebench.server.closing import count_waiting, turn_away
from garagebench.server.front.nginx import find_nginx


def has_nginx() -> bool:
    """Whether nginx is installed."""
    try:
        return bool(find_nginx())
    except Unavailable:
        return False


ALONE_AND_BEHIND = pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="alone"),
        pytest.param(
            ("--nginx",), id="nginx", marks=pytest.mark.skipif(not has_nginx(), reason="no nginx")
        ),
    ],
)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Yield a listening socket whose connections nobody takes in."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_who_waits_is_counted(listener: socket.socket) -> None:
    """Once the door is closed, those before it are counted, and can be taken in."""
    address = listener.getsockname()
    with socket.create_connection(address), socket.create_connection(address):
        assert turn_away(listener)
        for waiting in (2, 1):
            assert count_waiting(listener) == waiting
            listener.accept()[0].close()
        assert count_waiting(listener) == 0


def test_who_comes_late_is_refused(listener: socket.socket) -> None:
    """Who comes when the door is closed is refused when the socket is; he never was connected."""
    address = listener.getsockname()
    turn_away(listener)
    closing = threading.Timer(0.1, listener.close)
    closing.start()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=PATIENCE_S)
    closing.join()


@pytest.mark.parametrize("name", each_server())
def test_who_is_connected_is_answered(serve: Serve, name: str) -> None:
    """A request whose connection nobody had taken in when SIGTERM came is answered like any other."""
    server = serve(name)
    os.killpg(server.process.pid, signal.SIGSTOP)
    with ExitStack() as stack:
        connections = [stack.enter_context(server.dial()) for _ in range(20)]
        for connection in connections:
            connection.sendall(make_post("/park", PARK))
        server.process.terminate()
        os.killpg(server.process.pid, signal.SIGCONT)
        for connection in connections:
            assert read_until(connection, b"}").startswith(b"HTTP/1.1 200 ")
    ended = server.wait()
    assert (ended.code, ended.books["parked"]) == (0, 20)


@ALONE_AND_BEHIND
@pytest.mark.parametrize("name", each_server())
def test_a_busy_client_is_let_go(serve: Serve, name: str, options: tuple[str, ...]) -> None:
    """A client that asks again and again on one connection is told with its last reply that there will be no other."""
    server = serve(name, *options)
    connection = server.connect()
    terminating = threading.Timer(0.2, server.process.terminate)
    terminating.start()
    while (answer := ask_on(connection, "POST", "/unpark", FIRST)).status == 409:
        if answer.headers.get("connection") == "close":
            break
    assert answer.status == 409
    connection.close()
    terminating.join()
    assert server.wait().code == 0


@ALONE_AND_BEHIND
@pytest.mark.parametrize("name", each_server())
def test_an_echo_of_the_signal(serve: Serve, name: str, options: tuple[str, ...]) -> None:
    """A signal that comes twice at once, as `timeout` sends it, is one: the server ends as after one."""
    server = serve(name, *options)
    server.ask("POST", "/park", PARK)
    for _ in range(5):
        server.process.terminate()
        time.sleep(0.01)
    ended = server.wait()
    assert (ended.code, ended.books["taken"]) == (0, 1)
