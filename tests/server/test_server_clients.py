"""Clients that do not go."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from serving import Serve, Served, each_server, read_all, wait_until

LAST = b"GET /healthz HTTP/1.1\r\nHost: garage\r\nConnection: close\r\n\r\n"


@contextmanager
def stay(server: Served, request: bytes) -> Iterator[socket.socket]:
    """Ask, read the reply to its end, and do not close."""
    with server.dial() as connection:
        connection.sendall(request)
        read_all(connection)
        yield connection


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
