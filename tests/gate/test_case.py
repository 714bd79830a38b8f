"""Cases and the thresholds that are set for them."""

import pytest

from garagebench.gate.case import CaseKey, Thresholds

CASE = CaseKey("Mine", "cpython3.11", "park/assignment")


@pytest.mark.parametrize(
    ("particular", "percent"),
    [
        ({}, 5.0),
        ({"Mine": 4.0}, 4.0),
        ({"Mine": 4.0, "assignment": 3.0}, 3.0),
        ({"Mine": 4.0, "assignment": 3.0, "Mine/assignment": 2.0}, 2.0),
        ({"Other": 1.0, "Mine/total": 1.0}, 5.0),
    ],
)
def test_the_most_particular_threshold_counts(particular: dict[str, float], percent: float) -> None:
    """IMPL/STAGE before STAGE before IMPL before the one for all."""
    assert Thresholds(5.0, particular).of(CASE) == percent


def test_a_threshold_of_no_case_is_found() -> None:
    """A misspelt stage is told from those that concern a case."""
    assert Thresholds(5.0, {"asignment": 1.0, "Mine": 2.0}).unused([CASE]) == ["asignment"]


BENCH = CaseKey("", "cpython3.11", "bench/test_x.py::test_a[1-2]")


def test_a_case_without_a_subject_has_its_own_name() -> None:
    """Its title is the row, and it is named by that, or by the part behind ::, and by no part of a path."""
    assert BENCH.title == "bench/test_x.py::test_a[1-2]"
    assert BENCH.names == ("bench/test_x.py::test_a[1-2]", "test_a[1-2]", "")


@pytest.mark.parametrize(
    ("particular", "percent"),
    [
        ({"test_a*": 2.0}, 2.0),
        ({"bench/*": 2.0}, 2.0),
        ({"*[1-2]": 2.0}, 2.0),
        ({"test_a[1-2]": 3.0, "*": 2.0}, 3.0),
        ({"*": 2.0, "test_a*": 3.0}, 2.0),
        ({"test_a[12]": 2.0}, 5.0),
        ({"test_?*": 2.0}, 5.0),
    ],
)
def test_a_pattern_has_one_wildcard(particular: dict[str, float], percent: float) -> None:
    """A name counts before a pattern, the first pattern before others; no sign but * means anything."""
    assert Thresholds(5.0, particular).of(BENCH) == percent


def test_a_pattern_of_no_case_is_found() -> None:
    """It is told like a name that no case has."""
    assert Thresholds(5.0, {"bench/*": 1.0, "banch/*": 2.0}).unused([BENCH]) == ["banch/*"]
