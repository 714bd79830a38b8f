"""A runner that has a server beside its worker process: what is measured of it is bursts of requests.

The engine hands out slices, rounds and generations as it does for everybody else. What is loaded here is an order for a
server and, where the difference to the request without HTTP is wanted, the subject of that one, too: so both are
measured next to each other in each round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from garagebench.engine.channel import Channel
from garagebench.engine.runner import AsksWorker, Loaded, LoadedCase, Passes, Work, WorkerRunner
from garagebench.engine.schedule import Pace
from garagebench.engine.target import Target
from garagebench.http.served import Order, Served
from garagebench.http.tally import Tally
from garagebench.interface import INTERFACE_VERSION

#: The case that a server is.
CASE = "http"

#: Parts of a burst before anything counts; then three lead in, and one burst is a slice.
WARM_UP = 5
PACE = Pace(lead_in=3, passes=1)


@dataclass(frozen=True, kw_only=True)
class ServedTarget(Target):
    """A server, and what it is compared with.

    name: of the contestant, whose tally goes on over all generations. rows: as fields of RowSpec. beside: the subject
    without HTTP, where it is wanted.
    """

    factory: str = ""
    arguments: Any = None
    name: str
    order: Order
    rows: Sequence[Sequence[Any]]
    beside: Target | None = None


class ServedRunner(WorkerRunner):
    """A runner like any other until it is told to load a server. tallies: where what is seen of each is kept."""

    def __init__(
        self, worker: Channel | AsksWorker, core: int | None, tallies: dict[str, Tally]
    ) -> None:
        super().__init__(worker)
        self._core = core
        self._tallies = tallies
        self._served: Served | None = None

    def close(self) -> None:
        """End both."""
        try:
            if self._served is not None:
                self._served.close()
        finally:
            super().close()

    def begin_load(self, target: Target, timeout_s: float) -> None:
        """Begin with the subject without HTTP, if there is one; the server is started when that is loaded."""
        beside = target.beside if isinstance(target, ServedTarget) else target
        if beside is not None:
            super().begin_load(beside, timeout_s)

    def load(self, target: Target, timeout_s: float) -> Loaded:
        """Load the subject without HTTP, if there is one, start the server, and describe all cases."""
        if not isinstance(target, ServedTarget):
            return super().load(target, timeout_s)
        loaded = self._load_beside(target.beside, timeout_s)
        order = target.order
        self._served = Served(order, self._core, self._tallies.setdefault(target.name, Tally()))
        case = LoadedCase(
            CASE,
            CASE,
            requests=[len(order.burst.parks)],
            meters=[name for names in order.meters.values() for name in names if name],
            warm_up=WARM_UP,
            pace=PACE,
        )
        # Groups of its own: these cases go through the burst, those of other contestants through the workload.
        beside = [replace(one, group=f"{CASE} {one.group}") for one in loaded.cases]
        return replace(loaded, cases=[*beside, case], rows=target.rows)

    def _load_beside(self, target: Target | None, timeout_s: float) -> Loaded:
        if target is not None:
            return super().load(target, timeout_s)
        environment = self._worker.ask({"do": "describe"}, timeout_s)["environment"]
        return Loaded([], None, environment, INTERFACE_VERSION)

    def warm(self, work: Sequence[Work], timeout_s: float) -> Sequence[int]:
        """Warm up as told; all of the worker's own in one go. Of the server no time is told: nothing is planned by it."""
        own = [part for part in work if part[0] != CASE]
        times_ns = iter(super().warm(own, timeout_s) if own else ())
        return [
            self._warm_server(parts) if case == CASE else next(times_ns)
            for case, _, _, parts in work
        ]

    def _warm_server(self, parts: int) -> int:
        if self._served is not None:
            self._served.warm(parts)
        return 0

    def measure(
        self, case: str, modes: Sequence[str], blocks: Sequence[int], pace: Pace, timeout_s: float
    ) -> Passes:
        """Measure a slice; one of the server is bursts, and its values are of one request already."""
        if case != CASE or self._served is None:
            return super().measure(case, modes, blocks, pace, timeout_s)
        values: Mapping[str, list[float]] = self._served.measure(pace.lead_in, pace.passes)
        return Passes(values, 1)
