"""The search for the capacity, on servers that are a line of arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from garagebench.load.capacity import MOST_RATES, CapacityGoal, find_capacity
from garagebench.load.row import LoadRow

TARGET = CapacityGoal(10_000, 99.0)


def make_row(rate: float, p99_us: int, *reasons: str) -> LoadRow:
    """Return a row of that rate and latency; with reasons, an invalid one."""
    return LoadRow(
        driver="open",
        status="invalid" if reasons else "ok",
        rate=rate,
        p50_us=1,
        p90_us=2,
        p99_us=p99_us,
        p99_9_us=p99_us * 2,
        reasons=reasons,
    )


def limited_to(most: float) -> Callable[[float], LoadRow]:
    """Return a server whose latency breaks the target beyond that rate."""
    return lambda rate: make_row(rate, 500 if rate <= most else 50_000)


@pytest.mark.parametrize("most", [1000, 1001, 5500, 60_000])
def test_the_capacity_is_found_within_a_tenth(most: float) -> None:
    """From 1000/s on, the rate found is good, and a rate at most 1.1 times as high is not."""
    rows, found = find_capacity(TARGET, 1000, limited_to(most))
    assert found.rate is not None
    assert found.next_rate is not None
    assert found.rate <= most < found.next_rate <= found.rate * 1.1
    assert found.reason == "p99 is 50.000 ms, above 10 ms"
    assert (found.target_us, found.percentile) == (10_000, 99.0)
    assert max(row.rate or 0 for row in rows if row.p99_us == 500) == found.rate


def test_the_rate_doubles_and_then_the_gap_is_halved() -> None:
    """The rates: 1000, 2000, 4000, 8000 twice, which is too much, then between 4000 and 8000."""
    rows, _ = find_capacity(TARGET, 1000, limited_to(5000))
    rates = [round(row.rate or 0) for row in rows]
    assert rates[:6] == [1000, 2000, 4000, 8000, 8000, 5657]


def test_one_bad_row_is_not_the_end() -> None:
    """A rate that fails once and is good when tried again is good."""
    seen: list[float] = []

    def measure(rate: float) -> LoadRow:
        seen.append(rate)
        return make_row(rate, 90_000 if len(seen) == 2 else 500 if rate <= 4000 else 50_000)

    _, found = find_capacity(TARGET, 1000, measure)
    assert seen[:4] == [1000, 2000, 2000, 4000]
    assert found.rate is not None
    assert found.rate >= 4000


def test_an_invalid_row_is_not_good() -> None:
    """A row whose figures say nothing ends the climb, and its reasons are those of the end."""
    _, found = find_capacity(
        TARGET,
        1000,
        lambda rate: make_row(rate, 500, *(["the generator was busy"] if rate > 3000 else [])),
    )
    assert found.rate is not None
    assert 2700 < found.rate <= 3000
    assert found.reason == "invalid: the generator was busy"


def test_below_a_bad_first_rate_it_is_looked_for() -> None:
    """Where the first rate is too high, lower ones are tried."""
    _, found = find_capacity(TARGET, 1000, limited_to(300))
    assert found.rate is not None
    assert 270 < found.rate <= 300


def test_where_nothing_is_good_the_search_ends() -> None:
    """Where it is not the rate that is wrong, four rates are tried and no capacity is named."""
    rows, found = find_capacity(TARGET, 1000, limited_to(0))
    assert [row.rate for row in rows] == [1000, 1000, 500, 500, 250, 250, 125, 125]
    assert (found.rate, found.next_rate) == (None, 125)


def test_a_server_without_end_ends_the_search() -> None:
    """Where no rate is too high, the search ends, and says that it has found no end."""
    rows, found = find_capacity(TARGET, 1, lambda rate: make_row(rate, 1))
    assert len(rows) == MOST_RATES
    assert (found.next_rate, found.reason) == (None, None)


def test_an_interrupted_search_keeps_what_it_has() -> None:
    """Where measuring stops, the capacity is the highest good rate until then."""
    rows, found = find_capacity(
        TARGET, 1000, lambda rate: None if rate > 4000 else make_row(rate, 1)
    )
    assert [row.rate for row in rows] == [1000, 2000, 4000]
    assert (found.rate, found.next_rate) == (4000, None)


@pytest.mark.parametrize(
    ("percentile", "good"), [(50.0, True), (90.0, True), (99.0, True), (99.9, False)]
)
def test_the_target_is_of_one_percentile(percentile: float, good: bool) -> None:
    """Only the percentile that was asked for must meet the target, and to meet it exactly is enough."""
    assert (CapacityGoal(10_000, percentile).objection(make_row(1, 10_000)) is None) is good
