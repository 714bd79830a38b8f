"""What a history keeps, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from garagebench.history.places import File
from garagebench.history.points import CHECK, RUN, HistoryError, Point, Ratio
from garagebench.history.store import History, Told

POINT = Point(
    "1" * 40,
    "2026-01-01T10:00:00+00:00",
    "First",
    CHECK,
    "a" * 40,
    "a machine",
    None,
    {"f": Ratio(1.25, 1.2, None)},
)


@pytest.fixture
def place(tmp_path: Path) -> File:
    """Where a history may be kept."""
    return File(tmp_path / "history.jsonl")


def keep(place: File, *points: Point, **options: int) -> History:
    """Add points, each with a history of its own, as commands do; return it as it is read again."""
    for point in points:
        history = History(place)
        history.add(point, **options)  # type: ignore[arg-type]
        history.save("")
    return History(place)


def name(number: int) -> Point:
    """A point of another commit, a day later for each number."""
    return replace(POINT, commit=f"{number:040}", date=f"2026-01-{number:02}T10:00:00+00:00")


def test_a_point_is_read_as_it_was_written(place: File) -> None:
    """With its bounds, of which one may be unknown."""
    assert keep(place, POINT).points == [POINT]


def test_commits_are_in_the_order_of_their_dates(place: File) -> None:
    """Also where an old one is added later, or lives in another time zone."""
    west = replace(name(9), date="2026-01-02T06:00:00-05:00")
    series = keep(place, name(3), name(1), west, name(2)).series()
    assert [int(point.commit) for point in series.points] == [1, 2, 9, 3]


def test_a_second_result_replaces_the_first(place: File) -> None:
    """A line for each commit."""
    history = keep(place, POINT)
    assert history.add(replace(POINT, cases={"f": Ratio(2.0, None, None)})) is True
    assert history.add(name(5)) is False
    history.save("")
    assert len(Path(str(place)).read_text().splitlines()) == 2
    assert History(place).points[0].cases["f"].ratio == 2


def test_another_anchor_is_refused(place: File) -> None:
    """Ratios to two revisions cannot be set beside each other; a new line begins only when it is asked for."""
    history = keep(place, POINT)
    other = replace(name(5), anchor="b" * 40)
    with pytest.raises(HistoryError, match="--new-anchor"):
        history.add(other)
    history.add(other, new_anchor=True)
    assert history.series().anchor == other.anchor
    assert len(history.series().points) == 1
    history.add(name(6), new_anchor=True)
    assert len(history.series().points) == 2


def test_runs_and_checks_are_apart(place: File) -> None:
    """Each has an anchor of its own."""
    run = replace(POINT, source=RUN, anchor="lists@cpython3.11")
    history = keep(place, POINT, run)
    assert history.series().source == RUN
    assert history.series(CHECK).points == (POINT,)


def test_the_oldest_commits_are_dropped(place: File) -> None:
    """A history is bounded; what was told of a line that is gone goes with it."""
    history = keep(place, *map(name, range(1, 8)), most=3)
    assert [int(point.commit) for point in history.points] == [5, 6, 7]
    history.tell([Told(CHECK, "a" * 40, "f", "5", is_slower=True)])
    history.add(replace(name(20), anchor="b" * 40), new_anchor=True, most=1)
    assert history.told == []


def test_what_changed_meanwhile_is_not_overwritten(place: File) -> None:
    """Two commands at once: the second one to write is refused, and nothing of the first is lost."""
    first, second = History(place), History(File(Path(str(place))))
    second.add(POINT)
    second.save("")
    first.add(name(2))
    with pytest.raises(HistoryError, match="run the command again"):
        first.save("")
    assert History(place).points == [POINT]


def test_what_was_told_is_kept(place: File) -> None:
    """Until the next time."""
    told = Told(CHECK, "a" * 40, "f", "1" * 40, is_slower=True)
    history = keep(place, POINT)
    history.tell([told])
    history.save("")
    assert History(place).told == [told]


@pytest.mark.parametrize(
    "change",
    [
        {"commit": 1},
        {"date": "yesterday"},
        {"date": "2026-01-01T10:00:00"},
        {"cases": []},
        {"cases": {"f": [1.0, None]}},
        {"cases": {"f": [0.0, None, None]}},
        {"cases": {"f": ["1", None, None]}},
        {"cases": {"f": [1.0, True, None]}},
        {"report": 1},
    ],
)
def test_a_damaged_line_is_told_with_its_place(place: File, change: dict[str, object]) -> None:
    """Nothing is guessed, and nothing is dropped without a word."""
    keep(place, POINT, name(2))
    first, second = Path(str(place)).read_text().splitlines()
    Path(str(place)).write_text(f"{first}\n{json.dumps({**json.loads(second), **change})}\n")
    with pytest.raises(HistoryError, match=r"history\.jsonl, line 2: damaged"):
        History(place)


@pytest.mark.parametrize("line", ["[", "[]", "1", "{}", "[" * 100_000])
def test_a_line_that_is_none_is_damaged(place: File, line: str) -> None:
    """Whatever it is."""
    Path(str(place)).write_text(line)
    with pytest.raises(HistoryError, match="line 1: damaged"):
        History(place)


def test_a_line_of_another_version_is_told(place: File) -> None:
    """One sentence."""
    keep(place, POINT)
    Path(str(place)).write_text(Path(str(place)).read_text().replace('"schema":1', '"schema":9'))
    with pytest.raises(HistoryError, match="schema 9, this one reads 1"):
        History(place)


def test_nothing_to_show_says_what_to_do(place: File) -> None:
    """An empty history."""
    with pytest.raises(HistoryError, match="history add"):
        History(place).series()
