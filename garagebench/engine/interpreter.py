"""Find a Python interpreter and what it is."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from garagebench.engine.channel import Channel, WorkerFailed

#: What a worker needs.
OLDEST = (3, 9)

#: Seconds that an interpreter may take to say what it is.
TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Interpreter:
    """An interpreter that can run a worker. label: "cpython3.11", "pypy3.9"."""

    path: str
    label: str
    environment: dict[str, str]


def find_interpreter(name: str) -> Interpreter:
    """Start the interpreter of that name or path and ask what it is; WorkerFailed ends with what would fix it."""
    path = sys.executable if name == "" else shutil.which(name)
    if path is None:
        raise WorkerFailed(f"{name} not found: {_fix(name)}", "unavailable")
    with Channel(path) as channel:
        try:
            environment = channel.ask({"do": "describe"}, TIMEOUT_S)["environment"]
        except WorkerFailed as failure:
            raise WorkerFailed(
                f"{name} does not run as a Python {_version(OLDEST)} or later: {failure}",
                "unavailable",
            ) from None
    version = tuple(int(part) for part in environment["python_version"].split(".")[:2])
    if version < OLDEST:
        raise WorkerFailed(
            f"{name} is Python {_version(version)}, a worker needs {_version(OLDEST)} or later",
            "unavailable",
        )
    return Interpreter(
        path, f"{environment['python_implementation'].lower()}{_version(version)}", environment
    )


def _fix(name: str) -> str:
    if Path(name).name == name and name.startswith(("pypy3", "python3")):
        return f"apt-get install {name}"
    return "name an interpreter on the PATH or give its whole path"


def _version(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
