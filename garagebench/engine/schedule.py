"""Who is measured when: orders drawn afresh, and how a budget is spent. Pure: no clock, no process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from garagebench.engine.estimate import LEAST_GENERATIONS, useful_generations

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

LEAST_ROUNDS = 6
MOST_ROUNDS = 10

#: Passes of a slice that do not count (the first is 12 to 50 % slower on CPython, 2 to 7 times on PyPy).
LEAD_IN = 3
LEAST_PASSES = 8
MOST_PASSES = 64

#: A slice of cheap passes goes on for about this long, so that its median rests on more of them.
SLICE_NS = 1_000_000

#: Requests that a slice goes through in one pass, at most: longer workloads are drawn from, block by block.
SLICE_REQUESTS = 1_000

#: Passes of each case before anything counts, by implementation. On PyPy `assignment` of the seed layout falls from
#: 74 ns after 150 passes to 55 after 600, and stays there.
WARM_UP = {"PyPy": 600}
WARM_UP_OTHERS = 5


def passes_for(pass_ns: float) -> int:
    """Return how many passes of that length a slice keeps."""
    return int(min(MOST_PASSES, max(LEAST_PASSES, SLICE_NS / max(pass_ns, 1))))


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


def plan(budget_s: float, spent_s: float, done: int, start_s: float, round_s: float) -> Plan:
    """Spend what is left of the budget: as many generations as the interval uses well, then more rounds.

    budget_s, spent_s: the whole and what is gone; done: generations so far; start_s, round_s: what starting a
    generation and one round of it cost.
    """
    left_s = budget_s - spent_s
    round_s = max(round_s, 1e-9)  # a coarse clock may see none go by
    most = done + max(0, int(left_s / least_s(1, start_s, round_s)))
    generations = max(done, useful_generations(most))
    if generations == done:
        return Plan(done, LEAST_ROUNDS)
    rounds = (left_s / (generations - done) - start_s) / round_s
    return Plan(generations, int(min(MOST_ROUNDS, max(LEAST_ROUNDS, rounds))))


def least_s(generations: int, start_s: float, round_s: float) -> float:
    """Return the seconds that so many generations take at least."""
    return generations * (start_s + LEAST_ROUNDS * round_s)


def least_case_s(pass_ns: float, warm_up: int) -> float:
    """Return the seconds that a case of that pass takes at least, over the fewest generations.

    warm_up: passes that come before anything counts.
    """
    passes = warm_up + (LEAD_IN + LEAST_PASSES) * LEAST_ROUNDS
    return LEAST_GENERATIONS * passes * pass_ns * 1e-9
