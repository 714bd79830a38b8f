"""Sequence: a vehicle in, the (kind, index) of the space that it gets out."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Callable

from garagebench.errors import GarageFull

if TYPE_CHECKING:
    from garagebench.core.layout import Layout


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


def insisting(
    factory: Callable[[Layout, Sequence[Any]], Callable[[str], tuple[int, int]]],
) -> Callable[[Layout, Sequence[Any]], Callable[[str], tuple[int, int]]]:
    """Return the factory for pools that several processes take from: its sequence looks again.

    Of several kinds, the nearest space is looked for before it is taken. Where another process was quicker, there may
    be none left when it is to be taken, and the -1 that `take` then answers is no space.
    """

    @functools.wraps(factory)
    def insist(layout: Layout, pools: Sequence[Any]) -> Callable[[str], tuple[int, int]]:
        look = factory(layout, pools)

        def sequence(vehicle: str) -> tuple[int, int]:
            found = look(vehicle)
            while found[1] < 0:
                found = look(vehicle)
            return found

        return sequence

    return insist


_Walk = Callable[[], tuple[int, int]]


def unrolled(layout: Layout, pools: Sequence[Any]) -> Callable[[str], tuple[int, int]]:
    """Walk the same tiers, each made a function of its own beforehand: mostly one look-up and one `take`.

    Asks the pools the same questions in the same order as `tiers`.
    """
    steps = {}
    for vehicle, groups in layout.tiers.items():
        walk = _refusal(vehicle)
        for group in reversed(groups[1:]):
            walk = _walk(group, layout, pools, walk)
        if len(groups[0]) == 1:
            kind = groups[0][0]
            steps[vehicle] = kind, pools[kind].take, walk
        else:
            steps[vehicle] = -1, _take_nothing, _walk(groups[0], layout, pools, walk)

    def sequence(vehicle: str) -> tuple[int, int]:
        kind, take, otherwise = steps[vehicle]
        index = take()
        if index >= 0:
            return kind, index
        return otherwise()

    return sequence


def _walk(group: Sequence[int], layout: Layout, pools: Sequence[Any], otherwise: _Walk) -> _Walk:
    """Return the function that finds a space in the group, or else goes on."""
    if len(group) == 1:
        return _take_from(group[0], pools[group[0]].take, otherwise)
    choices = [
        (kind, pools[kind].nearest, pools[kind].take, layout.positions[kind]) for kind in group
    ]
    return _take_nearest(choices, otherwise)


def _take_from(kind: int, take: Callable[[], int], otherwise: _Walk) -> _Walk:
    def walk() -> tuple[int, int]:
        index = take()
        if index >= 0:
            return kind, index
        return otherwise()

    return walk


def _take_nearest(
    choices: Sequence[tuple[int, Callable[[], int], Callable[[], int], Sequence[int]]],
    otherwise: _Walk,
) -> _Walk:
    def walk() -> tuple[int, int]:
        winner = best = -1
        for kind, nearest, take, positions in choices:
            index = nearest()
            if index >= 0:
                position = positions[index]
                if winner < 0 or position < best:
                    winner, best, take_best = kind, position, take
        if winner < 0:
            return otherwise()
        return winner, take_best()

    return walk


def _refusal(vehicle: str) -> _Walk:
    def refuse() -> tuple[int, int]:
        raise GarageFull(f"no free space for vehicle {vehicle!r}")

    return refuse


def _take_nothing() -> int:
    return -1
