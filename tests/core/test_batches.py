"""park_many and unpark_many: the same answers as one by one, alone and as cases that can be timed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from case_loop import find_wrong_blocks, run_block
from drawn_layouts import layouts
from hypothesis import given, settings
from hypothesis import strategies as st
from test_subject import arguments_for, find_cases, write_trace

from garagebench import (
    Garage,
    GarageError,
    GarageFull,
    Impl,
    Layout,
    Location,
    NoSuchSpace,
    SpaceEmpty,
    UnknownVehicle,
)
from garagebench.conformance.bench import PoolModel
from garagebench.core.workload import BUILTIN
from garagebench.subjects.requests import make_subject
from garagebench.subjects.tape import Refused


class OnlyOnePool(PoolModel):
    """A pool that offers no batches."""

    take_many = release_many = None  # type: ignore[assignment]


class ManyPool(PoolModel):
    """A pool that writes down which batches it is asked for."""

    asked: list[tuple[object, ...]]

    def take_many(self, count: int) -> list[int]:
        self.asked.append(("take_many", count))
        return super().take_many(count)

    def release_many(self, indices: Any) -> list[bool]:
        self.asked.append(("release_many", *indices))
        return super().release_many(indices)


POOLS: dict[str, Impl] = {pool.__name__: Impl("", pool) for pool in (PoolModel, OnlyOnePool)}


def comparable(answer: object) -> object:
    """The answer, or an error's class and text."""
    return (type(answer), str(answer)) if isinstance(answer, GarageError) else answer


def one_by_one(call: Any, given: list[Any]) -> list[object]:
    """What the calls answer or raise, in order."""
    answers: list[object] = []
    for one in given:
        try:
            answers.append(call(one))
        except GarageError as error:
            answers.append(error)
    return [comparable(answer) for answer in answers]


@st.composite
def runs(draw: st.DrawFn, one: st.SearchStrategy[Any]) -> list[Any]:
    """Values, each repeated some times: what a batch is mostly made of."""
    drawn = draw(st.lists(st.tuples(one, st.integers(1, 9)), max_size=6))
    return [value for value, times in drawn for _ in range(times)]


def check_batches(layout: Layout, impl: Impl, data: st.DataObject) -> None:
    """Two garages, one asked in batches and one one by one, answer alike and end alike."""
    batched, single = Garage(layout, impl), Garage(layout, impl)
    for _ in range(3):
        vehicles = data.draw(runs(st.sampled_from([*layout.tiers, "bus"])))
        answers = [comparable(answer) for answer in batched.park_many(vehicles)]
        assert answers == one_by_one(single.park, vehicles)
        places = [place for table in layout.locations for place in table]
        locations = data.draw(runs(st.sampled_from([*places, Location(9, 9, 9)])))
        locations = data.draw(st.permutations(locations))
        answers = [comparable(answer) for answer in batched.unpark_many(locations)]
        assert answers == one_by_one(single.unpark, locations)
        assert batched.free == single.free


@settings(max_examples=20)  # there are many implementations
@given(layout=layouts(), data=st.data())
def test_batches_of_every_implementation(impl: Impl, layout: Layout, data: st.DataObject) -> None:
    """Errors in the middle included, a batch answers what as many calls answer, in order."""
    check_batches(layout, impl, data)


@pytest.mark.parametrize("name", POOLS)
@given(layout=layouts(), data=st.data())
def test_batches_of_every_kind_of_pool(name: str, layout: Layout, data: st.DataObject) -> None:
    """Also of pools that take and release one by one, and of those that do both at once."""
    check_batches(layout, POOLS[name], data)


def test_an_error_stops_nobody_behind_it(impl: Impl, seed: Layout) -> None:
    """What does not fit is answered by its error, and the next are served."""
    garage = Garage(seed, impl)
    garage.park_many(["large"] * 49)
    full, last, unknown, small = garage.park_many(["large", "large", "bus", "small"])[0:4]
    assert full == Location(3, 5, 10)
    assert (type(last), type(unknown), small) == (GarageFull, UnknownVehicle, Location(1, 3, 1))
    answers = garage.unpark_many([(1, 3, 1), (1, 3, 1), (4, 1, 1), (3, 5, 10)])
    assert [comparable(answer) for answer in answers[::3]] == ["small", "large"]
    assert [type(answer) for answer in answers[1:3]] == [SpaceEmpty, NoSuchSpace]


