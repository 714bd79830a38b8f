"""Orders, decks of blocks, and how a budget is spent."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garagebench.engine.estimate import LEAST_GENERATIONS, useful_generations
from garagebench.engine.schedule import (
    LEAST_PASSES,
    LEAST_ROUNDS,
    MOST_PASSES,
    MOST_ROUNDS,
    SLICE_REQUESTS,
    Deck,
    Plan,
    balanced_orders,
    least_case_s,
    least_s,
    passes_for,
    plan,
    warm_up_passes,
)

NAMES = ["lists", "numpy", "numba", "pypy"]


def test_each_order_is_followed_by_its_reverse() -> None:
    """In every two rounds each contestant is as often before another as after it."""
    orders = list(islice(balanced_orders(NAMES, Random(1)), 40))
    for one, other in zip(orders[::2], orders[1::2], strict=True):
        assert sorted(one) == sorted(NAMES)
        assert other == one[::-1]


def test_orders_are_drawn_afresh() -> None:
    """Over many rounds all 24 orders come up, and everybody is first in about a quarter of them."""
    orders = list(islice(balanced_orders(NAMES, Random(1)), 2000))
    first = Counter(order[0] for order in orders)
    assert len({tuple(order) for order in orders}) == 24
    # 2000 rounds are 1000 draws, each with a first and a last: 500 on average, standard deviation under 19.
    assert all(425 < first[name] < 575 for name in NAMES)


def test_orders_depend_on_nothing_but_the_seed() -> None:
    """The same random source gives the same orders."""
    one, same, other = (
        list(islice(balanced_orders(NAMES, Random(seed)), 20)) for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


requests = st.lists(st.integers(1, 2 * SLICE_REQUESTS), min_size=1, max_size=12)


@given(requests, st.integers())
def test_every_block_comes_up_before_any_comes_again(sizes: list[int], seed: int) -> None:
    """After any number of draws no block is more than one ahead of another."""
    deck = Deck(sizes, Random(seed))
    seen = Counter(dict.fromkeys(range(len(sizes)), 0))
    for _ in range(40):
        seen.update(deck.draw())
        assert max(seen.values()) - min(seen.values()) <= 1


@given(requests, st.integers())
def test_a_draw_is_what_a_slice_can_hold(sizes: list[int], seed: int) -> None:
    """A draw has different blocks in order: at least one, and more only within the limit of requests."""
    deck = Deck(sizes, Random(seed))
    for _ in range(10):
        drawn = deck.draw()
        assert drawn
        assert drawn == sorted(set(drawn))
        assert len(drawn) == 1 or sum(sizes[number] for number in drawn) <= SLICE_REQUESTS


def test_a_short_workload_is_drawn_whole() -> None:
    """Blocks that fit a slice together are all measured in every round."""
    deck = Deck([100, 200, 300], Random(1))
    assert [deck.draw() for _ in range(3)] == [[0, 1, 2]] * 3
    assert len(deck) == 3


def test_blocks_are_drawn_at_random() -> None:
    """Which come together is drawn afresh, and depends on nothing but the seed."""

    def draws(seed: int) -> list[list[int]]:
        deck = Deck([SLICE_REQUESTS // 2] * 4, Random(seed))
        return [deck.draw() for _ in range(40)]

    assert draws(1) == draws(1) != draws(2)
    assert len(set(map(tuple, draws(1)))) == 6  # all pairs of four


def test_a_draw_goes_on_with_the_next_deal() -> None:
    """Five blocks of which a slice holds two come up twice each in five draws."""
    deck = Deck([SLICE_REQUESTS // 2] * 5, Random(1))
    draws = [deck.draw() for _ in range(5)]
    assert [len(drawn) for drawn in draws] == [2] * 5
    assert Counter(number for drawn in draws for number in drawn) == dict.fromkeys(range(5), 2)


@pytest.mark.parametrize(
    ("pass_ns", "passes"),
    [
        (10_000_000, LEAST_PASSES),  # 0.1 of a slice
        (100_000, 10),  # a tenth of a slice of a millisecond
        (30_000, 33),
        (15_625, MOST_PASSES),
        (10, MOST_PASSES),
        (0, MOST_PASSES),  # a clock too coarse to see it
    ],
)
def test_a_slice_lasts_about_a_millisecond(pass_ns: float, passes: int) -> None:
    """It keeps as many passes as fit into that, within limits."""
    assert passes_for(pass_ns) == passes


def test_pypy_warms_up_longer() -> None:
    """PyPy goes through a case at least 150 times before anything counts, as DESIGN.md says, others 5 times."""
    assert warm_up_passes("PyPy") >= 150
    assert warm_up_passes("CPython") == warm_up_passes("GraalVM") == 5


@pytest.mark.parametrize(
    ("arguments", "planned"),
    [
        # A generation costs 0.5 + 6 * 0.1 = 1.1 s. 28.9 s are left: 26 more, 27 in all, of which 25 are of use. Each of
        # the 24 to come then has 28.9 / 24 = 1.204 s: 0.704 s for rounds, that is 7.
        ((30, 1.1, 1, 0.5, 0.1), Plan(25, 7)),
        # 8.9 s are left: 8 more, 9 in all. Each has 8.9 / 8 = 1.1125 s: 6.1 rounds.
        ((10, 1.1, 1, 0.5, 0.1), Plan(9, 6)),
        # A generation costs 1.6 s. 12 s: 7 more, 8 in all, of which 6 are of use: 12 / 5 = 2.4 s each, that is 14 rounds,
        # but 10 are the most.
        ((13.6, 1.6, 1, 1.0, 0.1), Plan(6, 10)),
        # 2.9 s: 2 more. Below 6 every one is of use: 2.9 / 2 = 1.45 s each, 9.5 rounds.
        ((4, 1.1, 1, 0.5, 0.1), Plan(3, 9)),
        # 0.9 s are left, which is less than one costs.
        ((2, 1.1, 1, 0.5, 0.1), Plan(1, 6)),
        # More is gone than there was.
        ((1, 1.1, 1, 0.5, 0.1), Plan(1, 6)),
        # 7 are done and 1.2 s are left: one more makes 8, and 6 would have been of use. It ends here.
        ((10, 8.8, 7, 0.5, 0.1), Plan(7, 6)),
        # 8 are done and 1.25 s are left: one more makes 9, which is of use, with (1.25 - 0.5) / 0.1 = 7.5 rounds.
        ((10, 8.75, 8, 0.5, 0.1), Plan(9, 7)),
        # A generation costs 1.8 + 6 * 0.11 = 2.46 s, and 9.84 s are left: exactly 4, though 9.84 / 4 - 1.8 is, in floats,
        # a little less than 6 rounds.
        ((12.44, 2.6, 5, 1.8, 0.11), Plan(9, 6)),
    ],
)
def test_a_plan(arguments: tuple[float, float, int, float, float], planned: Plan) -> None:
    """The rest of a budget goes into generations that the interval uses well, then into rounds."""
    assert plan(*arguments) == planned


costs = st.floats(0.001, 20)


@given(st.floats(0.1, 600), costs, st.integers(1, 30), costs, st.floats(0.0005, 5))
def test_a_plan_keeps_the_budget(
    budget_s: float, spent_s: float, done: int, start_s: float, round_s: float
) -> None:
    """What is planned fits what is left, in generations of 6 to 10 rounds."""
    planned = plan(budget_s, spent_s, done, start_s, round_s)
    more = planned.generations - done
    assert more >= 0
    assert LEAST_ROUNDS <= planned.rounds <= MOST_ROUNDS
    if more:
        assert spent_s + more * (start_s + planned.rounds * round_s) <= budget_s + 1e-6
        assert planned.generations == useful_generations(planned.generations)


def test_a_plan_with_a_clock_that_stands_still() -> None:
    """Where nothing seems to cost anything there is a plan all the same."""
    assert plan(0.0001, 0.00009, 1, 0.0, 0.0).generations >= 1


def test_the_least_time_of_generations() -> None:
    """Six generations of 0.5 s to start and 6 rounds of 0.25 s each take 12 s."""
    assert least_s(LEAST_GENERATIONS, 0.5, 0.25) == 12


def test_the_least_time_of_a_case() -> None:
    """Six generations of 5 passes to warm up and 6 rounds of 3 + 8 passes are 426 passes."""
    assert least_case_s(1e6, 5) == pytest.approx(0.426)
    # With 600 to warm up: 6 * (600 + 66) = 3996.
    assert least_case_s(1e6, 600) == pytest.approx(3.996)
