"""What measures itself, a time or else, as the holder measures it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable


class TimedCall:
    """What reads the clock by itself, with the fields that the holder looks for."""

    prepare = finish = None
    iterations = 1
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = {}

    def __init__(self, time_ns: Callable[[int], float]) -> None:
        self.time_ns = time_ns

    def function(self) -> None:
        """Make one call, for whoever does not ask for its time."""
        self.time_ns(1)

    run = function

    def answers(self) -> Iterator[str]:
        """Return nothing: it answers how long it took."""
        return iter(())
