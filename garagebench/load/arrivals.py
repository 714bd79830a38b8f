"""When requests are to be sent: schedules that do not wait for replies. Pure."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping

#: (requests a second, seed) -> nanoseconds from the start, ascending, without end.
Schedule = Callable[[float, int], Iterator[int]]


def uniform(rate: float, seed: int) -> Iterator[int]:
    """Yield moments that are equally far apart."""
    del seed  # nothing is drawn
    for number in itertools.count():
        yield int(number * 1e9 / rate)  # not a running sum: its error would grow


def poisson(rate: float, seed: int) -> Iterator[int]:
    """Yield moments as independent customers make them: the gaps are exponential."""
    draw = random.Random(seed).expovariate
    moment_s = 0.0
    while True:
        moment_s += draw(rate)
        yield int(moment_s * 1e9)


SCHEDULES: Mapping[str, Schedule] = {"poisson": poisson, "uniform": uniform}
