"""A server to be asked, in a process of its own, and the machine that it runs on."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30


class Ended(NamedTuple):
    """A server that has ended: exit code, the numbers of its last sentence, and all that it said."""

    code: int
    books: Mapping[str, int]
    said: str


class Target:
    """`garagebench serve` on a free port, until the block ends."""

    def __init__(self, server: str, *options: object) -> None:
        # A file, because nobody reads a pipe while it is asked; closed when the block ends.
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        command = ["serve", "--server", server, "--port", "0", *map(str, options)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "garagebench", *command],
            cwd=ROOT,  # where python -m looks first
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        assert self._process.stdout is not None  # noqa: S101  for the type checker
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"{server} did not start: {self.stop().said}")
        self.port = int(self.url.rpartition(":")[2])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._said.close()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def resident_bytes(self) -> int:
        """Its memory, as the kernel counts it."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    @property
    def open_files(self) -> int:
        """How many descriptors it has open: a connection is one."""
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))

    def taken(self) -> dict[str, int]:
        """Return how many spaces of each kind are taken."""
        url = f"{self.url}/garage"
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as reply:  # noqa: S310  a server of ours
            kinds = json.load(reply)["kinds"]
        return {name: kind["taken"] for name, kind in kinds.items()}

    def stop(self) -> Ended:
        """Send SIGTERM and wait for the end."""
        self._process.terminate()
        code = self._process.wait(PATIENCE_S)
        self._said.seek(0)
        said = self._said.read()
        found = re.findall(r"(parked|unparked|given back|taken) (\d+)", said)
        return Ended(code, {name: int(count) for name, count in found}, said)


def describe_machine(*packages: str) -> dict[str, object]:
    """Return what a figure belongs to: processor, system, interpreter, and versions of packages."""
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "processor": processor[1] if processor else platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in packages},
    }
