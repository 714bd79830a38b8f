"""A garage so simple that it is obviously right; every implementation is held to its answers."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TYPE_CHECKING

from garagebench.errors import GarageFull, NoSuchSpace, SpaceEmpty

if TYPE_CHECKING:
    from garagebench.core.layout import Layout


class Model:
    """The answers of a garage on `layout`: a heap of free indices for each kind.

    free: for each kind the free indices at the start, sorted; None: all.
    """

    def __init__(self, layout: Layout, free: Sequence[Sequence[int]] | None = None) -> None:
        self._layout = layout
        if free is None:
            free = [range(capacity) for capacity in layout.capacities]
        self._heaps = [list(indices) for indices in free]
        self._is_free = [bytearray(capacity) for capacity in layout.capacities]
        for flags, indices in zip(self._is_free, self._heaps):
            for index in indices:
                flags[index] = 1

    def park(self, vehicle: str) -> tuple[int, int]:
        """Take the nearest free space of the first group that has one; (kind, index), or GarageFull."""
        for group in self._layout.tiers[vehicle]:
            kinds = [kind for kind in group if self._heaps[kind]]
            if kinds:
                kind = min(
                    kinds, key=lambda kind: self._layout.locations[kind][self._heaps[kind][0]]
                )
                index = heapq.heappop(self._heaps[kind])
                self._is_free[kind][index] = 0
                return kind, index
        raise GarageFull(f"no free space for vehicle {vehicle!r}")

    def locate(self, location: Sequence[int]) -> tuple[int, int]:
        """Return the (kind, index) of a location, or NoSuchSpace."""
        floor, row, space = location
        if not 1 <= floor <= len(self._layout.floors) or not 1 <= row <= len(
            self._layout.floors[floor - 1]
        ):
            raise NoSuchSpace(f"no row {row} on floor {floor}")
        kind, first, spaces = self._layout.floors[floor - 1][row - 1]
        if not 1 <= space <= spaces:
            raise NoSuchSpace(f"no space {space} in row {row} on floor {floor}")
        return kind, first + space - 1

    def release(self, kind: int, index: int) -> None:
        """Give a space back, or SpaceEmpty."""
        if self._is_free[kind][index]:
            raise SpaceEmpty("the space is free already")
        self._is_free[kind][index] = 1
        heapq.heappush(self._heaps[kind], index)

    def fits(self, vehicle: str) -> bool:
        """Tell whether the vehicle would find a space."""
        return any(self._heaps[kind] for group in self._layout.tiers[vehicle] for kind in group)

    def free(self) -> list[int]:
        """Free spaces of each kind."""
        return [len(heap) for heap in self._heaps]

    def taken(self) -> list[tuple[int, int]]:
        """All taken spaces as (kind, index)."""
        return [
            (kind, index)
            for kind, flags in enumerate(self._is_free)
            for index, free in enumerate(flags)
            if not free
        ]
