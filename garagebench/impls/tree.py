"""`tree`: the lowest bit of a 64-ary bitmap tree, a few words away at any size; compiled by Numba.

A call costs 100 ns with one array and 40 ns more for each further one: so all of a tree is in one.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import partial
from operator import index as whole
from typing import Any

import numba
import numpy as np

from garagebench.impls.batches import limit, listed
from garagebench.impls.bitmap import BitmapPool
from garagebench.impls.impl import Impl
from garagebench.impls.intrinsics import count_trailing_zeros

# All of it uint64: together with an int64 it would become a float64.
_ZERO, _ONE, _SHIFT, _MASK = np.uint64(0), np.uint64(1), np.uint64(6), np.uint64(63)
_FREE, _LEVELS, _STARTS = np.uint64(0), np.uint64(2), np.uint64(3)


@numba.njit(cache=True)
def _find(words: Any) -> Any:
    """Return the lowest free index of a tree that has one."""
    index = _ZERO
    level = words[_LEVELS]
    while level > _ZERO:
        level -= _ONE
        word = words[words[_STARTS + level] + index]
        index = (index << _SHIFT) | count_trailing_zeros(word)
    return index


@numba.njit(cache=True)
def _clear(words: Any, level: Any, index: Any) -> None:
    """Clear a bit, and those above it whose word has none left."""
    while level < words[_LEVELS]:
        place = words[_STARTS + level] + (index >> _SHIFT)
        words[place] &= ~(_ONE << (index & _MASK))
        if words[place] != _ZERO:
            break
        index >>= _SHIFT
        level += _ONE


@numba.njit(cache=True)
def _set(words: Any, index: Any) -> bool:
    """Set the bit of a space, and those above it; False if it was set already."""
    place = words[_STARTS] + (index >> _SHIFT)
    bit = _ONE << (index & _MASK)
    if words[place] & bit != _ZERO:
        return False
    words[_FREE] += _ONE
    level = _ZERO
    while True:
        before = words[place]
        words[place] = before | bit
        level += _ONE
        if before != _ZERO or level == words[_LEVELS]:
            return True
        index >>= _SHIFT
        place = words[_STARTS + level] + (index >> _SHIFT)
        bit = _ONE << (index & _MASK)


@numba.njit(cache=True)
def _nearest(words: Any) -> Any:
    if words[_FREE] == _ZERO:
        return -1
    return np.int64(_find(words))


@numba.njit(cache=True)
def _take(words: Any) -> Any:
    if words[_FREE] == _ZERO:
        return -1
    index = _find(words)
    _clear(words, _ZERO, index)
    words[_FREE] -= _ONE
    return np.int64(index)


@numba.njit(cache=True)
def _release(words: Any, index: int) -> bool:
    return _set(words, np.uint64(index))


@numba.njit(cache=True)
def _take_many(words: Any, count: Any) -> Any:
    """Take a word of leaves at a time, and tell the levels above only when it is empty."""
    count = min(count, np.int64(words[_FREE]))
    indices = np.empty(count, np.int64)
    number = 0
    while number < count:
        index = _find(words)
        leaf = index >> _SHIFT
        word = words[words[_STARTS] + leaf]
        while word != _ZERO and number < count:
            indices[number] = (leaf << _SHIFT) | count_trailing_zeros(word)
            word &= word - _ONE
            number += 1
        words[words[_STARTS] + leaf] = word
        if word == _ZERO:
            _clear(words, _ONE, leaf)
    words[_FREE] -= np.uint64(count)
    return indices


@numba.njit(cache=True)
def _release_many(words: Any, capacity: int, indices: Any) -> Any:
    """Return what became of each index; fewer where one is outside, which is the next."""
    freed = np.empty(indices.size, np.bool_)
    for number in range(indices.size):
        if indices[number] < 0 or indices[number] >= capacity:
            return freed[:number]
        freed[number] = _set(words, np.uint64(indices[number]))
    return freed


class TreePool(BitmapPool):
    """A bitmap tree whose memory is an array to the compiled code."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._words = np.frombuffer(self._memory, dtype=np.uint64)
        # A method around either call would add a quarter to it.
        self.take = partial(_take, self._words)
        self.nearest = partial(_nearest, self._words)

    @staticmethod
    def compile() -> None:
        """Compile what the first requests would have to wait for."""
        pool = TreePool(1)
        pool.nearest()
        pool.take()
        pool.release(0)

    def release(self, index: int) -> bool:
        """Free an index; False if it was free already."""
        if not 0 <= index < self.capacity:
            raise IndexError(index)
        if type(index) is not int:
            # Numba would cut a float off; and it keeps the errors that it raises, with all frames that they came through.
            index = whole(index)
        freed: bool = _release(self._words, index)
        return freed

    def take_many(self, count: int) -> list[int]:
        """Take the `count` lowest free indices, or as many as there are; none below 0."""
        count = limit(count, self.capacity)
        indices: list[int] = _take_many(self._words, count).tolist()
        return indices

    def release_many(self, indices: Sequence[int]) -> list[bool]:
        """Free the indices, in order, up to one that is outside."""
        indices = listed(indices)
        try:
            wanted = np.asarray(array("q", indices))  # NumPy alone would cut floats off
        except OverflowError:  # among them is what no C integer holds
            return [self.release(index) for index in indices]
        freed: list[bool] = _release_many(self._words, self.capacity, wanted).tolist()
        if len(freed) < len(indices):
            raise IndexError(indices[len(freed)])
        return freed


IMPL = Impl("tree", TreePool)
