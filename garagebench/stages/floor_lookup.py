"""Floor lookup: (kind, index) in, the place that is told to the driver out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from garagebench.core.layout import Layout, Location


def table(layout: Layout) -> Callable[[int, int], Location]:
    """Look the location up in one table for each kind."""
    locations = layout.locations

    def lookup(kind: int, index: int) -> Location:
        return locations[kind][index]

    return lookup


def rendered(layout: Layout) -> Callable[[int, int], bytes]:
    """Look the reply up, which was encoded once for each space; it goes with the encode variant `rendered`."""
    replies: tuple[list[bytes], ...] = tuple([] for _ in layout.kinds)
    for floor_number, floor in enumerate(layout.floors, 1):
        for row_number, row in enumerate(floor, 1):
            start = b'{"floor":%d,"row":%d,"space":' % (floor_number, row_number)
            replies[row.kind].extend([start + b"%d}" % space for space in range(1, row.spaces + 1)])

    def lookup(kind: int, index: int) -> bytes:
        return replies[kind][index]

    return lookup
