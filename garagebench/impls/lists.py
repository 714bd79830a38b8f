"""`lists`: the plain list, searched with `list.index`, as the document has it. The reference of all others."""

from __future__ import annotations

from garagebench.impls.batches import limit
from garagebench.impls.impl import Impl


class ListPool:
    """A list of flags, False for free."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.free = capacity
        self._taken = [False] * capacity

    def take(self) -> int:
        """Take the lowest free index; -1 when full."""
        try:
            index = self._taken.index(False)
        except ValueError:
            return -1
        self._taken[index] = True
        self.free -= 1
        return index

    def nearest(self) -> int:
        """Return what `take` would, and leave it free."""
        try:
            return self._taken.index(False)
        except ValueError:
            return -1

    def release(self, index: int) -> bool:
        """Free an index; False if it was free already."""
        if index < 0:
            raise IndexError(index)  # a list would count from its end
        if not self._taken[index]:
            return False
        self._taken[index] = False
        self.free += 1
        return True

    def take_many(self, count: int) -> list[int]:
        """Take the `count` lowest free indices, or as many as there are, in one sweep; none below 0."""
        count = limit(count, self.free)
        indices: list[int] = []
        for index, taken in enumerate(self._taken):
            if len(indices) == count:
                break
            if not taken:
                self._taken[index] = True
                indices.append(index)
        self.free -= len(indices)
        return indices

    def save(self) -> tuple[int, list[bool]]:
        """Return the state."""
        return self.free, self._taken.copy()

    def restore(self, state: tuple[int, list[bool]]) -> None:
        """Return to a saved state."""
        self.free = state[0]
        self._taken[:] = state[1]


IMPL = Impl("lists", ListPool)
