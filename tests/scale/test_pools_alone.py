"""A pool as cases: what the workloads do to it, and that all of it is undone."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from garagebench.engine.channel import Channel
from garagebench.engine.worker.cases import TimedCase
from garagebench.errors import WrongAnswer
from garagebench.impls.heap import HeapPool
from garagebench.impls.lists import ListPool
from garagebench.subjects import pools
from garagebench.subjects.pools import Ground, Operation, PoolSubject, choose_block, stratified

BOTH = ("fill", "churn")


class SinglePool(ListPool):
    """A pool without batches."""

    @property
    def take_many(self) -> Any:  # type: ignore[override]
        raise AttributeError


def state(pool: Any) -> list[bool]:
    """Return which spaces are taken."""
    pool = pool if isinstance(pool, ListPool) else None
    assert pool is not None
    return list(pool._taken)


def packed(spaces: int) -> list[bool]:
    """Return the nearer half as taken."""
    return [index < spaces // 2 for index in range(spaces)]


def run(operation: Operation, mode: str) -> list[Any]:
    """Do what the timed loop does, and return the answers."""
    if mode == "batch":
        return list(operation.many(operation.items or len(operation.expected)))
    if operation.items:
        return [operation.one(index) for index in operation.items]
    return [operation.one() for _ in operation.expected]


@pytest.mark.parametrize("spaces", [2, 3, 10, 101])
def test_the_nearer_half_is_taken(spaces: int) -> None:
    """After the fill half of the spaces, rounded down, are taken, in order."""
    ground = Ground(ListPool(spaces))
    ground.fill()
    assert state(ground.pool) == packed(spaces)


def test_a_large_garage_is_filled_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than a chunk of spaces is asked for at once, so that its list does not fill the memory."""
    monkeypatch.setattr(pools, "CHUNK", 7)
    asked: list[int] = []
    ground = Ground(ListPool(40))
    ground.take_many = lambda count: asked.append(count) or ground.pool.take_many(count)  # type: ignore[func-returns-value]
    ground.fill()
    assert asked == [7, 7, 6]
    assert state(ground.pool) == packed(40)


@pytest.mark.parametrize("pool", [ListPool, SinglePool])
@pytest.mark.parametrize("seed", range(5))
def test_answers_are_as_expected_in_any_order(pool: Callable[[int], Any], seed: int) -> None:
    """Whatever was prepared before, run or not, in either mode, each operation answers as it says."""
    ground = Ground(pool(60))
    ground.fill()
    operations = [*ground.operations(4, seed), *ground.operations(9, seed)]
    rng = random.Random(seed)
    for _ in range(200):
        operation = rng.choice(operations)
        operation.prepare()
        if rng.random() < 0.7:
            assert run(operation, rng.choice(pools.MODES)) == list(operation.expected)
    ground.enter(pools.Fill(ground, 1))
    assert state(ground.pool) == packed(60)


def test_fill_takes_from_the_middle_on() -> None:
    """Under fill the spaces after the nearer half are taken."""
    fill, *_ = Ground(ListPool(60)).operations(3, 0)
    assert (fill.name, list(fill.expected)) == ("fill take", [30, 31, 32])


def test_churn_leaves_from_random_places() -> None:
    """Under churn the same random spaces of the nearer half are freed, in mixed order, and taken in order."""
    _, take, release = Ground(ListPool(2000)).operations(50, 1)
    assert sorted(release.items) == list(take.expected)
    assert list(release.items) != list(take.expected)
    assert max(release.items) < 1000
    _, other, _ = Ground(ListPool(2000)).operations(50, 2)
    assert list(other.expected) != list(take.expected)


