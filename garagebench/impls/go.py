"""`go`: the bitmap tree of `tree`, compiled by the Go toolchain and called through cffi."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from garagebench.impls import go_library
from garagebench.impls.batches import limit, listed
from garagebench.impls.bitmap import BitmapPool
from garagebench.impls.impl import Impl

_ffi, _lib = go_library.load()
_release, _take_many, _release_many = _lib.tree_release, _lib.tree_take_many, _lib.tree_release_many
_new = _ffi.new_allocator(should_clear_after_alloc=False)
_INDICES = _ffi.typeof("int64_t[]")
_FLAGS = _ffi.typeof("_Bool[]")


class GoPool(BitmapPool):
    """A bitmap tree whose memory is a slice to Go."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._words = _ffi.from_buffer("uint64_t[]", self._memory)
        self._count = len(self._words)
        # A method around either call would add to it.
        self.take = partial(_lib.tree_take, self._words, self._count)
        self.nearest = partial(_lib.tree_nearest, self._words, self._count)

    def release(self, index: int) -> bool:
        """Free an index; False if it was free already."""
        if not 0 <= index < self.capacity:
            raise IndexError(index)
        freed: bool = _release(self._words, self._count, index)
        return freed

    def take_many(self, count: int) -> list[int]:
        """Take the `count` lowest free indices, or as many as there are; none below 0."""
        count = limit(count, self.free)
        found = _new(_INDICES, count)
        _take_many(self._words, self._count, found, count)
        indices: list[int] = _ffi.unpack(found, count)
        return indices

    def release_many(self, indices: Sequence[int]) -> list[bool]:
        """Free the indices, in order, up to one that is outside."""
        indices = listed(indices)
        try:
            wanted = _new(_INDICES, indices)
        except OverflowError:  # among them is what no integer of 64 bits holds
            return [self.release(index) for index in indices]
        flags = _new(_FLAGS, len(indices))
        count = _release_many(self._words, self._count, wanted, flags, len(indices))
        if count < len(indices):
            raise IndexError(indices[count])
        freed: list[bool] = _ffi.unpack(flags, count)
        return freed


IMPL = Impl("go", GoPool)
