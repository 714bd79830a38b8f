"""Load from closed_loop.c, servers that are pinned to a core, and what the kernel says of both."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from target import Target

SOURCE = Path(__file__).with_suffix(".c")


class Figures(NamedTuple):
    """One run of the clients; see closed_loop.c."""

    seconds: float
    replies: int
    good: int
    lost: int
    cpu_share: float
    wait_share: float
    busy_share: float
    p50_us: float
    p99_us: float
    max_us: float


@contextmanager
def built_clients() -> Iterator[str]:
    """Yield the compiled program."""
    with tempfile.TemporaryDirectory() as directory:
        program = str(Path(directory) / "closed_loop")
        try:
            compiler = shutil.which("cc") or "cc"
            subprocess.run([compiler, "-O2", "-o", program, str(SOURCE), "-luring"], check=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            raise SystemExit(f"{error}: apt-get install gcc liburing-dev") from error
        yield program


def drive(program: str, core: int, port: int, connections: int, seconds: float) -> Figures:
    """Put load on a server of this machine, from that core, and return the figures."""
    with pinned(core):
        ran = subprocess.run(
            [program, str(port), str(connections), str(seconds)],
            capture_output=True,
            text=True,
            timeout=seconds + 30,
            check=False,
        )
    if ran.returncode:
        raise RuntimeError(f"closed_loop ended with {ran.returncode}: {ran.stderr}")
    return Figures(**json.loads(ran.stdout))


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Let what is started in the block run on that core only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Pinned(Target):
    """`garagebench serve` on one core."""

    def __init__(self, core: int, server: str, *options: object) -> None:
        with pinned(core):
            super().__init__(server, *options)

    @property
    def cpu_ns(self) -> int:
        """CPU time of the server and of all processes that it has started."""
        return read_cpu_ns(self._process.pid)

    def stop_soon(self) -> None:
        """Send SIGTERM and go on."""
        self._process.terminate()


def read_cpu_ns(process: int) -> int:
    """Return the CPU time of a process and of those that it has started, as far as they live."""
    total = 0
    for task in Path(f"/proc/{process}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
        total += sum(read_cpu_ns(int(child)) for child in (task / "children").read_text().split())
    return total


def choose_cores() -> tuple[int, int]:
    """Return the core for the servers and another one for the load; the same where there is one only."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[-1], cores[0]


def append(output: Path, line: dict[str, object]) -> None:
    """Add one line of JSON."""
    with output.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
