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
