"""gunicorn with one worker of threads, and the care that a WSGI application takes of a reply.

One process, because the garage is in its memory; a lock, because the garage is not thread-safe. A worker that dies takes
the garage with it, so the server ends then, and no new one is started with an empty garage.
"""

from __future__ import annotations

import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.workers.gthread import ThreadWorker

from garagebench.errors import GarageError
from garagebench.server import problems
from garagebench.server.door import LOOK_S, MOST_S, SETTLE_S, count_waiting, turn_away
from garagebench.server.limits import DISCARD_BYTES, Limits
from garagebench.server.openapi import TIMING_HEADER
from garagebench.server.registry import Job
from garagebench.server.service import Reply, Service

#: A client that is slow occupies a thread until its request is whole or its time is over.
THREADS = 32

#: What the worker gets beyond its own deadline before the master kills it.
KILL_S = 3

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class WorkerDied(GarageError):
    """The process with the garage is gone."""


class Desk:
    """The service behind a lock, for the threads of WSGI."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service = service
        self._limit_bytes = limits.body_bytes
        self._lock = threading.Lock()

    def answer(self, environ: Environ) -> Reply:
        """Read the body and answer the request."""
        limit = self._limit_bytes
        body = b""
        if int(environ.get("CONTENT_LENGTH") or 0) <= DISCARD_BYTES:
            body = environ["wsgi.input"].read(limit + 1)
        with self._lock:
            if "HTTP_HOST" not in environ and environ["SERVER_PROTOCOL"] != "HTTP/1.0":
                return self._service.problem(problems.MALFORMED, "HTTP/1.1 wants one Host")
            if len(body) > limit or int(environ.get("CONTENT_LENGTH") or 0) > limit:
                return self._service.too_large(limit)
            return self._service.answer(
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"],
                environ.get("CONTENT_TYPE"),
                body,
                f"HTTP_{TIMING_HEADER.upper().replace('-', '_')}" in environ,
            )

    def watch(self, reply: Reply) -> Body:
        """Return the body of a reply, to be iterated over by gunicorn."""
        return Body(self, reply)

    def take_back(self, reply: Reply) -> None:
        """Free the space that the reply gave away."""
        with self._lock:
            self._service.take_back(reply.body)


class Body:
    """One reply's body. gunicorn asks for the next piece when the system has the last one, and closes in any case."""

    def __init__(self, desk: Desk, reply: Reply) -> None:
        self._desk = desk
        self._reply = reply
        self._owed = reply.parked

    def __iter__(self) -> Iterator[bytes]:
        yield self._reply.body
        self._owed = False

    def close(self) -> None:
        """Give the space back if the body was not written."""
        if self._owed:
            self._owed = False
            self._desk.take_back(self._reply)


class _Worker(ThreadWorker):
    """Limits the time of a whole request, which gunicorn does not; Ctrl-C is the master's to deal with."""

    job: Job

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._begun: dict[Any, float] = {}
        self._deadline_s = math.inf

    def init_signals(self) -> None:
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def handle_exit(self, sig: int, frame: Any) -> None:
        self.job.service.ready = False
        limits = self.job.limits
        self._deadline_s = time.monotonic() + limits.grace_s + limits.drain_s
        threading.Timer(limits.grace_s, self._close, (sig, frame)).start()

    def _close(self, sig: int, frame: Any) -> None:
        """Take in who is before the door, and then do what gunicorn does."""
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

    def handle(self, conn: Any) -> Any:
        self._begun[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._begun[conn]

    def murder_pending(self) -> None:
        """End requests that are not whole in time, or when the drain is over. Called once a second."""
        super().murder_pending()
        limits = self.job.limits
        now_s = time.monotonic()
        latest_s = now_s - limits.header_timeout_s - limits.body_timeout_s
        for conn, begun_s in list(self._begun.items()):
            if begun_s < latest_s or now_s > self._deadline_s:
                _shut(conn.sock)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # it is gone already
        connection.shutdown(socket.SHUT_RDWR)


class _Application(BaseApplication):
    def __init__(self, job: Job, wsgi: Wsgi) -> None:
        self._job = job
        self._wsgi = wsgi
        super().__init__()

    def load_config(self) -> None:
        limits = self._job.limits
        descriptor = self._job.listener.dup().detach()  # gunicorn closes it
        self._job.listener.close()
        worker = type("Worker", (_Worker,), {"job": self._job})
        settings = {
            "bind": f"fd://{descriptor}",
            "workers": 1,
            "worker_class": worker,
            "threads": THREADS,
            "worker_connections": limits.connections,
            "keepalive": int(limits.idle_timeout_s) or 1,
            "graceful_timeout": int(limits.grace_s + limits.drain_s) + KILL_S,
            "limit_request_line": 4094,
            "limit_request_fields": 64,
            "limit_request_field_size": limits.header_bytes,
            "loglevel": "error",
            "control_socket_disable": True,
            "post_worker_init": lambda _worker: self._job.started(),
            "worker_exit": lambda _master, _worker: self._job.ended(),
        }
        for name, value in settings.items():
            if name in self.cfg.settings:  # the last came with later versions
                self.cfg.set(name, value)

    def load(self) -> Wsgi:
        return self._wsgi


class _Master(Arbiter):
    """Drains on Ctrl-C, too, and does not start a second worker."""

    stopped_by = int(signal.SIGTERM)

    def handle_int(self) -> None:
        self.stopped_by = int(signal.SIGINT)
        raise StopIteration

    def handle_hup(self) -> None:
        """Nothing: what gunicorn does on this signal, and on those below, wants more than one worker."""

    handle_ttin = handle_ttou = handle_usr2 = handle_hup

    def spawn_worker(self) -> Any:
        if self.worker_age:
            raise HaltServer("the worker died, and with it the garage", 1)
        return super().spawn_worker()


def serve(job: Job, make_wsgi: Callable[[Desk], Wsgi]) -> int:
    """Run gunicorn until a signal comes."""
    master = _Master(_Application(job, make_wsgi(Desk(job.service, job.limits))))
    process = os.getpid()
    try:
        master.run()
    except SystemExit as ended:
        if os.getpid() != process:  # the worker: nothing above is its business
            raise
        if ended.code:
            raise WorkerDied("the worker died, and with it the garage") from None
    return master.stopped_by
