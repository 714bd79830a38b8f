"""Each pool's `take` and `release`, implementations side by side."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from garagebench import Impl

TimeCalls = Callable[..., list[Any]]

#: The small spaces of the seed, and a pool in which a search is long.
CAPACITIES = (70, 1000)


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_take(impl: Impl, capacity: int, time_calls: TimeCalls) -> None:
    """Take every space of an empty pool: the search gets longer and longer."""
    pool = impl.pool(capacity)
    empty = pool.save()
    indices = time_calls(
        f"take, {capacity} spaces", pool.take, [()] * capacity, lambda: pool.restore(empty)
    )
    assert indices == list(range(capacity))


def test_take_the_last_spaces(impl: Impl, time_calls: TimeCalls) -> None:
    """Take the 50 spaces at the far end of a large pool, all that are free: the longest searches."""
    pool = impl.pool(1000)
    for _ in range(950):
        pool.take()
    nearly_full = pool.save()
    indices = time_calls(
        "take, last of 1000 spaces", pool.take, [()] * 50, lambda: pool.restore(nearly_full)
    )
    assert indices == list(range(950, 1000))


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_release(impl: Impl, capacity: int, time_calls: TimeCalls) -> None:
    """Release every space of a full pool, in random order."""
    pool = impl.pool(capacity)
    for _ in range(capacity):
        pool.take()
    full = pool.save()
    indices = [(index,) for index in random.Random(0).sample(range(capacity), capacity)]
    answers = time_calls(
        f"release, {capacity} spaces", pool.release, indices, lambda: pool.restore(full)
    )
    assert answers == [True] * capacity
    assert pool.free == capacity
