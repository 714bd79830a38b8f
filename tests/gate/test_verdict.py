"""Verdicts, on answers worked out by hand."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garagebench.gate.verdict import (
    Judgement,
    binomial_tail,
    bounds,
    generations_needed,
    holm_levels,
    judge,
    least_generations,
    overall,
    sign_test,
)

FIVE_PERCENT = math.log(1.05)


def test_the_tail_of_the_coin_is_exact() -> None:
    """Of 5 throws, at most 1 head comes in 1 + 5 of 32 cases."""
    assert binomial_tail(5, 1) == 6 / 32
    assert binomial_tail(5, -1) == 0
    assert binomial_tail(5, 5) == 1


def test_sign_test_counts_zero_as_no_slowdown() -> None:
    """Three above 0 and one at 0: at least three of four heads, (4 + 1) / 16."""
    assert sign_test([0.1, 0.2, 0.3, 0.0]) == 5 / 16


def test_holm_stops_at_the_first_case_that_is_too_large() -> None:
    """With alpha 0.06: 0.02 <= 0.06/3, 0.031 > 0.06/2, and 0.032 is not looked at although <= 0.06/1."""
    levels = holm_levels({"b": 0.031, "a": 0.02, "c": 0.032}, 0.06)
    assert levels == {"a": 0.02, "b": None, "c": None}


def test_holm_lets_later_cases_have_more() -> None:
    """Once 0.01 is confirmed at 0.06/3, 0.03 may be confirmed at 0.06/2 and 0.06 at 0.06/1."""
    levels = holm_levels({"a": 0.01, "b": 0.03, "c": 0.06}, 0.06)
    assert levels == pytest.approx({"a": 0.02, "b": 0.03, "c": 0.06})


def test_bounds_are_the_order_statistics_of_the_level() -> None:
    """Of 6 values the extremes err by 1/64 each, the next ones by 7/64; 5 values allow no tail of 1/64."""
    values = [6.0, 1, 2, 5, 3, 4]
    assert bounds(values, 1 / 64) == (1, 6)
    assert bounds(values, 7 / 64) == (2, 5)
    assert bounds(values[:5], 1 / 64) == (None, None)


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=25),
    st.sampled_from([0.0005, 0.005, 0.025, 0.1]),
)
def test_the_lower_bound_is_above_0_exactly_when_the_sign_test_says_so(
    values: list[float], tail: float
) -> None:
    """Interval and test never contradict each other."""
    low, _ = bounds(values, tail)
    assert (low is not None and low > 0) == (sign_test(values) <= tail)


def test_a_gate_errs_no_more_often_than_it_may() -> None:
    """Over all 2^12 signs that identical code can show in 12 generations, at most alpha are called slower."""
    alpha = 0.01
    slower = sum(
        judge({"total": signs}, {"total": -math.inf}, alpha)["total"].outcome == "slower"
        for signs in itertools.product((-1.0, 1.0), repeat=12)
    )
    assert 0 < slower / 2**12 <= alpha


def test_slower_needs_confirmation_and_an_estimate_at_the_threshold() -> None:
    """Twelve generations of +6 % are slower than 5 % allows; of +4 % they are not, however sure."""
    for change, outcome in ((0.06, "slower"), (0.04, "not slower")):
        found = judge({"total": [math.log1p(change)] * 12}, {"total": FIVE_PERCENT}, 0.005)
        assert found["total"].outcome == outcome


def test_too_few_generations_are_inconclusive() -> None:
    """Five generations of +50 % confirm nothing at half a percent, and five of 0 bound nothing."""
    for change in (0.5, 0.0):
        found = judge({"total": [change] * 5}, {"total": FIVE_PERCENT}, 0.005)
        assert found["total"].outcome == "inconclusive"


def test_nothing_measured_is_inconclusive() -> None:
    """A case without a single generation is never a pass."""
    assert judge({"total": []}, {"total": FIVE_PERCENT}, 0.005)["total"].outcome == "inconclusive"


def test_an_interval_across_the_threshold_is_inconclusive() -> None:
    """Half of the generations at 0 and half at +10 %: neither verdict."""
    values = [0.0, 0.1] * 8
    assert (
        judge({"total": values}, {"total": FIVE_PERCENT}, 0.005)["total"].outcome == "inconclusive"
    )


def test_one_slower_case_makes_the_gate_slower() -> None:
    """Slower beats inconclusive, which beats not slower; nothing at all is inconclusive."""
    assert overall(["not slower", "inconclusive", "slower"]) == "slower"
    assert overall(["not slower", "inconclusive"]) == "inconclusive"
    assert overall(["not slower", "not slower"]) == "not slower"
    assert overall([]) == "inconclusive"


def test_the_least_generations_can_just_reach_the_level() -> None:
    """For 7 cases at 0.0025, 2^-12 <= 0.0025 / 7 < 2^-11."""
    assert least_generations(7, 0.0025) == 12
    assert 2**-12 <= 0.0025 / 7 < 2**-11


def test_the_generations_that_would_decide_grow_with_the_square() -> None:
    """A half-width of 4 % at a distance of 2 % from the threshold takes four times as many."""
    undecided = Judgement("inconclusive", 0.03, -0.01, 0.07, 10)
    assert generations_needed(undecided, 0.05) == 40
    assert generations_needed(Judgement("inconclusive", 0.05, 0.0, 0.1, 10), 0.05) is None
