"""What was measured, and the rows that follow from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from statistics import median
from typing import TYPE_CHECKING, Any

from garagebench.engine.contestant import (
    DIGITS,
    SCHEMA,
    Conditions,
    Contestant,
    RowTerms,
    Series,
    combine,
    host_spread,
)
from garagebench.stats.estimate import (
    LEAST_GENERATIONS,
    Estimate,
    estimate,
    median_log_ratio,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RATIO_DIGITS = 5

#: Spread (p90/p10) of one case within a run above which the host itself changed speed.
STEADY = 1.3

#: Name of the one row of a contestant that failed before anybody could say what rows there are.
EVERYTHING = "everything"


@dataclass(frozen=True)
class ResultRow:
    """One line of results; unknown is None, never 0. `unit` is "ns" or "bytes"."""

    contestant: str
    name: str
    unit: str
    status: str
    median: float | None = None
    low: float | None = None
    high: float | None = None
    in_context: float | None = None
    reference: str | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """A finished or interrupted measurement. The first contestant is the reference of those that name no other."""

    contestants: tuple[Contestant, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    schema: int = SCHEMA
    conditions: Conditions | None = None

    @property
    def reference(self) -> Contestant:
        """The contestant that the others are divided by, where they name no other."""
        return self.contestants[0]

    def reference_of(self, contestant: Contestant) -> Contestant:
        """Return the contestant that this one is divided by."""
        named = (one for one in self.contestants if one.name == contestant.reference)
        return next(named, self.reference)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader of any row should know."""
        found = list(self.notes)
        spread = host_spread(self.reference)
        if spread is not None and spread > STEADY:
            found.append(
                f"the host changed speed during the run (p90/p10 of the reference {spread:.2f}): "
                "the ratios hold, the absolute times are of this hour"
            )
        if self.interrupted:
            found.append("interrupted: the figures are of what was measured until then")
        return tuple(found)

    def rows(self) -> list[ResultRow]:
        """Return a row for everything that was asked for, in the order of the contestants."""
        return [row for contestant in self.contestants for row in self._rows(contestant)]

    def log_ratios(self, contestant: Contestant) -> dict[str, list[float]]:
        """Return for each row the log of its ratio to the reference, one a generation; empty where one has none."""
        reference = self.reference_of(contestant)
        found = {
            terms.name: self._log_ratios(
                reference, terms, combine(contestant.series, terms.isolated)
            )
            for terms in contestant.rows
        }
        return {name: logs if all(map(math.isfinite, logs)) else [] for name, logs in found.items()}

    def save(self, path: str | Path) -> None:
        """Write a pyperf suite, plain or `.gz`; whole or not at all."""
        from garagebench.engine.files import save  # which takes 30 ms to import, because of pyperf

        save({one.name: getattr(self, one.name) for one in fields(self)}, path)

    @staticmethod
    def load(path: str | Path) -> Result:
        """Read what `save` wrote. Raises ResultError."""
        from garagebench.engine.files import load

        return Result(**load(path))

    def _rows(self, contestant: Contestant) -> list[ResultRow]:
        problem = contestant.problem
        rows = []
        if problem is None or problem.status != "wrong":
            rows += [self._row(contestant, terms) for terms in contestant.rows]
            rows += [
                ResultRow(
                    contestant.name, terms.name, terms.unit, "invalid", caveats=contestant.caveats
                )
                for terms in contestant.left_out
            ]
        known = {row.name for row in rows}
        if problem is not None:
            rows += [
                ResultRow(contestant.name, name, "ns", problem.status, caveats=(problem.reason,))
                for name in self._expected_rows(contestant)
                if name not in known
            ]
        return rows

    def _expected_rows(self, contestant: Contestant) -> tuple[str, ...]:
        """Return the rows that were asked for: as said, as its worker said, or as anybody's said."""
        if contestant.row_names is not None:
            return contestant.row_names
        for one in (contestant, *self.contestants):
            if one.rows:
                return tuple(row.name for row in one.rows)
        return (EVERYTHING,)

    def _row(self, contestant: Contestant, terms: RowTerms) -> ResultRow:
        caveats = list(contestant.caveats)
        problem = contestant.problem
        if problem is not None:
            caveats.append(problem.reason)
        generations = combine(contestant.series, terms.isolated)
        if not generations:
            status = problem.status if problem is not None else "invalid"
            caveats = caveats or ["nothing was measured"]
            return ResultRow(
                contestant.name, terms.name, terms.unit, status, caveats=tuple(caveats)
            )
        if len(generations) < LEAST_GENERATIONS:
            caveats.append(
                f"{_count(len(generations), 'generation')} only: no interval (it takes {LEAST_GENERATIONS})"
            )
        absolute: Estimate | None = estimate([median(rounds) for rounds in generations])
        if terms.single and absolute is not None and absolute.median <= 0:
            absolute = None
            caveats.append("too fast to be told from the loop around it")
        in_context = combine(contestant.series, terms.in_context)
        reference = self.reference_of(contestant)
        logs = self._log_ratios(reference, terms, generations) if absolute is not None else []
        ratio = _exponential(estimate(logs)) if logs else None
        if len(logs) < min(len(generations), LEAST_GENERATIONS) and logs:
            caveats.append(
                f"{reference.name} has {_count(len(logs), 'generation')} only: the ratio has no interval"
            )
        return ResultRow(
            contestant.name,
            terms.name,
            terms.unit,
            "ok",
            *_parts(absolute, DIGITS),
            in_context=round(median(median(rounds) for rounds in in_context), DIGITS)
            if in_context
            else None,
            reference=reference.name if ratio is not None else None,
            **dict(
                zip(("ratio", "ratio_low", "ratio_high"), _parts(ratio, RATIO_DIGITS), strict=True)
            ),
            caveats=tuple(caveats),
        )

    @staticmethod
    def _log_ratios(reference: Contestant, terms: RowTerms, generations: Series) -> list[float]:
        """Return, for each generation, the log ratio to the reference's row; empty where there is none."""
        problem = reference.problem
        same = next((row for row in reference.rows if row.name == terms.name), None)
        if same is None or (problem is not None and problem.status == "wrong"):
            return []
        logs = [
            median_log_ratio(values, references)
            for values, references in zip(
                generations, combine(reference.series, same.isolated), strict=False
            )
        ]
        # An infinite one is an end like any other, as long as the middle is a number; a nan has no place in an order.
        is_told = logs and not any(map(math.isnan, logs)) and math.isfinite(median(logs))
        return logs if is_told else []


def _exponential(found: Estimate) -> Estimate:
    low, high = (
        None if bound is None or math.isinf(bound) else math.exp(bound)
        for bound in (found.low, found.high)
    )
    return Estimate(math.exp(found.median), low, high)


def _parts(found: Estimate | None, digits: int) -> tuple[float | None, float | None, float | None]:
    if found is None:
        return None, None, None
    low, high = (
        None if bound is None else round(bound, digits) for bound in (found.low, found.high)
    )
    return round(found.median, digits), low, high


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
