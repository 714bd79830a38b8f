"""Reproducible lists of requests, in blocks of one operation."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping, Sequence
from typing import Any, Callable, NamedTuple

from garagebench.core.layout import Layout, Location
from garagebench.core.model import Model
from garagebench.errors import GarageFull, WorkloadError

#: Requests of a block at least, where the garage is large enough: the clock reads then weigh little.
BLOCK = 100

#: Requests of one operation at most in a built-in workload: a pass over them takes just under a millisecond.
REQUESTS = 240

#: Share of the spaces that `churn` keeps taken.
OCCUPANCY = 0.9

#: Largest trace that is measured: a worker holds the tape of every stage in memory.
TRACE_REQUESTS = 1_000_000


class Block(NamedTuple):
    """Requests that one pass goes through; operation is "park", "unpark" or "both" (then it varies)."""

    operation: str
    requests: tuple[tuple[str, bytes], ...]


class Workload(NamedTuple):
    """Blocks to be gone through in order, from a garage with the given free indices of each kind (None: all)."""

    name: str
    blocks: tuple[Block, ...]
    free: tuple[tuple[int, ...], ...] | None = None
    caveats: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return what JSON can carry."""
        return {
            "name": self.name,
            "blocks": [
                [
                    block.operation,
                    [[operation, body.decode("latin-1")] for operation, body in block.requests],
                ]
                for block in self.blocks
            ],
            "free": self.free,
            "caveats": self.caveats,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Workload:
        """Return the workload of which `data` is the `to_data`."""
        return cls(
            data["name"],
            tuple(
                Block(operation, tuple((of, body.encode("latin-1")) for of, body in requests))
                for operation, requests in data["blocks"]
            ),
            None if data["free"] is None else tuple(tuple(indices) for indices in data["free"]),
            tuple(data["caveats"]),
        )


def park_body(vehicle: str) -> bytes:
    """Return the body of a park request."""
    return encode_body({"vehicle": vehicle})


def unpark_body(location: Location) -> bytes:
    """Return the body of an unpark request."""
    return encode_body(location._asdict())


def encode_body(value: object) -> bytes:
    """Return compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def fill(layout: Layout, seed: int) -> Workload:
    """An empty garage, as many small cars as fit (at most 240), then as many unparks in the same order.

    The document's workload; a layout without `small` is filled with its first vehicle.
    """
    del seed  # nothing is drawn
    vehicle = "small" if "small" in layout.tiers else next(iter(layout.tiers))
    session = _Session(layout)
    while session.model.fits(vehicle) and len(session.parks) < REQUESTS:
        session.park(vehicle)
    session.cut()
    for location in list(session.parked):
        session.unpark(location)
    return session.workload("fill")


def mixed(layout: Layout, seed: int) -> Workload:
    """All vehicles in random order until full and a fifth beyond, refusals included; then empty again.

    In a large garage the last 0.8 * REQUESTS spaces, drawn at random, are filled.
    """
    rng = random.Random(seed)
    last = min(sum(_usable_spaces(layout)), REQUESTS * 4 // 5)
    session = _Session(layout, _draw_free(layout, last, rng))
    vehicles = list(layout.tiers)
    fitting = vehicles
    while fitting and len(session.parks) < REQUESTS:
        session.park(rng.choice(vehicles))
        fitting = [vehicle for vehicle in vehicles if session.model.fits(vehicle)]
    for _ in range(max(1, last // 5)):
        session.park(rng.choice(vehicles))
    session.cut()
    rng.shuffle(session.parked)
    for location in list(session.parked):
        session.unpark(location)
    return session.workload("mixed")


def churn(layout: Layout, seed: int) -> Workload:
    """Steady at 90 % occupancy: a block of random departures, a block of random arrivals, twice."""
    rng = random.Random(seed)
    spaces = sum(_usable_spaces(layout))
    if spaces < 2:  # noqa: PLR2004  one to leave, one to come to
        raise WorkloadError(
            f"churn needs at least 2 spaces that a vehicle may use; layout {layout.name!r} has {spaces}"
        )
    free = max(1, spaces - int(spaces * OCCUPANCY))
    session = _Session(layout, _draw_free(layout, free, rng))
    taken = session.model.taken()
    session.parked = [
        layout.locations[kind][index]
        for kind, index in rng.sample(taken, min(len(taken), 2 * REQUESTS))
    ]
    for _ in range(2):
        departures = min(len(session.parked), REQUESTS // 2 if spaces >= 10 * REQUESTS else BLOCK)
        rng.shuffle(session.parked)
        for location in session.parked[:departures]:
            session.unpark(location)
        session.cut()
        for _ in range(departures):
            session.park(
                rng.choice([vehicle for vehicle in layout.tiers if session.model.fits(vehicle)])
            )
        session.cut()
    return session.workload("churn")


def _draw_free(
    layout: Layout, count: int, rng: random.Random
) -> tuple[tuple[int, ...], ...] | None:
    """Draw `count` usable spaces that are free at the start, sorted for each kind; None where all are.

    What no vehicle may use is free, too: nobody can have parked there.
    """
    usable = _usable_spaces(layout)
    if count >= sum(usable):
        return None
    free = sorted(rng.sample(range(sum(usable)), count))
    ends = 0
    kinds = []
    for capacity, spaces in zip(layout.capacities, usable):
        drawn = tuple(number - ends for number in free if ends <= number < ends + spaces)
        kinds.append(drawn if spaces else tuple(range(capacity)))
        ends += spaces
    return tuple(kinds)


def _usable_spaces(layout: Layout) -> list[int]:
    """Return, for each kind, how many spaces a vehicle may use: all of them, or none."""
    usable = {kind for groups in layout.tiers.values() for group in groups for kind in group}
    return [capacity if kind in usable else 0 for kind, capacity in enumerate(layout.capacities)]


class _Session:
    """Writes requests down while a model answers them."""

    def __init__(self, layout: Layout, free: tuple[tuple[int, ...], ...] | None = None) -> None:
        self.layout = layout
        self.free = free
        self.model = Model(layout, free)
        self.parked: list[Location] = []
        self.parks: list[tuple[str, bytes]] = []
        self._unparks: list[tuple[str, bytes]] = []
        self._blocks: list[Block] = []

    def park(self, vehicle: str) -> None:
        self.parks.append(("park", park_body(vehicle)))
        try:
            kind, index = self.model.park(vehicle)
        except GarageFull:
            return
        self.parked.append(self.layout.locations[kind][index])

    def unpark(self, location: Location) -> None:
        self._unparks.append(("unpark", unpark_body(location)))
        self.model.release(*self.model.locate(location))
        self.parked.remove(location)

    def cut(self) -> None:
        """End the block that is being written."""
        if self.parks:
            self._blocks.append(Block("park", tuple(self.parks)))
        if self._unparks:
            self._blocks.append(Block("unpark", tuple(self._unparks)))
        self.parks, self._unparks = [], []

    def workload(self, name: str) -> Workload:
        self.cut()
        return Workload(name, tuple(self._blocks), self.free, _small_blocks(self._blocks))


def _small_blocks(blocks: Sequence[Block]) -> tuple[str, ...]:
    smallest = min(len(block.requests) for block in blocks)
    if smallest >= BLOCK:
        return ()
    return (
        f"a block has only {smallest} requests (at least {BLOCK} are wanted): the figures are coarse",
    )


BUILTIN: Mapping[str, Callable[[Layout, int], Workload]] = {
    "fill": fill,
    "mixed": mixed,
    "churn": churn,
}


def make_workload(name: str, layout: Layout, seed: int) -> Workload:
    """Return a built-in workload, or read the trace file of that name."""
    if name in BUILTIN:
        return BUILTIN[name](layout, seed)
    return trace(name)


def trace(path: str | os.PathLike[str]) -> Workload:
    """Read JSON lines `{"operation":"park","body":{...}}`; a bad line is named by file and line.

    Where the operation changes too often for blocks, the blocks are of operation `both`.
    """
    requests = []
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    requests.append(_parse_line(line, f"{path}:{number}"))
                if len(requests) > TRACE_REQUESTS:
                    raise WorkloadError(
                        f"{path}:{number}: more than {TRACE_REQUESTS} requests; cut the trace into parts"
                    )
    except OSError as error:
        raise WorkloadError(f"{path}: cannot be read: {error.strerror}") from None
    if not requests:
        raise WorkloadError(f"{path}: the trace has no requests")
    name = os.path.splitext(os.path.basename(os.fspath(path)))[0]
    runs = _runs(requests)
    if len(runs) == 1 or min(map(len, runs)) >= BLOCK:
        blocks = [Block(run[0][0], part) for run in runs for part in _parts(run)]
        return Workload(name, tuple(blocks), None, _small_blocks(blocks))
    blocks = [Block("both", part) for part in _parts(requests)]
    caveat = f"the trace changes operation too often for blocks of {BLOCK}: measured as operation both, total only"
    return Workload(name, tuple(blocks), None, (caveat, *_small_blocks(blocks)))


def _parse_line(line: bytes, place: str) -> tuple[str, bytes]:
    try:
        request = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise WorkloadError(f"{place}: not JSON: {error}") from None
    if not isinstance(request, dict) or set(request) != {"operation", "body"}:
        raise WorkloadError(
            f'{place}: a line must be {{"operation":"park","body":{{...}}}}, not {line.decode().strip()[:80]}'
        )
    if request["operation"] not in ("park", "unpark"):
        raise WorkloadError(
            f"{place}: operation must be park or unpark, not {request['operation']!r}"
        )
    return request["operation"], encode_body(request["body"])


def _runs(requests: Sequence[tuple[str, bytes]]) -> list[list[tuple[str, bytes]]]:
    """Split where the operation changes."""
    runs: list[list[tuple[str, bytes]]] = []
    for request in requests:
        if not runs or runs[-1][0][0] != request[0]:
            runs.append([])
        runs[-1].append(request)
    return runs


def _parts(run: Sequence[tuple[str, bytes]]) -> list[tuple[tuple[str, bytes], ...]]:
    """Split into parts of nearly equal size, none under BLOCK where there are as many."""
    count = max(1, len(run) // (2 * BLOCK))
    ends = [len(run) * number // count for number in range(count + 1)]
    return [tuple(run[begin:end]) for begin, end in zip(ends, ends[1:])]
