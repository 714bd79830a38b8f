"""The compiled code of `shared`: its tree, on a segment given by its address.

What it guarantees is in shared.py. The tests run this source one atomic step at a time, see tests/core/shared_model.py.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from garagebench.impls.atomics import load, load_byte, store, swap, swap_byte
from garagebench.impls.intrinsics import count_trailing_zeros

MAGIC = 0x3145_4741_5241_4753

# The segment in bytes: a header (magic, capacity, size, number of levels, where each begins), the places of the
# processes, the truth, the levels of hints. A place is a cache line: who holds it, and the note.
CAPACITY, SIZE, LEVELS, LEVEL = 8, 16, 24, 32
PLACES, PLACE, NOTE, MOST = 128, 64, 8, 255
TRUTH = PLACES + PLACE * (MOST + 1)

_FANOUT_BITS = 5
_FANOUT = 1 << _FANOUT_BITS
_HINTS = (1 << _FANOUT) - 1
_VERSION = 1 << 32
_WORD = (1 << 63) - 1  # without the sign, so that a version runs over into nothing

# A note is an index, times 4, and one of these.
TAKING, TAKEN = 1, 2


@numba.njit(cache=True)
def _is_taken(base: int, level: int, node: int) -> bool:
    """Whether nothing is free below this bit of the level."""
    if level == 0:
        return bool(load_byte(base + TRUTH + node) != 0)
    return bool(load(load(base + LEVEL + 8 * (level - 1)) + base + 8 * node) & _HINTS == 0)


@numba.njit(cache=True)
def _clear(base: int, level: int, node: int) -> None:
    """Clear this bit and those above it, as far as they lead to nothing."""
    while level < load(base + LEVELS):
        address = load(base + LEVEL + 8 * level) + base + 8 * (node >> _FANOUT_BITS)
        bit = 1 << (node & (_FANOUT - 1))
        while True:
            word = load(address)
            if word & bit == 0 or not _is_taken(base, level, node):
                return
            if swap(address, word, word ^ bit):
                break
        if (word ^ bit) & _HINTS:
            return
        level, node = level + 1, node >> _FANOUT_BITS


@numba.njit(cache=True)
def _set(base: int, index: int) -> None:
    """Set the bits on the way to this space.

    Also where a bit is set already the version advances: somebody may be about to clear it.
    """
    node = index
    for level in range(load(base + LEVELS)):
        address = load(base + LEVEL + 8 * level) + base + 8 * (node >> _FANOUT_BITS)
        bit = 1 << (node & (_FANOUT - 1))
        while True:
            word = load(address)
            if swap(address, word, ((word | bit) + _VERSION) & _WORD):
                break
        node >>= _FANOUT_BITS


@numba.njit(cache=True)
def find(base: int, top: int, root: int) -> int:
    """Return the lowest free space below a bit of that level; -1 if there is none. The whole tree is below bit 0 of the last."""
    while True:
        level, node = top, root
        while level > 0:
            word = load(load(base + LEVEL + 8 * (level - 1)) + base + 8 * node) & _HINTS
            if word == 0:
                break
            bit: Any = np.int64(count_trailing_zeros(word))  # unsigned plus signed would be a float
            level, node = level - 1, (node << _FANOUT_BITS) + bit
        if level == 0 and load_byte(base + TRUTH + node) == 0:
            return node
        if level < load(base + LEVELS):
            _clear(base, level, node)
        if level == top:
            return -1


@numba.njit(cache=True)
def nearest(base: int) -> int:
    """Return the lowest free space; -1 if there is none."""
    return find(base, load(base + LEVELS), 0)


@numba.njit(cache=True)
def take(base: int, place: int) -> int:
    """Take the lowest free space for the process in this place; -1 if there is none."""
    while True:
        index = nearest(base)
        if index < 0 or take_this(base, place, index):
            return index


@numba.njit(cache=True)
def take_this(base: int, place: int, index: int) -> bool:
    """Take this space; False if another process was quicker."""
    note = base + PLACES + PLACE * place + NOTE
    # The space was free after all that this process had taken before: if it bears our number, then from here.
    store(note, index * 4 + TAKING)
    if swap_byte(base + TRUTH + index, 0, place):
        _clear(base, 0, index)
        store(note, index * 4 + TAKEN)
        return True
    return False


@numba.njit(cache=True)
def release(base: int, place: int, index: int) -> bool:
    """Free a space, whoever took it; False if it was free already."""
    store(base + PLACES + PLACE * place + NOTE, 0)
    taker = load_byte(base + TRUTH + index)
    if taker == 0 or not swap_byte(base + TRUTH + index, taker, 0):
        return False
    _set(base, index)
    return True


@numba.njit(cache=True)
def claim(base: int, holder: int) -> int:
    """Return the number of a place that is now the holder's; 0 if all are in use."""
    for place in range(1, MOST + 1):
        address = base + PLACES + PLACE * place
        if load(address) == 0 and swap(address, 0, holder):
            return place
    return 0


