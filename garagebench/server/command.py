"""From settings to a server that has ended: what `garagebench serve` does."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from garagebench.errors import GarageError
from garagebench.garage import Garage
from garagebench.impls.registry import load_impl
from garagebench.layout import Layout
from garagebench.server.limits import Limits
from garagebench.server.record import Recorder
from garagebench.server.registry import Job, load_server
from garagebench.server.service import Service


class ServeError(GarageError):
    """The server cannot start; the text says where it was to listen."""


@dataclass(frozen=True)
class Settings:
    """What to serve, how, and where."""

    impl: str
    server: str
    layout: Layout
    host: str
    port: int
    limits: Limits
    record: Path | None = None


def serve_garage(
    settings: Settings, say: Callable[[str], object], note: Callable[[str], object]
) -> None:
    """Serve until a signal comes: say the URL when connections are taken, note the books when all is answered.

    KeyboardInterrupt after Ctrl-C. Raises UnknownName, Unavailable, ServeError, WorkloadError.
    """
    run = load_server(settings.server)
    garage = Garage(settings.layout, load_impl(settings.impl))
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
        if run(job) == signal.SIGINT:
            raise KeyboardInterrupt


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """Return a listening socket; ServeError where the address is in use, or none of ours."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ServeError(f"cannot listen on {host}: {error.strerror}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise ServeError(
            f"cannot listen on {host}, port {port}: {error.strerror}; --port 0 takes a free one"
        ) from None
    listener.setblocking(False)
    return listener


def format_url(listener: socket.socket) -> str:
    """Return the URL of the socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
