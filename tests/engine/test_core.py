"""The core that the workers are kept on."""

import os

import pytest

from garagebench.system.cores import find_free_cores, own_core

if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
    pytest.skip("needs two cores that can be told apart", allow_module_level=True)


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Cores that no machine has and no other run of the tests: what is under way elsewhere does not matter."""
    allowed = {1_000_000 + 2 * os.getpid(), 1_000_001 + 2 * os.getpid()}
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(allowed))
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, chosen: calls.append(set(chosen)))
    calls: list[set[int]] = []
    return allowed


def test_the_highest_core_is_for_the_workers(cores: set[int]) -> None:
    """Nothing is to be said when it is free."""
    with own_core() as (core, note):
        assert (core, note) == (max(cores), None)


def test_two_measurements_avoid_each_other(cores: set[int]) -> None:
    """The second takes the other core; a third has to share, and says so; later ones find them free again."""
    with own_core() as (first, _), own_core() as (second, note):
        assert {first, second} == cores
        assert note is None
        with own_core() as (third, shared):
            assert third in cores
            assert shared is not None
            assert "another garagebench" in shared
    with own_core() as (again, note):
        assert (again, note) == (max(cores), None)


def test_a_core_on_which_another_measures_is_not_free(cores: set[int]) -> None:
    """What only loads stays off it; nothing is taken by asking."""
    assert set(find_free_cores()) == cores
    with own_core() as (core, _):
        assert set(find_free_cores()) == cores - {core}


def test_the_caller_leaves_the_core_and_gets_it_back() -> None:
    """The conductor stays off the workers' core, and may use all its cores afterwards."""
    before = os.sched_getaffinity(0)
    with own_core() as (core, _):
        assert os.sched_getaffinity(0) == before - {core}
    assert os.sched_getaffinity(0) == before
