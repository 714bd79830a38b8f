"""The servers behind nginx: forks of this process, on one garage that is in memory which they share."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from garagebench import errors
from garagebench.core.garage import Garage
from garagebench.core.layout import Layout
from garagebench.errors import GarageError, Unavailable, UnknownName
from garagebench.impls.registry import load_impl
from garagebench.server.front.ledger import Clerk, Ledger
from garagebench.server.front.nginx import Upstreams
from garagebench.server.limits import Limits
from garagebench.server.listening import Front, listen
from garagebench.server.registry import Job, load_server
from garagebench.stages.sequence import insisting
from garagebench.system.interrupts import held_back
from garagebench.system.parent_death import die_with_parent

#: The implementation whose pools several processes can have, and the one that a single process gets instead.
SHARED = "shared"
ALONE = "lists"

_STARTED = "started"

# Forks, because they have the garage at once; a thread of this process would not be in them, and there is none.
_CONTEXT = get_context("fork")


class ServerFailed(GarageError):
    """A server did not start; the text says which, and why."""


class Place(NamedTuple):
    """The garage of the servers. is_shared: each sees what the others do; else there can be only one of them."""

    garage: Garage
    is_shared: bool


class Errand(NamedTuple):
    """What a server process gets to do. ended: called when all has been answered. directory: nginx's."""

    server: str
    limits: Limits
    place: Place
    ledger: Ledger
    ended: Callable[[Clerk], object]
    directory: Path


def open_garage(layout: Layout, impl: str | None, note: Callable[[str], object]) -> Place:
    """Return a garage for several servers; where there can be none, one for a single server, and note why.

    Raises UnknownName for an implementation that was named and is not for several processes, Unavailable for one that
    was named and cannot run here, and what `load_impl` raises.
    """
    try:
        loaded = load_impl(impl or SHARED)
    except Unavailable as error:
        if impl is not None:
            raise
        note(f"{error}; so there is one server of both, on {ALONE}")
        return Place(Garage(layout, load_impl(ALONE)), is_shared=False)
    if not hasattr(loaded.pool, "attach"):
        raise UnknownName(
            f"{impl!r} cannot be used by several processes at once; of those that come with garagebench {SHARED!r} can"
        )
    getattr(loaded.pool, "compile", lambda: None)()  # once, and not in each fork
    loaded = loaded._replace(sequence=insisting(loaded.sequence))
    return Place(Garage(layout, loaded), is_shared=True)


class Replica:
    """A server process in a process group of its own, so that Ctrl-C does not reach it.

    listener: what it serves; the caller's copy is closed. other: a listening socket that must not stay open in it.
    """

    def __init__(
        self, name: str, number: int, errand: Errand, listener: socket.socket, other: socket.socket
    ) -> None:
        self.name = name
        self.port = int(listener.getsockname()[1])
        self._reports, reports = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(
            target=_run, args=(number, errand, listener, other, reports, os.getpid()), name=name
        )
        self._process.start()
        pid = self._process.pid or 0
        with suppress(ProcessLookupError):
            os.setpgid(pid, pid)  # it does so itself, but until then `kill` would find no group
        reports.close()
        listener.close()

    def wait_until_started(self) -> None:
        """Return when it takes connections; raises what kept it from it, or ServerFailed."""
        try:
            kind, text = self._reports.recv()
        except EOFError:
            raise ServerFailed(f"{self.name} did not start, and did not say why") from None
        if kind != _STARTED:
            raise getattr(errors, kind, ServerFailed)(text)

    @property
    def code(self) -> int | None:
        """How it ended: an exit code, or a signal as a negative number; None while it runs."""
        return self._process.exitcode

    def drain(self) -> None:
        """Let it take no more connections, answer what it has, and end."""
        self._process.terminate()

    def kill(self) -> None:
        """End whatever is left of it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid or 0, signal.SIGKILL)
        self._process.join()


def start_replicas(
    errand: Errand, front: Front, other: socket.socket, stack: ExitStack
) -> tuple[list[Replica], Upstreams]:
    """Start the servers, to be killed with the stack; return them and where they listen, once all take connections.

    other: a listening socket that must not stay open in them. Raises what keeps a server from starting.
    """
    counts = {"park": front.park, "unpark": front.unpark}
    if not errand.place.is_shared:
        counts = {"only": 1}
    replicas: list[Replica] = []
    ports: dict[str, list[int]] = {}
    for purpose, count in counts.items():
        for number in range(count):
            own = listen("127.0.0.1", 0, errand.limits.backlog)
            name = f"the {purpose} server {number + 1}" if count > 1 else f"the {purpose} server"
            with held_back():  # or there might be a process, and nobody who knows it
                replica = Replica(name, len(replicas), errand, own, other)
                stack.callback(replica.kill)
            replicas.append(replica)
            ports.setdefault(purpose, []).append(replica.port)
    for replica in replicas:
        replica.wait_until_started()
    first = ports[next(iter(counts))]
    return replicas, Upstreams(ports.get("park", first), ports.get("unpark", first))


def _run(
    number: int,
    errand: Errand,
    listener: socket.socket,
    other: socket.socket,
    reports: Connection,
    parent: int,
) -> None:
    """Be a server, and end with the parent: in its stead, remove what it would have removed."""
    own = os.getpid()
    os.setpgid(0, 0)
    for known in (signal.SIGTERM, signal.SIGINT):
        signal.signal(known, signal.SIG_DFL)
    die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        return
    other.close()
    service = Clerk(errand.place.garage, errand.ledger, number)
    job = Job(
        service,
        listener,
        errand.limits,
        lambda: reports.send((_STARTED, "")),
        lambda: errand.ended(service),
    )
    try:
        load_server(errand.server)(job)
    except GarageError as error:
        with suppress(BrokenPipeError):
            reports.send((type(error).__name__, str(error)))
        raise SystemExit(1) from None
    finally:
        if os.getpid() == own and os.getppid() != parent:  # gunicorn's worker comes by here, too
            shutil.rmtree(errand.directory, ignore_errors=True)
