"""A pool alone, of any size, as cases that can be timed: what `garagebench scale` runs in its workers.

The nearer half of the spaces is taken, in order, as after a fill with no car gone. From there two workloads start,
each of a block of spaces that is undone, untimed, before the next pass:

    fill    the block is taken: a search passes half of the garage
    churn   a block of cars at random places of the nearer half leaves, and as many arrive and get their spaces: a
            search passes a quarter of the garage on average
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable, NamedTuple

from garagebench.errors import WrongAnswer
from garagebench.impls.registry import load_impl
from garagebench.interface import Block, Case, RowSpec, Step

WORKLOADS = ("fill", "churn")
MODES = ("single", "batch")

#: Spaces of a block, if a pass over so many is quick: a call of a batch costs as much as 50 of its spaces.
BLOCK = 500
LEAST_BLOCK = 4
PASS_NS = 500_000

#: Spaces that are taken in one call while the garage is filled: the list that comes back takes 40 bytes for each.
CHUNK = 1 << 23

#: A first look at a cost goes on for so long, and over so many passes at least.
LOOK_NS = 50_000_000
LOOK_PASSES = 3

#: Size of the garage that is gone through first, so that all is imported and compiled, and passes over it.
WARM_UP_SPACES = 2_000
WARM_UP_PASSES = 10

#: A build quicker than this is repeated, and the median taken.
QUICK_BUILD_NS = 1_000_000
BUILDS = 21

clock = time.perf_counter_ns


class Operation(NamedTuple):
    """Something that is timed, in a garage of so many spaces.

    prepare: untimed, before each pass. one: called with each item; many: with all.
    """

    name: str
    prepare: Callable[[], None]
    one: Callable[..., Any]
    many: Callable[..., Any]
    items: Sequence[int]
    expected: Sequence[Any]
    spaces: int


class Ground:
    """A pool whose nearer half is taken, and what trials did to it since."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.half = pool.capacity // 2
        self.has_batches = hasattr(pool, "take_many")
        self.take_many = pool.take_many if self.has_batches else self._take_one_by_one
        self.release_many = getattr(pool, "release_many", None) or self._release_one_by_one
        self._current: Trial | None = None

    def fill(self) -> None:
        """Take the nearer half. Raises WrongAnswer."""
        for begin in range(0, self.half, CHUNK):
            end = min(begin + CHUNK, self.half)
            taken = self.take_many(end - begin)
            if (len(taken), taken[0], taken[-1]) != (end - begin, begin, end - 1):
                raise WrongAnswer(
                    f"of {self.pool.capacity} spaces it took others than {begin} to {end - 1}"
                )

    def enter(self, trial: Trial) -> None:
        """Undo what another trial did."""
        if self._current is not trial and self._current is not None:
            self._current.undo()
        self._current = trial

    def operations(self, block: int, seed: int) -> list[Operation]:
        """Return what can be timed with a block of so many spaces."""
        fill, churn = Fill(self, block), Churn(self, block, seed)
        take, spaces = self.pool.take, self.pool.capacity
        return [
            Operation("fill take", fill.undo, take, self.take_many, (), fill.ahead, spaces),
            Operation("churn take", churn.depart, take, self.take_many, (), churn.arriving, spaces),
            Operation(
                "churn release",
                churn.undo,
                self.pool.release,
                self.release_many,
                churn.leaving,
                [True] * block,
                spaces,
            ),
        ]

    def _take_one_by_one(self, count: int) -> list[int]:
        take = self.pool.take
        return [take() for _ in range(count)]

    def _release_one_by_one(self, indices: Sequence[int]) -> list[bool]:
        release = self.pool.release
        return [release(index) for index in indices]


