"""What the server used while the clock ran, and what its core did besides."""

from __future__ import annotations

from time import monotonic_ns

from garagebench.errors import Unavailable
from garagebench.probe.accounting import (
    CoreTimes,
    Usage,
    busy_share,
    read_core,
    read_usage,
    wait_share,
)


class Meter:
    """The use of CPU of a process with all that it started. pid: None for a server elsewhere: then all is unknown.

    cpu_s: CPU seconds of the server. core_share: how busy its core was, 0 to 1. wait_share: of the time that it was
    ready to run, the part that it waited for others. caveat: why something is unknown.
    """

    def __init__(self, pid: int | None, core: int | None) -> None:
        self._pid = pid
        self._core = core
        self._before: tuple[int, Usage, CoreTimes | None] | None = None
        self.cpu_s: float | None = None
        self.core_share: float | None = None
        self.wait_share: float | None = None
        self.caveat: str | None = None

    def begin(self) -> None:
        """Read what has been used before."""
        self._before = self._read()

    def end(self) -> None:
        """Read what has been used since."""
        after = self._read()
        if self._before is None or after is None:
            return
        used = after[1] - self._before[1]
        others_ns = None
        if self._before[2] is not None and after[2] is not None:
            self.core_share = busy_share(self._before[2], after[2])
        if self.core_share is not None:
            others_ns = int((after[0] - self._before[0]) * self.core_share) - used.cpu_ns
        self.cpu_s = used.cpu_ns / 1e9
        self.wait_share = wait_share(used, others_ns)

    def _read(self) -> tuple[int, Usage, CoreTimes | None] | None:
        if self._pid is None:
            return None
        try:
            core = None if self._core is None else read_core(self._core)
            return monotonic_ns(), read_usage(self._pid), core
        except Unavailable as error:
            self.caveat = str(error)
            return None
