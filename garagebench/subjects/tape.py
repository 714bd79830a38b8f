"""Record what each stage of a garage receives and answers while a workload goes through once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Callable

from garagebench.core.garage import Garage
from garagebench.core.layout import Layout
from garagebench.core.model import Model
from garagebench.core.workload import Block, Workload, encode_body, unpark_body
from garagebench.errors import GarageError, SpaceEmpty, WrongAnswer
from garagebench.impls import Impl
from garagebench.stages import validate


class RecordedBlock:
    """One block's requests, their replies, and each stage's share; an error stands as its class.

    stages: stage -> (what it was given, what it answered), both in order and of equal length; a stage is missing
    where no request reached it. calls: (method, arguments, answer) of every pool call that the sequencer made.
    handlers: for each request the garage's method that handles it. reset: returns the pools to the block's start.
    """

    def __init__(self, block: Block) -> None:
        self.operation = block.operation
        self.bodies = [body for _, body in block.requests]
        self.handlers: list[Callable[[bytes], bytes]] = []
        self.replies: list[object] = []
        self.stages: dict[str, tuple[list[Any], list[Any]]] = {}
        self.calls: list[tuple[Callable[..., Any], tuple[Any, ...], Any]] = []
        self.reset: Callable[[], None] = lambda: None

    def run(self, stage: str, function: Callable[..., Any], *given: Any) -> Any:
        """Call the stage's function and write down what went in and came out."""
        tape, answers = self.stages.setdefault(stage, ([], []))
        tape.append(given if len(given) > 1 else given[0])
        try:
            answer = function(*given)
        except GarageError as error:
            answers.append(type(error))
            raise
        answers.append(answer)
        return answer

    def batch(self, layout: Layout) -> tuple[list[Any], list[Any]]:
        """Return the block as one call of park_many or unpark_many: what it is given, and what it answers.

        Without requests that did not get past validate: a batch has vehicles and locations, no bodies.
        """
        if self.operation == "park":
            vehicles, spaces = self.stages.get("sequence", ([], []))
            return vehicles, [
                Refused(space) if isinstance(space, type) else layout.locations[space[0]][space[1]]
                for space in spaces
            ]
        locations, spaces = self.stages.get("space_lookup", ([], []))
        released = iter(self.stages.get("release", ([], []))[1])
        answers: list[Any] = []
        for space in spaces:
            if isinstance(space, type):
                answers.append(Refused(space))
            else:
                answers.append(layout.kinds[space[0]] if next(released) else Refused(SpaceEmpty))
        return locations, answers


class Refused:
    """Equal to every error of exactly that class: two errors of one class and text are not equal."""

    __hash__ = None  # type: ignore[assignment]  # an error's is its own

    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    def __eq__(self, other: object) -> bool:
        return type(other) is self._error

    def __repr__(self) -> str:
        return f"{self._error.__name__}(...)"


class Tape:
    """A garage and the recorded blocks of a workload; it stands as after the last block.

    Raises WrongAnswer where the model would have answered otherwise.
    """

    def __init__(self, impl: Impl, layout: Layout, workload: Workload) -> None:
        self.garage = Garage(layout, impl)
        self._reference = _Reference(layout, workload)
        self._calls: list[tuple[Callable[..., Any], tuple[Any, ...], Any]] = []
        self._touched: set[int] = set()
        self._sequence = impl.sequence(
            layout,
            [
                _RecordingPool(pool, self._calls, self._touched, kind)
                for kind, pool in enumerate(self.garage.pools)
            ],
        )
        set_free(self.garage, workload.free)
        self.blocks = [self._record(block, workload.name) for block in workload.blocks]

    def _record(self, block: Block, workload: str) -> RecordedBlock:
        states = [pool.save() for pool in self.garage.pools]
        recorded = RecordedBlock(block)
        self._touched.clear()
        for number, (operation, body) in enumerate(block.requests, 1):
            walk = self._park if operation == "park" else self._unpark
            try:
                reply: object = walk(recorded, body)
            except GarageError as error:
                reply = type(error)
            expected = self._reference.answer(operation, body)
            if reply != expected:
                raise WrongAnswer(
                    f"request {number} of a {block.operation} block of {workload}, {body!r}, "
                    f"is answered {_show(reply)}; expected {_show(expected)}"
                )
            recorded.replies.append(reply)
            recorded.handlers.append(
                self.garage.handle_park if operation == "park" else self.garage.handle_unpark
            )
        recorded.calls = self._calls[:]
        self._calls.clear()
        if "sequence" in recorded.stages and not recorded.calls:
            self._touched.update(range(len(states)))  # how it looks at the pools cannot be seen
        # What was only asked, too: blocks are timed in any order, and a full pool must be full again.
        recorded.reset = _make_reset(
            [(self.garage.pools[kind].restore, states[kind]) for kind in sorted(self._touched)]
        )
        return recorded

    def _park(self, block: RecordedBlock, body: bytes) -> object:
        vehicle = block.run("validate", self.garage.validate_park, body)
        kind, index = block.run("sequence", self._sequence, vehicle)
        place = block.run("floor_lookup", self.garage.floor_lookup, kind, index)
        return block.run("encode", self.garage.encode_park, place)

    def _unpark(self, block: RecordedBlock, body: bytes) -> object:
        location = block.run("validate", self.garage.validate_unpark, body)
        kind, index = block.run("space_lookup", self.garage.space_lookup, location)
        self._touched.add(kind)
        if not block.run(
            "release", lambda kind, index: self.garage.pools[kind].release(index), kind, index
        ):
            raise SpaceEmpty
        return block.run("encode", self.garage.encode_unpark, kind)