class Trial:
    """A block of spaces of a ground. A loop over it may have run or not since: the methods work from either state."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    def undo(self) -> None:
        """Return to the nearer half taken and no more."""
        raise NotImplementedError


class Fill(Trial):
    """The spaces from the middle on."""

    def __init__(self, ground: Ground, block: int) -> None:
        super().__init__(ground)
        self.ahead = list(range(ground.half, ground.half + block))

    def undo(self) -> None:
        self.ground.enter(self)
        self.ground.release_many(self.ahead)


class Churn(Trial):
    """Random spaces of the nearer half."""

    def __init__(self, ground: Ground, block: int, seed: int) -> None:
        super().__init__(ground)
        self.arriving = stratified(ground.half, block, seed)
        self.leaving = random.Random(seed).sample(self.arriving, block)

    def depart(self) -> None:
        """Let all of the block leave."""
        self.ground.enter(self)
        self.ground.release_many(self.leaving)

    def undo(self) -> None:
        self.ground.enter(self)
        was_taken = self.ground.pool.release(self.leaving[0])  # as then all of the block was
        self.ground.take_many(1 if was_taken else len(self.leaving))


def stratified(half: int, block: int, seed: int) -> list[int]:
    """Return ascending random indices below `half`, one of each of `block` equal parts: their mean is known."""
    rng = random.Random(seed)
    bounds = [number * half // block for number in range(block + 1)]
    return [rng.randrange(low, high) for low, high in zip(bounds, bounds[1:])]


def choose_block(cost_ns: float, spaces: int) -> int:
    """Return how many spaces a block has where one operation costs so much."""
    affordable = max(LEAST_BLOCK, int(PASS_NS / max(cost_ns, 1)))
    return max(1, min(BLOCK, spaces // 2, affordable))


class PoolSubject:
    """Pools of several sizes under the workloads; a row for each size, workload and mode."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._arguments = arguments

    def cases(self) -> Iterator[Case]:
        """Build and fill each pool, and yield its cases."""
        pool = load_pool(self._arguments["impl"])
        for spaces, blocks in self._arguments["sizes"]:
            ground = Ground(pool(spaces))
            ground.fill()
            for make, block in zip((_single, _batch), blocks):
                for operation in ground.operations(block, self._arguments["seed"]):
                    if operation.name.partition(" ")[0] in self._arguments["workloads"]:
                        yield make(operation, spaces)

    def rows(self) -> Iterator[RowSpec]:
        """Yield what one operation costs; of churn, a release and a take."""
        for spaces, _ in self._arguments["sizes"]:
            for workload in self._arguments["workloads"]:
                for mode in MODES:
                    names = parts(workload)
                    terms = {f"{name} {mode} {spaces}": 1.0 for name in names}
                    yield RowSpec(f"{workload} {mode} {spaces}", terms)


def make_pools(arguments: Mapping[str, Any]) -> PoolSubject:
    """Return the subject. arguments: impl, sizes ([spaces, [block of each mode]], ...), workloads, seed."""
    return PoolSubject(arguments)


def parts(workload: str) -> list[str]:
    """Return the operations that one operation of the workload consists of."""
    return ["fill take"] if workload == "fill" else ["churn take", "churn release"]


def _single(operation: Operation, spaces: int) -> Case:
    block = Block(
        operation.items or range(len(operation.expected)),
        operation.expected,
        len(operation.expected),
        operation.prepare,
    )
    call = "answer = one(index)" if operation.items else "answer = one()"
    name = f"{operation.name} single {spaces}"
    return Case(
        name, "index", [Step("", call)], "answer", {"one": operation.one}, [block], group=name
    )


def _batch(operation: Operation, spaces: int) -> Case:
    expected = list(operation.expected)
    tape = [operation.items or len(expected)]
    block = Block(tape, [expected], len(expected), operation.prepare)
    name = f"{operation.name} batch {spaces}"
    return Case(
        name,
        "block",
        [Step("", "answers = many(block)")],
        "answers",
        {"many": operation.many},
        [block],
        group=name,
    )


