"""Where a line bends, and where it does not."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from garagebench.exit_codes import GOOD, INCONCLUSIVE, SLOWER
from garagebench.history.changes import (
    Change,
    exit_code,
    find_changes,
    leave_out_told,
    make_told,
)
from garagebench.history.points import CHECK, HistoryError, Point, Ratio
from garagebench.history.store import Series

ANCHOR = "a" * 40


def make_series(
    cases: Mapping[str, Sequence[float | None]], machines: Sequence[str] = ()
) -> Series:
    """A commit a day. cases: name -> the ratio of each commit; None: it was not measured."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    number = max(map(len, cases.values()))
    points = tuple(
        Point(
            f"{commit:040}",
            (begin + timedelta(days=commit)).isoformat(),
            f"commit {commit}",
            CHECK,
            ANCHOR,
            machines[commit] if machines else "a machine",
            None,
            {
                name: Ratio(ratio, None, None)
                for name, ratios in cases.items()
                if (ratio := ratios[commit]) is not None
            },
        )
        for commit in range(number)
    )
    return Series(CHECK, ANCHOR, points)


def make_noise(seed: int, number: int, deviation: float = 0.01) -> list[float]:
    """Ratios around 1."""
    rng = random.Random(seed)
    return [math.exp(rng.gauss(0, deviation)) for _ in range(number)]


def find_places(changes: Sequence[Change]) -> list[tuple[str, int]]:
    """Return case and number of the commit of each change."""
    return [(change.case, int(change.since.commit)) for change in changes]


def test_a_step_is_found_with_its_commit_and_its_size() -> None:
    """Slower by a tenth from the 40th commit on."""
    ratios = [one * (1.1 if number >= 40 else 1) for number, one in enumerate(make_noise(1, 80))]
    (change,) = find_changes(make_series({"a": ratios, "b": make_noise(2, 80)}))
    assert find_places([change]) == [("a", 40)]
    assert change.previous.commit == f"{39:040}"
    assert change.percent == pytest.approx(10, abs=1)
    assert (change.before, change.after) == pytest.approx((1.0, 1.1), abs=0.01)
    assert change.is_slower


def test_noise_alone_is_no_change() -> None:
    """A hundred lines of identical code, two of their points far off each."""
    lines = {str(seed): make_noise(seed, 120) for seed in range(100)}
    for ratios in lines.values():
        ratios[30], ratios[31], ratios[90] = 1.6, 1.5, 0.5
    assert find_changes(make_series(lines)) == ()


def test_steps_in_both_directions_are_found_in_their_order() -> None:
    """Slower, and later faster again."""
    ratios = [
        one * (1.2 if 20 <= number < 50 else 1) for number, one in enumerate(make_noise(3, 80))
    ]
    changes = find_changes(make_series({"a": ratios}))
    assert find_places(changes) == [("a", 20), ("a", 50)]
    assert [change.is_slower for change in changes] == [True, False]


@pytest.mark.parametrize(("after", "found"), [(2, []), (3, [("a", 40)])])
def test_a_change_takes_three_commits(after: int, found: list[tuple[str, int]]) -> None:
    """One or two that are far off may be an accident."""
    ratios = [*make_noise(4, 40), *(1.3 * one for one in make_noise(5, after))]
    assert find_places(find_changes(make_series({"a": ratios}))) == found


@pytest.mark.parametrize(("least", "number"), [(1.0, 1), (3.0, 0)])
def test_small_steps_are_not_told(least: float, number: int) -> None:
    """Two percent, which the noise of this line would show."""
    ratios = [
        one * (1.02 if number >= 40 else 1) for number, one in enumerate(make_noise(6, 80, 0.002))
    ]
    assert len(find_changes(make_series({"a": ratios}), least)) == number


def test_a_step_within_the_noise_is_not_told() -> None:
    """Five percent at three commits, where single commits differ by ten."""
    ratios = [*make_noise(7, 60, 0.1), *(1.05 * one for one in make_noise(8, 3, 0.1))]
    assert find_changes(make_series({"a": ratios})) == ()


def test_commits_without_the_case_do_not_count() -> None:
    """A case that begins later, and was left out at times."""
    ratios: list[float | None] = [None] * 10
    ratios += [*make_noise(9, 30), *(1.2 * one for one in make_noise(10, 30))]
    ratios[45] = None
    changes = find_changes(make_series({"a": ratios, "b": [1.0] * 70}))
    assert find_places(changes) == [("a", 40)]


def test_lines_without_any_noise_have_steps() -> None:
    """Counted things repeat exactly."""
    changes = find_changes(make_series({"a": [1.0] * 10 + [1.1] * 10}))
    assert find_places(changes) == [("a", 10)]


@pytest.mark.parametrize(("second", "same"), [("x", True), ("y", False)])
def test_another_machine_is_said(second: str, same: bool) -> None:
    """Where no machine measured on both sides of a step, it may be the cause."""
    machines = ["x"] * 20 + [second] * 20
    (change,) = find_changes(make_series({"a": [1.0] * 20 + [1.2] * 20}, machines))
    assert change.same_machine is same


def test_a_change_is_told_once() -> None:
    """Also when it moves by a commit or two; one in another case or the other direction is news."""
    ratios = [1.0] * 20 + [1.2] * 20
    series = make_series({"a": ratios, "b": [1.0] * 40})
    changes = find_changes(series)
    told = make_told(changes, series)
    assert leave_out_told(changes, series, told) == ()
    moved = find_changes(make_series({"a": [1.0] * 22 + [1.2] * 18}))
    assert leave_out_told(moved, series, told) == ()
    for news in ({"b": ratios}, {"a": ratios[::-1]}, {"a": [1.0] * 30 + [1.2] * 10}):
        later = make_series(news)
        assert leave_out_told(find_changes(later), later, told) != ()


def test_the_exit_code_is_that_of_the_changes() -> None:
    """Slower is 3, faster is good news, and too few commits are inconclusive."""
    codes = {
        name: exit_code(find_changes(series), series)
        for name, series in (
            ("slower", make_series({"a": [1.0] * 20 + [1.2] * 20})),
            ("faster", make_series({"a": [1.2] * 20 + [1.0] * 20})),
            ("few", make_series({"a": [1.0] * 5})),
        )
    }
    assert codes == {"slower": SLOWER, "faster": GOOD, "few": INCONCLUSIVE}


def test_without_ruptures_the_fix_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in an extra of its own."""
    monkeypatch.setitem(sys.modules, "ruptures", None)
    with pytest.raises(HistoryError, match=r"pip install 'garagebench\[history\]'"):
        find_changes(make_series({"a": [1.0] * 10}))
