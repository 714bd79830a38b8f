"""`shared` between real processes; its algorithm is in test_shared_model.py."""

from __future__ import annotations

import gc
import importlib.util
import mmap
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba")

import numba
import numpy as np

from garagebench.impls import shared_tree
from garagebench.impls.atomics import load, load_byte, store, swap, swap_byte
from garagebench.impls.shared import Repaired, SharedPool

CALLS: dict[str, Callable[[SharedPool], object]] = {
    "take": SharedPool.take,
    "nearest": SharedPool.nearest,
    "release": lambda pool: pool.release(0),
    "free": lambda pool: pool.free,
    "taker": lambda pool: pool.taker(0),
    "save": SharedPool.save,
    "restore": lambda pool: pool.restore(bytes(8)),
    "repair": SharedPool.repair,
    "name": lambda pool: pool.name,
    "place": lambda pool: pool.place,
    "base": lambda pool: pool.base,
}

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "shared.py"


@pytest.fixture
def pool() -> Iterator[SharedPool]:
    """A pool of 100."""
    with SharedPool(100) as pool:
        yield pool


@pytest.fixture(scope="module")
def program() -> Any:
    """The benchmark program as a module."""
    spec = importlib.util.spec_from_file_location("benchmarks_shared", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def fork(work: Callable[[], object]) -> int:
    """Do the work in a fork, which then waits to be killed or ends with its result; return its process id."""
    process = os.fork()
    if process:
        return process
    result = 99
    try:
        result = int(work() or 0)  # type: ignore[call-overload]
    finally:
        os._exit(result)


def result_of(process: int) -> int:
    """What the fork ended with."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def kill_after(work: Callable[[], object]) -> None:
    """Do the work in a fork, and kill that when it has."""
    read, write = os.pipe()

    def work_and_wait() -> None:
        work()
        os.write(write, b"!")
        signal.pause()

    process = fork(work_and_wait)
    os.read(read, 1)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    os.close(read)
    os.close(write)


def take_in_child(pool: SharedPool, answers: Any) -> None:
    """Work in a process that has got the pool as an argument."""
    with pool:
        answers.send((pool.take(), pool.place))


def open_files() -> int:
    """How many files this process has open."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


class TestSharing:
    def test_attach(self, pool: SharedPool) -> None:
        """What is attached by name is the same pool, in another place."""
        with SharedPool.attach(pool.name) as other:
            assert (other.capacity, other.place) == (100, 2)
            assert [pool.take(), other.take(), pool.take()] == [0, 1, 2]
            assert other.release(0)
            assert (pool.free, pool.nearest()) == (98, 0)
            assert [pool.taker(index) for index in range(4)] == [0, 2, 1, 0]

    def test_pickle(self, pool: SharedPool) -> None:
        """Pickling hands on the pool, not a copy."""
        with pickle.loads(pickle.dumps(pool)) as other:  # noqa: S301
            assert other.take() == 0
        assert pool.free == 99

    def test_a_spawned_child_gets_it_as_an_argument(self, pool: SharedPool) -> None:
        """A fresh interpreter that is handed the pool takes what is next, in a place of its own."""
        spawn = multiprocessing.get_context("spawn")
        receive, send = spawn.Pipe()
        child = spawn.Process(target=take_in_child, args=(pool, send))
        child.start()
        assert pool.take() == 0
        assert receive.recv() in {(1, 2), (0, 2)}
        child.join()

    def test_a_fork_has_a_place_of_its_own(self, pool: SharedPool) -> None:
        """The parent's place stays the parent's."""
        assert result_of(fork(lambda: pool.place)) == 2
        assert pool.place == 1

    def test_no_place_is_left(self, pool: SharedPool) -> None:
        """The 256th that attaches is told so, and leaves nothing behind; a closed one makes room."""
        others = [SharedPool.attach(pool.name) for _ in range(254)]
        before = open_files()
        with pytest.raises(OSError, match=r"255 processes .* repair\(\)"):
            SharedPool.attach(pool.name)
        assert open_files() == before
        others.pop(7).close()
        assert SharedPool.attach(pool.name).place == 9

    def test_a_fork_without_a_place_is_told_so(self, pool: SharedPool) -> None:
        """A fork never goes on in its parent's place."""
        pools = [pool, *(SharedPool.attach(pool.name) for _ in range(254))]

        def refusals() -> int:
            for each in pools:
                with pytest.raises(ValueError, match="found no place"):
                    each.take()
            return 7

        assert result_of(fork(refusals)) == 7

    def test_what_is_no_pool(self, tmp_path: Path) -> None:
        """A file of something else is refused and closed, one that is not there an OSError."""
        before = open_files()
        for content in (b"", b"x" * 7, bytes(20_000), bytes(20_001)):
            (tmp_path / "other").write_bytes(content)
            with pytest.raises(ValueError, match="other is no pool"):
                SharedPool.attach(f"{tmp_path}/other")
        with pytest.raises(FileNotFoundError):
            SharedPool.attach(f"{tmp_path}/none")
        assert open_files() == before


def count_mappings() -> int:
    """Return how many pools are in the memory of this process."""
    return Path("/proc/self/maps").read_text().count("memfd:garagebench")


class TestClosing:
    @pytest.mark.parametrize("name", CALLS)
    def test_a_closed_pool_says_so(self, name: str) -> None:
        """No call reaches memory that is gone; closing again does nothing."""
        pool = SharedPool(3)
        pool.close()
        pool.close()
        with pytest.raises(ValueError, match="closed the pool"):
            CALLS[name](pool)

    def test_others_go_on(self) -> None:
        """When the creator closes it the pool stays with those that have it, and they can hand it on."""
        pool = SharedPool(3)
        name = pool.name
        other = SharedPool.attach(name)
        pool.close()
        with pytest.raises(FileNotFoundError):
            SharedPool.attach(name)
        with SharedPool.attach(other.name) as third:
            assert (other.take(), third.take()) == (0, 1)
        other.close()

    @pytest.mark.parametrize("end", [SharedPool.close, SharedPool.take])
    def test_nothing_stays_open(self, end: Callable[[SharedPool], object]) -> None:
        """Neither a file nor a mapping is left, whether the pool is closed or forgotten."""
        end(SharedPool(3))
        before = open_files()
        for _ in range(3):
            end(SharedPool(3))
        assert open_files() == before
        assert count_mappings() == 0

    def test_a_refused_index_keeps_no_pool(self) -> None:
        """An index that is no whole number is a TypeError, and nothing that remembers it holds the pool."""
        with pytest.raises(TypeError):
            SharedPool(3).release(1.5)  # type: ignore[arg-type]
        gc.collect()  # the error's own traceback
        assert count_mappings() == 0

    @pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), 9)"])
    def test_nothing_outlives_the_processes(self, end: str) -> None:
        """Whether they end or are killed, there is no file and no warning, and no other process that cleans up."""
        source = (
            "import os; from garagebench.impls.shared import SharedPool; pool = SharedPool(3);"
            f"pool.take(); print(pool.name, os.readlink(pool.name), flush=True); {end}"
        )
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", source],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.stderr == ""
        name, _, file = run.stdout.strip().partition(" ")
        assert file == "/memfd:garagebench (deleted)"
        with pytest.raises(FileNotFoundError):
            SharedPool.attach(name)


