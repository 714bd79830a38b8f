"""What the kernel has booked: the CPU time of a process with all that it started, and how busy a core was.

The time on a CPU and the time in a run queue are kept for each thread to the nanosecond
(https://docs.kernel.org/scheduler/sched-stats.html). They are brought up to date when a thread goes to sleep, and
every few milliseconds while it runs: read them while the process waits for work, and they are exact.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from garagebench.errors import Unavailable

PROC = "/proc"

#: The state of a thread that runs or could run.
RUNNING = "R"

#: How long it is waited for a process to come to rest, and how often it is looked.
REST_S = 1.0
LOOK_S = 0.0005

_FIX = "measure on Linux, with a /proc that shows schedstat"


@dataclass(frozen=True)
class Usage:
    """Nanoseconds on a CPU, and ready to run but waiting for one."""

    cpu_ns: int
    wait_ns: int

    def __sub__(self, other: Usage) -> Usage:
        return Usage(self.cpu_ns - other.cpu_ns, self.wait_ns - other.wait_ns)


@dataclass(frozen=True)
class CoreTimes:
    """Ticks (of 10 ms, as a rule) that a core has been busy, and that have gone by."""

    busy: int
    total: int


@dataclass(frozen=True)
class Threads:
    """What each thread has used so far, by its number. at_rest: whether all of them slept when they were looked at."""

    usage: Mapping[int, Usage]
    at_rest: bool

    @property
    def total(self) -> Usage:
        """Of all of them together."""
        cpu_ns = sum(one.cpu_ns for one in self.usage.values())
        return Usage(cpu_ns, sum(one.wait_ns for one in self.usage.values()))

    def since(self, before: Threads) -> Usage | None:
        """Return what was used since then; None where a thread has ended, and taken with it what it used."""
        if before.usage.keys() - self.usage.keys():
            return None
        return self.total - before.total


def read_usage(pid: int, proc: str = PROC) -> Usage:
    """Return what all threads of the process and of its living descendants have used so far.

    Threads that end in between take their share with them: a difference is right only where none did. Raises
    Unavailable where there is no such accounting, or no such process.
    """
    return read_threads(pid, proc).total


def read_at_rest(pid: int, patience_s: float = REST_S, proc: str = PROC) -> Threads:
    """Return what the threads of the process and its descendants have used, as soon as all of them sleep.

    Where some never do, what there is after `patience_s`. Raises Unavailable.
    """
    end_s = time.monotonic() + patience_s
    while True:
        time.sleep(LOOK_S)  # first: the reply is here before its sender has gone back to sleep
        threads = read_threads(pid, proc)
        if threads.at_rest or time.monotonic() > end_s:
            return threads


def read_threads(pid: int, proc: str = PROC) -> Threads:
    """Return what each thread of the process and of its living descendants has used so far. Raises Unavailable."""
    usage: dict[int, Usage] = {}
    at_rest = True
    try:
        for one in find_tree(pid, proc):
            for thread in os.listdir(f"{proc}/{one}/task"):
                path = f"{proc}/{one}/task/{thread}"
                try:
                    # The state stands behind the name of the command, which may have blanks and brackets.
                    state = _read(f"{path}/stat").rpartition(")")[2].split()[0]
                    on_cpu, waiting, _ = map(int, _read(f"{path}/schedstat").split())
                except (FileNotFoundError, ProcessLookupError):
                    if not os.path.exists(path):
                        continue  # it has just ended
                    raise
                at_rest = at_rest and state != RUNNING
                usage[int(thread)] = Usage(on_cpu, waiting)
    except OSError as error:
        raise Unavailable(
            f"the CPU time of process {pid} cannot be read ({error.filename or proc}: {error.strerror}): {_FIX}"
        ) from None
    except ValueError:
        raise Unavailable(f"this kernel's schedstat has another form: {_FIX}") from None
    return Threads(usage, at_rest)


def find_tree(pid: int, proc: str = PROC) -> list[int]:
    """Return the process and its living descendants. Raises OSError where there is no such process."""
    found = [pid]
    for one in found:  # it grows
        for thread in os.listdir(f"{proc}/{one}/task"):
            try:
                text = _read(f"{proc}/{one}/task/{thread}/children")
            except (FileNotFoundError, ProcessLookupError):
                if not os.path.exists(f"{proc}/{one}/task/{thread}"):
                    continue  # it has just ended
                raise
            found += map(int, text.split())
    return found


def read_core(core: int, proc: str = PROC) -> CoreTimes:
    """Return the ticks of a core until now. Raises Unavailable."""
    try:
        text = _read(f"{proc}/stat")
    except OSError as error:
        raise Unavailable(
            f"the use of core {core} cannot be read ({proc}/stat: {error.strerror}): {_FIX}"
        ) from None
    for line in text.splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            # user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
            ticks = list(map(int, fields[:8]))
            return CoreTimes(sum(ticks) - ticks[3] - ticks[4], sum(ticks))
    raise Unavailable(f"{proc}/stat knows no core {core}: {_FIX}")


def busy_share(before: CoreTimes, after: CoreTimes) -> float | None:
    """Return the share of the time, 0 to 1, that the core was busy; None where no tick went by."""
    ticks = after.total - before.total
    return (after.busy - before.busy) / ticks if ticks > 0 else None


def wait_share(used: Usage, others_ns: int | None = None) -> float | None:
    """Return the part, 0 to 1, of the time ready to run that was spent waiting; None where it was never ready.

    others_ns: how long the core did anything else. Threads of one server wait for each other, too, which says nothing
    against a figure: more than that cannot have been waiting for others.
    """
    wait_ns = used.wait_ns if others_ns is None else min(used.wait_ns, max(0, others_ns))
    ready_ns = used.cpu_ns + wait_ns
    return wait_ns / ready_ns if ready_ns > 0 else None


def _read(path: str) -> str:
    return Path(path).read_text(encoding="ascii")
