"""What only pools with many of everything show: sizes around the levels of a bitmap tree, and batches."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from interpreters import run_python

from garagebench import Impl
from garagebench.conformance.bench import PoolModel
from garagebench.impls.bitmap import HEADER, BitmapPool

on_all_three = pytest.mark.parametrize("impl", ["heap", "tree", "c"], indirect=True)
on_trees = pytest.mark.parametrize("impl", ["tree", "c"], indirect=True)

#: Where a tree of 64 branches gets one more word, or one more level.
EDGES = [64, 64**2, 64**3]
SIZES = [edge + off for edge in EDGES for off in (-1, 0, 1)]


@st.composite
def released(draw: st.DrawFn) -> tuple[int, list[int]]:
    """A size, and different indices of it, most of them where a word or a level ends."""
    size = draw(st.sampled_from(SIZES))
    edges = [index for edge in (0, *EDGES, size) for index in (edge - 1, edge, edge + 1)]
    near = st.sampled_from([index for index in edges if 0 <= index < size])
    indices = st.lists(near | st.integers(0, size - 1), unique=True, max_size=20)
    return size, draw(indices)


@on_all_three
@given(case=released(), count=st.integers(0, 25))
@example(case=(64**3, [64**3 - 1]), count=1)
@example(case=(64**3 + 1, [64**3]), count=2)
def test_what_was_released_is_found_again(
    impl: Impl, case: tuple[int, list[int]], count: int
) -> None:
    """In a full pool of any size the released indices come back in order: some in a batch, the rest one by one."""
    size, indices = case
    pool = impl.pool(size)
    assert pool.take_many(size) == list(range(size))
    assert [pool.nearest(), pool.take(), pool.free] == [-1, -1, 0]
    assert all(pool.release(index) for index in indices)
    assert pool.free == len(indices)
    ordered = sorted(indices)
    assert pool.take_many(count) == ordered[:count]
    for index in ordered[count:]:
        assert [pool.nearest(), pool.take()] == [index, index]
    assert [pool.nearest(), pool.take(), pool.free] == [-1, -1, 0]


@on_all_three
@pytest.mark.parametrize("size", [*SIZES, 64**4 + 1])
def test_the_first_of_any_size(impl: Impl, size: int) -> None:
    """A fresh pool gives out its lowest indices over the first word, and its last one is free."""
    pool = impl.pool(size)
    assert not pool.release(size - 1)
    assert [pool.take() for _ in range(64)] == list(range(min(size, 64))) + [-1] * (size < 64)
    assert pool.free == max(0, size - 64)


@on_all_three
@given(data=st.data())
def test_batches_agree_with_single_calls(impl: Impl, data: st.DataObject) -> None:
    """Whatever is taken and released in batches, with states restored between, the answers are the model's."""
    size = data.draw(st.sampled_from([1, 63, 64, 65, 130]))
    pool, model = impl.pool(size), PoolModel(size)
    states = [(pool.save(), model.save())]
    for step in data.draw(st.lists(st.sampled_from(["take", "release", "save", "restore"]))):
        if step == "take":
            count = data.draw(st.integers(0, size + 1))
            assert pool.take_many(count) == model.take_many(count)
        elif step == "release":
            indices = data.draw(st.lists(st.integers(0, size - 1), max_size=10))
            assert release_all(pool, indices) == model.release_many(indices)
        elif step == "save":
            states.append((pool.save(), model.save()))
        else:
            saved, model_saved = data.draw(st.sampled_from(states))
            pool.restore(saved)
            model.restore(model_saved)
        assert [pool.free, pool.nearest()] == [model.free, model.nearest()]


def release_all(pool: Any, indices: Sequence[int]) -> list[bool]:
    """Release in a batch where the pool has one."""
    if hasattr(pool, "release_many"):
        freed: list[bool] = pool.release_many(indices)
        return freed
    return [pool.release(index) for index in indices]


@on_trees
@pytest.mark.parametrize("outside", [-1, 5, 2**62, 2**63, 10**30, -(10**30)])
def test_a_batch_with_an_index_outside(impl: Impl, outside: int) -> None:
    """The indices before it are released, those after it are not, and the error names it."""
    pool = impl.pool(5)
    pool.take_many(5)
    with pytest.raises(IndexError, match=f"^{outside}$"):
        pool.release_many([3, outside, 4])
    assert [pool.take(), pool.take()] == [3, -1]


@on_trees
def test_a_batch_answers_in_plain_types(impl: Impl) -> None:
    """Released indices are answered with True and False, in order; of no index nothing is said."""
    pool = impl.pool(3)
    pool.take_many(2)
    answers = pool.release_many((1, 1, 2, 0))
    assert answers == [True, False, False, True]
    assert {type(answer) for answer in answers} == {bool}
    assert pool.release_many([]) == []


@on_all_three
def test_a_restored_state_forgets_what_came_after(impl: Impl) -> None:
    """What was released after the state was saved is taken again, whether it had been taken before or after."""
    pool = impl.pool(70)
    pool.take_many(66)
    pool.release(3)
    state = pool.save()
    assert pool.take_many(3) == [3, 66, 67]
    assert [pool.release(index) for index in (1, 64, 66)] == [True, True, True]
    pool.restore(state)
    assert [pool.free, pool.release(3), pool.release(66)] == [5, False, False]
    assert pool.take_many(5) == [3, 66, 67, 68, 69]
    assert all(pool.release(index) for index in range(70))


@on_all_three
def test_a_batch_of_no_length(impl: Impl) -> None:
    """Nothing is taken for a count of 0, or below."""
    pool = impl.pool(70)
    pool.take_many(3)
    pool.release(1)
    assert [pool.take_many(0), pool.take_many(-2), pool.free] == [[], [], 68]


@on_trees
def test_a_tree_is_one_block(impl: Impl) -> None:
    """A state is the header and a bit for each space, and for each word above: 1.6 % more than the bits."""
    pool = impl.pool(64**3)
    assert isinstance(pool, BitmapPool)
    assert len(pool.save()) == (HEADER + 64**2 + 64 + 1) * 8


@pytest.mark.parametrize("impl", ["tree"], indirect=True)
def test_compile_leaves_nothing_to_compile(impl: Impl) -> None:
    """After compile() no single call of a pool of any size compiles anything."""
    source = (
        "from garagebench.impls import tree\n"
        "calls = tree._take, tree._nearest, tree._release\n"
        "tree.TreePool.compile()\n"
        "print([len(call.signatures) for call in calls])\n"
        "pool = tree.TreePool(5000)\n"
        "pool.nearest(), pool.take(), pool.release(0), pool.release(4999)\n"
        "print([len(call.signatures) for call in calls])\n"
    )
    assert impl.name == "tree"
    assert run_python(sys.executable, source) == "[1, 1, 1]\n[1, 1, 1]\n"
