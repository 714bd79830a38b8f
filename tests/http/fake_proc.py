"""A /proc made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


def write_process(
    proc: Path,
    pid: int,
    threads: Mapping[int, tuple[int, int]],
    children: Sequence[int] = (),
    state: str = "S",
) -> None:
    """Write a process. threads: number -> (on a CPU, waiting) in ns; the first one has the children."""
    for thread, (cpu_ns, wait_ns) in threads.items():
        task = proc / str(pid) / "task" / str(thread)
        task.mkdir(parents=True, exist_ok=True)
        (task / "stat").write_text(f"{thread} (a (b) c) {state} 1 2 3\n")
        (task / "schedstat").write_text(f"{cpu_ns} {wait_ns} 7\n")
        (task / "children").write_text("")
    first = proc / str(pid) / "task" / str(next(iter(threads)))
    (first / "children").write_text("".join(f"{child} " for child in children))
