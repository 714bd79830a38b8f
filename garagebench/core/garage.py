"""A garage: the pools and stages of one implementation on one layout."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Any

from garagebench.errors import GarageError, SpaceEmpty, UnknownVehicle

if TYPE_CHECKING:
    from garagebench.core.layout import Layout, Location


#: Equal vehicles in a row from which on they are parked by one call of the pool: for fewer, a sweep of a Python loop
#: over a list takes longer than as many calls of `list.index`.
RUN = 4


class Garage:
    """Allocates the spaces of `layout` as the implementation `impl` does. Not thread-safe.

    pools: one for each kind, by kind number. The functions of the stages are attributes named like their
    factories in `Impl`.
    """

    def __init__(self, layout: Layout, impl: Any) -> None:
        self.layout = layout
        self.pools = tuple(impl.pool(capacity) for capacity in layout.capacities)
        self.validate_park = impl.validate_park(layout)
        self.sequence = impl.sequence(layout, self.pools)
        self.floor_lookup = impl.floor_lookup(layout)
        self.encode_park = impl.encode_park(layout)
        self.validate_unpark = impl.validate_unpark(layout)
        self.space_lookup = impl.space_lookup(layout)
        self.encode_unpark = impl.encode_unpark(layout)

    def park(self, vehicle: str) -> Location:
        """Take the best free space for the vehicle. Raises GarageFull, UnknownVehicle."""
        if vehicle not in self.layout.tiers:
            raise self._unknown(vehicle)
        kind, index = self.sequence(vehicle)
        location: Location = self.layout.locations[kind][index]
        return location

    def unpark(self, location: tuple[int, int, int]) -> str:
        """Give a space back and return its kind. Raises NoSuchSpace, SpaceEmpty."""
        kind, index = self.space_lookup(location)
        if not self.pools[kind].release(index):
            raise self._empty(kind, index)
        name: str = self.layout.kinds[kind]
        return name

    def park_many(self, vehicles: Iterable[str]) -> list[Location | GarageError]:
        """Park the vehicles in order: of each the location, or the error that `park` would have raised.

        So an error stops nobody behind it, and no space that was taken is lost. Runs of one vehicle are parked by
        one call of the pool where it offers `take_many`.
        """
        wanted = list(vehicles)
        set(wanted)  # what is no name raises its TypeError before a space is taken
        answers: list[Location | GarageError] = []
        for vehicle, run in groupby(wanted):
            count = len(list(run))
            end = len(answers) + count
            if count >= RUN and vehicle in self.layout.tiers:
                answers += self._take_run(vehicle, count)
            while len(answers) < end:
                try:
                    answers.append(self.park(vehicle))
                except GarageError as error:
                    answers.append(error)
        return answers

    def unpark_many(self, locations: Iterable[tuple[int, int, int]]) -> list[str | GarageError]:
        """Give the spaces back in order: of each the kind, or the error that `unpark` would have raised.

        The spaces of one kind are released by one call of the pool where it offers `release_many`.
        """
        answers: list[Any] = []
        places: dict[
            int, tuple[list[int], list[int]]
        ] = {}  # kind -> (indices, where they are answered)
        for number, location in enumerate(locations):
            try:
                kind, index = self.space_lookup(location)
            except GarageError as error:
                answers.append(error)
                continue
            answers.append(self.layout.kinds[kind])
            indices, numbers = places.setdefault(kind, ([], []))
            indices.append(index)
            numbers.append(number)
        for kind, (indices, numbers) in places.items():
            released = self._release_many(kind, indices)
            for number, index, was_taken in zip(numbers, indices, released):
                if not was_taken:
                    answers[number] = self._empty(kind, index)
        return answers

    def handle_park(self, body: bytes) -> bytes:
        """Answer a park request, JSON to JSON. Raises BadRequest and what `park` raises."""
        # Into variables first: CPython 3.11 looks for a method before it calls an attribute.
        validate, sequence = self.validate_park, self.sequence
        floor_lookup, encode = self.floor_lookup, self.encode_park
        kind, index = sequence(validate(body))
        reply: bytes = encode(floor_lookup(kind, index))
        return reply

    def handle_unpark(self, body: bytes) -> bytes:
        """Answer an unpark request, JSON to JSON. Raises BadRequest and what `unpark` raises."""
        validate, space_lookup = self.validate_unpark, self.space_lookup
        encode = self.encode_unpark
        kind, index = space_lookup(validate(body))
        if not self.pools[kind].release(index):
            raise self._empty(kind, index)
        reply: bytes = encode(kind)
        return reply

    @property
    def free(self) -> dict[str, int]:
        """Free spaces of each kind."""
        return {kind: pool.free for kind, pool in zip(self.layout.kinds, self.pools)}

    def _take_run(self, vehicle: str, count: int) -> list[Location]:
        """Take what the tiers of one kind give in one call each; what is missing is left to `park`."""
        taken: list[Location] = []
        for group in self.layout.tiers[vehicle]:
            take_many = getattr(self.pools[group[0]], "take_many", None)
            if len(group) > 1 or take_many is None:
                break
            locations = self.layout.locations[group[0]]
            taken += [locations[index] for index in take_many(count - len(taken))]
            if len(taken) == count:
                break
        return taken

    def _release_many(self, kind: int, indices: list[int]) -> list[bool]:
        pool = self.pools[kind]
        release_many = getattr(pool, "release_many", None)
        if release_many is None:
            return [pool.release(index) for index in indices]
        released: list[bool] = release_many(indices)
        return released

    def _empty(self, kind: int, index: int) -> SpaceEmpty:
        place = format_location(self.layout.locations[kind][index])
        return SpaceEmpty(f"the space is free already: {place}")

    def _unknown(self, vehicle: str) -> UnknownVehicle:
        return UnknownVehicle(
            f"unknown vehicle {vehicle!r}; there is: {', '.join(self.layout.tiers)}"
        )


def format_location(location: Location) -> str:
    """Return "floor 1, row 3, space 1"."""
    return f"floor {location.floor}, row {location.row}, space {location.space}"
