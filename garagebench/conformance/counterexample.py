"""A search for wrong answers, for the shortest sequence of calls that shows what an implementation breaks."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from garagebench.conformance.bench import Bench, Call, Failure, garage_bench, pool_bench
from garagebench.conformance.suite import find_refusal_failure
from garagebench.conformance.tapes import TINY, draw_calls, fixed_tapes, real_places, unreal_places
from garagebench.core.layout import Layout
from garagebench.impls.registry import load_recipe

#: Calls up to which every sequence at all is tried.
SHORT = 3


def find_failure(impl: Any, seed: int = 0, tries: int = 60) -> Failure | None:
    """Search for wrong answers: all short sequences on what is small, then long ones at random, shrunk."""
    return (
        _search_short(impl)
        or _search(
            itertools.chain(fixed_tapes(impl), _random_tapes(impl, random.Random(seed), tries))
        )
        or find_refusal_failure(impl)
    )


def _search_short(impl: Any) -> Failure | None:
    """Try every sequence, the shortest first, so that what is found first is the shortest there is."""
    pools = [
        (pool_bench(impl.pool, capacity), *_pool_calls(impl.pool, capacity))
        for capacity in (1, 2, 3)
    ]
    parks: list[Call] = [("park", vehicle) for vehicle in TINY.tiers]
    unparks: list[Call] = [("unpark", *location) for location in real_places(TINY)]
    lookups: list[Call] = [("space_lookup", *location) for location in unreal_places(TINY)]
    garage = (garage_bench(impl, TINY), parks + unparks, lookups)
    return _search_all(pools, depth=5) or _search_all([garage], depth=3)


def _search_all(
    benches: Sequence[tuple[Bench, Sequence[Call], Sequence[Call]]], depth: int
) -> Failure | None:
    """Try every sequence of calls that change something, with one at its end that may be another.

    In sequences of at most SHORT calls the others stand everywhere: all of five calls would take a minute.
    """
    for length in range(1, depth + 1):
        for bench, changing, other in benches:
            every = [*changing, *other]
            before = every if length <= SHORT else changing
            for calls in itertools.product(*[before] * (length - 1), every):
                failure = bench.replay(calls)
                if failure is not None:
                    return failure
    return None


def _pool_calls(pool: Any, capacity: int) -> tuple[list[Call], list[Call]]:
    """Return the calls that change a pool, and those that must not."""
    changing: list[Call] = [("take",), ("save",), ("restore",)]
    changing += [("release", index) for index in range(capacity)]
    if callable(getattr(pool, "take_many", None)):
        changing += [("take_many", 2)]
    if callable(getattr(pool, "release_many", None)):
        changing += [("release_many", [0, capacity - 1])]
    return changing, [("nearest",), ("capacity",), ("release", -1), ("release", capacity)]


def _random_tapes(impl: Any, rng: random.Random, tries: int) -> Iterator[tuple[Bench, list[Call]]]:
    for number in range(tries):
        capacity = rng.choice((4, 7, 64, 100, 129, 1000))
        filling = [("take",)] * rng.randrange(capacity + 2)
        calls: list[Call] = [("take",), ("nearest",), ("save",), ("restore",)]
        calls += [("release", rng.randrange(capacity)) for _ in range(20)]
        yield pool_bench(impl.pool, capacity), filling + [rng.choice(calls) for _ in range(100)]
        layout = (TINY, Layout.builtin("seed"), Layout.builtin("seed").scaled(40 + number))[
            number % 3
        ]
        yield garage_bench(impl, layout), list(draw_calls(layout, rng, rng.randrange(4, 300)))


def _search(tapes: Iterable[tuple[Bench, Sequence[Call]]]) -> Failure | None:
    for bench, calls in tapes:
        failure = bench.replay(calls)
        if failure is not None:
            return shrink(bench, failure)
    return None


def shrink(bench: Bench, failure: Failure) -> Failure:
    """Leave out calls, half of them at a time and in the end one by one, as long as it still fails."""
    size = max(1, len(failure.calls) // 2)
    while size:
        before = len(failure.calls)
        start = 0
        while start < len(failure.calls):
            shorter = bench.replay(failure.calls[:start] + failure.calls[start + size :])
            if shorter is not None and len(shorter.calls) < len(failure.calls):
                failure = shorter
            else:
                start += size
        if size > 1 or len(failure.calls) == before:
            size //= 2
    return failure


def verify(arguments: dict[str, Any]) -> dict[str, str | None]:
    """Search for wrong answers of the implementation `arguments["impl"]` with its `variants`, in a worker.

    Returns {"name": what it calls itself, "failure": the calls that show it, or None}.
    """
    impl = load_recipe(arguments)
    failure = find_failure(impl, seed=arguments["seed"])
    return {"name": impl.name, "failure": None if failure is None else failure.describe()}
