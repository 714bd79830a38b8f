"""Floor lookup: (kind, index) in, the place that is told to the driver out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from garagebench.layout import Layout, Location


def table(layout: Layout) -> Callable[[int, int], Location]:
    """Look the location up in one table for each kind."""
    locations = layout.locations

    def lookup(kind: int, index: int) -> Location:
        return locations[kind][index]

    return lookup
