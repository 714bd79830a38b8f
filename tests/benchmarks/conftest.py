"""What the benchmarks share: every implementation, and how a round is timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from garagebench import Impl, load_impl
from garagebench.errors import Unavailable
from garagebench.impls.registry import BUILTIN

TimeCalls = Callable[..., list[Any]]


@pytest.fixture(scope="session", params=BUILTIN)
def impl(request: pytest.FixtureRequest) -> Impl:
    """Every implementation that this interpreter can run."""
    try:
        return load_impl(request.param)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def time_calls(benchmark: BenchmarkFixture) -> TimeCalls:
    """Time rounds of calls: `reset` before each, untimed, then the function with each of the arguments."""

    def time_calls(
        group: str,
        function: Callable[..., Any],
        arguments: Sequence[tuple[Any, ...]],
        reset: Callable[[], object] = lambda: None,
    ) -> list[Any]:
        def play() -> list[Any]:
            return [function(*given) for given in arguments]

        def restore() -> None:
            reset()

        benchmark.group = f"{group} ({len(arguments)} calls)"
        answers: list[Any] = benchmark.pedantic(play, setup=restore, rounds=200, warmup_rounds=20)
        return answers

    return time_calls