@numba.njit(cache=True)
def vacate(base: int, place: int) -> None:
    """Make a place free for others."""
    store(base + PLACES + PLACE * place + NOTE, 0)
    store(base + PLACES + PLACE * place, 0)


@numba.njit(cache=True)
def adopt(base: int, place: int, holder: int, adopter: int) -> bool:
    """Take over a dead process's place; False if another did. Should the adopter die, its heir does the same."""
    return bool(swap(base + PLACES + PLACE * place, holder, adopter))


@numba.njit(cache=True)
def doubt(base: int, place: int) -> int:
    """Return the note of a place if the process has the space that it notes; else 0."""
    note = load(base + PLACES + PLACE * place + NOTE)
    return note if note and load_byte(base + TRUTH + (note >> 2)) == place else 0


@numba.njit(cache=True)
def give_back(base: int, place: int, index: int) -> bool:
    """Free the space if it is still this process's."""
    if not swap_byte(base + TRUTH + index, place, 0):
        return False
    _set(base, index)
    return True


@numba.njit(cache=True)
def uncover(base: int) -> int:
    """Set the bits on the way to every free space; return how many spaces they hid."""
    # Somebody may be about to clear a bit that he saw lead to nothing before a killed process set those below it.
    for address in range(base + load(base + LEVEL), base + load(base + SIZE), 8):
        while True:
            word = load(address)
            if swap(address, word, (word + _VERSION) & _WORD):
                break
    hidden = 0
    for index in range(load(base + CAPACITY)):
        node = index
        for level in range(load(base + LEVELS)):
            if load_byte(base + TRUTH + index) != 0:
                break
            word = load(load(base + LEVEL + 8 * level) + base + 8 * (node >> _FANOUT_BITS))
            if word & (1 << (node & (_FANOUT - 1))) == 0:
                _set(base, index)
                hidden += 1
                break
            node >>= _FANOUT_BITS
    return hidden


def _level_sizes(capacity: int) -> list[int]:
    """Return the number of bits of each level of hints, the lowest first."""
    sizes = [capacity]
    while sizes[-1] > _FANOUT:
        sizes.append(-(-sizes[-1] >> _FANOUT_BITS))
    return sizes


def layout(capacity: int) -> tuple[int, list[tuple[int, int]]]:
    """Return the size of a segment in bytes, and where each level begins and how many bits it has."""
    begin, levels = TRUTH + (capacity + 63) // 64 * 64, []
    for bits in _level_sizes(capacity):
        levels.append((begin, bits))
        begin += 8 * max(1, -(-bits >> _FANOUT_BITS))
    return begin, levels


def prepare(words: Any, capacity: int, size: int, levels: list[tuple[int, int]]) -> None:
    """Make a segment of zeros one in which every space is free."""
    words[CAPACITY // 8], words[SIZE // 8], words[LEVELS // 8] = capacity, size, len(levels)
    for level, (begin, bits) in enumerate(levels):
        words[LEVEL // 8 + level] = begin
        full, rest = begin // 8 + (bits >> _FANOUT_BITS), bits & (_FANOUT - 1)
        words[begin // 8 : full] = _HINTS
        if rest:
            words[full] = (1 << rest) - 1
    words[0] = MAGIC
