"""Every pool against a set of free indices."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from garagebench import Impl
from garagebench.conformance.bench import PoolModel

#: Sizes on both sides of a machine word, and none.
capacities = st.integers(1, 9) | st.sampled_from([63, 64, 65, 130])
far_indices = st.sampled_from([2**31, 2**63, 10**30])


class PoolMachine(RuleBasedStateMachine):
    """A pool and its model, to which the same things are done."""

    pool_class: Any
    saved = Bundle("saved")

    @initialize(capacity=capacities)
    def build(self, capacity: int) -> None:
        self.pool = self.pool_class(capacity)
        self.model = PoolModel(capacity)

    @rule()
    def take(self) -> None:
        self.agree(self.pool.take(), self.model.take())

    @rule()
    def nearest(self) -> None:
        self.agree(self.pool.nearest(), self.model.nearest())

    @rule(count=st.integers(0, 140))
    def take_often(self, count: int) -> None:
        for _ in range(count):
            self.take()

    @rule(count=st.integers(0, 140))
    def take_many(self, count: int) -> None:
        if hasattr(self.pool, "take_many"):
            indices = self.pool.take_many(count)
            assert all(type(index) is int for index in indices)
            assert list(indices) == self.model.take_many(count)

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, self.model.capacity - 1))
        self.agree(self.pool.release(index), self.model.release(index))

    @rule(beyond=st.integers(0, 3) | far_indices)
    def release_outside(self, beyond: int) -> None:
        for index in (-1 - beyond, self.model.capacity + beyond):
            with pytest.raises(IndexError):
                self.pool.release(index)

    @rule(target=saved)
    def save(self) -> Any:
        return self.pool.save(), self.model.save()

    @rule(states=saved)
    def restore(self, states: Any) -> None:
        self.pool.restore(states[0])
        self.model.restore(states[1])

    @invariant()
    def counts_agree(self) -> None:
        self.agree(self.pool.free, self.model.free)
        self.agree(self.pool.capacity, self.model.capacity)

    @staticmethod
    def agree(got: object, expected: object) -> None:
        assert (type(got), got) == (type(expected), expected)


def test_a_pool_agrees_with_the_model(impl: Impl) -> None:
    """Whatever is taken, released, saved and restored, every answer is the model's, and of its type."""

    class Machine(PoolMachine):
        pool_class = impl.pool

    run_state_machine_as_test(Machine, settings=settings(stateful_step_count=30))


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_pool_starts_free(impl: Impl, count: int) -> None:
    """A new pool has all its spaces free; one without spaces is full at once."""
    pool = impl.pool(count)
    assert (pool.capacity, pool.free) == (count, count)
    assert [pool.take() for _ in range(count + 1)] == [*range(count), -1]


def test_two_pools_share_nothing(impl: Impl) -> None:
    """What is taken from one pool is free in another of its class."""
    one, other = impl.pool(3), impl.pool(3)
    assert one.take() == one.take() - 1 == 0
    assert (other.nearest(), other.free) == (0, 3)


def test_a_state_outlives_changes(impl: Impl) -> None:
    """A saved state can be restored again and again, whatever happened since."""
    pool = impl.pool(4)
    pool.take()
    state = pool.save()
    for _ in range(3):
        assert [pool.take() for _ in range(4)] == [1, 2, 3, -1]
        assert pool.release(0)
        pool.restore(state)
        assert (pool.free, pool.nearest()) == (3, 1)


class TestModel:
    """The pool's model itself."""

    def test_lowest_first(self) -> None:
        """It gives out the lowest free index, and -1 when full."""
        pool = PoolModel(2)
        assert [pool.nearest(), pool.take(), pool.take(), pool.nearest(), pool.take()] == [
            0,
            0,
            1,
            -1,
            -1,
        ]

    def test_release(self) -> None:
        """It frees a taken index once."""
        pool = PoolModel(2)
        pool.take()
        assert [pool.release(0), pool.release(0), pool.release(1)] == [True, False, False]
        assert pool.free == 2

    @pytest.mark.parametrize("index", [-1, 2])
    def test_release_outside(self, index: int) -> None:
        """It has no index below 0 or from its capacity on."""
        with pytest.raises(IndexError):
            PoolModel(2).release(index)

    def test_many(self) -> None:
        """It takes the lowest free ones, as many as there are, and frees in order."""
        pool = PoolModel(4)
        pool.take()
        assert pool.take_many(2) == [1, 2]
        assert pool.take_many(2) == [3]
        assert pool.release_many([3, 0, 3]) == [True, True, False]
        assert pool.take_many(0) == []

    def test_save(self) -> None:
        """A saved state stays as it is."""
        pool = PoolModel(2)
        state = pool.save()
        pool.take()
        pool.restore(state)
        pool.take()
        pool.restore(state)
        assert pool.free == 2
