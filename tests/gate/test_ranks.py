"""Two independent samples, on answers worked out by hand."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garagebench.stats import ranks
from garagebench.stats.percent import to_log, to_percent
from garagebench.stats.ranks import Change, compare_samples, count_orders, interval_rank

VALUES = st.lists(st.floats(min_value=1, max_value=1e4), min_size=1, max_size=7)

COUNTS = st.integers(min_value=1, max_value=5)


def powers(*exponents: int) -> list[float]:
    """Powers of two, so that ratios and their order can be worked out in the head."""
    return [2.0**exponent for exponent in exponents]


def near(*percent: float) -> Change:
    """Return the change of so many percent, and its bounds, where there are some."""
    change, low, high = (
        (pytest.approx(to_log(one)) for one in percent)
        if len(percent) > 1
        else (pytest.approx(to_log(percent[0])), None, None)
    )
    return Change(change, low, high)


def covers_no_change(change: Change) -> bool:
    """Whether 0 lies within the bounds, which must be there."""
    assert change.low is not None
    assert change.high is not None
    return change.low <= 0 <= change.high


def test_three_against_three_have_twenty_orders() -> None:
    """The orders of 3 and 3 by U: partitions of 0 to 9 into at most 3 parts of at most 3, which are 20.

    4 is 3+1, 2+2, 2+1+1, and so on; 5 to 9 mirror 4 to 0.
    """
    assert count_orders(3, 3) == (1, 1, 2, 3, 3, 3, 3, 2, 1, 1)


def test_one_against_many_has_an_order_for_each_place() -> None:
    """A single value stands in any of four places among three others."""
    assert count_orders(1, 3) == (1, 1, 1, 1)


@given(COUNTS, COUNTS)
@settings(deadline=None, max_examples=25)
def test_orders_are_those_that_counting_finds(base_count: int, head_count: int) -> None:
    """For every small pair of counts, the orders by U are those found by writing all of them down."""
    places = range(base_count + head_count)
    found = Counter(
        sum(other not in head and other < own for own in head for other in places)
        for head in itertools.combinations(places, head_count)
    )
    assert count_orders(base_count, head_count) == tuple(
        found[u] for u in range(base_count * head_count + 1)
    )


@pytest.mark.parametrize(
    ("base_count", "head_count", "confidence", "rank"),
    [
        (3, 3, 0.95, 0),  # the outermost order of 20 on either side: 1 - 2/20 = 0.90
        (3, 3, 0.9, 1),  # attained exactly
        (3, 3, 0.900001, 0),
        (3, 4, 0.95, 0),  # 1 - 2/35 = 0.943
        (3, 5, 0.95, 1),  # 1 - 2/56 = 0.964
        (2, 7, 0.95, 0),  # 1 - 2/36 = 0.944
        (2, 8, 0.95, 1),  # 1 - 2/45 = 0.956
        (4, 4, 0.95, 1),  # 1 - 2/70 = 0.971; with the next order 1 - 4/70 = 0.943
        (4, 4, 0.9, 2),  # 1 - 2 (1 + 1)/70 = 0.943; next 1 - 2 (1 + 1 + 2)/70 = 0.886
        (5, 5, 0.95, 3),  # 1 - 2 (1 + 1 + 2)/252 = 0.968; next 1 - 2 (1 + 1 + 2 + 3)/252 = 0.944
        (
            2,
            2,
            0.01,
            2,
        ),  # of 4 pairs outermost and next: 1 - 2 (1 + 1)/6 = 0.33; next 1 - 2 (1 + 1 + 2)/6 is below 0
    ],
)
def test_rank_of_the_bounds(base_count: int, head_count: int, confidence: float, rank: int) -> None:
    """The bounds stand as far in as the confidence allows, whichever side has more runs."""
    assert interval_rank(base_count, head_count, confidence) == rank
    assert interval_rank(head_count, base_count, confidence) == rank


@pytest.mark.parametrize("others", [1, 4, 39, 100])
def test_one_run_on_a_side_has_no_bounds(others: int) -> None:
    """One run is never bounded, not even against so many that the outermost order would be rare enough."""
    change = compare_samples([1.0], [2.0] * others)
    assert change == near(100)
    assert compare_samples([2.0] * others, [1.0]) == near(-50)


def test_estimate_is_the_median_of_the_ratios() -> None:
    """Runs of 1 and 4 against 2 and 8: the ratios are 1/2, 2, 2 and 8, hence twice, and no interval for 2 and 2."""
    assert compare_samples([4.0, 1.0], [2.0, 8.0]) == near(100)


def test_an_even_number_of_ratios_has_its_middle_between_logs() -> None:
    """One run of 1 against 2 and 8: halfway between doubling and eightfold is fourfold."""
    assert compare_samples([1.0], [2.0, 8.0]).change == pytest.approx(to_log(300))


def test_four_against_four_are_bounded_by_the_outermost_ratios() -> None:
    """1, 2, 4, 8 against 16 to 128: the ratios are 2 once, 4 twice to 16 four times and down to 128 once."""
    change = compare_samples(powers(0, 1, 2, 3), powers(7, 4, 6, 5))
    assert change == near(1500, 100, 12700)


def test_five_against_five_are_bounded_by_the_third_ratios() -> None:
    """1 to 16 against 32 to 512: the ratios 2, 4, 4, 8 ... 128, 256, 256, 512; third ones in are 4 and 256."""
    change = compare_samples(powers(0, 1, 2, 3, 4), powers(5, 6, 7, 8, 9))
    assert change == near(3100, 300, 25500)


def test_unequal_numbers_of_runs_are_compared() -> None:
    """2, 4, 8 against five times 1: the ratios 1/2, 1/4, 1/8 five times each; rank 1 takes the outermost."""
    change = compare_samples(powers(1, 2, 3), [1.0] * 5)
    assert change == near(-75, -87.5, -50)


def test_a_higher_confidence_takes_wider_bounds() -> None:
    """At 0.90, 4 and 4 are bounded by the second ratios, 4 and 64 of 2 to 128."""
    change = compare_samples(powers(0, 1, 2, 3), powers(4, 5, 6, 7), confidence=0.9)
    assert (change.low, change.high) == (pytest.approx(to_log(300)), pytest.approx(to_log(6300)))


@pytest.mark.parametrize(("confidence", "outside"), [(0.95, 2), (0.9, 4)])
def test_coverage_is_exact_without_ties(confidence: float, outside: int) -> None:
    """Of the 70 orders of 4 and 4 alike runs, 2 at 0.95 and 4 at 0.90 leave "no change" out, as many on each side."""
    changes = [
        compare_samples(
            [math.exp(place) for place in range(8) if place not in head],
            [math.exp(place) for place in head],
            confidence,
        )
        for head in itertools.combinations(range(8), 4)
    ]
    assert len(changes) == 70
    assert sum(change.low > 0 for change in changes if change.low is not None) == outside // 2
    assert sum(covers_no_change(change) for change in changes) == 70 - outside


def test_ties_make_the_interval_cover_more() -> None:
    """Of the 256 ways in which 8 runs are 1 or 2, only all 1 against all 2, and the reverse, leave "no change" out."""
    covered = sum(
        covers_no_change(compare_samples(runs[:4], runs[4:]))
        for runs in itertools.product((1.0, 2.0), repeat=8)
    )
    assert covered == 254


def test_a_tie_across_the_sides_is_no_difference() -> None:
    """Where the slowest run of base equals the quickest of head, the lower bound is 0 and not above it."""
    change = compare_samples([0.1, 0.2, 0.3, 0.7], [0.7, 0.8, 0.9, 1.0])
    assert change.low == 0


def test_the_same_runs_are_no_change() -> None:
    """A file compared with itself gives 0, and bounds on either side of it."""
    change = compare_samples([3.0, 1.0, 4.0, 1.5, 9.0], [3.0, 1.0, 4.0, 1.5, 9.0])
    assert change.change == 0
    assert covers_no_change(change)


@given(VALUES, VALUES)
@settings(deadline=None)
def test_sides_that_change_places_invert_the_ratio(base: list[float], head: list[float]) -> None:
    """Head against base is one over base against head, and its bounds change places."""
    there, back = compare_samples(base, head), compare_samples(head, base)
    pairs = [(there.change, back.change), (there.low, back.high)]
    for one, other in [*pairs, (there.high, back.low)]:
        if one is None or other is None:
            assert one is other
        else:
            assert one == pytest.approx(-other, abs=1e-9)


@given(VALUES, VALUES, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_and_scale_make_no_difference(base: list[float], head: list[float], rng) -> None:
    """The runs of a file may come in any order and in any unit."""
    expected = compare_samples(base, head)
    shuffled = [2 * value for value in rng.sample(head, len(head))]
    found = compare_samples([2 * value for value in base], shuffled)
    for name in ("change", "low", "high"):
        if getattr(expected, name) is None:
            assert getattr(found, name) is None
        else:
            assert getattr(found, name) == pytest.approx(
                getattr(expected, name), rel=1e-6, abs=1e-6
            )


@given(VALUES, VALUES)
@settings(deadline=None)
def test_estimate_lies_within_its_bounds(base: list[float], head: list[float]) -> None:
    """The bounds are both there or both absent, and enclose the estimate."""
    for confidence in (0.1, 0.95):
        change = compare_samples(base, head, confidence)
        if change.low is None or change.high is None:
            assert change.low is change.high
        else:
            assert change.low <= change.change <= change.high


def test_many_runs_take_the_normal_approximation(monkeypatch: pytest.MonkeyPatch) -> None:
    """For 60 and 60 it is 1427, as in the exact distribution.

    The mean of U is 1800, its deviation sqrt(3600 * 121 / 12) = 190.53, and
    1800 - 0.5 - 1.95996 * 190.53 = 1426.08: U up to 1426 is within the tail, and the 1427th ratio bounds.
    """
    assert interval_rank(60, 60, 0.95) == 1427
    monkeypatch.setattr(ranks, "count_orders", None)
    monkeypatch.setattr(ranks, "EXACT_ADDITIONS", 60**3)
    with pytest.raises(TypeError):
        interval_rank(60, 60, 0.95)  # at the limit it is still exact
    monkeypatch.setattr(ranks, "EXACT_ADDITIONS", 60**3 - 1)
    assert interval_rank(60, 60, 0.95) == 1427


def test_the_approximation_has_no_bounds_where_there_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A confidence that lies beyond all orders gives no bounds, not one counted from the other end."""
    monkeypatch.setattr(ranks, "EXACT_ADDITIONS", 0)
    assert interval_rank(3, 3, 0.999999) == 0