def survey(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Build one pool in this fresh process and take a first look at what it costs.

    arguments: impl, spaces, workloads, seed. Returns build_ns, fill_ns, reserved_bytes (address space that the pool
    asked for), peak_bytes and held_bytes (resident, beyond what there was before; None: not known), blocks (of each
    mode), costs (operation and mode -> ns).
    """
    pool = load_pool(arguments["impl"])
    _warm_up(pool, arguments["seed"])
    before = memory_bytes()
    begin = clock()
    ground = Ground(pool(arguments["spaces"]))
    build_ns: float = clock() - begin
    reserved = _grown(before, memory_bytes(), "VmSize")
    begin = clock()
    ground.fill()
    fill_ns = clock() - begin
    costs, blocks = _look(ground, arguments)
    after = memory_bytes()
    return {
        "build_ns": build_ns
        if build_ns > QUICK_BUILD_NS
        else _time_builds(pool, arguments["spaces"]),
        "fill_ns": fill_ns,
        "reserved_bytes": reserved,
        "held_bytes": _grown(before, after, "VmRSS"),
        "peak_bytes": None if not before else max(0, after["VmHWM"] - before["VmRSS"]),
        "blocks": blocks,
        "costs": costs,
    }


def load_pool(impl: str) -> Any:
    """Return the pool class, compiled where it must be."""
    pool = load_impl(impl).pool
    compile_ = getattr(pool, "compile", None)
    if compile_ is not None:
        compile_()
    return pool


def _warm_up(pool: Any, seed: int) -> None:
    ground = Ground(pool(WARM_UP_SPACES))
    ground.fill()
    for operation in ground.operations(BLOCK, seed):
        for mode in MODES:
            for _ in range(WARM_UP_PASSES):
                _time_pass(operation, mode)


def _look(ground: Ground, arguments: Mapping[str, Any]) -> tuple[dict[str, float], list[int]]:
    least = max(1, min(LEAST_BLOCK, ground.half))
    first, *_ = ground.operations(least, arguments["seed"])
    cost_ns = min(_time_pass(first, "single") for _ in range(LOOK_PASSES)) / least
    single = choose_block(cost_ns, ground.pool.capacity)
    # A batch in one sweep costs little more for many spaces than for few.
    blocks = [single, choose_block(0, ground.pool.capacity) if ground.has_batches else single]
    costs = {}
    for mode, block in zip(MODES, blocks):
        for operation in ground.operations(block, arguments["seed"]):
            if operation.name.partition(" ")[0] in arguments["workloads"]:
                costs[f"{operation.name} {mode}"] = _time(operation, mode) / block
    return costs, blocks


def _time(operation: Operation, mode: str) -> float:
    """Return the median pass of a short while, in ns."""
    passes: list[int] = []
    end = clock() + LOOK_NS
    while len(passes) < LOOK_PASSES or clock() < end:
        passes.append(_time_pass(operation, mode))
    return median(passes)


def _time_pass(operation: Operation, mode: str) -> int:
    """Return how long the block took, in ns. Raises WrongAnswer."""
    operation.prepare()
    one, many, items = operation.one, operation.many, operation.items
    if mode == "batch":
        begin = clock()
        answers = many(items or len(operation.expected))
    elif items:
        begin = clock()
        answers = [one(index) for index in items]
    else:
        begin = clock()
        answers = [one() for _ in operation.expected]
    took = clock() - begin
    if list(answers) != list(operation.expected):
        raise WrongAnswer(
            f"of {operation.spaces} spaces, {operation.name}, {mode}: it answers otherwise than the nearest rule"
        )
    return took


def _time_builds(pool: Any, spaces: int) -> float:
    builds = []
    for _ in range(BUILDS):
        begin = clock()
        built = pool(spaces)
        builds.append(clock() - begin)
        del built
    return median(builds)


def median(values: Sequence[float]) -> float:
    """Return the median; `statistics` takes longer to load than a survey of a small pool."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return (ordered[middle] + ordered[~middle]) / 2


def memory_bytes() -> dict[str, int]:
    """Return VmSize, VmRSS and VmHWM of this process; nothing where the system does not tell."""
    found = {}
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                name, _, value = line.partition(":")
                if name in ("VmSize", "VmRSS", "VmHWM"):
                    found[name] = int(value.split()[0]) * 1024
    except OSError:
        pass
    return found


def _grown(before: Mapping[str, int], after: Mapping[str, int], name: str) -> int | None:
    return max(0, after[name] - before[name]) if before else None
