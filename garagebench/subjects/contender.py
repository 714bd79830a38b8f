"""One of several processes in one garage: it parks and unparks in turns, and says how long that took.

Runs in a worker, through its command `call`. A process's garage stays from one call to the next.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from typing import Any, Callable

from garagebench.conformance import suite
from garagebench.core.garage import Garage
from garagebench.core.layout import Layout
from garagebench.errors import GarageFull, NoSuchSpace, SpaceEmpty, WrongAnswer
from garagebench.impls.registry import load_recipe
from garagebench.stages.sequence import insisting

#: A sleep ends late by less than this; the rest until the begin is waited for on the clock.
SLEEP_NS = 1_000_000


class Visitor:
    """A process with its own view of the garage, and the replies to the vehicles that it has in there."""

    def __init__(self, garage: Garage, body: bytes, hold: int) -> None:
        self._park: Callable[[bytes], bytes] = garage.handle_park
        # What park answers is what unpark is asked.
        self._unpark: Callable[[bytes], bytes] = garage.handle_unpark
        self.pools = garage.pools
        self._body = body
        self._hold = range(hold)
        self._held: list[bytes] = []

    def work(self, begin_ns: int, end_ns: int) -> dict[str, Any]:
        """Park all vehicles and unpark them, in turns, from one moment of the monotonic clock to another.

        Returns the requests of each operation and their time, a late begin included, and the replies to the vehicles
        that are parked in the end and stay. Raises WrongAnswer for a space that was refused.
        """
        clock, park, unpark, body, hold = (
            time.monotonic_ns,
            self._park,
            self._unpark,
            self._body,
            self._hold,
        )
        park_ns = unpark_ns = turns = 0
        wait_until(begin_ns)
        begin = begin_ns
        try:
            while begin < end_ns:
                held = [park(body) for _ in hold]
                between = clock()
                for reply in held:
                    unpark(reply)
                end = clock()
                park_ns += between - begin
                unpark_ns += end - between
                begin = end
                turns += 1
            self._held = [park(body) for _ in hold]
        except (GarageFull, NoSuchSpace, SpaceEmpty) as error:
            raise WrongAnswer(f"among several processes, after {turns} turns: {error}") from None
        return {
            "requests": turns * len(hold),
            "park_ns": park_ns,
            "unpark_ns": unpark_ns,
            "held": [reply.decode() for reply in self._held],
        }

    def leave(self) -> None:
        """Unpark what is parked. Raises WrongAnswer for a space that is not taken any more."""
        try:
            for reply in self._held:
                self._unpark(reply)
        except SpaceEmpty as error:
            raise WrongAnswer(f"among several processes, at the end: {error}") from None
        finally:
            self._held = []


def wait_until(moment_ns: int) -> None:
    """Return at that moment of the monotonic clock, or at once where it is over."""
    left_ns = moment_ns - time.monotonic_ns()
    if left_ns > SLEEP_NS:
        time.sleep((left_ns - SLEEP_NS) * 1e-9)
    while time.monotonic_ns() < moment_ns:
        pass


#: The visitor that this process is; nobody before `enter`.
_VISITORS: list[Visitor] = []


def enter(arguments: Mapping[str, Any]) -> list[str]:
    """Make this process's view of the garage; the names of its pools.

    arguments: impl and its variants, layout (as data), body of a park request, hold (vehicles parked at once), pools:
    the names of those that another process has made, or None to make them, once the answers have been checked.
    """
    impl = load_recipe(arguments)
    impl = impl._replace(sequence=insisting(impl.sequence))
    names = arguments["pools"]
    if names is None:
        suite.check(impl)
    else:
        attach: Callable[[str], Any] = impl.pool.attach  # type: ignore[attr-defined]  # only of shared
        left = iter(names)
        impl = impl._replace(pool=lambda _capacity: attach(next(left)))
    garage = Garage(Layout.from_data(arguments["layout"]), impl)
    _VISITORS[:] = [Visitor(garage, arguments["body"].encode(), arguments["hold"])]
    gc.collect()
    gc.disable()
    return [pool.name for pool in garage.pools]


def work(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Do as `Visitor.work`."""
    return _VISITORS[0].work(arguments["begin_ns"], arguments["end_ns"])


def leave(_arguments: Mapping[str, Any]) -> None:
    """Do as `Visitor.leave`."""
    _VISITORS[0].leave()


def count_free(_arguments: Mapping[str, Any]) -> int:
    """Return how many spaces of the garage are free."""
    return sum(pool.free for pool in _VISITORS[0].pools)
