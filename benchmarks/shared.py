"""Whether `shared` and `blocks` are safe between processes that are killed, and what a take costs there.

    python benchmarks/shared.py [OPERATIONS [KILLS]] [--impl shared|blocks]

Two processes take and release at random in compiled code, so that a SIGKILL falls between any two instructions. Each
keeps a book of what it holds in memory that outlives it; a killed one is replaced, and its heir takes over its book.
"""

import argparse
import contextlib
import mmap
import os
import random
import signal
import time
from typing import NamedTuple

import numba
import numpy as np

from garagebench.engine.metadata import describe_machine
from garagebench.impls.atomics import load_byte, store, swap_byte
from garagebench.impls.blocks import BlocksPool, take_apart
from garagebench.impls.shared import SharedPool
from garagebench.impls.shared_tree import release, take

#: Implementation -> its pool, and its compiled take.
IMPLS = {"shared": (SharedPool, take), "blocks": (BlocksPool, take_apart)}

CAPACITY = 5_000
TAKES = 1 << 24

# A book: for each space the number of the worker that holds it, and this besides from before its release until after.
LEAVING = 128

# What a worker counts, each on a cache line of its own.
OPERATIONS, TWICE, REFUSED, PLACE = range(4)
LINE = 8


class Outcome(NamedTuple):
    """What became of it.

    twice: spaces given while somebody held them. refused: releases of a space held that were answered False. missing,
    hidden, fixed: for each kill the spaces that the dead worker had and its book did not, before the repair and
    after, and the free ones that no take would have found; the other worker rests during the first repair, the third,
    and so on, and works during the rest. lost: spaces nobody holds that are not free at the end.
    """

    operations: int
    kills: int
    seconds: float
    twice: int
    refused: int
    missing: list[int]
    missing_after: list[int]
    hidden: list[int]
    lost: int


@numba.njit
def _replace(array, index, old, new):
    """Replace a byte unless another process already has."""
    swap_byte(array.ctypes.data + index, old, new)


@numba.njit
def _work(take, base, place, worker, book, held, counts, goal, state):
    """Take and release at random until all workers together have done so `goal` times."""
    mine, many = np.empty(held.size, np.int64), 0
    for index in range(held.size):
        if book[index] == worker:
            mine[many] = index
            many += 1
            held[index] = worker
    own = counts[worker]
    while counts[:, OPERATIONS * LINE].sum() < goal:
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        index = take(base, place) if state & 256 or many == 0 else -1
        if index >= 0:
            book[index] = worker
            if not swap_byte(held.ctypes.data + index, 0, worker):
                own[TWICE * LINE] += 1
            mine[many] = index
            many += 1
        elif many:
            chosen = (state >> 9) % many
            index = mine[chosen]
            many -= 1
            mine[chosen] = mine[many]
            book[index] = worker | LEAVING
            if not swap_byte(held.ctypes.data + index, worker, 0):
                own[TWICE * LINE] += 1
            if not release(base, place, index):
                own[REFUSED * LINE] += 1
            swap_byte(book.ctypes.data + index, worker | LEAVING, 0)
        store(own.ctypes.data, own[0] + 1)


class Contest:
    """Two workers on one pool, and what they share besides."""

    def __init__(self, capacity, seed, impl="shared"):
        pool, self._take = IMPLS[impl]
        self.pool = pool(capacity)
        self.book, self.held = (_share(capacity, np.uint8) for _ in range(2))
        self.counts = _share(3 * 4 * LINE, np.int64).reshape(3, 4 * LINE)
        self.random = random.Random(seed)
        self._work(1, 0, 1)  # compiled before the first fork
        _replace(self.book, 0, 0, 0)

    def _work(self, worker, goal, seed):
        base, place = self.pool.base, self.pool.place
        self.counts[worker, PLACE * LINE] = place
        _work(self._take, base, place, worker, self.book, self.held, self.counts, goal, seed)

    def start(self, worker, goal):
        """Start a worker, or its heir, who gets its place; return the process id."""
        seed = self.random.randrange(1, 1 << 32)
        self.counts[worker, PLACE * LINE] = 0
        process = _fork(lambda: self._work(worker, goal, seed))
        while not self.counts[worker, PLACE * LINE]:
            time.sleep(0.0001)
        return process

    def bury(self, worker):
        """Finish what a dead worker was releasing, and repair; how many were missing before and after, and hidden."""
        place = int(self.counts[worker, PLACE * LINE])
        for index in np.flatnonzero(self.book == worker | LEAVING).tolist():
            if self.pool.taker(index) == place:
                self.held[index] = 0
                self.pool.release(index)
            _replace(self.book, index, worker | LEAVING, 0)  # the other one may just have taken it
        missing = self._count_missing(worker, place)
        # The other one may have come to its end, and is then repaired, too.
        fixed = self.pool.repair(lambda index: self.book[index] in {1, 2})
        return missing, self._count_missing(worker, place), fixed.hidden

    def _count_missing(self, worker, place):
        takers = np.array([self.pool.taker(index) for index in range(self.pool.capacity)])
        return int(np.count_nonzero((takers == place) & (self.book != worker)))