class _Reference:
    """The right answer to every request of a workload."""

    def __init__(self, layout: Layout, workload: Workload) -> None:
        self._layout = layout
        self._model = Model(layout, workload.free)
        self._validate_park = validate.json_park(layout)
        self._validate_unpark = validate.json_unpark(layout)

    def answer(self, operation: str, body: bytes) -> object:
        try:
            if operation == "park":
                kind, index = self._model.park(self._validate_park(body))
                return unpark_body(self._layout.locations[kind][index])
            kind, index = self._model.locate(self._validate_unpark(body))
            self._model.release(kind, index)
            return encode_body({"kind": self._layout.kinds[kind]})
        except GarageError as error:
            return type(error)


class _RecordingPool:
    """A pool's calls, each also written down; its kind goes to what the block has touched."""

    def __init__(
        self,
        pool: Any,
        calls: list[tuple[Callable[..., Any], tuple[Any, ...], Any]],
        touched: set[int],
        kind: int,
    ) -> None:
        self._pool = pool
        self._calls = calls
        self._touched = touched
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        self._touched.add(self._kind)
        found = getattr(self._pool, name)
        if not callable(found):
            return found

        def call(*arguments: Any) -> Any:
            self._touched.add(self._kind)
            answer = found(*arguments)
            self._calls.append((found, arguments, answer))
            return answer

        return call


class TimedPool:
    """A pool whose methods append their time to `intervals`, in nanoseconds."""

    def __init__(self, pool: Any, intervals: list[int]) -> None:
        self._pool = pool
        self._intervals = intervals
        self.take = _timed(pool.take, intervals)
        self.nearest = _timed(pool.nearest, intervals)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._pool, name)
        return _timed_with_arguments(found, self._intervals) if callable(found) else found


def _make_reset(restores: Sequence[tuple[Callable[[Any], None], Any]]) -> Callable[[], None]:
    def reset() -> None:
        for restore, state in restores:
            restore(state)

    return reset


def _timed(call: Callable[[], Any], intervals: list[int]) -> Callable[[], Any]:
    clock, append = time.perf_counter_ns, intervals.append

    def timed() -> Any:
        begin = clock()
        answer = call()
        end = clock()
        append(end - begin)
        return answer

    return timed


def _timed_with_arguments(call: Callable[..., Any], intervals: list[int]) -> Callable[..., Any]:
    clock, append = time.perf_counter_ns, intervals.append

    def timed(*arguments: Any) -> Any:
        begin = clock()
        answer = call(*arguments)
        end = clock()
        append(end - begin)
        return answer

    return timed


def set_free(garage: Garage, free: Sequence[Sequence[int]] | None) -> None:
    """Take every space but the given indices of each kind; None: leave all free."""
    if free is None:
        return
    for pool, indices in zip(garage.pools, free):
        take_many = getattr(pool, "take_many", None)
        if take_many is not None:
            take_many(pool.capacity)
        else:
            for _ in range(pool.capacity):
                pool.take()
        for index in indices:
            pool.release(index)


def _show(answer: object) -> str:
    return answer.__name__ if isinstance(answer, type) else repr(answer)
