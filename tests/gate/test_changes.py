"""From rounds to one change for each generation, worked out by hand."""

from __future__ import annotations

import math

import pytest

from garagebench.engine import Contestant
from garagebench.engine.contestant import RowTerms
from garagebench.gate.case import CaseKey
from garagebench.gate.changes import (
    measure_changes,
    measure_difference,
    measure_ratio,
    measure_sizes,
    measure_spread,
)
from garagebench.gate.pairs import Pair
from garagebench.gate.replay import NOWHERE

PAIR = Pair("lists", "cpython3.11", "python", (NOWHERE, NOWHERE))
TOTAL = CaseKey("lists", "cpython3.11", "park/total")
REST = CaseKey("lists", "cpython3.11", "park/sequence")


def make_side(total: list[list[float]], less: list[list[float]]) -> Contestant:
    """Return a side whose `sequence` is its total less what is given."""
    rows = (
        RowTerms("park/total", {"total": 1}, {}),
        RowTerms("park/sequence", {"total": 1, "less": -1}, single=False, part_of="park/total"),
    )
    return Contestant("x", rows, {"total": total, "less": less})


def test_a_ratio_is_taken_round_by_round() -> None:
    """Twice as long in each round, however fast the host was in it."""
    assert measure_ratio([10.0, 18.0, 10.0], [20.0, 36.0, 21.0]) == pytest.approx(math.log(2))


def test_a_round_without_any_time_tells_nothing() -> None:
    """Both below zero: the others decide; where no round tells, there is no change to see."""
    assert measure_ratio([10.0, -1.0, 10.0], [20.0, -2.0, 20.0]) == pytest.approx(math.log(2))
    assert measure_ratio([-1.0], [-1.0]) == 0.0
    assert measure_ratio([10.0], [-1.0]) == -math.inf


def test_a_difference_is_judged_as_a_share_of_its_whole() -> None:
    """10 more in a whole of 1,000, of which it is a tenth: +10 % of itself, also where it was below zero in a round."""
    found = measure_difference(
        [[100.0, 100.0, -5.0]], [[110.0, 110.0, 5.0]], [[1000.0, 1000.0, 1000.0]], 0.1
    )
    assert found == [pytest.approx(math.log(1.1))]


def test_a_difference_that_vanished_is_infinitely_quicker() -> None:
    """Less by more than all of its size: no logarithm, and still a generation."""
    assert measure_difference([[100.0]], [[-50.0]], [[1000.0]], 0.1) == [-math.inf]


def test_a_difference_without_a_size_has_no_change() -> None:
    """What base has nothing of has no percent."""
    assert measure_difference([[1.0]], [[2.0]], [[10.0]], 0.0) == []


def test_cases_of_both_kinds_have_a_change_for_each_generation() -> None:
    """Two generations give two changes, of the whole and of the difference."""
    base = make_side([[100.0], [200.0]], [[90.0], [180.0]])
    head = make_side([[110.0], [220.0]], [[100.0], [200.0]])
    sides = [(PAIR, base, head)]
    sizes_ns = measure_sizes(sides, [TOTAL, REST])
    assert sizes_ns == {TOTAL: 150.0, REST: 15.0}
    changes = measure_changes(sides, [TOTAL, REST], sizes_ns)
    assert changes[TOTAL] == [pytest.approx(math.log(1.1))] * 2
    assert changes[REST] == [pytest.approx(0.0)] * 2
    assert set(measure_changes(sides, [TOTAL], sizes_ns)) == {TOTAL}


def test_the_spread_is_that_of_the_middle() -> None:
    """One round in five at another speed is an end, and does not count; a normal spread would be 1.4826 deviations."""
    base = make_side([[100.0] * 5], [[0.0] * 5])
    head = make_side([[100.0, 101.0, 99.0, 100.0, 180.0]], [[0.0] * 5])
    spread = measure_spread([(PAIR, base, head)], [TOTAL])[TOTAL]
    assert spread == pytest.approx(1.4826 * math.log(1.01), rel=0.02)
