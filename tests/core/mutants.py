"""Implementations that are wrong in one way each, to be caught by the conformance suite."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from garagebench import BadRequest, GarageFull, Impl, Layout, Location, NoSuchSpace
from garagebench.impls.lists import ListPool
from garagebench.stages import validate


class GivesOutTheLastSpaceTwice(ListPool):
    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._again = True

    def take(self) -> int:
        index = super().take()
        if index < 0 and self._again:
            self._again = False
            return self.capacity - 1
        return index


class IgnoresTheNearestRule(ListPool):
    """Takes the free space that is farthest from the entrance."""

    def take(self) -> int:
        index = self.nearest()
        if index >= 0:
            self._taken[index] = True
            self.free -= 1
        return index

    def nearest(self) -> int:
        return max((index for index, taken in enumerate(self._taken) if not taken), default=-1)


class SaysThatItFreedAFreeSpace(ListPool):
    def release(self, index: int) -> bool:
        super().release(index)
        return True


class CountsOneFreeTooMany(ListPool):
    """Counts a space that is released twice twice."""

    def release(self, index: int) -> bool:
        was_taken = super().release(index)
        self.free += not was_taken
        return was_taken


class WrapsNegativeIndices(ListPool):
    def release(self, index: int) -> bool:
        return super().release(index + self.capacity if index < 0 else index)


class RestoreSharesTheState(ListPool):
    def restore(self, state: tuple[int, list[bool]]) -> None:
        self.free, self._taken = state


class SaveSharesTheState(ListPool):
    def save(self) -> tuple[int, list[bool]]:
        return self.free, self._taken


class ReturnsANumpyIndex(ListPool):
    def take(self) -> Any:
        import numpy as np

        return np.int64(super().take())


class ReturnsANumpyBool(ListPool):
    def release(self, index: int) -> Any:
        import numpy as np

        return np.bool_(super().release(index))


class ReturnsABoolIndex(ListPool):
    """Says False for 0."""

    def nearest(self) -> Any:
        index = super().nearest()
        return index or False


class TakesZeroWhenFull(ListPool):
    def take(self) -> int:
        return max(0, super().take())


class TakesTheLastReleasedFirst(ListPool):
    take_many: Any = None

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._released: list[int] = []

    def take(self) -> int:
        if not self._released:
            return super().take()
        index = self._released.pop()
        self._taken[index] = True
        self.free -= 1
        return index

    def release(self, index: int) -> bool:
        was_taken = super().release(index)
        if was_taken:
            self._released.append(index)
        return was_taken

    def restore(self, state: tuple[int, list[bool]]) -> None:
        super().restore(state)
        self._released.clear()


class NearestTakes(ListPool):
    def nearest(self) -> int:
        return self.take()


class ForgetsWhatIsBeyondAWord(ListPool):
    """Searches 64 flags only."""

    def nearest(self) -> int:
        index = super().nearest()
        return index if index < 64 else -1

    def take(self) -> int:
        return super().take() if self.nearest() >= 0 else -1


class TakesAllForANegativeCount(ListPool):
    """Compares the count with what it has so far."""

    def take_many(self, count: int) -> list[int]:
        return super().take_many(self.capacity if count < 0 else count)


class TakesAtMost4096(ListPool):
    """Gives no more than the spaces of 64 words at once."""

    def take_many(self, count: int) -> list[int]:
        return super().take_many(min(count, 4096))


class ReleasesOnlyLists(ListPool):
    """Takes a sequence of another type for nothing."""

    def release_many(self, indices: Sequence[int]) -> list[bool]:
        return [self.release(index) for index in indices] if isinstance(indices, list) else []


class BreaksDown(ListPool):
    """Raises what nobody expects."""

    def take(self) -> int:
        raise RuntimeError("no battery")


def first_kind_of_a_group(layout: Layout, pools: Sequence[Any]) -> Callable[[str], tuple[int, int]]:
    """A sequencer that takes the kinds of a group in order, the nearer one of another kind or not."""

    def sequence(vehicle: str) -> tuple[int, int]:
        for group in layout.tiers[vehicle]:
            for kind in group:
                index = pools[kind].take()
                if index >= 0:
                    return kind, index
        raise GarageFull

    return sequence


def nearest_of_all_tiers(layout: Layout, pools: Sequence[Any]) -> Callable[[str], tuple[int, int]]:
    """A sequencer that takes the nearest space, whatever is preferred."""

    def sequence(vehicle: str) -> tuple[int, int]:
        kinds = {kind for group in layout.tiers[vehicle] for kind in group}
        free = [kind for kind in kinds if pools[kind].nearest() >= 0]
        if not free:
            raise GarageFull
        kind = min(free, key=lambda kind: layout.positions[kind][pools[kind].nearest()])
        return kind, pools[kind].take()

    return sequence


def validate_with_booleans(layout: Layout) -> Callable[[bytes], Location]:
    """A validator to which True is floor 1."""
    right = validate.json_unpark(layout)

    def validate_unpark(body: bytes) -> Location:
        try:
            return right(body)
        except BadRequest:
            if b'"floor":true' not in body:
                raise
            return right(body.replace(b"true", b"1"))

    return validate_unpark


def encode_with_blanks(layout: Layout) -> Callable[[Location], bytes]:
    """An encoder as json.dumps comes."""

    def encode(place: Location) -> bytes:
        return json.dumps(place._asdict()).encode()

    return encode


def lookup_with_floor_0(layout: Layout) -> Callable[[Location], tuple[int, int]]:
    """A space lookup in nested lists, in which floor 0 is the last."""

    def lookup(location: Location) -> tuple[int, int]:
        floor, row, space = location
        try:
            kind, first, spaces = layout.floors[floor - 1][row - 1]
        except IndexError:
            raise NoSuchSpace from None
        if not 1 <= space <= spaces:
            raise NoSuchSpace
        return kind, first + space - 1

    return lookup


POOLS = [
    GivesOutTheLastSpaceTwice,
    IgnoresTheNearestRule,
    SaysThatItFreedAFreeSpace,
    CountsOneFreeTooMany,
    WrapsNegativeIndices,
    RestoreSharesTheState,
    SaveSharesTheState,
    ReturnsANumpyIndex,
    ReturnsANumpyBool,
    ReturnsABoolIndex,
    TakesZeroWhenFull,
    TakesTheLastReleasedFirst,
    NearestTakes,
    ForgetsWhatIsBeyondAWord,
    TakesAllForANegativeCount,
    TakesAtMost4096,
    ReleasesOnlyLists,
    BreaksDown,
]

IMPLS = [
    *(Impl(pool.__name__, pool) for pool in POOLS),
    Impl("TakesTheFirstKindOfAGroup", ListPool, sequence=first_kind_of_a_group),
    Impl("TakesTheNearestOfAllTiers", ListPool, sequence=nearest_of_all_tiers),
    Impl("AcceptsABooleanFloor", ListPool, validate_unpark=validate_with_booleans),
    Impl("EncodesWithBlanks", ListPool, encode_park=encode_with_blanks),
    Impl("TakesFloor0AsTheLast", ListPool, space_lookup=lookup_with_floor_0),
]
