"""Sequence: a vehicle in, the (kind, index) of the space that it gets out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Callable

from garagebench.errors import GarageFull

if TYPE_CHECKING:
    from garagebench.layout import Layout


def tiers(layout: Layout, pools: Sequence[Any]) -> Callable[[str], tuple[int, int]]:
    """Walk the vehicle's tiers: the first group with a free space, and its nearest one.

    Of a group with one kind a space is simply taken; of several kinds all are asked for their nearest free
    space before one is taken, so that none needs to be given back.
    """
    groups_of = layout.tiers
    positions = layout.positions
    take = [pool.take for pool in pools]
    nearest = [pool.nearest for pool in pools]

    def sequence(vehicle: str) -> tuple[int, int]:
        for group in groups_of[vehicle]:
            if len(group) == 1:
                kind = group[0]
                index = take[kind]()
                if index >= 0:
                    return kind, index
            else:
                winner = best = -1
                for kind in group:
                    index = nearest[kind]()
                    if index >= 0:
                        position = positions[kind][index]
                        if winner < 0 or position < best:
                            winner, best = kind, position
                if winner >= 0:
                    return winner, take[winner]()
        raise GarageFull(f"no free space for vehicle {vehicle!r}")

    return sequence
