"""`heap`: a binary heap of what was given back, below a mark from which on nothing was ever taken."""

from __future__ import annotations

from heapq import heappop, heappush

from garagebench.impls.batches import limit
from garagebench.impls.impl import Impl


class HeapPool:
    """The released indices below `_fresh` in a heap, with a flag each; from `_fresh` on all are free.

    So a pool is built without listing its spaces, and what was released is always nearer than what is fresh.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._fresh = 0
        self._released: list[int] = []
        self._is_released = bytearray(capacity)

    @property
    def free(self) -> int:
        """Free spaces, counted when asked and not in each `take`."""
        return len(self._released) + self.capacity - self._fresh

    def take(self) -> int:
        """Take the lowest free index; -1 when full."""
        released = self._released
        if released:
            index = heappop(released)
            self._is_released[index] = 0
            return index
        index = self._fresh
        if index < self.capacity:
            self._fresh = index + 1
            return index
        return -1

    def nearest(self) -> int:
        """Return what `take` would, and leave it free."""
        if self._released:
            return self._released[0]
        return self._fresh if self._fresh < self.capacity else -1

    def release(self, index: int) -> bool:
        """Free an index; False if it was free already."""
        if not 0 <= index < self.capacity:
            raise IndexError(index)
        if index >= self._fresh or self._is_released[index]:
            return False
        self._is_released[index] = 1
        heappush(self._released, index)
        return True

    def take_many(self, count: int) -> list[int]:
        """Take the `count` lowest free indices, or as many as there are; none below 0."""
        count = limit(count, self.free)
        indices = [self.take() for _ in range(min(count, len(self._released)))]
        fresh = self._fresh
        self._fresh = fresh + count - len(indices)
        indices += range(fresh, self._fresh)
        return indices

    def save(self) -> tuple[int, list[int], bytearray]:
        """Return the state."""
        return self._fresh, self._released.copy(), self._is_released[: self._fresh]

    def restore(self, state: tuple[int, list[int], bytearray]) -> None:
        """Return to a saved state."""
        fresh, released, flags = state
        self._is_released[: max(fresh, self._fresh)] = flags.ljust(self._fresh, b"\0")
        self._fresh = fresh
        self._released[:] = released


IMPL = Impl("heap", HeapPool)
