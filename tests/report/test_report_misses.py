"""Remainders that are too large are marked."""

from __future__ import annotations

import pytest

from garagebench.run.report import Row
from garagebench.run.rows import mark_misses


def make_row(stage: str, median: float | None, in_context: float | None, **more: object) -> Row:
    """Return a row of park on lists."""
    values: dict[str, object] = {
        "impl": "lists",
        "runtime": "cpython3.11",
        "case": f"park/{stage}",
        "layout": "seed",
        "workload": "fill",
        "server": None,
        "operation": "park",
        "stage": stage,
        "unit": "ns",
        "status": "ok",
        "median": median,
        "low": None,
        "high": None,
        "in_context": in_context,
        "reference": None,
        "ratio": None,
        "ratio_low": None,
        "ratio_high": None,
        "caveats": (),
    }
    return Row(**{**values, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rest", "caveats"),
    [
        ((49.0, -49.0), ()),  # below 5 % of 1,000
        ((240.0, 10.0), ("the sum of the stages is 24 % less than total: compare totals",)),
        (
            (10.0, -70.0),
            ("in context, the sum of the stages is 7 % more than total: compare totals",),
        ),
        ((None, None), ()),
    ],
)
def test_stages_that_miss_their_total_are_marked(
    rest: tuple[float | None, float | None], caveats: tuple[str, ...]
) -> None:
    """By more than 5 %, alone or in context; the rows are otherwise as they were."""
    rows = [make_row("total", 1000.0, 1000.0), make_row("unattributed", *rest)]
    marked = mark_misses(rows)
    assert marked[0] == rows[0]
    assert marked[1].caveats == caveats


def test_a_miss_within_the_interval_of_the_total_is_none() -> None:
    """Where the total itself is only known to 10 %, a miss of 8 % says nothing; without a total there is none."""
    rest = make_row("unattributed", 80.0, None)
    for low, high, is_marked in ((900.0, 1100.0, False), (950.0, 1050.0, True)):
        total = make_row("total", 1000.0, None, low=low, high=high)
        assert bool(mark_misses([total, rest])[1].caveats) is is_marked
    assert mark_misses([rest]) == [rest]
    other = make_row("total", 1000.0, None, impl="numpy")
    assert mark_misses([other, rest])[1] == rest