def test_few_against_very_many_stay_exact() -> None:
    """2 and 1,800 give 568 at 0.90, where the normal approximation says 590 and covers too little.

    Up to U = u there are about (u/2 + 1)^2 orders of C(1802, 2) = 1,622,701, and 5 % of those are 81,135: u = 567.
    """
    assert interval_rank(2, 1800, 0.9) == 568


def test_a_change_beyond_all_measure_is_a_number() -> None:
    """Values whose ratio no float holds end as a very large change and not as an error."""
    assert math.isfinite(to_percent(compare_samples([1e-300], [1e300]).change))


@pytest.mark.parametrize(
    ("base", "head", "reason"),
    [
        ([], [1.0], "0 of base, 1 of head"),
        ([1.0, 2.0], [], "2 of base, 0 of head"),
        ([1.0], [0.0], "above 0"),
        ([-1.0], [1.0], "above 0"),
        ([math.nan], [1.0], "above 0"),
        ([1.0], [math.inf], "above 0"),
    ],
)
def test_what_has_no_ratio_is_refused(base: list[float], head: list[float], reason: str) -> None:
    """No values, or values that have no logarithm, are an error and no change of 0."""
    with pytest.raises(ValueError, match=reason):
        compare_samples(base, head)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    """A confidence given in percent, or a certain one, is an error."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        compare_samples([1.0], [1.0], confidence)
