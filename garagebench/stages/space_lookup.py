"""Space lookup: a location in, its (kind, index) out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from garagebench.errors import NoSuchSpace

if TYPE_CHECKING:
    from garagebench.layout import Layout, Location


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
