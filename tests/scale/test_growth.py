"""Growth classes of costs worked out by hand."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from garagebench.scale.growth import LEAST_SIZES, classify, fit_exponent

SIZES = [10**power for power in range(2, 9)]

CURVES: dict[str, Callable[[int], float]] = {
    "constant": lambda n: 50.0,
    "logarithmic": lambda n: 10 + 10 * math.log10(n),
    "linear": lambda n: 100.0 + n,
}


@pytest.mark.parametrize("growth", CURVES)
def test_exact_costs_have_their_class(growth: str) -> None:
    """Costs that lie on a curve of a class get its name, at a distance of next to nothing."""
    found = classify({n: CURVES[growth](n) for n in SIZES})
    assert (found.growth, found.reason) == (growth, None)
    assert found.distances is not None
    assert found.distances[growth] < 0.01


@pytest.mark.parametrize("growth", CURVES)
@pytest.mark.parametrize("seed", range(20))
def test_noise_does_not_change_the_class(growth: str, seed: int) -> None:
    """Costs that are off by up to 3 % either way still get the name."""
    rng = random.Random(seed)
    costs = {n: CURVES[growth](n) * rng.uniform(0.97, 1.03) for n in SIZES}
    assert classify(costs).growth == growth


def test_the_slower_growth_is_named_where_the_figures_do_not_tell() -> None:
    """A cost that creeps up by 5 % over six decades is constant."""
    costs = {n: 100 + 5 * number / 6 for number, n in enumerate(SIZES)}
    assert classify(costs).growth == "constant"


def test_a_cache_that_ends_is_not_linear() -> None:
    """A constant cost that trebles at the last size is not called linear, though that fits best."""
    costs = dict.fromkeys(SIZES, 10.0)
    costs[SIZES[-1]] = 30.0
    found = classify(costs)
    assert found.growth != "linear"
    assert found.distances is not None
    assert min(found.distances, key=lambda name: found.distances[name]) == "linear"  # type: ignore[index]


def test_a_small_size_that_is_cheap_is_not_growth() -> None:
    """A cost that is lower at the smallest size and level from then on is constant (Python keeps the small integers)."""
    costs = dict.fromkeys(SIZES, 130.0)
    costs[SIZES[0]] = 90.0
    found = classify(costs)
    assert found.growth == "constant"
    assert found.distances is not None
    assert found.distances["logarithmic"] < found.distances["constant"]


def test_a_constant_part_does_not_hide_what_is_linear() -> None:
    """A cost that is flat up to 10,000 spaces and then follows the size is linear."""
    assert classify({n: 20_000.0 + n for n in SIZES}).growth == "linear"


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_what_fits_no_class_is_not_named(power: float) -> None:
    """A square root and a square are none of the three; the reason says which is nearest, the evidence is there."""
    found = classify({n: n**power for n in SIZES})
    assert found.growth is None
    assert found.reason is not None
    assert found.reason.startswith("no class fits: ")
    assert found.exponent == pytest.approx(power)


@pytest.mark.parametrize("sizes", [[], [100], SIZES[: LEAST_SIZES - 1], [100, 200, 400, 800, 1600]])
def test_too_few_sizes_have_no_class(sizes: list[int]) -> None:
    """Without four sizes over a factor of 100 there is a reason, and nothing that would be a guess."""
    found = classify(dict.fromkeys(sizes, 1.0))
    assert (found.growth, found.exponent, found.cost_ratio) == (None, None, None)
    assert found.reason == "it takes 4 sizes over a factor of 100"
    assert found.sizes == len(sizes)


def test_the_evidence() -> None:
    """Smallest and largest size, their cost ratio and the number of sizes."""
    found = classify({1000: 2.0, 100: 1.0, 10_000: 2.0, 100_000: 3.0})
    assert (found.smallest, found.largest, found.sizes, found.cost_ratio) == (100, 100_000, 4, 3.0)


def test_the_exponent_and_its_interval() -> None:
    """Through (1, 0), (2, 1), (3, 3) in decades the slope is 3/2, its standard error the root of 1/12, t 12.706."""
    slope, low, high = fit_exponent({10: 1.0, 100: 10.0, 1000: 1000.0})
    assert slope == pytest.approx(1.5)
    assert low == pytest.approx(1.5 - 12.7062 / math.sqrt(12), rel=1e-5)
    assert high == pytest.approx(1.5 + 12.7062 / math.sqrt(12), rel=1e-5)


def test_two_sizes_have_an_exponent_without_interval() -> None:
    """A line through two points leaves nothing to judge it by."""
    assert fit_exponent({10: 1.0, 100: 10.0}) == (pytest.approx(1.0), None, None)


def test_the_exponent_is_of_the_upper_decades() -> None:
    """Sizes below a thousandth of the largest do not count."""
    costs = {n: float(n) for n in SIZES} | {100: 1e9, 1000: 1e9, 10_000: 1e9}
    assert fit_exponent(costs)[0] == pytest.approx(1.0)
