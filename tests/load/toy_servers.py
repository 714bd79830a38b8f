"""Servers for the tests of the load: a garage that answers over plain sockets, and fails in a way that is asked for."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from garagebench.load.endpoint import Endpoint, parse_url
from garagebench.load.reply import parse_head

#: (operation, number of the request from 0 on) -> the reply as bytes; None: the garage's own; empty: none at all, ever.
Misbehave = Callable[[str, int], bytes | None]

NEVER: Misbehave = lambda _operation, _number: None  # noqa: E731


class ToyGarage:
    """A garage of so many spaces behind a socket; each connection has a thread. hang_up: after an empty reply.

    says: path of a GET -> its body; other paths are not found.
    """

    def __init__(
        self, spaces: int = 20, misbehave: Misbehave = NEVER, hang_up: bool = False
    ) -> None:
        self.free = list(range(spaces, 0, -1))
        self.most_taken = self.parked = self.unparked = self.requests = 0
        self.says: dict[str, Callable[[], bytes]] = {"/garage": self._garage}
        self._spaces = spaces
        self._misbehave = misbehave
        self._hang_up = hang_up
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def endpoint(self) -> Endpoint:
        """Where it is."""
        return parse_url(f"http://127.0.0.1:{self._listener.getsockname()[1]}")

    def close(self) -> None:
        """End it, with all connections."""
        with suppress(OSError):  # it wakes the thread that waits for connections
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            while data := connection.recv(65_536):
                reply = self._answer(data)
                if reply:
                    connection.sendall(reply)
                if b"Connection: close" in reply or (not reply and self._hang_up):
                    connection.close()
                elif not reply:
                    time.sleep(60)

    def _answer(self, data: bytes) -> bytes:
        method, path = data.split(b" ", 2)[:2]
        if method == b"GET":
            say = self.says.get(path.decode())
            return make_reply(404) if say is None else make_reply(200, say())
        with self._lock:
            operation = path.decode().rpartition("/")[2]
            number, self.requests = self.requests, self.requests + 1
            reply = self._misbehave(operation, number)
            if reply is not None:
                return reply
            return self._park() if operation == "park" else self._unpark(data)

    def _park(self) -> bytes:
        if not self.free:
            return make_reply(409)
        space = self.free.pop()
        self.parked += 1
        self.most_taken = max(self.most_taken, self._spaces - len(self.free))
        return make_reply(200, json.dumps({"floor": 1, "row": 1, "space": space}).encode())

    def _unpark(self, data: bytes) -> bytes:
        space = json.loads(data.partition(b"\r\n\r\n")[2])["space"]
        if space in self.free:
            return make_reply(409)
        self.free.append(space)
        self.unparked += 1
        return make_reply(200, b'{"kind":"small"}')

    def _garage(self) -> bytes:
        free = len(self.free)
        kinds = {"small": {"free": free, "taken": self._spaces - free}}
        return json.dumps({"kinds": kinds}).encode()


def make_reply(status: int, body: bytes = b"{}", *headers: str) -> bytes:
    """Return a reply as bytes."""
    lines = [f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(body)}"]
    head = "\r\n".join(lines).encode()
    assert parse_head(head).status == status
    return head + b"\r\n\r\n" + body


@contextmanager
def toy_garage(
    spaces: int = 20, misbehave: Misbehave = NEVER, hang_up: bool = False
) -> Iterator[ToyGarage]:
    """Yield a garage that is gone afterwards."""
    toy = ToyGarage(spaces, misbehave, hang_up)
    try:
        yield toy
    finally:
        toy.close()
