"""What is written down while a workload goes through a garage once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import mutants
import pytest

from garagebench import (
    BadRequest,
    Garage,
    GarageFull,
    Impl,
    Layout,
    Location,
    NoSuchSpace,
    SpaceEmpty,
    UnknownVehicle,
)
from garagebench.conformance import suite
from garagebench.conformance.bench import PoolModel
from garagebench.conformance.tapes import TINY
from garagebench.core.workload import Block, Workload, make_workload, park_body, unpark_body
from garagebench.errors import WrongAnswer
from garagebench.impls.lists import ListPool
from garagebench.stages import sequence
from garagebench.subjects import tape
from garagebench.subjects.tape import RecordedBlock, Tape, TimedPool, set_free

LISTS = Impl("lists", ListPool)

A, B, C = (TINY.kinds.index(kind) for kind in "abc")


def record(impl: Impl, *blocks: Block, free: Any = None) -> list[RecordedBlock]:
    """The recorded blocks of a workload on TINY."""
    return Tape(impl, TINY, Workload("hand-made", blocks, free)).blocks


def parks(*vehicles: str) -> Block:
    """A block of park requests."""
    return Block("park", tuple(("park", park_body(vehicle)) for vehicle in vehicles))


def unparks(*locations: tuple[int, int, int]) -> Block:
    """A block of unpark requests."""
    return Block("unpark", tuple(("unpark", unpark_body(Location(*place))) for place in locations))


def test_each_stage_of_park_is_written_down() -> None:
    """What a stage was given and answered, in order; it goes no further where it was refused."""
    (block,) = record(LISTS, parks("handicap", "bus", "large", "large", "large"))
    bodies = [park_body(vehicle) for vehicle in ("handicap", "bus", "large", "large", "large")]
    places = [Location(2, 2, 1), Location(1, 1, 1), Location(2, 3, 1)]
    replies = [unpark_body(place) for place in places]
    assert block.stages == {
        "validate": (bodies, ["handicap", UnknownVehicle, "large", "large", "large"]),
        "sequence": (["handicap", "large", "large", "large"], [(C, 0), (B, 0), (B, 1), GarageFull]),
        "floor_lookup": ([(C, 0), (B, 0), (B, 1)], places),
        "encode": (places, replies),
    }
    assert block.bodies == bodies
    assert block.replies == [replies[0], UnknownVehicle, *replies[1:], GarageFull]


def test_each_stage_of_unpark_is_written_down() -> None:
    """The release says False for a space that is free, and the reply is the error's class."""
    block = record(LISTS, parks("small"), unparks((1, 2, 1), (1, 2, 1), (1, 9, 1)))[1]
    places = [Location(1, 2, 1), Location(1, 2, 1), Location(1, 9, 1)]
    assert block.stages == {
        "validate": (block.bodies, places),
        "space_lookup": (places, [(A, 0), (A, 0), NoSuchSpace]),
        "release": ([(A, 0), (A, 0)], [True, False]),
        "encode": ([A], [b'{"kind":"a"}']),
    }
    assert block.replies == [b'{"kind":"a"}', SpaceEmpty, NoSuchSpace]


def test_a_stage_that_no_request_reached_is_missing() -> None:
    """A block of bad requests has a validate and nothing else."""
    (block,) = record(LISTS, Block("park", (("park", b"null"),)))
    assert block.stages == {"validate": ([b"null"], [BadRequest])}
    assert block.replies == [BadRequest]


def test_pool_calls_of_the_sequencer_are_written_down() -> None:
    """Method, arguments and answer of each, in order; the releases of an unpark are none of them."""
    first, second = record(LISTS, parks("handicap", "handicap", "handicap"), unparks((2, 2, 1)))
    assert [(call.__name__, arguments, answer) for call, arguments, answer in first.calls] == [
        ("take", (), 0),  # c
        ("take", (), -1),  # c is full
        ("nearest", (), 0),  # b
        ("nearest", (), 0),  # a
        ("take", (), 0),  # b
        ("take", (), -1),
        ("nearest", (), 1),
        ("nearest", (), 0),
        ("take", (), 0),  # a
    ]
    assert [call.__self__.capacity for call, _, _ in first.calls] == [1, 1, 2, 3, 2, 1, 2, 3, 3]
    assert second.calls == []


def test_handlers_are_those_of_the_garage() -> None:
    """Each request of a block of both operations comes with the method that handles it."""
    mixed = Block("both", (*parks("small").requests, *unparks((1, 2, 1)).requests))
    taped = Tape(LISTS, TINY, Workload("both", (mixed,)))
    assert taped.blocks[0].handlers == [taped.garage.handle_park, taped.garage.handle_unpark]


def test_the_garage_stands_as_after_the_last_block() -> None:
    """Recording parks and unparks the cars for good."""
    taped = Tape(LISTS, TINY, Workload("two", (parks("small", "large"), unparks((1, 2, 1)))))
    assert taped.garage.free == {"b": 1, "a": 3, "c": 1}


def test_reset_returns_to_the_start_of_the_block() -> None:
    """Whatever was done since, the pools that the block depends on are as they were before it."""
    taped = Tape(LISTS, TINY, Workload("two", (parks("small", "large"), unparks((1, 2, 1)))))
    for pool in taped.garage.pools:
        pool.take_many(9)
    taped.blocks[1].reset()
    assert taped.garage.pools[A].free == 2
    taped.blocks[0].reset()
    assert (taped.garage.pools[A].free, taped.garage.pools[B].free) == (3, 2)


