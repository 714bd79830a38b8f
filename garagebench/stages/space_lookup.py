"""Space lookup: a location in, its (kind, index) out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from garagebench.core.layout import SPACES_LIMIT
from garagebench.errors import NoSuchSpace

if TYPE_CHECKING:
    from garagebench.core.layout import Layout, Location


def table(layout: Layout) -> Callable[[Location], tuple[int, int]]:
    """Look the row up in a table and count from its first space.

    A dictionary and not nested lists: floor 0 must not mean the last floor.
    """
    rows = {
        (floor_number, row_number): row
        for floor_number, floor in enumerate(layout.floors, 1)
        for row_number, row in enumerate(floor, 1)
    }

    def lookup(location: Location) -> tuple[int, int]:
        floor, row, space = location
        try:
            kind, first, spaces = rows[floor, row]
        except KeyError:
            raise NoSuchSpace(f"there is no row {row} on floor {floor}") from None
        if not 1 <= space <= spaces:
            raise NoSuchSpace(f"row {row} on floor {floor} has no space {space}: it has {spaces}")
        return kind, first + space - 1

    return lookup


def spaces(layout: Layout) -> Callable[[Location], tuple[int, int]]:
    """Look the space itself up, without a call into Python; in a large garage the row, as `table` does."""
    refuse = table(layout)
    if sum(layout.capacities) > SPACES_LIMIT:
        return refuse
    return _Spaces(layout, refuse).__getitem__


class _Spaces(dict[tuple[int, int, int], tuple[int, int]]):
    """Every space by its location, and a function that says what is wrong with any other."""

    def __init__(self, layout: Layout, refuse: Callable[[Location], tuple[int, int]]) -> None:
        super().__init__(
            (location, (kind, index))
            for kind, locations in enumerate(layout.locations)
            for index, location in enumerate(locations)
        )
        self._refuse = refuse

    def __missing__(self, location: Location) -> tuple[int, int]:
        return self._refuse(location)
