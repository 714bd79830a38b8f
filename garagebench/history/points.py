"""What one commit measured: ratios, to the reference of the same run or to a fixed revision, never absolute times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from garagebench.errors import GarageError

if TYPE_CHECKING:
    from garagebench.check.verdict import Verdict
    from garagebench.run.report import Report, Row

#: Of a line; it grows with each change.
SCHEMA = 1

#: What a point was measured with.
CHECK, RUN = "check", "run"

#: Significant digits that a ratio is kept with: more than anybody can measure.
DIGITS = 6


class HistoryError(GarageError):
    """A history cannot be read or written, or a result does not belong to it; the text says what would."""


@dataclass(frozen=True)
class Ratio:
    """A time as a multiple of the anchor's, above 1 slower, with its bounds; a bound that is unknown is None."""

    ratio: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Commit:
    """A commit: full hash, date as ISO 8601, and the first line of its message."""

    commit: str
    date: str
    title: str


@dataclass(frozen=True)
class Point:
    """What one commit measured. source: CHECK or RUN.

    anchor: what all times are multiples of: the full hash of a revision, or the reference of a run. report: the address of
    a report on it, if there is one.
    """

    commit: str
    date: str
    title: str
    source: str
    anchor: str
    machine: str
    report: str | None
    cases: Mapping[str, Ratio]

    @property
    def time(self) -> datetime:
        """The date, to sort by."""
        return datetime.fromisoformat(self.date)


def find_head(verdict: Verdict) -> str:
    """Return the full hash of what a verdict is on. Raises HistoryError."""
    if verdict.head_commit is None:
        raise HistoryError(
            "its head has changes that are in no commit: commit them, or name the commit with --commit"
        )
    return verdict.head_commit


def from_verdict(verdict: Verdict, commit: Commit) -> Point:
    """Return the point of a verdict of `check`. Raises HistoryError."""
    if verdict.base_commit is None:
        raise HistoryError(
            "its base is no revision: a history needs `check --base REV`, with the same REV each time"
        )
    cases = {
        f"{one.case}@{one.runtime}" if one.impl else one.case: Ratio(
            _round(1 + one.change_percent / 100), _from_percent(one.low), _from_percent(one.high)
        )
        for one in verdict.cases
        if one.change_percent is not None and one.change_percent > -100  # noqa: PLR2004  of a time nothing is left
    }
    if not cases:
        raise HistoryError("no case in it has a change")
    return Point(
        **asdict(commit),
        source=CHECK,
        anchor=verdict.base_commit,
        machine=verdict.machine or "unknown",
        report=None,
        cases=cases,
    )


def from_report(result: Report, commit: Commit) -> Point:
    """Return the point of a result of `run`. Raises HistoryError."""
    rows = [row for row in result.rows if row.ratio and row.reference != _name(row)]
    references = {row.reference for row in rows}
    if not rows:
        raise HistoryError(
            "no row in it has a ratio: measure two implementations or two subjects in one run"
        )
    if len(references) > 1:
        raise HistoryError("its rows have several references")
    return Point(
        **asdict(commit),
        source=RUN,
        anchor=str(references.pop()),
        machine=_name_machine(result),
        report=None,
        cases={
            f"{_name(row)}/{row.case}": Ratio(
                _round(row.ratio or 1.0), row.ratio_low, row.ratio_high
            )
            for row in rows
        },
    )


def _name(row: Row) -> str:
    """Return the name by which rows refer to their reference."""
    return "/".join(filter(None, (f"{row.impl}@{row.runtime}", row.server)))


def _name_machine(result: Report) -> str:
    known = result.environment
    return (
        f"{known.get('cpu_model_name', 'unknown processor')}, {known.get('cpu_count', '?')} cores"
    )


def _from_percent(percent: float | None) -> float | None:
    return None if percent is None or percent <= -100 else _round(1 + percent / 100)  # noqa: PLR2004


def _round(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


def to_json(point: Point) -> dict[str, Any]:
    """Return the point as a line of a file has it: each case as a list of its ratio and its bounds."""
    cases = {name: [one.ratio, one.low, one.high] for name, one in point.cases.items()}
    return {"schema": SCHEMA, **asdict(point), "cases": cases}


def from_json(found: Mapping[str, Any]) -> Point:
    """Return the point of a line. Raises ValueError, TypeError or KeyError where it is none."""
    texts = {key: found[key] for key in ("commit", "date", "title", "source", "anchor", "machine")}
    report = found["report"]
    if not all(isinstance(text, str) for text in (*texts.values(), report or "")):
        raise ValueError
    point = Point(**texts, report=report, cases=dict(_read_cases(found["cases"])))
    if point.time.tzinfo is None:
        raise ValueError
    return point


def _read_cases(found: Mapping[str, Any]) -> Iterator[tuple[str, Ratio]]:
    for name, (ratio, low, high) in found.items():
        bounds = (low is None or _is_ratio(low)) and (high is None or _is_ratio(high))
        if not (bounds and _is_ratio(ratio)):
            raise ValueError
        yield name, Ratio(ratio, low, high)


def _is_ratio(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value > 0  # type: ignore[arg-type,operator]
