"""From settings to a server that has ended: what `garagebench serve` does."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from garagebench.core.garage import Garage
from garagebench.core.layout import Layout
from garagebench.errors import GarageError
from garagebench.impls.registry import load_impl
from garagebench.server.limits import Limits
from garagebench.server.record import Recorder
from garagebench.server.registry import Job, check_interpreter, load_server
from garagebench.server.service import Service

#: The implementation that serves alone, unless another is named.
IMPL = "lists"

#: What another port would fix: one in use, and one that only root may have.
FIXED_BY_PORT = (errno.EADDRINUSE, errno.EACCES)

Say = Callable[[str], object]


class ServeError(GarageError):
    """A server cannot start, or has not ended well; the text says why."""


class Front(NamedTuple):
    """How many servers stand behind nginx, for each of the two operations."""

    park: int = 1
    unpark: int = 1


@dataclass(frozen=True)
class ServeSettings:
    """What to serve, how, and where. impl: None for the default. front: None for one server without nginx."""

    impl: str | None
    server: str
    layout: Layout
    host: str
    port: int
    limits: Limits
    record: Path | None = None
    front: Front | None = None


def serve_garage(settings: ServeSettings, say: Say, note: Say) -> None:
    """Serve until a signal comes: say the URL when connections are taken, note the books when all is answered.

    KeyboardInterrupt after Ctrl-C. Raises UnknownName, Unavailable, ServeError, WorkloadError.
    """
    check_interpreter(settings.impl or IMPL)
    if settings.front is None:
        number = _serve_alone(settings, say, note)
    else:
        from garagebench.server.front.serving import serve_behind_nginx

        number = serve_behind_nginx(settings, settings.front, say, note)
    if number == signal.SIGINT:
        raise KeyboardInterrupt


def _serve_alone(settings: ServeSettings, say: Say, note: Say) -> int:
    run = load_server(settings.server)
    garage = Garage(settings.layout, load_impl(settings.impl or IMPL))
    # The record is opened last: a server that cannot start leaves no file.
    with (
        listen(settings.host, settings.port, settings.limits.backlog) as listener,
        Recorder(settings.record) if settings.record else nullcontext() as recorder,
    ):
        service = Service(garage, recorder)
        url = format_url(listener)

        def end() -> None:
            note(service.books)
            if recorder is not None and recorder.skipped:
                note(f"not recorded, being no JSON or beyond the largest trace: {recorder.skipped}")

        job = Job(service, listener, settings.limits, lambda: say(url), end)
        return run(job)


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """Return a listening socket; ServeError where the address is in use, or none of ours."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:  # the latter of a name that cannot be one
        reason = error.strerror if isinstance(error, OSError) else error
        raise ServeError(f"cannot listen on {host}: {reason}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        fix = "; --port 0 takes a free one" if port and error.errno in FIXED_BY_PORT else ""
        raise ServeError(f"cannot listen on {host}, port {port}: {error.strerror}{fix}") from None
    listener.setblocking(False)
    return listener


def format_url(listener: socket.socket) -> str:
    """Return the URL of the socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
