"""The one conformance suite: what every implementation must answer, whatever it is made of.

`check` is the fixed tape that runs before anything is timed. `counterexample` searches further.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, Callable, NamedTuple

from garagebench.core import refusals
from garagebench.core.garage import Garage
from garagebench.core.layout import LARGEST_NUMBER, Layout, Location
from garagebench.core.model import Model
from garagebench.core.workload import encode_body, park_body, unpark_body
from garagebench.errors import GarageError, WrongAnswer

Call = tuple[Any, ...]  # the name of a method, then its arguments

#: Share of parks in a random tape: a little more than unparks, so that garages get full.
PARKS = 0.6

#: Bytes of a refused body that a failure shows.
SHOWN = 100

#: Characters of an answer that are shown, the first that differs among them.
SHOWN_ANSWER = 300
WITHIN = 60

#: More than any garage has, and than a C integer holds.
HUGE = 10**20

#: Spaces of three levels of words of 64 bits.
LARGE = 64 * 64 + 400

TINY = Layout.from_data(
    {
        "name": "tiny",
        "vehicles": {"small": [["a"], ["b"]], "large": [["b"]], "handicap": [["c"], ["b", "a"]]},
        "floors": [
            {"rows": [{"kind": "b", "spaces": 1}, {"kind": "a", "spaces": 1}]},
            {
                "rows": [
                    {"kind": "a", "spaces": 2},
                    {"kind": "c", "spaces": 1},
                    {"kind": "b", "spaces": 1},
                ]
            },
        ],
    }
)


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
            answer = _describe(self._call(call))
        except (GarageError, IndexError) as error:
            answer = type(error).__name__
        except Exception as error:  # noqa: BLE001  a wrong answer like any other
            return f"{type(error).__name__}: {error}"
        return f"{answer}, free: {_describe(self._made.free)}"

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


def _describe(value: object) -> str:
    if type(value) in (int, bool, str, bytes, type(None)):
        return repr(value)
    if isinstance(value, dict):
        return ", ".join(f"{_describe(count)} {kind}" for kind, count in value.items())
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_describe, value))}]"
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


def fixed_tapes(impl: Any) -> Iterator[tuple[Bench, list[Call]]]:
    """Yield calls that each known way of being wrong trips over; sizes around a machine word are crossed."""
    for capacity in (1, 2, 3, 63, 64, 65, 130):
        bench = pool_bench(impl.pool, capacity)
        full: list[Call] = [("take",)] * capacity
        last = capacity - 1
        yield (
            bench,
            [
                ("capacity",),
                ("nearest",),
                *full,
                ("take",),
                ("nearest",),
                ("release", last),
                ("release", last),
                ("nearest",),
                ("take",),
                ("take",),
            ],
        )
        yield (
            bench,
            [
                ("release", 0),
                ("release", -1),
                ("release", capacity),
                *full,
                ("release", -1),
                ("release", capacity),
            ],
        )
        yield (
            bench,
            [*full, *(("release", index) for index in reversed(range(capacity))), *full, ("take",)],
        )
        yield (
            bench,
            [
                ("take",),
                ("save",),
                *full,
                ("restore",),
                ("take",),
                ("release", 0),
                ("restore",),
                *full,
            ],
        )
        yield bench, [*full, *(("release", index) for index in range(0, capacity, 2)), *full]
        yield from ((bench, calls) for calls in _batch_tapes(impl.pool, capacity))
    if callable(getattr(impl.pool, "take_many", None)):
        yield pool_bench(impl.pool, LARGE), _large_batches()
    for layout in (TINY, Layout.builtin("seed")):
        bench = garage_bench(impl, layout)
        yield bench, list(draw_calls(layout, random.Random(1), 3 * sum(layout.capacities)))
        yield (
            bench,
            [
                ("space_lookup", *location)
                for location in real_places(layout) + unreal_places(layout)
            ],
        )


def _batch_tapes(pool: Any, capacity: int) -> Iterator[list[Call]]:
    """Yield calls with batches of any size, of what the pool offers."""
    take_many: list[Call] = [("take_many", HUGE)]
    if callable(getattr(pool, "take_many", None)):
        yield [
            ("take",),
            ("take_many", capacity // 2),
            ("release", 0),
            ("take_many", capacity),
            ("take_many", 1),
        ]
        yield [("take",), ("take_many", 0), ("take_many", -1), *take_many, *take_many]
    else:
        take_many = [("take",)] * capacity
    if callable(getattr(pool, "release_many", None)):
        yield [
            ("release_many", []),
            ("release_many", (0, 0)),
            *take_many,
            ("release_many", range(capacity)),
            *take_many,
            ("release_many", (capacity - 1, 0, 0)),
        ]


def _large_batches() -> list[Call]:
    """Return calls of more spaces at once than a word has, and than the words below one word."""
    return [
        ("take_many", 3),
        ("release", 1),
        ("take_many", 64 * 3),
        ("release", 64),
        ("take_many", 64 * 64 + 1),
        ("release", 64 * 64),
        ("release", 5),
        ("nearest",),
        ("take_many", HUGE),
        ("take",),
    ]


def draw_calls(layout: Layout, rng: random.Random, length: int) -> Iterator[Call]:
    """Yield parks and unparks at random, wrong ones included, a little more of the first than of the second."""
    # A request cannot name what is below 1: the validator refuses it.
    locations = real_places(layout) + [
        location for location in unreal_places(layout) if min(location) >= 1
    ]
    vehicles = list(layout.tiers)
    for _ in range(length):
        if rng.random() < PARKS:
            yield ("park", rng.choice(vehicles))
        else:
            yield ("unpark", *rng.choice(locations))


def real_places(layout: Layout) -> list[tuple[int, int, int]]:
    """Return every location, nearest first."""
    return sorted((floor, row, space) for table in layout.locations for floor, row, space in table)


def unreal_places(layout: Layout) -> list[tuple[int, int, int]]:
    """Return locations just outside: after the last space of every row, and beyond either end of each number."""
    last = len(layout.floors)
    rows = [
        (floor_number, row_number, row.spaces + 1)
        for floor_number, floor in enumerate(layout.floors, 1)
        for row_number, row in enumerate(floor, 1)
    ]
    below = [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1), (1, -1, 1), (1, 1, -1)]
    above = [(1, len(layout.floors[0]) + 1, 1), (last + 1, 1, 1), (LARGEST_NUMBER,) * 3]
    return rows + below + above


def find_refusal_failure(impl: Any) -> Failure | None:
    """Send every refused body; none may be answered, raise another error, or change the garage."""
    garage = Garage(Layout.builtin("seed"), impl)
    garage.park("small")
    before = garage.free
    for name, handle, table in (
        ("handle_park", garage.handle_park, refusals.PARK),
        ("handle_unpark", garage.handle_unpark, refusals.UNPARK),
    ):
        for body, error, problem in table:
            wanted = f"{error.__name__}{f' ({problem})' if problem else ''}"
            try:
                got = _describe(handle(body))
            except Exception as raised:  # noqa: BLE001  a wrong answer like any other
                right = type(raised) is error and (
                    not problem or getattr(raised, "problem", "") == problem
                )
                got = wanted if right else f"{type(raised).__name__}: {raised}"
            if got != wanted or garage.free != before:
                shown = body if len(body) <= SHOWN else body[:SHOWN] + b"..."
                changed = "" if garage.free == before else " and the garage is changed"
                return Failure("a garage", ((name, shown),), got + changed, wanted)
    return None


def check(impl: Any) -> None:
    """Replay the fixed tapes; WrongAnswer names the first that differs."""
    for bench, calls in fixed_tapes(impl):
        failure = bench.replay(calls)
        if failure is not None:
            raise WrongAnswer(describe_briefly(failure))
    failure = find_refusal_failure(impl)
    if failure is not None:
        raise WrongAnswer(describe_briefly(failure))


def describe_briefly(failure: Failure) -> str:
    """Return one sentence: the last call and the two answers."""
    name, *arguments = failure.calls[-1]
    call = f"{name}({', '.join(map(repr, arguments))})"
    got, expected = failure.shortened()
    return f"call {len(failure.calls)} on {failure.subject}, {call}, answers {got}; expected {expected}"
