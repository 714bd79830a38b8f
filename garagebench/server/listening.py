"""What to serve, and the socket on which it is served."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from garagebench.core.layout import Layout
from garagebench.errors import GarageError
from garagebench.server.limits import Limits

#: What another port would fix: one in use, and one that only root may have.
FIXED_BY_PORT = (errno.EADDRINUSE, errno.EACCES)


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
