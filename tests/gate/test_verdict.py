"""Verdicts, on answers worked out by hand."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garagebench.stats.judge import (
    Judgement,
    bounds,
    generations_needed,
    holm_levels,
    judge,
    overall,
    settle,
    signed_rank_test,
)
from garagebench.stats.looks import (
    ALPHA,
    LOOKS,
    NOT_SLOWER_SPENT,
    SLOWER_SHARES,
    TAIL,
    Look,
    plan_looks,
)

FIVE_PERCENT = math.log(1.05)
LOOK = Look(12, 0.005, 1)


def test_signed_ranks_by_hand() -> None:
    """Of 2^3 signs only one has no negative rank, two have a sum of at most 1, three of at most 2."""
    assert signed_rank_test([1, 2, 3]) == 1 / 8
    assert signed_rank_test([-1, 2, 3]) == 2 / 8
    assert signed_rank_test([1, -2, 3]) == 3 / 8
    assert signed_rank_test([-1, -2, -3]) == 1


def test_ties_share_their_ranks() -> None:
    """Of two values of one size, one negative: three of the four signs have a negative sum that is no larger."""
    assert signed_rank_test([-1, 1]) == 3 / 4
    # Ranks 1.5, 1.5 and 3: the sum of 1.5 is reached by none, either of the two, so 3 of 8.
    assert signed_rank_test([-1, 1, 2]) == 3 / 8


def test_zeros_and_infinities_have_their_place() -> None:
    """A zero has no sign and does not count; an infinite value is the largest."""
    assert signed_rank_test([0.0, 0.0]) == 1
    assert signed_rank_test([0.0, 1, 2, 3]) == signed_rank_test([1, 2, 3])
    assert signed_rank_test([1, 2, math.inf]) == 1 / 8
    assert signed_rank_test([1, 2, -math.inf]) == signed_rank_test([1, 2, -3])


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=9))
def test_the_p_value_is_the_share_of_signs_that_are_as_extreme(values: list[float]) -> None:
    """Counted over all signs, ties and zeros included."""
    sizes = sorted(abs(value) for value in values if value)
    ranks = [sum(size <= one for one in sizes) + sum(size < one for one in sizes) for size in sizes]
    ranks = [
        sum(one < size for one in sizes) + (sum(one == size for one in sizes) + 1) / 2
        for size in sizes
    ]
    of_size = dict(zip(sizes, ranks, strict=True))
    seen = sum(of_size[-value] for value in values if value < 0)
    sums = [
        sum(rank for rank, is_negative in zip(ranks, signs, strict=True) if is_negative)
        for signs in itertools.product((False, True), repeat=len(ranks))
    ]
    expected = sum(one <= seen for one in sums) / len(sums)
    assert signed_rank_test(values) == pytest.approx(expected)


def test_holm_stops_at_the_first_case_that_is_too_large() -> None:
    """With alpha 0.06: 0.02 <= 0.06/3, 0.031 > 0.06/2, and 0.032 is not looked at although <= 0.06/1."""
    levels = holm_levels({"b": 0.031, "a": 0.02, "c": 0.032}, 0.06)
    assert levels == {"a": 0.02, "b": None, "c": None}


def test_holm_lets_later_cases_have_more() -> None:
    """Once 0.01 is confirmed at 0.06/3, 0.03 may be confirmed at 0.06/2 and 0.06 at 0.06/1."""
    levels = holm_levels({"a": 0.01, "b": 0.03, "c": 0.06}, 0.06)
    assert levels == pytest.approx({"a": 0.02, "b": 0.03, "c": 0.06})


def test_bounds_leave_so_many_values_out() -> None:
    """Of 6 values none or one on either side; where they would cross there are none, and an infinite one is none."""
    values = [6.0, 1, 2, 5, 3, 4]
    assert bounds(values, 0) == (1, 6)
    assert bounds(values, 1) == (2, 5)
    assert bounds(values, 3) == (None, None)
    assert bounds(values, -1) == (None, None)
    assert bounds([-math.inf, 1, 2], 0) == (None, 2)


@given(
    st.lists(st.floats(-1, 1), min_size=6, max_size=25),
    st.integers(0, 4),
    st.floats(-1, 1),
)
def test_the_upper_bound_is_below_the_threshold_exactly_when_it_is_not_slower(
    values: list[float], above: int, threshold: float
) -> None:
    """Interval and verdict never contradict each other."""
    look = Look(len(values), 0.0, above)
    _, high = bounds(values, above)
    found = judge({"total": values}, {"total": threshold}, look)["total"].outcome
    if high is not None:
        assert (found == "not slower") is (high < threshold)


def test_identical_code_is_slower_no_more_often_than_a_look_allows() -> None:
    """Over all 2^12 signs that it can show in 12 generations, at most alpha."""
    slower = sum(
        judge(
            {"total": [sign * size for size, sign in enumerate(signs, 1)]},
            {"total": -math.inf},
            Look(12, 0.01, -1),
        )["total"].outcome
        == "slower"
        for signs in itertools.product((-1.0, 1.0), repeat=12)
    )
    assert 0 < slower / 2**12 <= 0.01


def test_slower_needs_confirmation_and_an_estimate_at_the_threshold() -> None:
    """Twelve generations of +6 % are slower than 5 % allows; of +4 % they are not, however sure."""
    for change, outcome in ((0.06, "slower"), (0.04, "not slower")):
        found = judge({"total": [math.log1p(change)] * 12}, {"total": FIVE_PERCENT}, LOOK)
        assert found["total"].outcome == outcome


def test_too_few_generations_are_inconclusive() -> None:
    """Five generations of +50 % confirm nothing at half a percent, and five of 0 bound nothing."""
    for change in (0.5, 0.0):
        for look in (plan_looks(5)[0], LOOK):
            found = judge({"total": [change] * 5}, {"total": FIVE_PERCENT}, look)
            assert found["total"].outcome == "inconclusive"


def test_nothing_measured_is_inconclusive() -> None:
    """A case without a single generation is never a pass."""
    assert judge({"total": []}, {"total": FIVE_PERCENT}, LOOK)["total"].outcome == "inconclusive"


def test_an_interval_across_the_threshold_is_inconclusive() -> None:
    """Half of the generations at 0 and half at +10 %: neither verdict."""
    values = [0.0, 0.1] * 6
    assert (
        judge({"total": values}, {"total": FIVE_PERCENT}, LOOK)["total"].outcome == "inconclusive"
    )


def test_a_judgement_counts_its_generations() -> None:
    """In how many head was slower, and in how many by more than the threshold."""
    found = judge({"total": [-0.01, 0.0, 0.02, 0.03, 0.06, 0.07]}, {"total": FIVE_PERCENT}, LOOK)
    judgement = found["total"]
    assert (judgement.generations, judgement.head_slower, judgement.above) == (6, 4, 2)


@pytest.mark.parametrize(
    ("values", "is_suspect"),
    [
        ([0.08, 0.09, 0.07, 0.1, 0.06, 0.08], True),  # all above 0: p is 1 in 64
        (
            [0.08, 0.09, -0.07, 0.1, 0.06, 0.08],
            True,
        ),  # one below, with the second rank: p is 3 in 64
        ([0.08, -0.09, -0.07, 0.1, 0.06, 0.08], False),  # two below
        ([0.045, 0.04, 0.044, 0.041, 0.046, 0.045], True),  # a little below the threshold
        ([0.04, 0.03, 0.02, 0.04, 0.03, 0.02], False),  # sure, and far below it
    ],
)
def test_what_looks_slower_is_suspect(values: list[float], is_suspect: bool) -> None:
    """An estimate above the threshold that chance alone would give in at most one of ten."""
    found = judge({"part": values}, {"part": FIVE_PERCENT}, Look(6, 0.0, -1))["part"]
    assert found.outcome == "inconclusive"
    assert found.is_suspect is is_suspect


def test_one_slower_case_makes_the_gate_slower() -> None:
    """Slower beats inconclusive, which beats not slower; nothing at all is inconclusive."""
    assert overall(["not slower", "inconclusive", "slower"]) == "slower"
    assert overall(["not slower", "inconclusive"]) == "inconclusive"
    assert overall(["not slower", "not slower"]) == "not slower"
    assert overall([]) == "inconclusive"


def test_a_part_without_a_verdict_is_unresolved_and_no_reason_to_be_inconclusive() -> None:
    """A whole without one stays inconclusive; a gate of unresolved parts alone is no pass."""
    open_case = Judgement("inconclusive", 0.0, -0.1, 0.1, 6)
    settled = settle({"total": open_case, "part": open_case}, {"total"})
    assert {case: found.outcome for case, found in settled.items()} == {
        "total": "inconclusive",
        "part": "unresolved",
    }
    assert overall(["not slower", "unresolved"]) == "not slower"
    assert overall(["unresolved"]) == "inconclusive"
    assert overall(["unresolved", "slower"]) == "slower"


def test_the_generations_that_would_decide_grow_with_the_square() -> None:
    """A half-width of 4 % at a distance of 2 % from the threshold takes four times as many."""
    undecided = Judgement("inconclusive", 0.03, -0.01, 0.07, 10)
    assert generations_needed(undecided, 0.05) == 40
    assert generations_needed(Judgement("inconclusive", 0.05, 0.0, 0.1, 10), 0.05) is None


# The looks.


def test_the_looks_share_both_errors() -> None:
    """All looks together use up no more than there is, and each plan has its last look where it ends."""
    assert len(LOOKS) == len(SLOWER_SHARES) == len(NOT_SLOWER_SPENT)
    assert sum(SLOWER_SHARES) == pytest.approx(1)
    for most in (None, *range(1, 200)):
        looks = plan_looks(most)
        assert sum(look.alpha for look in looks) <= ALPHA * (1 + 1e-9)
        counts = [look.generations for look in looks]
        assert counts == sorted(set(counts))
        assert counts[-1] == (most or LOOKS[-1])


@pytest.mark.parametrize("most", [None, 6, 8, 12, 20, 60])
def test_a_case_at_its_threshold_is_seldom_not_slower(most: int | None) -> None:
    """Counted over all walks of the coin that no look has ended: at most TAIL, and no less than the first look alone."""
    chances = {0: 1.0}
    passed, done = 0.0, 0
    for look in plan_looks(most):
        for _ in range(look.generations - done):
            chances = {
                above: 0.5 * (chances.get(above, 0.0) + chances.get(above - 1, 0.0))
                for above in range(max(chances) + 2)
            }
        done = look.generations
        passed += sum(chances.pop(above, 0.0) for above in range(look.above + 1))
    assert 1 / 64 <= passed <= TAIL


def test_the_first_look_passes_six_generations_below_the_threshold() -> None:
    """1 of 64 walks has none of six above; five generations allow no verdict."""
    assert plan_looks()[0] == Look(6, 0.0, 0)
    assert all(look.above == -1 for most in range(1, 6) for look in plan_looks(most))


def test_identical_code_under_all_looks() -> None:
    """Of 1,500 gates of noise with three cases and no threshold, at most 1 % are slower at any look: 0.5 % may be."""
    rng = random.Random(5)
    slower = 0
    for _ in range(1500):
        values: dict[int, list[float]] = {case: [] for case in range(3)}
        for look in plan_looks()[:5]:
            for one in values.values():
                one += [rng.gauss(0, 1) for _ in range(look.generations - len(one))]
            found = judge(values, dict.fromkeys(values, -math.inf), look)
            if any(judgement.outcome == "slower" for judgement in found.values()):
                slower += 1
                break
    assert slower <= 15
