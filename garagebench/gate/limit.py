"""What a gate may take, what it asks the engine for, and what it would take."""

from __future__ import annotations

import math
from dataclasses import dataclass

from garagebench.engine.extent import MOST_S, Extent
from garagebench.gate.case import CaseKey


@dataclass(frozen=True)
class Work:
    """What a gate asks the engine for: how much, with which seed. slice_ns: how long a slice may be; None: to be chosen."""

    extent: Extent
    seed: str
    slice_ns: int | None = None


@dataclass(frozen=True)
class Limit:
    """What a gate may take: seconds, or exactly so many generations, whatever they take."""

    seconds: float | None = None
    generations: int | None = None

    @property
    def limit_s(self) -> float:
        """Seconds in all."""
        if self.generations is not None:
            return math.inf
        return MOST_S if self.seconds is None else self.seconds


@dataclass(frozen=True)
class Forecast:
    """What a gate would judge. least_s: seconds up to the first look; most_s: its limit. notes: what is in the way."""

    cases: tuple[CaseKey, ...]
    least_s: float
    most_s: float
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What is said of it."""
        count = len(self.cases)
        cases = f"{count} case{'s' * (count != 1)}"
        least = f"about {self.least_s:.0f} s where nothing is slower"
        most = "" if math.isinf(self.most_s) else f", at most {self.most_s:.0f} s"
        return f"{cases}: {least}{most}"
