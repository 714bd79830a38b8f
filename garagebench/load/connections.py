"""Keep-alive connections to one server, with one request at a time on each.

Plain sockets under one epoll: no event loop of a library wakes up to the microsecond, and none is as cheap.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from collections import Counter, deque
from time import perf_counter_ns
from typing import NamedTuple, Self

from garagebench.errors import Unavailable
from garagebench.load.cars import Request
from garagebench.load.endpoint import Endpoint, LoadError
from garagebench.load.reply import BrokenReply, parse_reply

#: For the first connections, all together.
CONNECT_NS = 5_000_000_000

#: A request without a reply for so long is given up, with its connection.
REPLY_NS = 10_000_000_000

#: After a connection was refused, until the next try on its behalf.
AGAIN_NS = 100_000_000

#: Between two looks for requests to be given up, and connections to be tried again.
CARE_NS = 50_000_000

#: epoll sleeps whole milliseconds, rounded up; select sleeps microseconds, at the price of one more system call.
COARSE_NS = 5_000_000

#: Shorter sleeps take longer to start than to end.
SPIN_NS = 5_000


class Answer(NamedTuple):
    """What became of a request: when it was to be sent, when the reply came, and the reply. status 0: none came."""

    request: Request
    intended_ns: int
    came_ns: int
    status: int
    body: bytes


class Connection:
    """One connection. request: what it waits for the reply to."""

    __slots__ = ("again_ns", "buffer", "intended_ns", "is_open", "request", "sent_ns", "socket")

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.is_open = False
        self.request: Request | None = None
        self.intended_ns = self.sent_ns = self.again_ns = 0
        self.buffer = b""


class Connections:
    """free: those on which a request can be sent. busy: those that wait for a reply. Use it as a context manager.

    errors: requests that got no reply, by reason. refused: connections that were. Raises LoadError where none can be made.
    """

    def __init__(self, endpoint: Endpoint, count: int) -> None:
        if not hasattr(select, "epoll"):
            raise Unavailable("this driver needs epoll: run it on Linux, or use --driver locust")
        self.free: deque[Connection] = deque()
        self.busy = self.refused = 0
        self.errors: Counter[str] = Counter()
        self._endpoint = endpoint
        self._family, self._address = resolve(endpoint)
        self._answers: list[Answer] = []
        self._by_fd: dict[int, Connection] = {}
        self._epoll = select.epoll()
        self._care_ns = 0
        self._all = [Connection() for _ in range(count)]
        self._why = "it takes too long"
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, whatever they wait for."""
        for connection in self._all:
            self._hang_up(connection)
        self._epoll.close()

    def send(self, request: Request, intended_ns: int) -> int:
        """Send the request on the connection that has been free for longest; the moment when that was done."""
        connection = self.free.popleft()
        connection.request = request
        connection.intended_ns = intended_ns
        self.busy += 1
        now_ns = connection.sent_ns = perf_counter_ns()
        assert connection.socket is not None  # noqa: S101  for the type checker
        try:
            whole = connection.socket.send(request.data) == len(request.data)
        except OSError as error:
            self._lose(connection, describe(error))
        else:
            if not whole:
                self._lose(connection, "the connection takes no more")
        return now_ns

    def receive(self, timeout_ns: int) -> list[Answer]:
        """Wait for replies, no longer than that, and return what has become of requests."""
        for fd, _ in self._wait(timeout_ns):
            connection = self._by_fd.get(fd)
            if connection is None:
                continue
            if connection.is_open:
                self._read(connection)
            else:
                self._connected(connection)
        now_ns = perf_counter_ns()
        if now_ns >= self._care_ns:
            self._care_ns = now_ns + CARE_NS
            self._care(now_ns)
        answers, self._answers = self._answers, []
        return answers

    def _wait(self, timeout_ns: int) -> list[tuple[int, int]]:
        if timeout_ns >= COARSE_NS:
            return self._epoll.poll(timeout_ns // 1_000_000 * 1e-3 - 1e-3)
        if timeout_ns > SPIN_NS:
            select.select((self._epoll,), (), (), timeout_ns * 1e-9)
        return self._epoll.poll(0)

    def _open(self) -> None:
        for connection in self._all:
            self._dial(connection)
        end_ns = perf_counter_ns() + CONNECT_NS
        while len(self.free) + self.refused < len(self._all) and perf_counter_ns() < end_ns:
            for fd, _ in self._epoll.poll(0.1):
                self._connected(self._by_fd[fd])
        if not self.free:
            raise LoadError(f"{self._endpoint.url}: no connection can be made: {self._why}")

    def _dial(self, connection: Connection) -> None:
        made = socket.socket(self._family, socket.SOCK_STREAM)
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.socket, connection.buffer = made, b""
        self._by_fd[made.fileno()] = connection
        code = made.connect_ex(self._address)
        if code in (0, errno.EINPROGRESS):
            self._epoll.register(made, select.EPOLLOUT)
        else:
            self._refuse(connection, code)

    def _connected(self, connection: Connection) -> None:
        assert connection.socket is not None  # noqa: S101  for the type checker
        code = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._refuse(connection, code)
            return
        connection.is_open = True
        self._epoll.modify(connection.socket, select.EPOLLIN)
        self.free.append(connection)

    def _refuse(self, connection: Connection, code: int) -> None:
        self.refused += 1
        self._why = describe(OSError(code, errno.errorcode.get(code, str(code))))
        self._hang_up(connection)
        connection.again_ns = perf_counter_ns() + AGAIN_NS

    def _read(self, connection: Connection) -> None:
        assert connection.socket is not None  # noqa: S101  for the type checker
        try:
            data = connection.socket.recv(65_536)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(connection, describe(error))
            return
        now_ns = perf_counter_ns()
        if not data:
            self._lose(connection, "connection closed")
            return
        try:
            reply = parse_reply(connection.buffer + data if connection.buffer else data)
        except BrokenReply as error:
            self._lose(connection, f"broken reply: {error}")
            return
        if reply is None:
            connection.buffer += data
            return
        request = connection.request
        if request is None:  # a word of farewell, such as 408
            self._lose(connection, "")
            return
        self._answers.append(
            Answer(request, connection.intended_ns, now_ns, reply.status, reply.body)
        )
        connection.request, connection.buffer = None, b""
        self.busy -= 1
        if reply.keep:
            self.free.append(connection)
        else:
            self._hang_up(connection)
            self._dial(connection)

    def _lose(self, connection: Connection, why: str) -> None:
        """Give the connection up, with the request on it, if there is one, and make it anew."""
        if connection.request is not None:
            self.errors[why] += 1
            self._answers.append(
                Answer(connection.request, connection.intended_ns, perf_counter_ns(), 0, b"")
            )
            connection.request = None
            self.busy -= 1
        elif connection in self.free:
            self.free.remove(connection)
        self._hang_up(connection)
        self._dial(connection)

    def _hang_up(self, connection: Connection) -> None:
        if connection.socket is not None:
            self._by_fd.pop(connection.socket.fileno(), None)
            connection.socket.close()
        connection.socket, connection.is_open = None, False

    def _care(self, now_ns: int) -> None:
        for connection in self._all:
            if connection.request is not None and now_ns - connection.sent_ns > REPLY_NS:
                self._lose(connection, f"no reply within {REPLY_NS / 1e9:g} s")
            elif connection.socket is None and now_ns >= connection.again_ns:
                self._dial(connection)


def resolve(endpoint: Endpoint) -> tuple[socket.AddressFamily, tuple[object, ...]]:
    """Return the family and the address of a server. Raises LoadError."""
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise LoadError(f"{endpoint.url}: {error.strerror}") from None
    family, _, _, _, address = found[0]
    return family, address


def describe(error: OSError) -> str:
    """Return an error of a socket in words that do not depend on the moment."""
    return os.strerror(error.errno).lower() if error.errno else str(error)
