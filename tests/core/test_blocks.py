"""`blocks`: the order that it guarantees, between real processes and interleaved one atomic step at a time."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from shared_model import Call, Memory, make_functions
from test_shared import program  # noqa: F401  a fixture
from test_shared_model import FIXERS, RELEASE, SCHEDULES, SCRIPTS, TAKE, Race, Schedule, make_memory

from garagebench.impls import blocks, shared_tree
from garagebench.impls.blocks import SEVERAL, TURNS, BlocksPool

BLOCK = 1024


@pytest.fixture
def pool() -> Iterator[BlocksPool]:
    """Eight blocks."""
    with BlocksPool(8 * BLOCK) as pool:
        yield pool


def in_child(pool: BlocksPool, work: Callable[[], object]) -> str:
    """Return what the work in a fork gives, as text; the fork lets go of the pool at its end."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(write, repr(work()).encode())
            pool.close()
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return told


def test_one_process_takes_the_lowest(pool: BlocksPool) -> None:
    """As long as no second one has ever worked with the pool."""
    assert [pool.take() for _ in range(3000)] == list(range(3000))
    pool.release(5)
    assert (pool.nearest(), pool.take(), pool.take()) == (5, 5, 3000)


def test_a_second_process_has_a_block_of_its_own(pool: BlocksPool) -> None:
    """It takes from where the first one is not, in order, and looks where it takes."""

    def take_three() -> tuple[int, int, int]:
        return pool.take(), pool.nearest(), pool.take()

    pool.take()
    # The first one is in no block yet: it was alone.
    assert in_child(pool, take_three) == "(1, 2, 2)"
    assert pool.take() == 3
    assert in_child(pool, take_three) == "(1024, 1025, 1025)"
    assert pool.take() == 4


def test_a_dead_process_stays_in_its_block_until_repair(pool: BlocksPool) -> None:
    """Nobody knows that it is dead; then its block is as good as any."""
    in_child(pool, lambda: (pool.take(), os._exit(0)))
    assert pool.take() == 1024
    pool.repair(lambda _: True)
    taken = {pool.take() for _ in range(2 * TURNS)}
    assert 1 in taken


def test_a_process_moves_to_a_lower_block_after_its_turns(pool: BlocksPool) -> None:
    """What was released below is passed over by so many takes, and no more."""
    in_child(pool, pool.take)
    for _ in range(BLOCK):
        pool.take()
    taken = [pool.take() for _ in range(10)]
    pool.release(7)
    taken += [pool.take() for _ in range(TURNS)]
    assert taken.index(7) in range(10, TURNS + 1)
    assert sorted(taken) == sorted({7, *range(BLOCK + 1, BLOCK + TURNS + 10)})


def test_what_only_others_have_is_taken_at_last(pool: BlocksPool) -> None:
    """No space is withheld: -1 means that there is none."""
    in_child(pool, pool.take)
    mine = [pool.take() for _ in range(3)]

    def take_all() -> int:
        return sum(1 for _ in iter(pool.take, -1))

    assert in_child(pool, take_all) == str(8 * BLOCK - len(mine) - 1)
    assert pool.take() == -1
    assert pool.nearest() == -1


def test_a_pool_of_one_block_is_shared(pool: BlocksPool) -> None:
    """Where there are no blocks to part, it is as `shared` is."""
    with BlocksPool(100) as small:
        in_child(small, small.take)
        assert small.take() == 1
        assert in_child(small, small.take) == "2"


def test_others_get_it_as_it_is(pool: BlocksPool) -> None:
    """By name and pickled."""
    for other in (BlocksPool.attach(pool.name), pickle.loads(pickle.dumps(pool))):  # noqa: S301
        with other:
            assert isinstance(other, BlocksPool)


def test_two_processes_and_kills(program: Any) -> None:  # noqa: F811
    """No space is given twice; each kill costs at most one, which repair finds; at the end none is lost."""
    outcome = program.contend(300_000, 12, capacity=5_000, seed=1, impl="blocks")
    assert (outcome.twice, outcome.refused, outcome.lost) == (0, 0, 0)
    assert max(outcome.missing) <= 1
    assert max(outcome.missing_after) == 0
    takes = program.take_all(2, capacity=300_000, impl="blocks")
    assert (takes.taken, takes.distinct) == (300_000, 300_000)


#: Three places, so that looking for who is in a block takes few steps.
PLACES = 4


def make_block_functions(old: str = "", new: str = "") -> dict[str, Any]:
    """Return the functions with blocks of four spaces."""
    functions = make_functions(old, new, modules=(shared_tree, blocks))
    functions["MOST"] = PLACES
    return functions


class BlockRace(Race):
    """Processes that take apart: what one passes over is no flaw, unless it says that there is nothing."""

    def _look(self, name: str, place: int) -> Call:
        self._must_see[place] = self.memory.find_free().difference(self.releasing.values())
        if name == TAKE:
            self._taking.add(place)
        index = yield from self.memory.begin("take_apart" if name == TAKE else "_find", place)
        self._taking.discard(place)
        overlooked = self._must_see.pop(place)
        assert index >= 0 or not overlooked, f"{overlooked} overlooked"
        if name != TAKE or index < 0:
            return []
        assert index not in self.held, f"{index} was given twice"
        self.held.add(index)
        return [index]


def make_block_memory(functions: Any, capacity: int, free: set[int]) -> Memory:
    """Return a pool with which three processes work."""
    memory = make_memory(functions, capacity, free)
    words = memoryview(memory.content).cast("q")
    words[SEVERAL // 8] = 1
    for place in range(2, PLACES + 1):
        words[(shared_tree.PLACES + shared_tree.PLACE * place) // 8] = place
    return memory


def race_at_random(
    functions: Any, capacity: int, free: set[int], scripts: Sequence[Any], schedule: Schedule
) -> None:
    """Let three processes switch, die and be fixed; raises AssertionError for what is wrong."""
    free = {index for index in free if index < capacity}
    race = BlockRace(make_block_memory(functions, capacity, free), scripts)
    fixer = 0
    for place, steps in schedule:
        if place == FIXERS:
            if not race.advance(fixer, steps) and race.killed:
                fixer = race.fix(min(race.killed))
        elif steps:
            race.advance(place, steps)
        else:
            race.kill(place)
    race.finish()


@settings(deadline=None, derandomize=True, max_examples=500)
@given(
    capacity=st.integers(1, 20),
    free=st.sets(st.integers(0, 19)),
    scripts=SCRIPTS,
    schedule=SCHEDULES,
)
def test_no_schedule_breaks_it(
    capacity: int, free: set[int], scripts: list[list[str]], schedule: Schedule
) -> None:
    """However three processes switch and die: none twice, none lost after repair, and -1 only where nothing is free."""
    race_at_random(make_block_functions(), capacity, free, scripts, schedule)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("            return nearest(base)\n", "            return -1\n"),
        (
            "        if take_this(base, place, index):\n",
            "        if take_this(base, place, index) or True:\n",
        ),
    ],
    ids=["the last resort", "the second try"],
)
def test_what_would_break_it_is_found(old: str, new: str) -> None:
    """Without it, a schedule is found that breaks it."""
    functions = make_block_functions(old, new)
    scripts = [[TAKE] * 5, [TAKE, RELEASE, TAKE] * 5, [TAKE]]

    def try_schedules() -> None:
        for first in range(1, 60):
            race_at_random(functions, 9, set(range(9)), scripts, [(2, first), (3, 1000)])

    with pytest.raises(AssertionError):
        try_schedules()
