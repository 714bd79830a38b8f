"""What the process can tell of its interpreter, its memory and the speed of its core."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterable

clock = time.perf_counter_ns


class RunDelay:
    """For how long this process was ready to run and its core was another's: Linux's count, in ns."""

    def __init__(self) -> None:
        try:
            # Time on the processor, time waited for it, and how often it was given one (Documentation/scheduler/sched-stats).
            self._file: int | None = os.open("/proc/self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._file = None

    def read_ns(self) -> int | None:
        """Return the nanoseconds waited since the start; None where the system does not tell."""
        if self._file is None:
            return None
        try:
            return int(os.pread(self._file, 100, 0).split()[1])
        except (OSError, IndexError, ValueError):
            return None


def feel_pulse(chunk_ns: int, chunks: int) -> list[int]:
    """Do the same piece of work so many times, each of about that many ns; return what each took."""
    turns = 100
    while _spin(turns, 1)[0] < chunk_ns:
        turns = turns * 5 // 4
    return _spin(turns, chunks)


def _spin(turns: int, chunks: int) -> list[int]:
    marks = [clock()]
    for _ in range(chunks):
        total = 0
        for number in range(turns):
            total += number & 3
        marks.append(clock() + (total < 0))  # or PyPy would do nothing
    return [after - before for before, after in zip(marks, marks[1:])]


def describe_environment() -> dict[str, str]:
    """Return what distinguishes this interpreter."""
    environment = {
        "python_implementation": platform.python_implementation(),
        "python_version": platform.python_version(),
    }
    if platform.python_compiler():
        environment["python_compiler"] = platform.python_compiler()
    pypy = getattr(sys, "pypy_version_info", None)
    if pypy is not None:
        environment["pypy_version"] = ".".join(map(str, pypy[:3]))
    return environment


def find_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those of the packages that are imported."""
    loaded = [(name, sys.modules[name]) for name in packages if name in sys.modules]
    return {name: str(getattr(module, "__version__", "unknown")) for name, module in loaded}


def find_modules() -> dict[str, str]:
    """Return the file of each module that was imported at the top: of a namespace package, its first directory."""
    files = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or next(
            iter(getattr(module, "__path__", ())), None
        )
        if "." not in name and isinstance(file, str):
            files[name] = os.path.realpath(file)
    return files


def peak_memory_bytes() -> int | None:
    """Return the largest resident size of this process so far, or None where it cannot be known."""
    try:
        # Not getrusage: on Linux its maximum is inherited from the process that started this one.
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None
