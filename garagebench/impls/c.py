"""`c`: the bitmap tree of `tree`, compiled by the system's C compiler and called through cffi."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from garagebench.impls import c_library
from garagebench.impls.batches import limit, listed
from garagebench.impls.bitmap import BitmapPool
from garagebench.impls.impl import Impl

_LIBRARY = c_library.load()
_ffi = _LIBRARY.ffi
_nearest = _LIBRARY.lib.tree_nearest
_take = _LIBRARY.lib.tree_take
_release = _LIBRARY.lib.tree_release
_take_many = _LIBRARY.lib.tree_take_many
_release_many = _LIBRARY.lib.tree_release_many
_new = _ffi.new_allocator(should_clear_after_alloc=False)
_INDICES = _ffi.typeof("int64_t[]")
_FLAGS = _ffi.typeof("_Bool[]")


class CPool(BitmapPool):
    """A bitmap tree whose memory is an array to C."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._words = _ffi.from_buffer("uint64_t[]", self._memory)
        # A method around either call would add a quarter to it.
        self.take = partial(_take, self._words)
        self.nearest = partial(_nearest, self._words)

    def release(self, index: int) -> bool:
        """Free an index; False if it was free already."""
        if not 0 <= index < self.capacity:
            raise IndexError(index)
        freed: bool = _release(self._words, index)
        return freed

    def take_many(self, count: int) -> list[int]:
        """Take the `count` lowest free indices, or as many as there are; none below 0."""
        count = limit(count, self.free)
        found = _new(_INDICES, count)
        _take_many(self._words, found, count)
        indices: list[int] = _ffi.unpack(found, count)
        return indices

    def release_many(self, indices: Sequence[int]) -> list[bool]:
        """Free the indices, in order, up to one that is outside."""
        indices = listed(indices)
        try:
            wanted = _new(_INDICES, indices)
        except OverflowError:  # among them is what no C integer holds
            return [self.release(index) for index in indices]
        flags = _new(_FLAGS, len(indices))
        count = _release_many(self._words, wanted, flags, len(indices))
        if count < len(indices):
            raise IndexError(indices[count])
        freed: list[bool] = _ffi.unpack(flags, count)
        return freed


IMPL = Impl("c", CPool)
