"""What the pools make of a count and of indices, whoever hands them over."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index


def limit(count: int, most: int) -> int:
    """Return how many spaces a batch gets where there are so many: none for a negative count. Raises TypeError.

    A quarter of the time of max and min.
    """
    count = index(count)
    if 0 <= count <= most:
        return count
    return 0 if count < 0 else most


def listed(indices: Sequence[int]) -> list[int] | tuple[int, ...]:
    """Return the indices as compiled code takes them: of a range or the like, a list."""
    return indices if isinstance(indices, (list, tuple)) else [*indices]
