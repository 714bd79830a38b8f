"""`numpy`: the array search of the document, which finds every free space before it looks at the first."""

from __future__ import annotations

from typing import Any

import numpy as np

from garagebench.impls.batches import limit
from garagebench.impls.impl import Impl


class WherePool:
    """An array of bytes, 0 for free, searched with `np.where` (the weakness is NumPy issue 2269)."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.free = capacity
        self._taken = np.zeros(capacity, dtype=np.uint8)

    def take(self) -> int:
        """Take the lowest free index; -1 when full."""
        index = self.nearest()
        if index >= 0:
            self._taken[index] = 1
            self.free -= 1
        return index

    def nearest(self) -> int:
        """Return what `take` would, and leave it free."""
        free = np.where(self._taken == 0)[0]
        return int(free[0]) if free.size else -1

    def release(self, index: int) -> bool:
        """Free an index; False if it was free already."""
        if index < 0:
            raise IndexError(index)  # an array would count from its end
        try:
            taken = self._taken[index]
        except OverflowError:  # NumPy's error for what no C integer holds
            raise IndexError(index) from None
        if not taken:
            return False
        self._taken[index] = 0
        self.free += 1
        return True

    def take_many(self, count: int) -> list[int]:
        """Take the `count` lowest free indices, or as many as there are; none below 0."""
        count = limit(count, self.free)
        indices = np.where(self._taken == 0)[0][:count]
        self._taken[indices] = 1
        self.free -= indices.size
        taken: list[int] = indices.tolist()
        return taken

    def save(self) -> tuple[int, Any]:
        """Return the state."""
        return self.free, self._taken.copy()

    def restore(self, state: tuple[int, Any]) -> None:
        """Return to a saved state."""
        self.free = state[0]
        self._taken[:] = state[1]


IMPL = Impl("numpy", WherePool)
