"""A garage: the pools and stages of one implementation on one layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from garagebench.errors import SpaceEmpty, UnknownVehicle

if TYPE_CHECKING:
    from garagebench.layout import Layout, Location


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
            raise UnknownVehicle(
                f"unknown vehicle {vehicle!r}; there is: {', '.join(self.layout.tiers)}"
            )
        kind, index = self.sequence(vehicle)
        location: Location = self.layout.locations[kind][index]
        return location

    def unpark(self, location: tuple[int, int, int]) -> str:
        """Give a space back and return its kind. Raises NoSuchSpace, SpaceEmpty."""
        kind, index = self.space_lookup(location)
        self._release(kind, index)
        name: str = self.layout.kinds[kind]
        return name

    def handle_park(self, body: bytes) -> bytes:
        """Answer a park request, JSON to JSON. Raises BadRequest and what `park` raises."""
        kind, index = self.sequence(self.validate_park(body))
        reply: bytes = self.encode_park(self.floor_lookup(kind, index))
        return reply

    def handle_unpark(self, body: bytes) -> bytes:
        """Answer an unpark request, JSON to JSON. Raises BadRequest and what `unpark` raises."""
        kind, index = self.space_lookup(self.validate_unpark(body))
        self._release(kind, index)
        reply: bytes = self.encode_unpark(kind)
        return reply

    @property
    def free(self) -> dict[str, int]:
        """Free spaces of each kind."""
        return {kind: pool.free for kind, pool in zip(self.layout.kinds, self.pools)}

    def _release(self, kind: int, index: int) -> None:
        if not self.pools[kind].release(index):
            raise SpaceEmpty(
                f"the space is free already: {format_location(self.layout.locations[kind][index])}"
            )


def format_location(location: Location) -> str:
    """Return "floor 1, row 3, space 1"."""
    return f"floor {location.floor}, row {location.row}, space {location.space}"
