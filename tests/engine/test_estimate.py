"""Medians, their intervals and log ratios."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from statistics import median

import pytest

from garagebench.stats.estimate import (
    CONFIDENCE,
    LEAST_GENERATIONS,
    Estimate,
    estimate,
    interval_rank,
    log_ratio,
    median_log_ratio,
    quantile,
    useful_generations,
)

# The interval from the r-th smallest to the r-th largest of n values misses the median when fewer than r values lie on
# one side of it. Of the 2^n ways to fall on two sides that is 2 * (C(n,0) + ... + C(n,r-1)).
RANKS = {
    # At most 30 of 32 are covered by r = 1.
    1: 0,
    2: 0,
    3: 0,
    4: 0,
    5: 0,
    6: 1,  # r=1:      62/64 = 0.969;      r=2:      50/64 = 0.781
    7: 1,  # r=1:    126/128 = 0.984;      r=2:    112/128 = 0.875
    8: 1,  # r=1:    254/256 = 0.992;      r=2:    238/256 = 0.930
    9: 2,  # r=2:    492/512 = 0.961;      r=3:    420/512 = 0.820
    10: 2,  # r=2:  1002/1024 = 0.979;      r=3:   912/1024 = 0.891
    11: 2,  # r=2:  2024/2048 = 0.988;      r=3:  1914/2048 = 0.935
    12: 3,  # r=3:  3938/4096 = 0.961;      r=4:  3498/4096 = 0.854
    13: 3,  # r=3:  8008/8192 = 0.978;      r=4:  7436/8192 = 0.908
    14: 3,  # r=3: 16172/16384 = 0.987;     r=4: 15444/16384 = 0.943
    15: 4,  # r=4: 31616/32768 = 0.965;     r=5: 28886/32768 = 0.882
    16: 4,  # r=4: 64142/65536 = 0.979;     r=5: 60502/65536 = 0.923
    17: 5,  # r=5: 124644/131072 = 0.951;   r=6: 112268/131072 = 0.857
    18: 5,  # r=5: 254048/262144 = 0.969;   r=6: 236912/262144 = 0.904
    19: 5,  # r=5: 514216/524288 = 0.981;   r=6: 490960/524288 = 0.936
    20: 6,  # r=6: 1005176/1048576 = 0.959; r=7: 927656/1048576 = 0.885
}


@pytest.mark.parametrize(("count", "rank"), RANKS.items())
def test_the_rank_is_the_largest_that_covers_enough(count: int, rank: int) -> None:
    """The interval's rank is that of the table worked out from binomial sums."""
    assert interval_rank(count) == rank


@pytest.mark.parametrize("count", range(1, 13))
def test_the_interval_covers_what_it_says(count: int) -> None:
    """Of all ways in which values can lie about their median, 95 % have it in the interval; a narrower has not."""
    widest = narrower = 0
    for signs in product((-1, 1), repeat=count):
        values = sorted(sign * size for size, sign in enumerate(signs, 1))
        found = estimate(values)
        rank = interval_rank(count)
        widest += found.low is not None and found.high is not None and found.low < 0 < found.high
        narrower += rank < count // 2 and values[rank] < 0 < values[-rank - 1]
    if count < LEAST_GENERATIONS:
        assert widest == 0
    else:
        assert Fraction(widest, 2**count) >= Fraction(95, 100)
    assert Fraction(narrower, 2**count) < Fraction(95, 100)


def test_a_rank_beyond_the_range_of_floats() -> None:
    """Thousands of generations have an interval, too: 2^2000 is no float."""
    rank = interval_rank(2000)
    tails = [Fraction(sum(math.comb(2000, k) for k in range(r)), 2**2000) for r in (rank, rank + 1)]
    assert [1 - 2 * tail >= Fraction(95, 100) for tail in tails] == [True, False]


def test_more_confidence_needs_a_wider_interval() -> None:
    """At 0.99, 20 values have rank 4: 2 * (1 + 20 + 190 + 1140) = 2702 of 2^20 are missed, with 4845 more 12392."""
    assert (interval_rank(20), interval_rank(20, 0.99)) == (6, 4)
    assert CONFIDENCE == 0.95


def test_an_interval_lies_between_order_statistics() -> None:
    """Of 9 values the interval goes from the second smallest to the second largest, whatever their order."""
    values = [7.0, 1.0, 30.0, 5.0, 6.0, 100.0, 2.0, 8.0, 4.0]
    # In order: 1 [2] 4 5 (6) 7 8 [30] 100.
    assert estimate(values) == Estimate(6.0, 2.0, 30.0)


