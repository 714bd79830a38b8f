"""A history: points in the order of their commits, and which changes were told already."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from garagebench.history.places import Place
from garagebench.history.points import SCHEMA, HistoryError, Point, from_json, to_json

#: Commits that are kept, at most; older ones are dropped.
MOST_COMMITS = 1000


@dataclass(frozen=True)
class Told:
    """A change that was told: nobody needs to hear of it twice."""

    source: str
    anchor: str
    case: str
    commit: str
    is_slower: bool


@dataclass(frozen=True)
class Series:
    """Points that have the anchor in common, the oldest first."""

    source: str
    anchor: str
    points: tuple[Point, ...]

    @property
    def cases(self) -> tuple[str, ...]:
        """The cases of all points, each once, in the order in which they came."""
        return tuple(dict.fromkeys(name for point in self.points for name in point.cases))


class History:
    """All that a place keeps. Raises HistoryError where that is no history."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.points: list[Point] = []
        self.told: list[Told] = []
        # As they were read: what did not change is not made anew, which takes long where there are many cases.
        self._texts: dict[tuple[str, str, str], str] = {}
        for number, line in enumerate((place.read() or "").splitlines(), 1):
            if line.strip():
                self._take(line, f"{place}, line {number}")

    def _take(self, line: str, where: str) -> None:
        try:
            found: Mapping[str, Any] = json.loads(line)
            if found["schema"] != SCHEMA:
                raise HistoryError(
                    f"{where}: written by another version of garagebench (schema {found['schema']}, this one reads {SCHEMA})"
                )
            if "told" in found:
                self.told += [Told(**one) for one in found["told"]]
            else:
                point = from_json(found)
                self.points.append(point)
                self._texts[_identify(point)] = line + "\n"
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise HistoryError(
                f"{where}: damaged: remove the line, or name another history"
            ) from None

    def series(self, source: str | None = None) -> Series:
        """Return the points of the anchor that was used last, of the source or of whatever was added last."""
        mine = [point for point in self.points if source in (None, point.source)]
        if not mine:
            which = f" of `{source}`" if source else ""
            raise HistoryError(
                f"{self.place}: has no results{which} yet: `garagebench history add` adds one"
            )
        last = mine[-1]
        same = [
            point for point in mine if (point.source, point.anchor) == (last.source, last.anchor)
        ]
        # Of equal dates, in the order in which they were added.
        ordered = sorted(same, key=lambda point: point.time)
        return Series(last.source, last.anchor, tuple(ordered))

    def add(self, point: Point, *, new_anchor: bool = False, most: int = MOST_COMMITS) -> bool:
        """Add a point; return whether it replaces one of its commit. Raises HistoryError for one of another anchor."""
        known = [one.anchor for one in self.points if one.source == point.source]
        if known and known[-1] != point.anchor and not new_anchor:
            raise HistoryError(
                f"measured against {point.anchor[:40]}, but the results in {self.place} against {known[-1][:40]}: "
                "measure against that, or begin a new line with --new-anchor"
            )
        others = [one for one in self.points if _identify(one) != _identify(point)]
        is_new = len(others) == len(self.points)
        self.points = _keep([*others, point], most)
        self._texts.pop(_identify(point), None)
        anchors = {(one.source, one.anchor) for one in self.points}
        self.told = [one for one in self.told if (one.source, one.anchor) in anchors]
        return not is_new

    def tell(self, told: Iterable[Told]) -> None:
        """Remember that these changes were told."""
        self.told += told

    def save(self, message: str) -> None:
        """Write it where it was read."""
        self.place.write("".join(self._lines()), message)

    def _lines(self) -> Iterator[str]:
        if self.told:
            told = {"schema": SCHEMA, "told": [asdict(one) for one in self.told]}
            yield json.dumps(told, separators=(",", ":")) + "\n"
        for point in self.points:
            yield self._texts.get(_identify(point)) or _write(point)


def _write(point: Point) -> str:
    return json.dumps(to_json(point), separators=(",", ":"), allow_nan=False) + "\n"


def _identify(point: Point) -> tuple[str, str, str]:
    return point.source, point.anchor, point.commit


def _keep(points: list[Point], most: int) -> list[Point]:
    """Return the points without those of the oldest commits, where there are more than are kept."""
    latest = sorted({(one.time, one.commit) for one in points})[-most:]
    kept = {commit for _, commit in latest}
    return [one for one in points if one.commit in kept]
