"""The peak of memory of one call, in a process of its own, so that nothing of the calls before it counts."""

from __future__ import annotations

import gc
import os
import re
from typing import Any, Callable

from garagebench.errors import GarageError

STATUS, REFS = "/proc/self/status", "/proc/self/clear_refs"

#: Written there, the kernel forgets the peak so far.
FORGET = "5"


class CallFailed(GarageError):
    """The call went wrong in its process; the text says how, as it would be said of any other call."""


def is_known() -> bool:
    """Whether this system tells it: Linux does."""
    return os.access(REFS, os.W_OK)


def measure_peak(call: Callable[[], Any]) -> int:
    """Return the most bytes that a fork of this process has in memory while it makes the call. Raises CallFailed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os._exit(_run(call, writing))
    os.close(writing)
    with os.fdopen(reading) as answer:
        told = answer.read()
    os.waitpid(child, 0)
    if not told.isdecimal():
        raise CallFailed(told or "the process of the call was killed")
    return int(told)


def _run(call: Callable[[], Any], writing: int) -> int:
    """Make the call in the fork, and write down its peak, or why there is none."""
    try:
        gc.enable()  # as it would be elsewhere: off, garbage would stay
        with open(REFS, "w") as refs:
            refs.write(FORGET)
        call()
        with open(STATUS) as status:
            found = re.search(r"^VmHWM:\s*(\d+) kB", status.read(), re.MULTILINE)
        text = str(1024 * int(found[1])) if found else "the kernel does not tell the peak"
    except BaseException as error:  # noqa: BLE001  whatever it is, nothing of the fork may go on
        text = f"{type(error).__name__}: {error}"
    os.write(writing, text.encode())
    return 0
