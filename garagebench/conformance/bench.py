"""Calls on an implementation and on the model beside it: where the answers differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, NamedTuple

from garagebench.core.garage import Garage
from garagebench.core.layout import Layout, Location
from garagebench.core.model import Model
from garagebench.core.workload import encode_body, park_body, unpark_body
from garagebench.errors import GarageError

Call = tuple[Any, ...]  # the name of a method, then its arguments

#: Characters of an answer that are shown, the first that differs among them.
SHOWN_ANSWER = 300
WITHIN = 60


class Failure(NamedTuple):
    """The calls that show it, on what they were made, and how the last answer differs."""

    subject: str
    calls: tuple[Call, ...]
    got: str
    expected: str

    def describe(self) -> str:
        """Return the calls, one a line, and what the last of them should have answered."""
        calls = [f"  {name}({', '.join(map(repr, arguments))})" for name, *arguments in self.calls]
        got, expected = self.shortened()
        return "\n".join([f"{self.subject}:", *calls, f"  answers {got}", f"  expected {expected}"])

    def shortened(self) -> tuple[str, str]:
        """Return the two answers, of long ones only what is about where they begin to differ."""
        pairs = enumerate(zip(self.got, self.expected))
        shorter = min(len(self.got), len(self.expected))
        begin = max(0, next((at for at, (a, b) in pairs if a != b), shorter) - WITHIN)
        return _excerpt(self.got, begin), _excerpt(self.expected, begin)


def _excerpt(answer: str, begin: int) -> str:
    if len(answer) <= SHOWN_ANSWER:
        return answer
    before, after = "..." * (begin > 0), "..." * (begin + SHOWN_ANSWER < len(answer))
    return f"{before}{answer[begin : begin + SHOWN_ANSWER]}{after}"


class PoolModel:
    """A pool so simple that it is obviously right: the set of free indices."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._free = set(range(capacity))

    @property
    def free(self) -> int:
        """Free spaces."""
        return len(self._free)

    def take(self) -> int:
        """Take the lowest free index; -1 when full."""
        index = self.nearest()
        self._free.discard(index)
        return index

    def nearest(self) -> int:
        """Return what `take` would, and leave it free."""
        return min(self._free, default=-1)

    def release(self, index: int) -> bool:
        """Free an index; False if it was free already."""
        if not 0 <= index < self.capacity:
            raise IndexError(index)
        was_taken = index not in self._free
        self._free.add(index)
        return was_taken

    def take_many(self, count: int) -> list[int]:
        """Take the lowest free indices, at most `count`; none where that is below 0."""
        indices = sorted(self._free)[: max(0, count)]
        self._free.difference_update(indices)
        return indices

    def release_many(self, indices: Sequence[int]) -> list[bool]:
        """Free the indices, in order."""
        return [self.release(index) for index in indices]

    def save(self) -> set[int]:
        """Return the state."""
        return set(self._free)

    def restore(self, state: set[int]) -> None:
        """Return to a saved state."""
        self._free = set(state)


class GarageModel:
    """A garage's two handlers, answered by the model."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._model = Model(layout)

    @property
    def free(self) -> dict[str, int]:
        """Free spaces of each kind."""
        return dict(zip(self._layout.kinds, self._model.free()))

    def park(self, vehicle: str) -> bytes:
        """Answer a park request for the vehicle."""
        kind, index = self._model.park(vehicle)
        return unpark_body(self._layout.locations[kind][index])

    def unpark(self, *location: int) -> bytes:
        """Answer an unpark request for the location."""
        kind, index = self._model.locate(location)
        self._model.release(kind, index)
        return encode_body({"kind": self._layout.kinds[kind]})

    def space_lookup(self, *location: int) -> tuple[int, int]:
        """Look a location up, also one that a request cannot name."""
        return self._model.locate(location)


class _Handlers:
    """A real garage with the model's interface."""

    def __init__(self, layout: Layout, impl: Any) -> None:
        self._garage = Garage(layout, impl)

    @property
    def free(self) -> dict[str, int]:
        return self._garage.free

    def park(self, vehicle: str) -> bytes:
        return self._garage.handle_park(park_body(vehicle))

    def unpark(self, *location: int) -> bytes:
        return self._garage.handle_unpark(
            encode_body(dict(zip(("floor", "row", "space"), location)))
        )

    def space_lookup(self, *location: int) -> Any:
        return self._garage.space_lookup(Location(*location))


class Side:
    """Answers calls as text, so that 0, False and a NumPy zero are three different answers.

    ("save",) keeps the state aside and ("restore",) returns to the one kept last.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None
        self._state: Any = None

    def answer(self, call: Call) -> str:
        """Make the call; return its result, or the error's type, and what is free afterwards."""
        try:
            if self._made is None:
                self._made = self._make()
            answer = describe_answer(self._call(call))
        except (GarageError, IndexError) as error:
            answer = type(error).__name__
        except Exception as error:  # noqa: BLE001  a wrong answer like any other
            return f"{type(error).__name__}: {error}"
        return f"{answer}, free: {describe_answer(self._made.free)}"

    def _call(self, call: Call) -> object:
        name, *arguments = call
        if name == "save":
            self._state = self._made.save()
            return None
        if name == "restore":
            if self._state is not None:
                self._made.restore(self._state)
            return None
        found = getattr(self._made, name)
        return found if name == "capacity" else found(*arguments)


def describe_answer(value: object) -> str:
    """Return an answer as text, with the type of one that is no plain data."""
    if type(value) in (int, bool, str, bytes, type(None)):
        return repr(value)
    if isinstance(value, dict):
        return ", ".join(f"{describe_answer(count)} {kind}" for kind, count in value.items())
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(describe_answer, value))}]"
    return f"{value!r} of type {type(value).__name__}"


class Bench:
    """Something to make calls on: a name, how to make it, and how to make its model."""

    def __init__(
        self, subject: str, make: Callable[[], Any], make_model: Callable[[], Any]
    ) -> None:
        self.subject = subject
        self._make = make
        self._make_model = make_model

    def replay(self, calls: Sequence[Call]) -> Failure | None:
        """Make the calls on a fresh one and on the model; None where all answers agree."""
        got_side, expected_side = Side(self._make), Side(self._make_model)
        for number, call in enumerate(calls, 1):
            got, expected = got_side.answer(call), expected_side.answer(call)
            if got != expected:
                return Failure(self.subject, tuple(calls[:number]), got, expected)
        return None


def pool_bench(pool: Callable[[int], Any], capacity: int) -> Bench:
    """Return the bench of one pool."""
    return Bench(f"a pool of {capacity}", lambda: pool(capacity), lambda: PoolModel(capacity))


def garage_bench(impl: Any, layout: Layout) -> Bench:
    """Return the bench of a whole garage."""
    rows = sum(len(floor) for floor in layout.floors)
    subject = f"a garage of layout {layout.name!r} ({rows} rows, {sum(layout.capacities)} spaces)"
    return Bench(subject, lambda: _Handlers(layout, impl), lambda: GarageModel(layout))
