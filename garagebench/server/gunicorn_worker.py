"""gunicorn's worker of threads, with our limits: one client that is slow must not be all others' business."""

from __future__ import annotations

import math
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.errors import (
    ConfigurationProblem,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.workers.gthread import TConn, ThreadWorker

from garagebench.server import problems
from garagebench.server.closing import LOOK_S, MOST_S, SETTLE_S, count_waiting, turn_away
from garagebench.server.raw import render_reply
from garagebench.server.registry import Job
from garagebench.server.wsgi import LAST, Desk, Environ

#: How long a client has to close its end after the last reply, before what it still sends is answered with a reset.
LINGER_S = 2.0

#: What is gunicorn's kind of error, and yet ours.
_OURS = (ConfigurationProblem, InvalidResponseHeader, InvalidResponseHeaderName)

_TOO_LARGE = (LimitRequestHeaders, LimitRequestLine)


class Worker(ThreadWorker):
    """Limits the time of a whole request, which gunicorn does not; Ctrl-C is the master's to deal with."""

    job: Job
    desk: Desk

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._begun: dict[Any, float] = {}
        self._lingering: set[Any] = set()
        self._deadline_s = math.inf
        self._lets_go = False

    def init_signals(self) -> None:
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def load_wsgi(self) -> None:
        """Say with the last reply on a connection that it is, also where that is known only after the headers came."""
        super().load_wsgi()
        application = self.wsgi

        def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
            def start(*arguments: Any) -> Any:
                if self._lets_go or LAST in environ:
                    start_response.__self__.force_close()
                return start_response(*arguments)

            replies: Iterable[bytes] = application(environ, start)
            return replies

        self.wsgi: Callable[..., Iterable[bytes]] = answer

    def handle_exit(self, sig: int, frame: Any) -> None:
        self.job.service.ready = False
        limits = self.job.limits
        self._deadline_s = time.monotonic() + limits.grace_s + limits.drain_s
        threading.Timer(limits.grace_s, self._close, (sig, frame)).start()

    def _close(self, sig: int, frame: Any) -> None:
        """Take in who is before the door, and then do what gunicorn does."""
        self._lets_go = True
        if all(turn_away(listener) for listener in self.sockets):
            end_s = time.monotonic() + MOST_S
            while any(map(count_waiting, self.sockets)) and time.monotonic() < end_s:
                time.sleep(LOOK_S)
            time.sleep(SETTLE_S)
        super().handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take connections or not; gunicorn itself leaves the socket open until all is drained."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, or say that there are too many: gunicorn would let it wait."""
        if self.nr_conns < self.job.limits.connections:
            super().accept(listener)
            return
        with suppress(BlockingIOError, ConnectionAbortedError):
            client, address = listener.accept()
            self.nr_conns += 1
            self._send_problem(client, problems.UNAVAILABLE, "too many connections")
            self._linger(TConn(self.cfg, client, address, listener.getsockname()))

    def handle(self, conn: Any) -> Any:
        self._begun[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._begun[conn]

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer the request; gunicorn limits each of its headers, but hardly all of them together."""
        if sum(len(name) + len(value) + 4 for name, value in req.headers) > (
            self.job.limits.header_bytes
        ):
            raise LimitRequestHeaders("the headers are too large together")
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer with a problem, too, what gunicorn refuses by itself."""
        if not isinstance(exc, ParseException) or isinstance(exc, _OURS):
            super().handle_error(req, client, addr, exc)
        elif isinstance(exc, _TOO_LARGE):
            self._send_problem(client, problems.HEADERS_TOO_LARGE, str(exc)[:200])
        else:
            self._send_problem(client, problems.MALFORMED, str(exc)[:200])

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Do what gunicorn does, but wait for nobody: it would let all others wait for one who does not close."""
        if fs.cancelled() or fs.exception() or fs.result():
            super().finish_request(conn, fs)
        else:
            self._linger(conn)

    def murder_pending(self) -> None:
        """End requests that are not whole in time, or when the drain is over. Called once a second."""
        super().murder_pending()
        limits = self.job.limits
        now_s = time.monotonic()
        is_over = now_s > self._deadline_s
        latest_s = now_s - limits.header_timeout_s - limits.body_timeout_s
        for conn, begun_s in list(self._begun.items()):
            if begun_s < latest_s or is_over:
                _shut(conn.sock)
        for conn in list(self._lingering):
            if conn.timeout < now_s or is_over:
                self._let_go(conn)

    def _send_problem(
        self, client: socket.socket, problem: problems.HttpProblem, detail: str
    ) -> None:
        with suppress(OSError):  # it is gone already
            client.sendall(render_reply(self.desk.refuse(problem, detail)))

    def _linger(self, conn: Any) -> None:
        """Say that all has been sent, and read until the client has closed: a reset might overtake the reply."""
        self._lingering.add(conn)
        conn.timeout = time.monotonic() + LINGER_S
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._discard, conn))
        except OSError:  # it is gone already
            self._let_go(conn)

    def _discard(self, conn: Any, client: socket.socket) -> None:
        with suppress(BlockingIOError, ConnectionError):
            if client.recv(65_536):
                return
        self._let_go(conn)

    def _let_go(self, conn: Any) -> None:
        self._lingering.discard(conn)
        with suppress(KeyError, ValueError):  # it was never registered
            self.poller.unregister(conn.sock)
        conn.close()
        self.nr_conns -= 1


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # it is gone already
        connection.shutdown(socket.SHUT_RDWR)
