"""The implementation of a user whose repository is checked: one stage does its work several times over.

Every EVERY-th call of that stage does it twice as often: the injected slowdown. The code around it is the same on both
sides. STAGE, TIMES and EVERY are replaced when the file is put into a repository.
"""

from garagebench.impls.impl import Impl
from garagebench.impls.lists import ListPool
from garagebench.stages import encode, floor_lookup, space_lookup, validate

STAGE = ""
TIMES = 1
EVERY = 0


def slow_down(function):
    """Return the function, made TIMES times a call."""
    calls = 0

    def call(*given):
        nonlocal calls
        calls += 1
        turns = TIMES
        if calls == EVERY:
            calls = 0
            turns += TIMES
        for _ in range(turns):
            answer = function(*given)
        return answer

    return call


def variant(stage, factory):
    """Return the stage's variant as it is, or slow."""
    return (lambda layout: slow_down(factory(layout))) if stage == STAGE else factory


class Pool(ListPool):
    """The plain list; as the slow stage it searches several times before it takes."""

    def __init__(self, capacity):
        super().__init__(capacity)
        if STAGE == "park assignment":
            search = slow_down(self.nearest)

            def take():
                search()
                return ListPool.take(self)

            self.take = take


SLOW = Impl(
    "slow",
    Pool,
    validate_park=variant("park validate", validate.json_park),
    floor_lookup=variant("park floor_lookup", floor_lookup.table),
    encode_park=variant("park encode", encode.json_park),
    validate_unpark=variant("unpark validate", validate.json_unpark),
    space_lookup=variant("unpark space_lookup", space_lookup.table),
    encode_unpark=variant("unpark encode", encode.json_unpark),
)
