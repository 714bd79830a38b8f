"""A core for the workers, and the rest for the conductor."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DISTURBED = "expect wider intervals"


@contextlib.contextmanager
def own_core() -> Iterator[tuple[int | None, str | None]]:
    """Yield the core that the workers should be kept on, or None, and what is to be said about it, if anything.

    Meanwhile the calling process stays off that core. A core on which another garagebench measures is avoided.
    """
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if len(cores) < 2:  # noqa: PLR2004  one for each of the two
        why = "there is one core only" if cores else "this system cannot pin a process to a core"
        yield None, f"{why}: the workers share theirs, {DISTURBED}"
        return
    with contextlib.ExitStack() as stack:
        free = (core for core in sorted(cores, reverse=True) if _reserve(core, stack))
        core = next(free, None)
        note = None
        if core is None:
            core = max(cores)
            note = f"another garagebench measures on every core: {DISTURBED}, and run it again"
        try:
            os.sched_setaffinity(0, cores - {core})
        except OSError as error:
            why = f"this process may not be pinned to a core ({error.strerror})"
            yield None, f"{why}: the workers share theirs, {DISTURBED}"
            return
        stack.callback(os.sched_setaffinity, 0, cores)
        yield core, note


def find_free_cores() -> list[int]:
    """Return the cores of this process on which no garagebench measures."""
    with contextlib.ExitStack() as stack:
        return [core for core in sorted(os.sched_getaffinity(0)) if _reserve(core, stack)]


def _reserve(core: int, stack: contextlib.ExitStack) -> bool:
    """Take the core among all garagebenches of this machine until the stack ends; False where another has it."""
    # A name in Linux's abstract namespace: there is no file to be left behind, whatever ends the process.
    sign = stack.enter_context(socket.socket(socket.AF_UNIX))
    try:
        sign.bind(f"\0garagebench-core-{core}")
    except OSError:
        return False
    return True
