"""What was measured of each contestant, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from garagebench.engine.schedule import Pace
from garagebench.stats.estimate import quantile

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Of a result file; it grows with each change that an older version cannot read.
SCHEMA = 1

#: Decimals of a nanosecond that a series keeps, so that a file gives back the very same numbers.
DIGITS = 3

Series = list[list[float]]  # one list a generation, one value a round


@dataclass(frozen=True)
class Problem:
    """Why a contestant has no figures, or no more of them: "wrong", "unavailable" or "invalid", and the reason."""

    status: str
    reason: str


@dataclass(frozen=True)
class RowTerms:
    """A row as a sum over measured series, each with its factor, and its rules, as in `garagebench.interface.RowSpec`.

    single: it is one case and not a difference.
    """

    name: str
    isolated: Mapping[str, float]
    in_context: Mapping[str, float] = field(default_factory=dict)
    unit: str = "ns"
    single: bool = True
    part_of: str | None = None
    is_judged: bool = True
    yields_to: str | None = None

    def needs(self, case: str) -> bool:
        """Tell whether the row rests on a series of that case; without figures in context it stands all the same."""
        return any(name == case or name.startswith(f"{case} (") for name in self.isolated)


@dataclass(frozen=True)
class Contestant:
    """What one contestant gave: its measured series, the rows that are made of them, and what is to be known.

    series: name -> generations of rounds, in ns for one request (bytes for the peak of memory).
    row_names: the rows that were asked for, so that they can be listed where nothing was measured; None: not known.
    subject, runtime: what it is one of, and on which interpreter; empty where its name says all. answers: case -> digest
    of what it must answer. left_out: rows that were too slow for the budget.
    reference: the contestant that this one is divided by; None: the first of all. paces: how each slice went. repeated:
    slices in which its worker waited for the core, so that they were measured again.
    """

    name: str
    rows: tuple[RowTerms, ...] = ()
    series: Mapping[str, Series] = field(default_factory=dict)
    problem: Problem | None = None
    caveats: tuple[str, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    row_names: tuple[str, ...] | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[RowTerms, ...] = ()
    reference: str | None = None
    paces: Mapping[str, Pace] = field(default_factory=dict)
    repeated: int = 0
    subject: str = ""
    runtime: str = ""


@dataclass(frozen=True)
class Conditions:
    """How it was measured. start_s, round_s: what starting a generation and a round of it took, in the last one.

    patience_ns: for how long the host kept its speed; slice_ns: how long a slice was made. slices: how many times all
    were measured next to each other. first: who was started first in each generation. exchanged: whether the sides had
    changed places in it.
    """

    start_s: float
    round_s: float
    patience_ns: int
    slice_ns: int
    slices: int
    first: tuple[str, ...]
    exchanged: tuple[bool, ...]


def combine(series: Mapping[str, Series], terms: Mapping[str, float]) -> Series:
    """Return the sum over the terms for each round of each generation; empty where a series is missing."""
    if not terms or not all(name in series for name in terms):
        return []
    return [
        [
            sum(factor * value for factor, value in zip(terms.values(), values, strict=True))
            for values in zip(*rounds, strict=True)
        ]
        for rounds in zip(*(series[name] for name in terms), strict=True)
    ]


def host_spread(reference: Contestant) -> float | None:
    """Return p90/p10 of the reference's longest case over all rounds; None where nothing was measured."""
    lists = [
        [value for rounds in series for value in rounds]
        for series in reference.series.values()
        if any(len(rounds) > 1 for rounds in series)  # a cold start is measured once
    ]
    if not lists or not lists[0]:
        return None
    longest = max(lists, key=median)
    return quantile(longest, 0.9) / quantile(longest, 0.1)
