"""`pypy`: plain loops over plain bytes, which a tracing JIT turns into what a C compiler would."""

from __future__ import annotations

from garagebench.impls.batches import limit
from garagebench.impls.impl import Impl


class BytePool:
    """A bytearray of flags, 0 for free."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.free = capacity
        self._taken = bytearray(capacity)

    def take(self) -> int:
        """Take the lowest free index; -1 when full."""
        index = self.nearest()
        if index >= 0:
            self._taken[index] = 1
            self.free -= 1
        return index

    def nearest(self) -> int:
        """Return what `take` would, and leave it free."""
        taken = self._taken
        index = 0
        while index < self.capacity:
            if not taken[index]:
                return index
            index += 1
        return -1

    def release(self, index: int) -> bool:
        """Free an index; False if it was free already."""
        if not 0 <= index < self.capacity:
            raise IndexError(index)
        if not self._taken[index]:
            return False
        self._taken[index] = 0
        self.free += 1
        return True

    def take_many(self, count: int) -> list[int]:
        """Take the `count` lowest free indices, or as many as there are, in one sweep; none below 0."""
        count = limit(count, self.free)
        indices: list[int] = []
        index = 0
        while index < self.capacity and len(indices) < count:
            if not self._taken[index]:
                self._taken[index] = 1
                indices.append(index)
            index += 1
        self.free -= len(indices)
        return indices

    def save(self) -> tuple[int, bytes]:
        """Return the state."""
        return self.free, bytes(self._taken)

    def restore(self, state: tuple[int, bytes]) -> None:
        """Return to a saved state."""
        self.free = state[0]
        self._taken[:] = state[1]


IMPL = Impl("pypy", BytePool)
