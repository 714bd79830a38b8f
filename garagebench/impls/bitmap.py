"""The memory of a 64-ary bitmap tree, which `tree` and `c` search in compiled code."""

from __future__ import annotations

import sys

#: Words in front of the bits: what is free, the capacity, the number of levels, and where each level starts.
HEADER = 16


class BitmapPool:
    """One block of 64-bit words: a header, then the levels of bits, leaves first, 1 for free.

    A bit of a higher level tells whether the word below it has one left. Eleven levels would hold 2^63 spaces.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._memory = _build(capacity)
        self._header = memoryview(self._memory)[: HEADER * 8].cast("Q")

    @property
    def free(self) -> int:
        """Free spaces; the compiled code counts them."""
        return self._header[0]

    def save(self) -> bytes:
        """Return the state."""
        return bytes(self._memory)

    def restore(self, state: bytes) -> None:
        """Return to a saved state."""
        self._memory[:] = state


def _build(capacity: int) -> bytearray:
    """Return the memory of a tree in which all is free."""
    header = [capacity, capacity, 0]
    memory = bytearray(HEADER * 8)
    bits = capacity
    while bits > 1 or not header[2]:
        header[2] += 1
        header.append(len(memory) // 8)
        whole, rest = divmod(bits, 64)
        memory += b"\xff" * (whole * 8)
        if rest:
            memory += ((1 << rest) - 1).to_bytes(8, sys.byteorder)
        bits = whole + bool(rest)
    memory[: len(header) * 8] = b"".join(word.to_bytes(8, sys.byteorder) for word in header)
    return memory
