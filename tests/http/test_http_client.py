"""The client, against a server that says what it is told, in pieces."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from garagebench.http.client import Client, NoReply

REPLY = b"HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length: 2\r\n\r\n{}"
Answering = Callable[..., Client]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Yield a function that returns a client of a server which sends these pieces when it is asked, and then ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []
    clients: list[Client] = []

    def start(*pieces: bytes) -> Client:
        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.recv(65_536)
                for piece in pieces:
                    connection.sendall(piece)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        clients.append(Client(*listener.getsockname()))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
    for thread in threads:
        thread.join()
    listener.close()


@pytest.mark.parametrize(
    "pieces", [[REPLY], [bytes([byte]) for byte in REPLY], [REPLY[:-2], REPLY[-2:]]]
)
def test_a_reply_comes_in_any_pieces(answering: Answering, pieces: list[bytes]) -> None:
    """A reply is whole when its head and as many bytes as it says are there."""
    client = answering(*pieces)
    (answer,) = client.ask(client.make_requests("park", [b"{}"]))
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.time_ns > 0


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"", "closed after b''"),
        (REPLY[:-1], "closed after"),
        (b"HTTP/1.1 200 OK\r\nX-Content-Length: 2\r\n\r\n{}", "without a Content-Length"),
        (REPLY + b"HTTP", "more than was asked for"),
    ],
)
def test_what_is_no_reply_is_an_error(answering: Answering, reply: bytes, reason: str) -> None:
    """An end, a reply of unknown length, and more than was asked for are told apart."""
    client = answering(reply)
    with pytest.raises(NoReply, match=reason):
        client.ask(client.make_requests("park", [b"{}"]))


@pytest.mark.parametrize(("idle_s", "connections"), [(1, 1), (3, 2)])
def test_an_idle_connection_is_made_anew(
    monkeypatch: pytest.MonkeyPatch, idle_s: int, connections: int
) -> None:
    """A server may be about to close what has been idle; what was used a moment ago stays."""
    taken: list[socket.socket] = []

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            if len(taken) < connections:
                taken.append(listener.accept()[0])
            taken[-1].recv(65_536)
            taken[-1].sendall(REPLY)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        client = Client(*listener.getsockname())
        requests = client.make_requests("park", [b"{}"])
        client.ask(requests)
        now = time.monotonic()
        monkeypatch.setattr("garagebench.http.client.time.monotonic", lambda: now + idle_s)
        client.refresh()
        (answer,) = client.ask(requests)
        assert answer.status == 200
        server.join()
        client.close()
    assert len(taken) == connections
    for connection in taken:
        connection.close()


def test_a_request_is_whole() -> None:
    """A request names path, host, type and length."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        client = Client(host, port)
        assert client.make_requests("unpark", [b"{}", b'{"a":1}']) == [
            f"POST /unpark HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n\r\n{body}".encode()
            for length, body in ((2, "{}"), (7, '{"a":1}'))
        ]
        client.close()