class TestRepair:
    def test_nothing_to_fix(self, pool: SharedPool) -> None:
        """The living keep what they have, and their places."""
        with SharedPool.attach(pool.name) as other:
            other.take()
            assert pool.repair(lambda index: False) == Repaired(0, 0, ())
            assert (pool.taker(0), other.take()) == (2, 1)

    def test_a_living_child(self, pool: SharedPool) -> None:
        """What a living process took last is its own, whoever repairs."""
        pool.take()
        child = fork(lambda: pool.repair(lambda index: False).freed)
        assert result_of(child) == 0
        assert pool.taker(0) == 1

    def test_what_was_taken_last_is_in_doubt(self, pool: SharedPool) -> None:
        """Of what a killed process has, only the last may be unknown to others: it is reported once, and stays taken."""
        kill_after(lambda: [pool.take() for _ in range(5)])
        assert pool.repair() == Repaired(0, 0, (4,))
        assert pool.repair() == Repaired(0, 0, ())
        assert pool.take() == 5

    @pytest.mark.parametrize("known", [True, False])
    def test_the_caller_decides(self, pool: SharedPool, known: bool) -> None:
        """What is unknown is given back, what is known stays taken; only the space in doubt is asked about."""
        asked = []
        kill_after(lambda: [pool.take() for _ in range(5)])
        fixed = pool.repair(lambda index: bool(asked.append(index)) or known)
        assert fixed == Repaired(0, 0 if known else 1, ())
        assert asked == [4]
        assert pool.nearest() == (5 if known else 4)

    @pytest.mark.parametrize("is_known", [None, lambda index: False], ids=["nobody", "asked"])
    def test_what_another_has_taken_since_is_in_no_doubt(
        self, pool: SharedPool, is_known: Callable[[int], bool] | None
    ) -> None:
        """A space that was released and taken again is not the dead process's."""
        kill_after(pool.take)
        assert pool.release(0)
        assert pool.take() == 0
        assert pool.repair(is_known) == Repaired(0, 0, ())
        assert pool.taker(0) == 1

    def test_a_release_settles_the_doubt(self, pool: SharedPool) -> None:
        """A process that goes on has received what it took before."""
        kill_after(lambda: (pool.take(), pool.take(), pool.release(0)))
        assert pool.repair() == Repaired(0, 0, ())

    def test_two_that_repair_at_once(self, pool: SharedPool) -> None:
        """What one is deciding about, another leaves alone."""
        kill_after(pool.take)

        def is_known(index: int) -> bool:
            assert pool.repair(lambda index: False) == Repaired(0, 0, ())
            return True

        assert pool.repair(is_known) == Repaired(0, 0, ())
        assert pool.nearest() == 1

    def test_whoever_cannot_tell_is_asked_again(self, pool: SharedPool) -> None:
        """Where the question raises, the space stays in doubt."""
        kill_after(pool.take)
        with pytest.raises(ZeroDivisionError):
            pool.repair(lambda index: bool(1 // index))
        assert pool.repair() == Repaired(0, 0, (0,))

    def test_hidden_spaces(self) -> None:
        """Free spaces that the hints do not show are found again, on every level, and counted."""
        with SharedPool(5000) as pool:
            for _ in range(5000):
                pool.take()
            for index in (3, 4000):
                pool._truth[index] = 0
            assert (pool.free, pool.take()) == (2, -1)
            assert pool.repair() == Repaired(2, 0, ())
            assert [pool.take() for _ in range(3)] == [3, 4000, -1]

    def test_the_place_is_free_again(self, pool: SharedPool) -> None:
        """A repaired place is the next one's; a dead one that nobody repaired is not."""
        kill_after(pool.take)
        with SharedPool.attach(pool.name) as other:
            assert other.place == 3
            pool.repair()
            assert SharedPool.attach(pool.name).place == 2

    def test_the_place_comes_without_a_doubt(self, pool: SharedPool) -> None:
        """What the one before took last is in no doubt when the next one is killed."""
        kill_after(pool.take)
        assert pool.repair() == Repaired(0, 0, (0,))
        kill_after(lambda: None)
        assert pool.repair() == Repaired(0, 0, ())

    def test_a_dead_child_that_nobody_has_waited_for(self, pool: SharedPool) -> None:
        """A zombie is dead."""
        process = fork(pool.take)
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
        assert pool.repair() == Repaired(0, 0, (0,))
        os.waitpid(process, 0)

    def test_another_process_of_that_number(self, pool: SharedPool) -> None:
        """A process id that is in use again belongs to another process: when it began is part of its name."""
        pool._segment.words[(shared_tree.PLACES + 5 * shared_tree.PLACE) // 8] = (
            os.getpid() << 32 | 1
        )
        pool._segment.words[
            (shared_tree.PLACES + 5 * shared_tree.PLACE + shared_tree.NOTE) // 8
        ] = 3 * 4 + 2
        pool._truth[3] = 5
        assert pool.repair() == Repaired(0, 0, (3,))


class TestContest:
    def test_two_processes_and_kills(self, program: Any) -> None:
        """No space is given twice; each kill costs at most one, which repair finds; at the end none is lost."""
        outcome = program.contend(300_000, 12, capacity=700, seed=1)
        assert (outcome.twice, outcome.refused, outcome.lost) == (0, 0, 0)
        assert outcome.operations >= 300_000
        assert len(outcome.missing) == 12
        assert max(outcome.missing) <= 1
        assert max(outcome.missing_after) == 0
        # The one that rests may do so in a release of its own. One that works may be in many, one after the other.
        assert max(outcome.hidden[::2]) <= 2

    def test_a_contest_that_is_not_safe_is_seen(self, program: Any) -> None:
        """Where two pretend to be one process that forgets what it took, the counts are not 0."""
        contest = program.Contest(50, seed=1)
        contest.held[:] = 1
        contest._work(1, 1000, seed=1)
        assert contest.counts[1, program.TWICE * program.LINE] > 0

    def test_all_differ(self, program: Any) -> None:
        """Two processes that take all there is take each space once."""
        takes = program.take_all(2, capacity=300_000)
        assert (takes.taken, takes.distinct) == (300_000, 300_000)


class TestAtomics:
    def test_what_each_does(self) -> None:
        """A swap happens if the expected value is there; bytes are 0 to 255, and their neighbours stay."""
        words = np.array([5, 0, 0], dtype=np.int64)
        assert use_each(words.ctypes.data) == (True, False, 7, 40, True, False, 255)
        assert words.tolist() == [7, 40, 255 << 8]

    def test_two_processes_count_together(self) -> None:
        """No increment of two processes is lost."""
        words = np.frombuffer(mmap.mmap(-1, 16), dtype=np.int64)
        count(words.ctypes.data, 0, 0)
        words[1] = 0
        children = [fork(lambda: count(words.ctypes.data, 1_000_000, 2)) for _ in range(2)]
        assert [result_of(child) for child in children] == [0, 0]
        assert words[0] == 2_000_000


@numba.njit  # type: ignore[untyped-decorator]
def use_each(address: int) -> Any:
    """Use each of them once or twice."""
    first, second = swap(address, 5, 7), swap(address, 5, 8)
    store(address + 8, 40)
    third, fourth = swap_byte(address + 17, 0, 255), swap_byte(address + 17, 254, 1)
    return first, second, load(address), load(address + 8), third, fourth, load_byte(address + 17)


@numba.njit  # type: ignore[untyped-decorator]
def count(address: int, times: int, processes: int) -> None:
    """Add 1 that many times, once that many processes are there."""
    there = load(address + 8)
    while not swap(address + 8, there, there + 1):
        there = load(address + 8)
    while load(address + 8) < processes:
        pass
    for _ in range(times):
        while True:
            before = load(address)
            if swap(address, before, before + 1):
                break
