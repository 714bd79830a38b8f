"""`numba`: the search loop of the document, compiled."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from garagebench.impls.batches import limit
from garagebench.impls.impl import Impl


@numba.njit(cache=True)
def _nearest(taken: Any) -> int:
    for index in range(taken.size):
        if taken[index] == 0:
            return index
    return -1


@numba.njit(cache=True)
def _take(taken: Any) -> int:
    for index in range(taken.size):
        if taken[index] == 0:
            taken[index] = 1
            return index
    return -1


class LoopPool:
    """Flags in one block of memory, 0 for free: an array to the compiled loops, a bytearray to Python.

    A single flag is read through the bytearray, which costs a fraction of an access to the array.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.free = capacity
        self._flags = bytearray(capacity)
        self._taken = np.frombuffer(self._flags, dtype=np.uint8)

    @staticmethod
    def compile() -> None:
        """Compile what the first request would have to wait for."""
        flags = np.zeros(1, dtype=np.uint8)
        _nearest(flags)
        _take(flags)

    def take(self) -> int:
        """Take the lowest free index; -1 when full."""
        index: int = _take(self._taken)
        if index >= 0:
            self.free -= 1
        return index

    def nearest(self) -> int:
        """Return what `take` would, and leave it free."""
        index: int = _nearest(self._taken)
        return index

    def release(self, index: int) -> bool:
        """Free an index; False if it was free already."""
        if index < 0:
            raise IndexError(index)  # a bytearray would count from its end
        if not self._flags[index]:
            return False
        self._flags[index] = 0
        self.free += 1
        return True

    def take_many(self, count: int) -> list[int]:
        """Take the `count` lowest free indices, or as many as there are; none below 0."""
        count = limit(count, self.free)
        indices = np.flatnonzero(self._taken == 0)[:count]
        self._taken[indices] = 1
        self.free -= indices.size
        taken: list[int] = indices.tolist()
        return taken

    def save(self) -> tuple[int, bytes]:
        """Return the state."""
        return self.free, bytes(self._flags)

    def restore(self, state: tuple[int, bytes]) -> None:
        """Return to a saved state."""
        self.free = state[0]
        self._flags[:] = state[1]


IMPL = Impl("numba", LoopPool)