def test_reset_restores_what_was_only_asked() -> None:
    """A pool that was found full, or not the nearest, must be found so again."""
    taped = Tape(LISTS, TINY, Workload("full", (parks("small", "small", "small"), parks("small"))))
    for pool in taped.garage.pools:
        pool.restore(LISTS.pool(pool.capacity).save())
    taped.blocks[1].reset()
    assert taped.garage.pools[A].free == 0
    assert taped.garage.pools[B].free == 2


def test_reset_leaves_other_pools_alone() -> None:
    """In a large garage, restoring what no request of the block can touch would take long."""
    taped = Tape(LISTS, TINY, Workload("one", (parks("large"),)))
    taped.garage.pools[A].take()
    taped.blocks[0].reset()
    assert (taped.garage.pools[A].free, taped.garage.pools[B].free) == (2, 2)


def test_reset_restores_all_for_a_sequencer_that_makes_no_calls() -> None:
    """What it depends on cannot be seen."""

    def by_flags(layout: Layout, pools: Any) -> Any:
        flags = [pool._taken for pool in pools]

        def park(vehicle: str) -> tuple[int, int]:
            for group in layout.tiers[vehicle]:
                for kind in group:
                    if not all(flags[kind]):
                        index = flags[kind].index(False)
                        flags[kind][index] = True
                        return kind, index
            raise GarageFull

        return park

    impl = Impl("by flags", ListPool, sequence=by_flags)
    work = Workload("full", (parks("small", "small", "small"), parks("small")))
    taped = Tape(impl, TINY, work)
    taped.blocks[0].reset()
    taped.blocks[1].reset()
    assert taped.garage.pools[A].nearest() == -1


def test_a_workload_starts_with_its_free_spaces() -> None:
    """All spaces but the given ones are taken before the first request."""
    (block,) = record(LISTS, parks("small", "small"), free=((1,), (0, 2), ()))
    assert block.stages["sequence"][1] == [(A, 0), (A, 2)]


@pytest.mark.parametrize("pool", [ListPool, mutants.TakesTheLastReleasedFirst])
def test_set_free(pool: Any) -> None:
    """With or without take_many, exactly the given indices are free; None leaves all free."""
    garage = Garage(TINY, Impl("pool", pool))
    set_free(garage, None)
    assert garage.free == {"b": 2, "a": 3, "c": 1}
    set_free(garage, ((1,), (0, 2), ()))
    assert garage.free == {"b": 1, "a": 2, "c": 0}
    assert [pool.nearest() for pool in garage.pools] == [1, 0, -1]


class WrongFarBack(ListPool):
    """Wrong beyond what the conformance suite looks at."""

    def take(self) -> int:
        index = super().take()
        return 203 if index == 207 else index


def test_a_wrong_answer_is_told(seed: Layout) -> None:
    """The first request that the model would have answered otherwise is named, with both answers."""
    impl = Impl("mutant", WrongFarBack)
    suite.check(impl)
    large = seed.scaled(2000)
    with pytest.raises(WrongAnswer) as caught:
        Tape(impl, large, make_workload("fill", large, 0))
    small = large.kinds.index("small")
    got, expected = (unpark_body(large.locations[small][index]) for index in (203, 207))
    assert str(caught.value) == (
        f"""request 208 of a park block of fill, b'{{"vehicle":"small"}}', """
        f"is answered {got!r}; expected {expected!r}"
    )


def test_an_error_instead_of_an_answer_is_told() -> None:
    """A refusal where the model has a space is a wrong answer, by the error's name."""

    def never(layout: Layout, pools: Any) -> Any:
        def park(vehicle: str) -> tuple[int, int]:
            raise GarageFull

        return park

    with pytest.raises(WrongAnswer, match=r"is answered GarageFull; expected b'\{"):
        record(Impl("never", ListPool, sequence=never), parks("small"))


class WithTrick(PoolModel):
    """A pool with a method of its own."""

    label = "trick"

    def take_last(self) -> int:
        index = max(self._free, default=-1)
        self._free.discard(index)
        return index


def test_timed_pools_fill_the_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call on a timed pool adds its time, whatever the method; what is no method is passed on."""
    clock = iter([10, 13, 20, 24, 30, 35, 40, 46, 50, 57])
    monkeypatch.setattr(tape, "time", SimpleNamespace(perf_counter_ns=lambda: next(clock)))
    intervals: list[int] = []
    pool = TimedPool(WithTrick(3), intervals)
    assert (pool.capacity, pool.free, pool.label) == (3, 3, "trick")
    answers = [pool.take(), pool.nearest(), pool.release(0), pool.take_many(2), pool.take_last()]
    assert answers == [0, 1, True, [0, 1], 2]
    assert intervals == [3, 4, 5, 6, 7]


def test_a_timed_sequencer_times_as_many_calls_as_were_recorded(impl: Impl, seed: Layout) -> None:
    """One interval for each call that the tape has."""
    work = make_workload("mixed", seed, 1)
    taped = Tape(impl, seed, work)
    intervals: list[int] = []
    park = sequence.tiers(seed, [TimedPool(pool, intervals) for pool in taped.garage.pools])
    taped.blocks[0].reset()
    for vehicle, answer in zip(*taped.blocks[0].stages["sequence"], strict=True):
        if answer is GarageFull:
            with pytest.raises(GarageFull):
                park(vehicle)
        else:
            assert park(vehicle) == answer
    assert len(intervals) == len(taped.blocks[0].calls)
    assert all(interval >= 0 for interval in intervals)
