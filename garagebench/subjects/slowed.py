"""An implementation with one stage slowed down by a known share, for testing what a gate sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from garagebench.impls import Impl, load_impl

#: "operation stage" -> the field of an Impl that makes it. What changes the garage cannot simply be done twice.
VARIANT_OF = {
    "park validate": "validate_park",
    "park floor_lookup": "floor_lookup",
    "park encode": "encode_park",
    "unpark validate": "validate_unpark",
    "unpark space_lookup": "space_lookup",
    "unpark encode": "encode_unpark",
}
ASSIGNMENT = "park assignment"

SLOWABLE = (*VARIANT_OF, ASSIGNMENT)


def slowed(name: str, stage: str, every: int) -> Impl:
    """Return the implementation with every `every`-th call of the stage made twice; 0: none.

    The code around the call is the same whatever `every` is. stage: one of SLOWABLE; of `park assignment` the search
    for a space is made twice.
    """
    impl = load_impl(name)
    if stage == ASSIGNMENT:
        return impl._replace(pool=lambda capacity: _slow_pool(impl.pool(capacity), every))
    field = VARIANT_OF[stage]
    make = getattr(impl, field)
    changed: dict[str, Any] = {field: lambda layout: make_twice(make(layout), every)}
    return impl._replace(**changed)


def make_twice(function: Callable[..., Any], every: int) -> Callable[..., Any]:
    """Return the function, which every so often is called twice."""
    calls = 0

    def call(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == every:
            calls = 0
            function(*given)
        return function(*given)

    return call


def _slow_pool(pool: Any, every: int) -> Any:
    take = pool.take
    calls = 0

    def take_slowly() -> int:
        nonlocal calls
        calls += 1
        if calls == every:
            calls = 0
            pool.nearest()
        index: int = take()
        return index

    pool.take = take_slowly
    return pool
