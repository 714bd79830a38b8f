"""Orders, decks of blocks, and how a budget is spent."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garagebench.engine.extent import MOST_S, USUAL_ROUNDS, Extent, enough
from garagebench.engine.schedule import (
    LEAST_ROUNDS,
    LONGEST_SLICE_NS,
    MOST_LEAD_IN,
    MOST_PASSES,
    MOST_ROUNDS,
    SHORTEST_SLICE_NS,
    SLICE_REQUESTS,
    Deck,
    Pace,
    Plan,
    balanced_orders,
    least_case_s,
    least_s,
    pace_for,
    plan,
    slice_for,
    warm_up_passes,
)
from garagebench.stats.estimate import LEAST_GENERATIONS, useful_generations

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
    ("pass_ns", "pace"),
    [
        (10_000_000, Pace(1, 1)),  # longer than a slice: one that leads in, one that counts
        (100_000, Pace(2, 4)),  # 0.15 ms lead in, 0.4 ms count
        (30_000, Pace(5, 14)),
        (10_000, Pace(15, 40)),
        (1_000, Pace(150, MOST_PASSES)),
        (0, Pace(MOST_LEAD_IN, MOST_PASSES)),  # a clock too coarse to see it
    ],
)
def test_a_slice_leads_in_and_lasts(pass_ns: float, pace: Pace) -> None:
    """It has as many passes as its length takes, at least one that does not count and one that does."""
    assert pace_for(pass_ns, 400_000) == pace


@pytest.mark.parametrize(
    ("patience_ns", "slice_ns"),
    [(50_000, SHORTEST_SLICE_NS), (1_000_000, 500_000), (50_000_000, LONGEST_SLICE_NS)],
)
def test_a_slice_is_half_of_the_patience(patience_ns: float, slice_ns: int) -> None:
    """What is compared must lie within it; within limits."""
    assert slice_for(patience_ns) == slice_ns


def test_pypy_warms_up_longer() -> None:
    """PyPy goes through a case at least 150 times before anything counts, as DESIGN.md says, others 5 times."""
    assert warm_up_passes("PyPy") >= 150
    assert warm_up_passes("CPython") == warm_up_passes("GraalVM") == 5


@pytest.mark.parametrize(
    ("arguments", "planned"),
    [
        # A generation costs 0.5 + 10 * 0.1 = 1.5 s. 28.9 s are left: 19 more, 20 in all, all of use. Each of the 19 to
        # come then has 28.9 / 19 = 1.52 s: 1.02 s for rounds, that is 10.
        ((30, 1.1, 1, 0.5, 0.1), Plan(20, 10)),
        # 8.9 s are left: 5 more, 6 in all. Each has 8.9 / 5 = 1.78 s: 12.8 rounds.
        ((10, 1.1, 1, 0.5, 0.1), Plan(6, 12)),
        # A generation costs 2 s. 12.05 s: 6 more, 7 in all, of which 6 are of use: 12.05 / 5 = 2.41 s each, 14 rounds.
        ((13.65, 1.6, 1, 1.0, 0.1), Plan(6, 14)),
        # Rounds of 1 ms: a generation costs 1.01 s, 12 in all; (12.05 / 11 - 1) s would be 95 rounds, but 60 are the most.
        ((13.65, 1.6, 1, 1.0, 0.001), Plan(12, MOST_ROUNDS)),
        # 2.95 s: 1 more. Below 6 every one is of use: 24 rounds.
        ((4.05, 1.1, 1, 0.5, 0.1), Plan(2, 24)),
        # 0.9 s are left, which is less than one costs.
        ((2, 1.1, 1, 0.5, 0.1), Plan(1, 10)),
        # More is gone than there was.
        ((1, 1.1, 1, 0.5, 0.1), Plan(1, 10)),
        # 7 are done and 1.7 s are left: one more makes 8, and 6 would have been of use. It ends here.
        ((10.5, 8.8, 7, 0.5, 0.1), Plan(7, 10)),
        # 8 are done and 1.75 s are left: one more makes 9, which is of use, with (1.75 - 0.5) / 0.1 = 12.5 rounds.
        ((10.5, 8.75, 8, 0.5, 0.1), Plan(9, 12)),
        # A generation costs 1.75 + 10 * 0.125 = 3 s, and 12 s are left: exactly 4, of exactly 10 rounds.
        ((14.5, 2.5, 5, 1.75, 0.125), Plan(9, 10)),
    ],
)
def test_a_plan(arguments: tuple[float, float, int, float, float], planned: Plan) -> None:
    """The rest of a budget goes into generations that the interval uses well, then into rounds."""
    budget_s, *rest = arguments
    assert plan(Extent(budget_s), *rest) == planned


costs = st.floats(0.001, 20)


@given(st.floats(0.1, 600), costs, st.integers(1, 30), costs, st.floats(0.0005, 5))
def test_a_plan_keeps_the_budget(
    budget_s: float, spent_s: float, done: int, start_s: float, round_s: float
) -> None:
    """What is planned fits what is left, in generations of 10 to 60 rounds."""
    planned = plan(Extent(budget_s), spent_s, done, start_s, round_s)
    more = planned.generations - done
    assert more >= 0
    assert LEAST_ROUNDS <= planned.rounds <= MOST_ROUNDS
    if more:
        assert spent_s + more * (start_s + planned.rounds * round_s) <= budget_s + 1e-6
        assert planned.generations == useful_generations(planned.generations)


def test_a_plan_with_a_clock_that_stands_still() -> None:
    """Where nothing seems to cost anything there is a plan all the same."""
    assert plan(Extent(0.0001), 0.00009, 1, 0.0, 0.0).generations >= 1


def test_the_least_time_of_generations() -> None:
    """Six generations of 0.5 s to start and 10 rounds of 0.25 s each take 18 s."""
    assert least_s(LEAST_GENERATIONS, 0.5, 0.25) == 18


def test_the_least_time_of_a_case() -> None:
    """Six generations of 5 passes to warm up and 10 rounds of 1 + 1 passes are 150 passes."""
    assert least_case_s(1e6, 5) == pytest.approx(0.150)
    # With 600 to warm up: 6 * (600 + 20) = 3720.
    assert least_case_s(1e6, 600) == pytest.approx(3.720)


@pytest.mark.parametrize(
    ("extent", "planned"),
    [
        # However long it takes: as many as are named, with the usual rounds or those that are named.
        (Extent(generations=9), Plan(9, USUAL_ROUNDS)),
        (Extent(generations=9, rounds=33), Plan(9, 33)),
        # 30 s are enough for 6: no more than those, with the usual rounds.
        (Extent(30, generations=6), Plan(6, USUAL_ROUNDS)),
        # 9.9 s are left for 5 more: 1.98 s each, 14 rounds.
        (Extent(11, generations=6), Plan(6, 14)),
        # 4.9 s are left, and a generation takes 1.5 s: 3 more.
        (Extent(6, generations=6), Plan(4, 11)),
    ],
)
def test_a_plan_of_so_many_generations(extent: Extent, planned: Plan) -> None:
    """A number of generations goes before time; where time is limited, first rounds are saved, then generations."""
    assert plan(extent, 1.1, 1, 0.5, 0.1) == planned


def test_an_extent_must_end() -> None:
    """Neither time nor generations is no extent."""
    with pytest.raises(ValueError, match="would not end"):
        Extent()


@pytest.mark.parametrize(
    ("asked", "extent"),
    [
        ((None, None), Extent(MOST_S, generations=6)),
        ((20.0, None), Extent(20.0)),
        ((None, 12), Extent(generations=12)),
    ],
)
def test_what_is_asked_for_is_an_extent(
    asked: tuple[float | None, int | None], extent: Extent
) -> None:
    """A budget is spent, generations are counted; without either it is what intervals take, within a limit."""
    assert enough(*asked, LEAST_GENERATIONS) == extent
