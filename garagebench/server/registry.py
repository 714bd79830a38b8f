"""The table of servers: names and import paths, loaded when used."""

from __future__ import annotations

import importlib
import socket
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

from garagebench.errors import Unavailable, UnknownName
from garagebench.impls.registry import find_entry
from garagebench.server.limits import Limits
from garagebench.server.service import Service

#: Of an implementation on another interpreter: why no server has it.
ELSEWHERE = "a server runs on the interpreter of garagebench itself, not on {}"

#: Serves the listening socket until SIGTERM or SIGINT, drains, and returns the number of the signal. `started` is called
#: once, in the process that serves; `ended` in the same one when all has been answered.
Run = Callable[["Job"], int]


class Job(NamedTuple):
    """What a server gets to do. is_alone: whether no other process serves the same garage."""

    service: Service
    listener: socket.socket
    limits: Limits
    started: Callable[[], object]
    ended: Callable[[], object]
    is_alone: bool = False


class Entry(NamedTuple):
    """Where a server is found: a module with a function `run`; one line for the list; the extra that it needs."""

    module: str
    about: str
    extra: str

    @property
    def fix(self) -> str:
        """The command that installs what is missing."""
        return f"pip install 'garagebench[{self.extra}]'"


SERVERS: Mapping[str, Entry] = {
    "tornado": Entry(
        "garagebench.server.on_tornado", "Tornado, with a RequestHandler; the default", "server"
    ),
    "tornado-delegate": Entry(
        "garagebench.server.on_tornado_delegate",
        "Tornado, on HTTPServerConnectionDelegate",
        "server",
    ),
    "wire": Entry("garagebench.server.wire", "an asyncio protocol on httptools and uvloop", "wire"),
    "falcon": Entry("garagebench.server.on_falcon", "Falcon on gunicorn, threads", "falcon"),
    "flask": Entry("garagebench.server.on_flask", "Flask on gunicorn, threads", "flask"),
    "twisted": Entry("garagebench.server.on_twisted", "twisted.web", "twisted"),
    "granian": Entry("garagebench.server.on_granian", "Granian, embedded, over RSGI", "granian"),
}


def find_server(name: str) -> Entry:
    """Return the entry of that name; UnknownName says what there is."""
    if name not in SERVERS:
        raise UnknownName(f"unknown server {name!r}; there is: {', '.join(SERVERS)}")
    return SERVERS[name]


def check_interpreter(impl: str) -> None:
    """Raise Unavailable for an implementation that is meant for another interpreter; UnknownName where there is none.

    Here it would run, and be another thing than what bears its name in every table.
    """
    runtime = find_entry(impl).runtime
    if runtime is not None and not runtime.startswith(sys.implementation.name):
        raise Unavailable(f"{ELSEWHERE.format(runtime)}: name another implementation")


def load_server(name: str) -> Run:
    """Return the function that runs the server; raises UnknownName, Unavailable."""
    entry = find_server(name)
    try:
        run: Run = importlib.import_module(entry.module).run
    except ImportError as error:
        raise Unavailable(f"{name} cannot run here: {error}: {entry.fix}") from None
    except Exception as error:  # noqa: BLE001  a broken package must not break the list
        reason = f"{type(error).__name__}: {error}"
        raise Unavailable(f"{name} cannot run here: {reason}: {entry.fix}") from None
    return run
