"""One of several processes in a garage: what it does in its turns, and what it does not let pass."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from garagebench import Garage, Impl, Layout
from garagebench.conformance.bench import PoolModel
from garagebench.errors import Unavailable, WrongAnswer
from garagebench.impls import load_impl
from garagebench.subjects import contender
from garagebench.subjects.contender import Visitor, wait_until

BODY = b'{"vehicle":"small"}'
A_TURN = {"begin_ns": 0, "end_ns": 1}


class FullPool(PoolModel):
    """A pool that has no space left from its third take on."""

    def take(self) -> int:
        return super().take() if self.free > self.capacity - 2 else -1


class ForgetfulPool(PoolModel):
    """A pool that frees what it gives at once, as if somebody else had the space, too."""

    def take(self) -> int:
        index = super().take()
        super().release(index)
        return index


def make_visitor(layout: Layout, pool: Any = PoolModel, hold: int = 3) -> Visitor:
    """A visitor of a garage of such pools."""
    return Visitor(Garage(layout, Impl("", pool)), BODY, hold)


@pytest.fixture
def enter(seed: Layout, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Enter as a process does, with the pools of these names; what others leave behind is gone in the end."""
    monkeypatch.setattr(contender, "_VISITORS", [])
    monkeypatch.setattr(contender.gc, "disable", lambda: None)

    def call(
        impl: str, pools: list[str] | None = None, hold: int = 3, **variants: str
    ) -> list[str]:
        arguments = {"layout": seed.to_data(), "body": BODY.decode(), "hold": hold}
        return contender.enter({**arguments, "impl": impl, "variants": variants, "pools": pools})

    return call


def test_a_turn_parks_and_unparks(seed: Layout) -> None:
    """Every vehicle is parked and unparked once a turn, and parked once more in the end."""
    visitor = make_visitor(seed)
    done = visitor.work(0, 1)
    assert done["requests"] == 3
    assert [json.loads(reply)["space"] for reply in done["held"]] == [1, 2, 3]
    assert sum(pool.free for pool in visitor.pools) == 140 - 3
    visitor.leave()
    assert sum(pool.free for pool in visitor.pools) == 140


def test_the_time_is_that_since_the_begin(seed: Layout) -> None:
    """Park and unpark together take the time from the moment agreed on, a late begin included."""
    begin_ns = time.monotonic_ns() - 1_000_000_000
    done = make_visitor(seed).work(begin_ns, begin_ns + 1)
    gone_ns = time.monotonic_ns() - begin_ns
    assert done["park_ns"] >= 1_000_000_000
    assert 1_000_000_000 <= done["park_ns"] + done["unpark_ns"] <= gone_ns


def test_turns_go_on_until_the_end(seed: Layout) -> None:
    """Whoever has time left begins another turn."""
    begin_ns = time.monotonic_ns()
    done = make_visitor(seed).work(begin_ns, begin_ns + 20_000_000)
    assert done["requests"] > 3
    assert done["requests"] % 3 == 0
    assert done["park_ns"] + done["unpark_ns"] >= 20_000_000


@pytest.mark.parametrize(("pool", "error"), [(FullPool, "no free space"), (ForgetfulPool, "free")])
def test_a_refusal_is_wrong(seed: Layout, pool: Any, error: str) -> None:
    """There is room for all, and what one has parked nobody else unparks: a refusal shows that this was not kept."""
    layout = Layout.from_data({**seed.to_data(), "vehicles": {"small": [["small"]]}})
    with pytest.raises(WrongAnswer, match=f"among several processes, after 0 turns: .*{error}"):
        make_visitor(layout, pool).work(0, 1)


def test_who_leaves_finds_what_it_has_parked(seed: Layout) -> None:
    """A space that is free when its process leaves was given back by somebody else."""
    visitor = make_visitor(seed)
    visitor.work(0, 0)
    visitor.pools[seed.kinds.index("small")].release(0)
    with pytest.raises(WrongAnswer, match="at the end: the space is free already"):
        visitor.leave()


def test_nobody_begins_before_the_moment() -> None:
    """A process waits for the moment, and not at all for one that is over."""
    for ahead_ns in (500_000, 3_000_000):  # too short for a sleep, and not
        moment_ns = time.monotonic_ns() + ahead_ns
        wait_until(moment_ns)
        assert time.monotonic_ns() >= moment_ns
    wait_until(0)


def test_processes_share_the_pools_of_the_first(enter: Any) -> None:
    """Who enters with names works with those very pools; the answers of a whole garage are counted in all of them."""
    try:
        load_impl("shared")
    except Unavailable as error:
        pytest.skip(str(error))
    names = enter("shared")
    (first,) = contender._VISITORS
    assert enter("shared", names, encode="rendered") != names
    (second,) = contender._VISITORS
    assert [contender.work(A_TURN)["requests"], contender.count_free({})] == [3, 137]
    first.work(0, 1)
    assert contender.count_free({}) == 134
    contender.leave({})
    assert sum(pool.free for pool in first.pools) == 137
    assert first is not second


def test_the_answers_are_checked_before(enter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who makes the pools first lets its implementation, with its variants, go through the conformance suite."""
    checked: list[Impl] = []

    def check(impl: Impl) -> None:
        checked.append(impl)
        raise WrongAnswer("enough")

    monkeypatch.setattr(contender.suite, "check", check)
    with pytest.raises(WrongAnswer, match="enough"):
        enter("lists", encode="rendered")
    assert [impl.encode_park.__name__ for impl in checked] == ["rendered_park"]