def test_nothing_is_taken_for_what_is_no_name(impl: Impl, seed: Layout) -> None:
    """A wrong type is the caller's mistake: it is raised, before a space is taken."""
    garage = Garage(seed, impl)
    with pytest.raises(TypeError):
        garage.park_many(["small", ["small"]])  # type: ignore[list-item]
    with pytest.raises((TypeError, ValueError)):
        garage.unpark_many([(1, 3, 1), None])  # type: ignore[list-item]
    assert sum(garage.free.values()) == 140


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What ManyPool is asked."""
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr(ManyPool, "asked", calls, raising=False)
    return calls


def test_a_run_is_one_call(seed: Layout, asked: list[tuple[object, ...]]) -> None:
    """A run is taken tier by tier; a group of several kinds, and a short run, one by one."""
    garage = Garage(seed, Impl("", ManyPool))
    garage.park_many(["small"] * 72 + ["handicap"] * 22 + ["large"] * 3)
    assert asked == [("take_many", 72), ("take_many", 2), ("take_many", 22)]
    assert garage.free == {"handicap": 0, "small": 0, "large": 43}


def test_a_kind_is_released_by_one_call(seed: Layout, asked: list[tuple[object, ...]]) -> None:
    """In the order of the batch, whatever stands between."""
    garage = Garage(seed, Impl("", ManyPool))
    garage.unpark_many([(1, 3, 2), (2, 4, 1), (1, 3, 1), (1, 9, 1), (2, 4, 2)])
    assert asked == [("release_many", 1, 0), ("release_many", 0, 1)]


@pytest.mark.parametrize("count", [3.0, "3", None])
def test_a_count_is_a_whole_number(impl: Impl, count: Any) -> None:
    """Of anything else nothing is taken, and the error is one of type."""
    pool = impl.pool(10)
    if not hasattr(pool, "take_many"):
        pytest.skip(f"{impl.name} has no batches")
    with pytest.raises(TypeError):
        pool.take_many(count)
    assert repr(pool.free) == "10"


@pytest.mark.parametrize("impl", ["tree", "c", "shared"], indirect=True)
def test_indices_are_whole_numbers(impl: Impl) -> None:
    """Compiled code does not cut off what is none, and takes any object that stands for one."""
    pool = impl.pool(10)
    for _ in range(5):
        pool.take()
    for index in (1.5, 1.0):
        with pytest.raises(TypeError):
            pool.release(index)
    assert pool.free == 5
    if hasattr(pool, "release_many"):
        for indices in ([1.5], ["1"], 3):
            with pytest.raises(TypeError):
                pool.release_many(indices)
        assert pool.free == 5


BATCHES = ["park_many", "unpark_many"]


@pytest.mark.parametrize("workload", BUILTIN)
def test_the_cases_of_batches(impl: Impl, seed: Layout, workload: str) -> None:
    """Each block is one call, whose answers are the workload's, pass after pass; the time is by the request."""
    made = make_subject(arguments_for(impl.name, seed, workload, operations=BATCHES))
    assert [row[:3] for row in made.rows()] == [
        (f"{operation}/total", {f"{operation}/total": 1}, {}) for operation in BATCHES
    ]
    cases = find_cases(made)
    assert [(case.group, case.in_context) for case in cases.values()] == [
        (operation, False) for operation in BATCHES
    ]
    for case in cases.values():
        for block in case.blocks:
            assert len(block.tape) == len(block.expected) == 1
            assert len(block.tape[0]) == len(block.expected[0]) == block.requests >= 100
    assert find_wrong_blocks(cases.values(), passes=3) == []


def test_batches_beside_the_operations(seed: Layout) -> None:
    """They come after what is asked one by one."""
    arguments = arguments_for("lists", seed, operations=["park_many", "park"], stages=["total"])
    assert [row.name for row in make_subject(arguments).rows()] == ["park/total", "park_many/total"]


def test_refusals_in_a_batch(seed: Layout, tmp_path: Path) -> None:
    """What is no request is left out; what is refused later is expected as an error of that class."""
    place = {"floor": 1, "row": 1, "space": 1}
    park, large = ("park", {"vehicle": "handicap"}), ("park", {"vehicle": "large"})
    leave, gone = ("unpark", place), ("unpark", {**place, "floor": 9})
    requests = [park, large, ("park", 1), *[large] * 97, leave, leave, gone, ("unpark", {})]
    path = write_trace(tmp_path / "errors.jsonl", requests + [leave] * 96)
    cases = find_cases(make_subject(arguments_for("lists", seed, path, operations=BATCHES)))
    parked, left = (cases[f"{name}/total"].blocks[0] for name in BATCHES)
    assert (len(parked.tape[0]), parked.requests) == (99, 100)
    assert [repr(answer) for answer in parked.expected[0]].count("GarageFull(...)") == 48
    assert [str(answer) for answer in left.expected[0][:3]] == [
        *("handicap", "SpaceEmpty(...)", "NoSuchSpace(...)")
    ]
    assert find_wrong_blocks(cases.values(), 3) == []


def test_a_batch_of_bad_requests_only(seed: Layout, tmp_path: Path) -> None:
    """A block of which nothing is left is an empty batch."""
    path = write_trace(tmp_path / "bad.jsonl", [("park", None)] * 100)
    (case,) = make_subject(arguments_for("lists", seed, path, operations=BATCHES)).cases()
    assert run_block(case, case.blocks[0]) == [[]]


def test_a_refusal_equals_errors_of_its_class() -> None:
    """Whatever their text; not those of a class derived from it, nor anything else."""
    refused = Refused(GarageError)
    assert refused == GarageError("one")
    assert [GarageError("two")] == [refused]
    assert refused != GarageFull("three")
    assert refused != "GarageError"
    assert repr(refused) == "GarageError(...)"
