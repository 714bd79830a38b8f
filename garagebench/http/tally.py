"""What was seen of one server over a whole run, and whether its figures hold."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from garagebench.probe.accounting import CoreTimes, Usage, wait_share
from garagebench.probe.validity import Observed, find_reasons

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

#: Standard deviations by which a count of ticks may be off: whoever has the core when one comes gets all of it.
_DOUBT = 3


@dataclass
class Tally:
    """Sums over all generations. busy_ticks: the server's core, whoever used it; None where it is on no core of its own.

    unbooked: replies since the server was last asked what it had counted.
    """

    requests: int = 0
    replies: int = 0
    ok: int = 0
    errors: int = 0
    served: int = 0
    unbooked: int = 0
    cpu_ns: int = 0
    wait_ns: int = 0
    busy_ticks: int | None = None

    def add_usage(self, used: Usage) -> None:
        """Add what the server used in a burst."""
        self.cpu_ns += used.cpu_ns
        self.wait_ns += used.wait_ns

    def add_core(self, before: CoreTimes | None, after: CoreTimes | None) -> None:
        """Add how busy its core was in some bursts."""
        if before is not None and after is not None:
            self.busy_ticks = (self.busy_ticks or 0) + after.busy - before.busy

    def observe(self) -> Observed:
        """Return what is judged. A client that asks one thing after the other saturates nobody."""
        return Observed(
            requests=self.requests,
            replies=self.replies,
            ok=self.ok,
            errors=self.errors,
            served=self.served + self.unbooked,
            wait_share=self._find_wait_share(),
        )

    def _find_wait_share(self) -> float | None:
        """Return the part of its ready time that the server waited for others; None where nobody can tell.

        At most what the core did besides, which is known to the tick only: the rest of the wait is that of threads for
        each other, and the microsecond that it takes a core to turn to a thread that has woken up.
        """
        if self.busy_ticks is None:
            return None
        used = Usage(self.cpu_ns, self.wait_ns)
        sure_ticks = self.busy_ticks - _DOUBT * math.sqrt(self.busy_ticks)
        return wait_share(used, int(sure_ticks * _TICK_NS) - self.cpu_ns)

    def find_reasons(self) -> list[str]:
        """Return why the figures do not hold; nothing where nothing was asked yet."""
        return find_reasons(self.observe()) if self.requests else []