def test_random_places_are_spread_evenly() -> None:
    """One of each equal part of the nearer half: the mean depth of a search does not hang on chance."""
    places = stratified(1000, 10, 3)
    assert [place // 100 for place in places] == list(range(10))


@pytest.mark.parametrize(
    ("cost_ns", "spaces", "block"),
    [(0, 10**6, 500), (100, 10**6, 500), (5_000, 10**6, 100), (1e9, 10**6, 4), (100, 60, 30)],
)
def test_a_block_fits_half_a_millisecond(cost_ns: float, spaces: int, block: int) -> None:
    """A block has 500 spaces, fewer where they cost more than half a millisecond or the half has no more, at least 4."""
    assert choose_block(cost_ns, spaces) == block


class Farthest(ListPool):
    """Takes the farthest space."""

    def take(self) -> int:
        index = len(self._taken) - 1 - self._taken[::-1].index(False)
        self._taken[index] = True
        return index


class Silent(ListPool):
    """Does not say whether a space was taken."""

    def release(self, index: int) -> bool:
        super().release(index)
        return None  # type: ignore[return-value]


class Empty(ListPool):
    """Gives nothing to those who want many."""

    def take_many(self, count: int) -> list[int]:
        return [-1] * count


@pytest.mark.parametrize("pool", [Farthest, Silent, Empty])
def test_a_survey_notices_wrong_answers(
    pool: type[ListPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool that breaks the nearest rule, or answers nothing, is wrong and has no figures."""
    monkeypatch.setattr(pools, "load_pool", lambda _: pool)
    with pytest.raises(WrongAnswer, match=f"of {pools.WARM_UP_SPACES} spaces"):
        pools.survey({"impl": "", "spaces": 100, "workloads": BOTH, "seed": 0})


def test_a_fill_that_took_other_spaces_is_wrong() -> None:
    """The state from which everything starts is checked where it is made."""
    with pytest.raises(WrongAnswer, match="of 10 spaces it took others than 0 to 4"):
        Ground(Empty(10)).fill()


def ask_survey(python: str, impl: str, spaces: int, workloads: tuple[str, ...] = BOTH) -> Any:
    """Return what a worker on that interpreter finds."""
    command = {
        "do": "call",
        "packages": {"garagebench": str(Path(pools.__file__).parents[1])},
        "target": "garagebench.subjects.pools:survey",
        "arguments": {"impl": impl, "spaces": spaces, "workloads": workloads, "seed": 0},
    }
    with Channel(python) as worker:
        return worker.ask(command, 60)["result"]


def test_a_survey_in_a_worker() -> None:
    """A fresh process finds all costs, the time to build, and of 8-byte flags 8 bytes a space."""
    found = ask_survey(sys.executable, "lists", 1_000_000)
    names = ["fill take", "churn take", "churn release"]
    assert sorted(found["costs"]) == sorted(
        f"{name} {mode}" for name in names for mode in pools.MODES
    )
    assert min(found["costs"].values()) > 0
    assert found["build_ns"] > 0
    assert found["reserved_bytes"] == pytest.approx(8_000_000, rel=0.01)
    assert found["held_bytes"] > 7_000_000
    assert found["peak_bytes"] >= found["held_bytes"]
    assert found["blocks"][1] == 500


def test_a_survey_of_one_workload() -> None:
    """What is not asked for is not looked at."""
    assert set(ask_survey(sys.executable, "heap", 100, ("fill",))["costs"]) == {
        "fill take single",
        "fill take batch",
    }


def test_a_survey_on_pypy(pypy: str) -> None:
    """The same works on PyPy."""
    assert ask_survey(pypy, "pypy", 100)["blocks"] == [50, 50]


def test_memory_is_unknown_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without /proc there are times, and None for what is not known."""
    monkeypatch.setattr(pools, "memory_bytes", dict)
    found = pools.survey({"impl": "lists", "spaces": 100, "workloads": ("fill",), "seed": 0})
    assert (found["reserved_bytes"], found["held_bytes"], found["peak_bytes"]) == (None, None, None)


def test_the_cases_time_what_the_rows_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each case passes its own check whatever came before it, and the rows name all of them once."""
    monkeypatch.setattr(pools, "load_pool", lambda _: HeapPool)
    arguments = {
        "impl": "heap",
        "sizes": [[40, [4, 9]], [100, [5, 20]]],
        "workloads": BOTH,
        "seed": 0,
    }
    subject = PoolSubject(arguments)
    cases = list(subject.cases())
    timed = [TimedCase(case) for case in cases]
    for _ in range(3):
        random.Random(0).shuffle(timed)
        for case in timed:
            case.measure("loop", [0], 0, 2)
            case.measure("empty", [0], 0, 1)
    assert {case.name: case.blocks[0].requests for case in cases}["churn take batch 100"] == 20
    rows = {row.name: row.isolated for row in subject.rows()}
    assert sorted(name for terms in rows.values() for name in terms) == sorted(
        c.name for c in cases
    )
    assert rows["churn single 40"] == {"churn take single 40": 1, "churn release single 40": 1}
