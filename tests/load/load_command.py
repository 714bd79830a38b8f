"""`garagebench load` as the tests call it, and what they look at."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

Finished = subprocess.CompletedProcess[str]

#: Reasons that are the machine's: on one core, or a busy one, a row is invalid whatever the code does.
OF_THE_MACHINE = (
    "the generator was busy",
    "the server's core",
    "the server waited",
    "shared a core",
)


def make_environment(**changes: str) -> dict[str, str]:
    """Return the environment of a command, without what would change its output."""
    foreign = ("GARAGEBENCH_", "LOCUST_", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "TTY_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PYTHONPATH": str(ROOT), **changes}


def make_command(*arguments: object) -> list[str]:
    """Return the command line."""
    return [sys.executable, "-m", "garagebench", "load", *map(str, arguments)]


def start(*arguments: object, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    """Start it, in a session of its own."""
    return subprocess.Popen(
        make_command(*arguments),
        cwd=cwd,
        env=make_environment(**environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(*arguments: object, cwd: Path, **environment: str) -> Finished:
    """Run it to its end."""
    return subprocess.run(
        make_command(*arguments),
        cwd=cwd,
        env=make_environment(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def read_rows(text: str) -> list[dict[str, Any]]:
    """Return the rows in printed JSON."""
    rows: list[dict[str, Any]] = json.loads(text)["rows"]
    return rows


def faults(row: dict[str, Any]) -> list[str]:
    """Return the reasons that are not the machine's."""
    return [one for one in row["reasons"] if not any(part in one for part in OF_THE_MACHINE)]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
