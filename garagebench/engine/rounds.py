"""The rounds of one generation: what is compared is measured next to each other.

A host can go at two speeds and change between them within milliseconds. So the slices of one case of all contestants
follow on each other, and all cases of one group, which are subtracted from each other, lie within a few of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from garagebench.engine import schedule
from garagebench.engine.candidate import AT_ONCE

if TYPE_CHECKING:
    import random

    from garagebench.engine.candidate import Candidate, Measured, Slice
    from garagebench.engine.runner import Runner

#: Share of the slices that are measured again, at most: a host that is never quiet has to be measured as it is.
MOST_REPEATED = 0.2

Blame = Callable[["Candidate", str, "Runner"], contextlib.AbstractContextManager[None]]


class Rounds:
    """Measures rounds with the live runners of one generation. blame: turns a failure into the contestant's problem."""

    def __init__(
        self,
        runners: Mapping[str, Runner],
        candidates: Mapping[str, Candidate],
        decks: Mapping[str, schedule.Deck],
        rng: random.Random,
        blame: Blame,
    ) -> None:
        self._runners = runners
        self._candidates = candidates
        self._decks = decks
        self._rng = rng
        self._blame = blame
        self._slices = {name: candidates[name].slices for name in runners}
        clusters: dict[str | None, list[str]] = {}
        for name in runners:
            clusters.setdefault(candidates[name].entrant.reference, []).append(name)
        self._orders = [schedule.balanced_orders(names, rng) for names in clusters.values()]
        self.number = 0  # of the round
        self.slices = 0
        self.repeated = 0
        self.measured: dict[str, list[dict[str, float]]] = {name: [] for name in runners}

    def run(self) -> None:
        """Measure one round: every slice of every contestant once."""
        self.number += 1
        blocks = {group: deck.draw() for group, deck in self._decks.items()}
        values: dict[str, dict[str, float]] = {name: {} for name in self._runners}
        for slice_, group in self._draw_slices():
            # Those that share a reference are compared, and so measured next to each other.
            for orders in self._rng.sample(self._orders, len(self._orders)):
                for name, measured in self._measure(slice_, blocks[group], orders).items():
                    values[name].update(measured.values)
        for name, found in values.items():
            if self._candidates[name].problem is None:
                self.measured[name].append(found)

    def _draw_slices(self) -> list[tuple[Slice, str]]:
        """Return all slices in the order of this round: group by group."""
        groups: dict[str, list[Slice]] = {}
        for own in self._slices.values():
            for slice_, group in own.items():
                slices = groups.setdefault(group, [])
                if slice_ not in slices:
                    slices.append(slice_)
        names = list(groups)
        self._rng.shuffle(names)
        for slices in groups.values():
            self._rng.shuffle(slices)
        return [(slice_, group) for group in names for slice_ in groups[group]]

    def _measure(
        self, slice_: Slice, blocks: list[int], orders: Iterator[list[str]]
    ) -> dict[str, Measured]:
        """Measure the slice of all who have it; all of them again where one waited for its core."""
        while True:
            found = self._measure_once(slice_, blocks, next(orders))
            if not found:
                return found
            self.slices += 1
            waited = [name for name, measured in found.items() if measured.waited]
            if not waited or self.repeated + 1 > MOST_REPEATED * self.slices:
                return found
            self.repeated += 1
            for name in waited:
                self._candidates[name].repeated += 1

    def _measure_once(
        self, slice_: Slice, blocks: list[int], order: list[str]
    ) -> dict[str, Measured]:
        found = {}
        if slice_[1] == AT_ONCE:
            for name in order:
                candidate = self._candidates[name]
                if candidate.problem is None and slice_ in self._slices[name]:
                    with self._blame(candidate, f"in round {self.number}", self._runners[name]):
                        candidate.begin_measure(self._runners[name], slice_, blocks)
        for name in order:
            candidate = self._candidates[name]
            if candidate.problem is None and slice_ in self._slices[name]:
                with self._blame(candidate, f"in round {self.number}", self._runners[name]):
                    found[name] = candidate.measure(self._runners[name], slice_, blocks)
        return found
