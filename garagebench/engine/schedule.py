"""Who is measured when: orders drawn afresh, and how a budget is spent. Pure: no clock, no process."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from garagebench.engine.extent import USUAL_ROUNDS, Extent
from garagebench.stats.estimate import LEAST_GENERATIONS, useful_generations

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

LEAST_ROUNDS = 10
MOST_ROUNDS = 60

#: For how long a slice leads in, in passes that do not count: at least one. The first pass behind another process is 12
#: to 50 % slower on CPython, 2 to 7 times on PyPy.
LEAD_NS = 150_000
MOST_LEAD_IN = 512

#: Between these, a slice is as long as half of the host's patience: what is compared must lie within it.
SHORTEST_SLICE_NS = 200_000
LONGEST_SLICE_NS = 1_000_000
MOST_PASSES = 128

#: Requests that a slice goes through in one pass, at most: longer workloads are drawn from, block by block.
SLICE_REQUESTS = 1_000

#: Passes of each case before anything counts, by implementation. On PyPy a case of the worked example falls from
#: 74 ns after 150 passes to 55 after 600, and stays there.
WARM_UP = {"PyPy": 600}
WARM_UP_OTHERS = 5


class Pace(NamedTuple):
    """How a slice goes: passes that do not count, and passes that do.

    at_once: all who are compared go through it at the same time, on one core, and their CPU time is compared: what takes
    longer than the host keeps its speed is alternated by the kernel, within milliseconds.
    """

    lead_in: int
    passes: int
    at_once: bool = False


def pace_for(pass_ns: float, slice_ns: float) -> Pace:
    """Return the pace of a slice of about that length whose passes take so long."""
    pass_ns = max(pass_ns, 1.0)  # a coarse clock may see none go by
    lead_in = math.ceil(LEAD_NS / pass_ns)
    return Pace(min(MOST_LEAD_IN, lead_in), min(MOST_PASSES, math.ceil(slice_ns / pass_ns)))


def slice_for(patience_ns: float) -> int:
    """Return how long a slice may be on a host that keeps its speed for so long."""
    return int(min(LONGEST_SLICE_NS, max(SHORTEST_SLICE_NS, patience_ns / 2)))


def balanced_orders(names: Sequence[str], rng: random.Random) -> Iterator[list[str]]:
    """Yield orders without end: one drawn at random, then its reverse, so that none is always first."""
    while True:
        order = list(names)
        rng.shuffle(order)
        yield order
        yield order[::-1]


def warm_up_passes(implementation: str) -> int:
    """Return how many passes of each case come before anything counts."""
    return WARM_UP.get(implementation, WARM_UP_OTHERS)


class Deck:
    """Draws as many blocks as a slice can hold; every block comes up before any comes again."""

    def __init__(self, requests: Sequence[int], rng: random.Random) -> None:
        self._requests = requests
        self._rng = rng
        self._left: list[int] = []

    def __len__(self) -> int:
        return len(self._requests)

    def draw(self) -> list[int]:
        """Return block numbers, sorted: at least one, and no more than SLICE_REQUESTS requests otherwise."""
        drawn: list[int] = []
        total = 0
        while len(drawn) < len(self._requests):
            if not self._left:
                self._left = list(range(len(self._requests)))
                self._rng.shuffle(self._left)
            number = next(number for number in self._left if number not in drawn)
            total += self._requests[number]
            if drawn and total > SLICE_REQUESTS:
                break
            self._left.remove(number)
            drawn.append(number)
        return sorted(drawn)


@dataclass(frozen=True)
class Plan:
    """What the rest of the budget buys: generations in all, and rounds in each that is still to come."""

    generations: int
    rounds: int


def plan(extent: Extent, spent_s: float, done: int, start_s: float, round_s: float) -> Plan:
    """Plan what is left of the extent.

    spent_s: seconds that are gone; done: generations so far; start_s, round_s: what starting a generation and one round
    of it cost.
    """
    round_s = max(round_s, 1e-9)  # a coarse clock may see none go by
    left_s = extent.limit_s - spent_s
    if math.isinf(left_s):
        return Plan(extent.generations or done, extent.rounds or USUAL_ROUNDS)
    most = done + max(0, int(left_s / least_s(1, start_s, round_s)))
    if extent.generations is None:
        generations, most_rounds = max(done, useful_generations(most)), MOST_ROUNDS
    else:
        generations = max(done, min(most, extent.generations))
        most_rounds = extent.rounds or USUAL_ROUNDS
    if generations == done:
        return Plan(done, LEAST_ROUNDS)
    rounds = (left_s / (generations - done) - start_s) / round_s
    return Plan(generations, int(min(most_rounds, max(LEAST_ROUNDS, rounds))))


def least_s(generations: int, start_s: float, round_s: float) -> float:
    """Return the seconds that so many generations take at least."""
    return generations * (start_s + LEAST_ROUNDS * round_s)


def least_case_s(pass_ns: float, warm_up: int) -> float:
    """Return the seconds that a case of that pass takes at least, over the fewest generations.

    warm_up: passes that come before anything counts.
    """
    passes = warm_up + sum(pace_for(pass_ns, SHORTEST_SLICE_NS)) * LEAST_ROUNDS
    return LEAST_GENERATIONS * passes * pass_ns * 1e-9