def test_the_median_of_an_even_count_is_the_middle() -> None:
    """Of 6 values the median is the mean of the two in the middle, and the interval is all of them."""
    assert estimate([6.0, 1.0, 2.0, 3.0, 10.0, 5.0]) == Estimate(4.0, 1.0, 10.0)


@pytest.mark.parametrize("count", range(1, LEAST_GENERATIONS))
def test_few_values_have_no_interval(count: int) -> None:
    """Below 6 values there is a median, and the bounds are unknown."""
    found = estimate([3.0] * count)
    assert found == Estimate(3.0, None, None)


def test_useful_generations_are_where_the_rank_grows() -> None:
    """A count is useful when one fewer has a smaller rank; the table says at 6, 9, 12, 15, 17 and 20."""
    useful = {useful_generations(most) for most in range(LEAST_GENERATIONS, 36)}
    assert useful == {6, 9, 12, 15, 17, 20, 23, 25, 28, 30, 33, 35}
    assert all(interval_rank(count) == interval_rank(count - 1) + 1 for count in useful)


@pytest.mark.parametrize(("most", "useful"), [(6, 6), (8, 6), (9, 9), (11, 9), (16, 15), (19, 17)])
def test_useful_generations_are_not_above_the_most(most: int, useful: int) -> None:
    """Between two useful counts it is the lower."""
    assert useful_generations(most) == useful


@pytest.mark.parametrize("most", range(LEAST_GENERATIONS))
def test_too_few_generations_are_taken_as_they_are(most: int) -> None:
    """Below 6 there is no interval to widen, so that every generation is of use."""
    assert useful_generations(most) == most


def test_a_log_ratio() -> None:
    """It is the natural logarithm of value by reference."""
    assert log_ratio(math.e**3, math.e) == pytest.approx(2)
    assert log_ratio(5.0, 5.0) == 0
    assert log_ratio(0.25, 0.5) == pytest.approx(-math.log(2))


@pytest.mark.parametrize(
    ("value", "reference", "found"),
    [(0.0, 1.0, -math.inf), (-1.0, 1.0, -math.inf), (1.0, 0.0, math.inf), (1.0, -1.0, math.inf)],
)
def test_a_log_ratio_with_one_that_is_not_above_zero(
    value: float, reference: float, found: float
) -> None:
    """It is infinite, and so still has its place in an order."""
    assert log_ratio(value, reference) == found


def test_a_log_ratio_of_nothing() -> None:
    """It is not a number where neither is above zero."""
    assert math.isnan(log_ratio(0.0, 0.0))
    assert math.isnan(log_ratio(-2.0, -1.0))


def test_the_median_of_log_ratios_pairs_rounds() -> None:
    """Ratios are taken round by round: 2, 4 and 8 times, however fast the host was in each."""
    found = median_log_ratio([20.0, 4000.0, 80.0], [10.0, 1000.0, 10.0])
    assert found == pytest.approx(math.log(4))


def test_an_infinite_round_counts_as_an_extreme_one() -> None:
    """One round of three that cannot be divided does not decide the median."""
    assert median_log_ratio([2.0, 0.0, 4.0], [1.0] * 3) == pytest.approx(math.log(2))
    assert median_log_ratio([2.0, 5.0, 4.0], [1.0, 0.0, 1.0]) == pytest.approx(math.log(4))


@pytest.mark.parametrize("place", range(5))
def test_a_round_that_tells_nothing_is_left_out(place: int) -> None:
    """A nan cannot be put in order: wherever it stands, the median is that of the other rounds."""
    values = [2.0, 2.0, 3.0, 4.0, 4.0]
    references = [1.0] * 5
    values[place] = references[place] = 0.0
    others = [math.log(value) for value in values if value]
    assert median_log_ratio(values, references) == pytest.approx(median(others))


def test_rounds_that_all_tell_nothing_have_no_median() -> None:
    """Where neither side is above zero in any round, there is no number."""
    assert math.isnan(median_log_ratio([0.0, -1.0], [0.0, -2.0]))


@pytest.mark.parametrize(("share", "found"), [(0.0, 1), (0.1, 2), (0.5, 6), (0.9, 10), (1.0, 10)])
def test_a_quantile_occurs(share: float, found: int) -> None:
    """Below the quantile lies that share of the values 1 to 10, given in any order."""
    assert quantile([4, 9, 1, 10, 7, 3, 8, 2, 6, 5], share) == found


def test_a_quantile_of_one_value() -> None:
    """It is that value."""
    assert quantile([7.0], 0.1) == quantile([7.0], 0.9) == 7
