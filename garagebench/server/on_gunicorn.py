"""gunicorn with one worker of threads.

One process, because the garage is in its memory. A worker that dies takes the garage with it, so the server ends then,
and no new one is started with an empty garage.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from garagebench.errors import GarageError
from garagebench.server.gunicorn_worker import Worker
from garagebench.server.registry import Job
from garagebench.server.stopping import ECHO_S, SIGNALS
from garagebench.server.wsgi import Desk, Wsgi

#: A client that is slow occupies a thread until its request is whole or its time is over.
THREADS = 32

#: The longest request line that gunicorn reads.
LINE_BYTES = 8190

#: The most headers of a request; gunicorn may keep as many times the largest one in memory.
FIELDS = 100

#: What the worker gets beyond its own deadline before the master kills it.
KILL_S = 3


class WorkerDied(GarageError):
    """The process with the garage is gone."""


class _Application(BaseApplication):
    def __init__(self, job: Job, desk: Desk, wsgi: Wsgi) -> None:
        self._job = job
        self._desk = desk
        self._wsgi = wsgi
        super().__init__()

    def load_config(self) -> None:
        limits = self._job.limits
        descriptor = self._job.listener.dup().detach()  # gunicorn closes it
        self._job.listener.close()
        worker = type("GarageWorker", (Worker,), {"job": self._job, "desk": self._desk})
        settings = {
            "bind": f"fd://{descriptor}",
            "workers": 1,
            "worker_class": worker,
            "threads": THREADS,
            # gunicorn keeps connections up to THREADS below this number only.
            "worker_connections": limits.connections + THREADS,
            "keepalive": int(limits.idle_timeout_s) or 1,
            "graceful_timeout": int(limits.grace_s + limits.drain_s) + KILL_S,
            "limit_request_line": min(limits.header_bytes, LINE_BYTES),
            "limit_request_fields": FIELDS,
            "limit_request_field_size": limits.header_bytes,
            "loglevel": "error",
            "control_socket_disable": True,
            "post_worker_init": lambda _worker: self._job.started(),
            "worker_exit": lambda _master, _worker: self._job.ended(),
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Wsgi:
        return self._wsgi


class _Master(Arbiter):
    """Drains on Ctrl-C, too, and does not start a second worker."""

    stopped_by = int(signal.SIGTERM)

    def stop(self, graceful: bool = True) -> None:
        """Wait for the end of the worker, which a second signal brings at once."""
        echo_s = time.monotonic() + ECHO_S

        def end(number: int, _frame: Any) -> None:
            if time.monotonic() > echo_s:
                self.kill_workers(signal.SIGKILL)
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)

        for known in SIGNALS:
            signal.signal(known, end)
        super().stop(graceful)

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
    desk = Desk(job.service, job.limits)
    master = _Master(_Application(job, desk, make_wsgi(desk)))
    process = os.getpid()
    try:
        master.run()
    except SystemExit as ended:
        if os.getpid() != process:  # the worker: nothing above is its business
            raise
        if ended.code:
            raise WorkerDied("the worker died, and with it the garage") from None
    return master.stopped_by
