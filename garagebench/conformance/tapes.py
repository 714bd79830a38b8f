"""What every implementation is asked: fixed tapes, and calls drawn at random."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from garagebench.conformance.bench import Bench, Call, garage_bench, pool_bench
from garagebench.core.layout import LARGEST_NUMBER, Layout

#: Share of parks in a random tape: a little more than unparks, so that garages get full.
PARKS = 0.6

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
