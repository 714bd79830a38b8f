"""How much a server can take: the highest rate at which the latency still meets its target. Knows no clock and no socket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from garagebench.load.latencies import PERCENTILES
from garagebench.load.row import Capacity, LoadRow

#: From one rate to the next, as long as all is well.
GROWTH = 2.0

#: The search ends when the lowest bad rate is at most this many times the highest good one.
FINE = 1.1

#: How often a rate is tried before it counts as too high: on a shared machine, one bad row is often bad luck.
TRIES = 2

#: Rates at most.
MOST_RATES = 20

#: How often the rate is stepped down where not even the first is good: if a tenth of it is too much, it is not the rate.
MOST_DOWN = 3


@dataclass(frozen=True)
class CapacityGoal:
    """What a good row is: its percentile is at most so many microseconds."""

    latency_us: int
    percentile: float

    def objection(self, row: LoadRow) -> str | None:
        """Return why the row is not good, or None."""
        if row.status != "ok":
            return "invalid: " + "; ".join(row.reasons)
        found = find_percentile(row, self.percentile)
        if found is None:
            return "there is no latency"
        if found > self.latency_us:
            return (
                f"p{self.percentile:g} is {found / 1e3:,.3f} ms, above {self.latency_us / 1e3:g} ms"
            )
        return None


def find_percentile(row: LoadRow, percentile: float) -> int | None:
    """Return that percentile of a row, which shows it."""
    shown = dict(zip(PERCENTILES, (row.p50_us, row.p90_us, row.p99_us, row.p99_9_us), strict=True))
    return shown[percentile]


def find_capacity(
    target: CapacityGoal, rate: float, measure: Callable[[float], LoadRow | None]
) -> tuple[list[LoadRow], Capacity]:
    """Step the rate up until it is too high, then halve the gap; return all rows in order, and what they say.

    measure: rate -> row; None where the search is to end. A rate is too high when it was not good twice in a row. Where
    not even the first is good, the rate is stepped down.
    """
    rows: list[LoadRow] = []
    good: float | None = None
    bad: float | None = None
    reason = None
    for number in range(MOST_RATES):
        objection = try_rate(target, rate, measure, rows)
        if objection is None:
            good = rate
        elif objection:
            bad, reason = rate, objection
        else:
            break
        if good is None and number >= MOST_DOWN:
            break
        if good is not None and bad is not None and bad <= good * FINE:
            break
        rate = choose_next(good, bad)
    return rows, Capacity(
        target_us=target.latency_us,
        percentile=target.percentile,
        rate=good,
        next_rate=bad,
        reason=reason,
    )


def try_rate(
    target: CapacityGoal,
    rate: float,
    measure: Callable[[float], LoadRow | None],
    rows: list[LoadRow],
) -> str | None:
    """Add what was measured at this rate; return None where it is good, why not, or nothing where the search is to end."""
    objection = None
    for _ in range(TRIES):
        row = measure(rate)
        if row is None:
            return ""
        rows.append(row)
        objection = target.objection(row)
        if objection is None:
            break
    return objection


def choose_next(good: float | None, bad: float | None) -> float:
    """Return the next rate: up or down by the factor while one side is open, else the middle of both in the logarithm."""
    if good is None:
        assert bad is not None  # noqa: S101  for the type checker: one row has been measured
        return bad / GROWTH
    if bad is None:
        return good * GROWTH
    return float((good * bad) ** 0.5)
