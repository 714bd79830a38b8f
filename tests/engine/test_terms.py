"""Rows as sums over series: what is subtracted from what."""

from __future__ import annotations

from typing import Any

import pytest

from garagebench.engine.channel import WorkerFailed
from garagebench.engine.contestant import RowTerms
from garagebench.engine.runner import LoadedCase
from garagebench.engine.terms import make_terms, series_name


def describe(name: str, **changes: Any) -> LoadedCase:
    """A case as a runner describes it."""
    return LoadedCase(name, **changes)


def test_without_rows_every_case_is_one() -> None:
    """A case is its loop less its empty loop."""
    assert make_terms([describe("add"), describe("sort")], None, in_context=True) == (
        RowTerms("add", {"add": 1, "add (empty loop)": -1}, {}),
        RowTerms("sort", {"sort": 1, "sort (empty loop)": -1}, {}),
    )


def test_a_row_is_a_sum_of_quantities() -> None:
    """Each quantity is corrected, then multiplied by its factor; such a row is no single case."""
    cases = [describe("whole"), describe("part")]
    (row,) = make_terms(cases, [("rest", {"whole": 1, "part": -2}, {})], in_context=True)
    assert row.isolated == {
        "whole": 1,
        "whole (empty loop)": -1,
        "part": -2,
        "part (empty loop)": 2,
    }
    assert not row.single


def test_what_is_added_and_subtracted_again_cancels() -> None:
    """A series that two quantities share stands once, with the sum of its factors."""
    case = describe(
        "pipe", steps=["read", "write"], in_context=True, clock_reads={"read": 1.0, "write": 0.5}
    )
    (row,) = make_terms(
        [case], [("both", {"pipe": 1}, {"pipe (read)": 1, "pipe (write)": 1})], in_context=True
    )
    # Each request reads the clock once for `read`, and for `write` in every other one.
    assert row.in_context == {"pipe (read)": 1, "pipe (clock)": -1.5, "pipe (write)": 1}


def test_a_case_with_intervals_is_their_sum_less_the_clock() -> None:
    """Two intervals a request have two clock reads too much, and there is no empty loop."""
    case = describe("calls", intervals=True, clock_reads={"intervals": 2.0})
    (row,) = make_terms([case], [("row", {"calls": 1}, {"calls": 1})], in_context=True)
    assert row.isolated == row.in_context == {"calls": 1, "calls (clock)": -2}


def test_an_interpreter_without_figures_in_context() -> None:
    """There the terms in context are left out, and what they are made of is not looked for."""
    (row,) = make_terms([describe("add")], [("add", {"add": 1}, {"gone": 1})], in_context=False)
    assert row.in_context == {}
    assert row.isolated == {"add": 1, "add (empty loop)": -1}


@pytest.mark.parametrize("place", ["isolated", "in_context"])
def test_a_row_of_what_no_case_gives(place: str) -> None:
    """It is the subject's mistake, and named with what there would be."""
    given = {"isolated": {"add": 1}, "in_context": {}, place: {"ad": 1}}
    row = ("sum", given["isolated"], given["in_context"])
    with pytest.raises(WorkerFailed) as caught:
        make_terms([describe("add")], [row], in_context=True)
    assert str(caught.value) == "its row 'sum' is made of 'ad', which no case gives; there is: add"
    assert caught.value.status == "invalid"


@pytest.mark.parametrize(
    ("measured", "name"),
    [
        ("loop", "add"),
        ("intervals", "add"),
        ("empty", "add (empty loop)"),
        ("clock", "add (clock)"),
        ("carry", "add (carry)"),
    ],
)
def test_the_name_of_a_series(measured: str, name: str) -> None:
    """What a case's main mode measured has the case's name, all else stands in brackets behind it."""
    assert series_name("add", measured) == name


@pytest.mark.parametrize(
    ("case", "needed"), [("add", True), ("ad", False), ("clock", False), ("beside", False)]
)
def test_what_a_row_needs(case: str, needed: bool) -> None:
    """A row rests on a case whose loop or steps it adds up; not on one whose name begins alike, nor on its context."""
    row = RowTerms("row", {"other": 1, "add (carry)": 1, "add (clock)": -1}, {"beside (carry)": 1})
    assert row.needs("other")
    assert row.needs(case) is needed
