"""`blocks`: the tree of `shared`, in which each process takes from a block of its own for a while.

Processes that all take the lowest free space write the same few cache lines, and wait for each other's caches: two of them
take less together than one alone. Here a process chooses a block of 1,024 spaces in which no other one is, and
takes from that; so its writes go to lines that nobody else writes. Linux's Calico and sbitmap do so, too.

What is guaranteed is what `shared` guarantees (shared.py): the truth is the same byte a space, which a single swap takes or
releases, and a block is only where the search begins. So no space is given twice, whoever dies when. The order is another one:

- As long as only one process has ever worked with the pool, `take` and `nearest` answer the lowest free space.
- From then on they answer the lowest free space of the block that the process is in. It moves when it has taken 256
  spaces there, or when nothing there is free: to the lowest block with a free space in which no other process is. So a space
  that is released below may be passed over by so many takes.
- Where others are in all blocks with a free space, it takes the lowest free space of all. So -1 means what it means in
  `shared`: that no space was free during the whole call.

A process that dies stays in its block until `repair`; others take there only when nothing else is free. A release
writes the tree up to its root, as in `shared`: what is in nobody's way here are takes.
"""

from __future__ import annotations

import numba
import numpy as np

from garagebench.impls.atomics import load, store
from garagebench.impls.impl import Impl
from garagebench.impls.intrinsics import count_trailing_zeros
from garagebench.impls.shared import SharedPool
from garagebench.impls.shared_tree import (
    LEVEL,
    LEVELS,
    MOST,
    PLACE,
    PLACES,
    find,
    nearest,
    take_this,
)
from garagebench.stages.sequence import insisting, tiers

#: In the header: whether several processes have worked with the pool.
SEVERAL = 120

#: In a place: the block that the process is in, plus 1 (0: in none), and how many it may still take there.
BLOCK, LEFT = 16, 24

#: A bit of this level stands for a block: 32 words of 32 spaces.
_BLOCKS = 2
_WORD_BITS = 5

#: Takes from a block, before the process looks for a lower one.
TURNS = 256

_HINTS = (1 << 32) - 1


@numba.njit(cache=True)
def _is_held(base: int, place: int, block: int) -> bool:
    """Whether another process is in the block."""
    for other in range(1, MOST + 1):
        line = base + PLACES + PLACE * other
        if other != place and load(line) != 0 and load(line + BLOCK) == block + 1:
            return True
    return False


@numba.njit(cache=True)
def _choose(base: int, place: int) -> int:
    """Return the lowest block that may have a free space and in which no other process is; -1 if there is none."""
    begin = load(base + LEVEL + 8 * _BLOCKS)
    # Where the next level begins, or the segment ends, with the last level that there is.
    last = load(base + LEVELS) == _BLOCKS + 1
    end = begin + 8 if last else load(base + LEVEL + 8 * (_BLOCKS + 1))
    for address in range(base + begin, base + end, 8):
        word = load(address) & _HINTS
        while word != 0:
            bit = np.int64(count_trailing_zeros(word))
            block: int = ((address - base - begin) >> 3 << _WORD_BITS) + bit
            if not _is_held(base, place, block):
                return block
            word &= word - 1
    return -1


@numba.njit(cache=True)
def _find(base: int, place: int) -> int:
    """Return the space that the process in this place should take next; -1 if none is free."""
    line = base + PLACES + PLACE * place
    if load(base + SEVERAL) == 0 or load(base + LEVELS) <= _BLOCKS:
        return nearest(base)
    while True:
        block = load(line + BLOCK) - 1
        if block >= 0 and load(line + LEFT) > 0:
            index = find(base, _BLOCKS, block)
            if index >= 0:
                return index
        block = _choose(base, place)
        store(line + BLOCK, block + 1)
        store(line + LEFT, TURNS)
        if block < 0:
            return nearest(base)


@numba.njit(cache=True)
def take_apart(base: int, place: int) -> int:
    """Take a space for the process in this place; -1 if none is free."""
    line = base + PLACES + PLACE * place
    while True:
        index = _find(base, place)
        if index < 0:
            return -1
        if take_this(base, place, index):
            store(line + LEFT, load(line + LEFT) - 1)
            return index


class BlocksPool(SharedPool):
    """A shared pool whose processes keep out of each other's way."""

    def claim(self) -> None:
        """Take a place of this process's own, in no block; a fork does so by itself."""
        super().claim()
        words, first = self._segment.words, (PLACES + PLACE * self._place) // 8
        words[first + BLOCK // 8] = words[first + LEFT // 8] = 0
        if self._place > 1:  # the first one is at work, or was
            words[SEVERAL // 8] = 1

    @staticmethod
    def compile() -> None:
        """Compile what the first request would have to wait for."""
        with BlocksPool(1) as pool:
            pool.nearest()
            pool.release(pool.take())

    def take(self) -> int:
        """Take the lowest free index of the block that this process is in; -1 when full."""
        index: int = take_apart(self._base, self._place)
        return index

    def nearest(self) -> int:
        """Return what `take` would, and leave it free."""
        index: int = _find(self._base, self._place)
        return index


IMPL = Impl("blocks", BlocksPool, sequence=insisting(tiers))
