"""A pool of one's own: a set of free indices.

garagebench verify examples/set_pool.py:SetPool
garagebench run --impl examples/set_pool.py:SetPool
"""


class SetPool:
    """Free indices in a set; the lowest is searched for."""

    def __init__(self, capacity):
        self.capacity = capacity
        self._free = set(range(capacity))

    @property
    def free(self):
        return len(self._free)

    def take(self):
        index = self.nearest()
        self._free.discard(index)
        return index

    def nearest(self):
        return min(self._free, default=-1)

    def release(self, index):
        if not 0 <= index < self.capacity:
            raise IndexError(index)
        was_taken = index not in self._free
        self._free.add(index)
        return was_taken

    def save(self):
        return frozenset(self._free)

    def restore(self, state):
        self._free = set(state)
