"""The one conformance suite: what every implementation must answer, whatever it is made of.

`check` is the fixed tape that runs before anything is timed; `find_failure` searches further and returns the
shortest sequence of calls that shows what broke.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Callable, NamedTuple

from garagebench import refusals
from garagebench.errors import GarageError, WrongAnswer
from garagebench.garage import Garage
from garagebench.impls.registry import load_recipe
from garagebench.layout import LARGEST_NUMBER, Layout, Location
from garagebench.model import Model
from garagebench.workload import encode_body, park_body, unpark_body

Call = tuple[Any, ...]  # the name of a method, then its arguments

#: Share of parks in a random tape: a little more than unparks, so that garages get full.
PARKS = 0.6

#: Calls up to which every sequence at all is tried.
SHORT = 3

#: Bytes of a refused body that a failure shows.
SHOWN = 100

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
        return "\n".join(
            [f"{self.subject}:", *calls, f"  answers {self.got}", f"  expected {self.expected}"]
        )


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
        """Take the lowest free indices, at most `count`."""
        indices = sorted(self._free)[:count]
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
    many = callable(getattr(impl.pool, "take_many", None))
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
        if many:
            yield (
                bench,
                [
                    ("take",),
                    ("take_many", capacity // 2),
                    ("release", 0),
                    ("take_many", capacity),
                    ("take_many", 1),
                ],
            )
    for layout in (TINY, Layout.builtin("seed")):
        bench = garage_bench(impl, layout)
        yield bench, list(_garage_tape(layout, random.Random(1), 3 * sum(layout.capacities)))
        yield bench, [("space_lookup", *location) for location in _real(layout) + _unreal(layout)]


def _garage_tape(layout: Layout, rng: random.Random, length: int) -> Iterator[Call]:
    """Yield parks and unparks at random, wrong ones included, a little more of the first than of the second."""
    # A request cannot name what is below 1: the validator refuses it.
    locations = _real(layout) + [location for location in _unreal(layout) if min(location) >= 1]
    vehicles = list(layout.tiers)
    for _ in range(length):
        if rng.random() < PARKS:
            yield ("park", rng.choice(vehicles))
        else:
            yield ("unpark", *rng.choice(locations))


def _real(layout: Layout) -> list[tuple[int, int, int]]:
    """Return every location, nearest first."""
    return sorted((floor, row, space) for table in layout.locations for floor, row, space in table)


def _unreal(layout: Layout) -> list[tuple[int, int, int]]:
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
    return f"call {len(failure.calls)} on {failure.subject}, {call}, answers {failure.got}; expected {failure.expected}"


def find_failure(impl: Any, seed: int = 0, tries: int = 60) -> Failure | None:
    """Search for wrong answers: all short sequences on what is small, then long ones at random, shrunk."""
    return (
        _search_short(impl)
        or _search(
            itertools.chain(fixed_tapes(impl), _random_tapes(impl, random.Random(seed), tries))
        )
        or find_refusal_failure(impl)
    )


def _search_short(impl: Any) -> Failure | None:
    """Try every sequence, the shortest first, so that what is found first is the shortest there is."""
    pools = [
        (pool_bench(impl.pool, capacity), *_pool_calls(impl.pool, capacity))
        for capacity in (1, 2, 3)
    ]
    parks: list[Call] = [("park", vehicle) for vehicle in TINY.tiers]
    unparks: list[Call] = [("unpark", *location) for location in _real(TINY)]
    lookups: list[Call] = [("space_lookup", *location) for location in _unreal(TINY)]
    garage = (garage_bench(impl, TINY), parks + unparks, lookups)
    return _search_all(pools, depth=5) or _search_all([garage], depth=3)


def _search_all(
    benches: Sequence[tuple[Bench, Sequence[Call], Sequence[Call]]], depth: int
) -> Failure | None:
    """Try every sequence of calls that change something, with one at its end that may be another.

    In sequences of at most SHORT calls the others stand everywhere: all of five calls would take a minute.
    """
    for length in range(1, depth + 1):
        for bench, changing, other in benches:
            every = [*changing, *other]
            before = every if length <= SHORT else changing
            for calls in itertools.product(*[before] * (length - 1), every):
                failure = bench.replay(calls)
                if failure is not None:
                    return failure
    return None


def _pool_calls(pool: Any, capacity: int) -> tuple[list[Call], list[Call]]:
    """Return the calls that change a pool, and those that must not."""
    changing: list[Call] = [("take",), ("save",), ("restore",)]
    changing += [("release", index) for index in range(capacity)]
    if callable(getattr(pool, "take_many", None)):
        changing += [("take_many", 2)]
    if callable(getattr(pool, "release_many", None)):
        changing += [("release_many", [0, capacity - 1])]
    return changing, [("nearest",), ("capacity",), ("release", -1), ("release", capacity)]


def _random_tapes(impl: Any, rng: random.Random, tries: int) -> Iterator[tuple[Bench, list[Call]]]:
    for number in range(tries):
        capacity = rng.choice((4, 7, 64, 100, 129, 1000))
        filling = [("take",)] * rng.randrange(capacity + 2)
        calls: list[Call] = [("take",), ("nearest",), ("save",), ("restore",)]
        calls += [("release", rng.randrange(capacity)) for _ in range(20)]
        yield pool_bench(impl.pool, capacity), filling + [rng.choice(calls) for _ in range(100)]
        layout = (TINY, Layout.builtin("seed"), Layout.builtin("seed").scaled(40 + number))[
            number % 3
        ]
        yield garage_bench(impl, layout), list(_garage_tape(layout, rng, rng.randrange(4, 300)))


def _search(tapes: Iterable[tuple[Bench, Sequence[Call]]]) -> Failure | None:
    for bench, calls in tapes:
        failure = bench.replay(calls)
        if failure is not None:
            return shrink(bench, failure)
    return None


def shrink(bench: Bench, failure: Failure) -> Failure:
    """Leave out calls, half of them at a time and in the end one by one, as long as it still fails."""
    size = max(1, len(failure.calls) // 2)
    while size:
        before = len(failure.calls)
        start = 0
        while start < len(failure.calls):
            shorter = bench.replay(failure.calls[:start] + failure.calls[start + size :])
            if shorter is not None and len(shorter.calls) < len(failure.calls):
                failure = shorter
            else:
                start += size
        if size > 1 or len(failure.calls) == before:
            size //= 2
    return failure


def verify(arguments: dict[str, Any]) -> dict[str, str | None]:
    """Search for wrong answers of the implementation `arguments["impl"]` with its `variants`, in a worker.

    Returns {"name": what it calls itself, "failure": the calls that show it, or None}.
    """
    impl = load_recipe(arguments)
    failure = find_failure(impl, seed=arguments["seed"])
    return {"name": impl.name, "failure": None if failure is None else failure.describe()}