def _share(size, kind):
    """Return an array of zeros that forks share."""
    return np.frombuffer(mmap.mmap(-1, size * np.dtype(kind).itemsize), dtype=kind)


def _fork(work):
    process = os.fork()
    if process:
        return process
    try:
        work()
    finally:
        os._exit(0)


@contextlib.contextmanager
def _resting(process):
    """Let a child rest; one that has ended stays so."""
    os.kill(process, signal.SIGSTOP)
    os.waitid(os.P_PID, process, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    yield
    os.kill(process, signal.SIGCONT)


def contend(operations, kills, capacity=CAPACITY, seed=0, impl="shared"):
    """Let two workers take and release, kill the first again and again, and return the outcome."""
    contest = Contest(capacity, seed, impl)
    graves = []
    begin = time.perf_counter()
    first, second = contest.start(1, operations), contest.start(2, operations)
    for left in range(kills, 0, -1):
        done = contest.counts[:, 0].sum()
        moment = done + contest.random.random() * (operations - done) / left
        while contest.counts[:, 0].sum() < moment:
            time.sleep(contest.random.random() / 10_000)
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)
        with _resting(second) if len(graves) % 2 == 0 else contextlib.nullcontext():
            graves.append(contest.bury(1))
        first = contest.start(1, operations)
    for process in (first, second):
        os.waitpid(process, 0)
    seconds = time.perf_counter() - begin
    counts = contest.counts.sum(axis=0)
    lost = contest.pool.capacity - contest.pool.free - int(np.count_nonzero(contest.book))
    missing, missing_after, hidden = map(list, zip(*graves, strict=True)) if graves else ([],) * 3
    done, twice, refused = (int(counts[n * LINE]) for n in (OPERATIONS, TWICE, REFUSED))
    return Outcome(done, kills, seconds, twice, refused, missing, missing_after, hidden, lost)


@numba.njit
def _take_all(take, base, place, taken, count, go):
    while load_byte(go.ctypes.data) == 0:
        pass
    many = 0
    while many < count:
        index = take(base, place)
        if index < 0:
            break
        taken[many] = index
        many += 1
    return many


class Takes(NamedTuple):
    """How many spaces the processes took together, how many of them differ, and the time of one take of a process."""

    taken: int
    distinct: int
    ns: float


def take_all(processes, capacity=TAKES, impl="shared"):
    """Let the processes take all spaces of a pool at once."""
    kind, take = IMPLS[impl]
    pool, go = kind(capacity), _share(1, np.uint8)
    taken = [_share(capacity, np.int32) for _ in range(processes)]
    each_ns = _share(processes, np.int64)
    counts = _share(processes, np.int64)
    _take_all(take, pool.base, pool.place, taken[0], 0, np.ones(1, np.uint8))

    def work(number):
        taken[number][:] = -1  # its pages are there before the clock starts
        counts[number] = -1
        begin = time.perf_counter_ns()
        many = _take_all(take, pool.base, pool.place, taken[number], capacity, go)
        each_ns[number] = time.perf_counter_ns() - begin
        counts[number] = many

    children = [_fork(lambda number=number: work(number)) for number in range(processes)]
    while not (counts < 0).all():
        time.sleep(0.001)
    go[0] = 1
    for child in children:
        os.waitpid(child, 0)
    found = np.concatenate([taken[n][: counts[n]] for n in range(processes)])
    ns = float(each_ns.sum() / counts.sum())
    return Takes(found.size, np.unique(found).size, ns)


def time_calls(capacity=1_000_000, calls=200_000, impl="shared"):
    """Return the time of one take and one release, called from Python, in ns."""
    pool = IMPLS[impl][0](capacity)
    begin = time.perf_counter_ns()
    for _ in range(calls):
        pool.take()
    between = time.perf_counter_ns()
    for index in range(calls):
        pool.release(index)
    return (between - begin) / calls, (time.perf_counter_ns() - between) / calls


def main():
    """Print the outcome and the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("operations", type=int, nargs="?", default=10_000_000)
    parser.add_argument("kills", type=int, nargs="?", default=20)
    parser.add_argument("--impl", choices=IMPLS, default="shared")
    chosen = parser.parse_args()
    impl, operations, kills = chosen.impl, chosen.operations, chosen.kills
    print(f"{impl}: {describe_machine()}")
    outcome = contend(operations, kills, seed=time.time_ns(), impl=impl)
    print(
        f"2 processes, {outcome.operations:,} takes and releases, {kills} kills, {outcome.seconds:.1f} s"
    )
    print(
        f"given twice: {outcome.twice}, releases refused: {outcome.refused}, lost at the end: {outcome.lost}"
    )
    print(f"missing after each kill: {outcome.missing}; after repair: {outcome.missing_after}")
    print(f"hidden until repair: {outcome.hidden}")
    for processes in (1, 2):
        takes = take_all(processes, impl=impl)
        print(
            f"{processes} at once: {takes.taken:,} taken, {takes.distinct:,} distinct, {takes.ns:.1f} ns a take, "
            f"{processes * 1e3 / takes.ns:.1f} million a second together"
        )
    take_ns, release_ns = time_calls(impl=impl)
    print(f"called from Python: take {take_ns:.0f} ns, release {release_ns:.0f} ns")


if __name__ == "__main__":
    main()
