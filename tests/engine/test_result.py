"""Rows of results, worked out by hand."""

from __future__ import annotations

import math

import pytest
from hand_made import CASE, contestant, rows_of, steady

from garagebench.engine.contestant import (
    Contestant,
    Problem,
    RowTerms,
    Series,
    combine,
    host_spread,
)
from garagebench.engine.result import EVERYTHING, Result, ResultRow


def test_an_isolated_time_is_the_loop_less_the_empty_loop() -> None:
    """The difference is taken in each round, then the median over rounds, then that over generations."""
    # Differences of the first generation: 12-2, 40-10, 23-3 = 10, 30, 20, with the median 20. The medians apart from
    # each other would give 23 - 3 = 20 as well, those of the second do not: 1, 5, 3 -> 3, but 10 - 5 = 5.
    loop = [[12.0, 40.0, 23.0], [6.0, 10.0, 11.0]]
    empty = [[2.0, 10.0, 3.0], [5.0, 5.0, 8.0]]
    (row,) = rows_of(contestant("one", loop, empty))
    assert row.median == (20 + 3) / 2


def test_the_interval_comes_from_generations() -> None:
    """Six generations have their smallest and largest median as bounds, however many rounds there are."""
    loop = [[90.0, value, value + 5] for value in (10.0, 60.0, 30.0, 20.0, 50.0, 40.0)]
    # Medians over rounds: 15, 65, 35, 25, 55, 45; the one over generations is (35 + 45) / 2.
    (row,) = rows_of(contestant("one", loop))
    assert (row.median, row.low, row.high) == (40, 15, 65)
    assert row.caveats == ()


def test_a_difference_is_taken_within_a_round() -> None:
    """Where the host doubles its time between rounds, the difference of two cases doubles, and is no mixture."""
    rest = RowTerms("rest", {"case": 1, "part": -1}, {}, single=False)
    loop = [[10.0, 20.0, 10.0]] * 6
    part = [[8.0, 16.0, 8.0]] * 6
    (row,) = rows_of(contestant("one", loop, rows=[rest], more={"part": part}))
    assert row.median == 2  # of 2, 4, 2


def test_a_difference_may_be_below_zero() -> None:
    """What remains of the whole without its parts is shown as it is, and has no ratio."""
    rest = RowTerms("rest", {"case": 1, "part": -1}, {}, single=False)
    (row,) = rows_of(contestant("one", steady(5.0), rows=[rest], more={"part": steady(8.0)}))
    assert (row.status, row.median, row.low, row.high) == ("ok", -3, -3, -3)
    assert (row.ratio, row.reference) == (None, None)


def test_a_time_in_context_is_the_step_less_its_clock_reads() -> None:
    """Of 100 ns with 1.5 clock reads of 20 ns each, 70 are the step's."""
    row = RowTerms("case", CASE.isolated, {"case (step)": 1, "case (clock)": -1.5})
    more = {"case (step)": steady(100.0), "case (clock)": steady(20.0)}
    (found,) = rows_of(contestant("one", steady(60.0), rows=[row], more=more))
    assert (found.median, found.in_context) == (60, 70)


def test_what_was_not_measured_in_context_is_unknown() -> None:
    """It is None, and not 0."""
    (row,) = rows_of(contestant("one", steady(60.0)))
    assert row.in_context is None


def test_a_ratio_is_taken_within_rounds() -> None:
    """Where the host doubles its speed between rounds the ratio is exact, the absolute times are wild, and it is said."""
    speed = [1.0, 2.0, 1.0, 2.0, 2.0, 1.0]
    reference = [[100.0 * factor for factor in speed]] * 6
    other = [[150.0 * factor for factor in speed]] * 6
    result = Result((contestant("reference", reference), contestant("other", other)))
    row = result.rows()[1]
    assert (row.ratio, row.ratio_low, row.ratio_high) == (1.5, 1.5, 1.5)
    assert row.reference == "reference"
    (caveat,) = result.caveats
    assert caveat.startswith(
        "the host changed speed during the run (p90/p10 of the reference 2.00)"
    )


def test_a_ratio_pairs_rounds_and_not_medians() -> None:
    """The ratio is the median of the rounds' ratios, which the ratio of the medians is not."""
    reference = [[10.0, 10.0, 40.0]] * 6  # median 10
    other = [[20.0, 40.0, 40.0]] * 6  # median 40; in its rounds 2, 4 and 1 times the reference
    row = rows_of(contestant("reference", reference), contestant("other", other))[1]
    assert row.ratio == 2


def test_a_ratio_over_generations() -> None:
    """Over generations it is the exponential of the median of logarithms, with the interval of those."""
    factors = [2.0, 8.0, 1.0, 4.0, 2.0, 16.0]
    reference = contestant("reference", steady(10.0))
    other = contestant("other", [[10.0 * factor] * 3 for factor in factors])
    row = rows_of(reference, other)[1]
    # In order 1 2 2 4 8 16: the middle of log 2 and log 4 is that of sqrt(8).
    assert row.ratio == round(math.sqrt(8), 5)
    assert (row.ratio_low, row.ratio_high) == (1, 16)


def test_the_reference_is_once_itself() -> None:
    """Its own ratio is 1, without any doubt, whatever it took."""
    (row,) = rows_of(contestant("reference", [[3.0, 1.0, 7.0]] * 6))
    assert (row.ratio, row.ratio_low, row.ratio_high, row.reference) == (1, 1, 1, "reference")


def test_rows_that_the_reference_does_not_have() -> None:
    """There the ratio is unknown."""
    own = RowTerms("own", {"case": 1}, {})
    row = rows_of(contestant("reference", steady(1.0)), contestant("b", steady(2.0), rows=[own]))[1]
    assert (row.median, row.ratio, row.reference) == (2, None, None)


@pytest.mark.parametrize(("generations", "counted"), [(1, "1 generation"), (5, "5 generations")])
def test_few_generations_have_no_interval(generations: int, counted: str) -> None:
    """The median and the ratio stand, the bounds are unknown, and the row says why."""
    row = rows_of(
        contestant("reference", steady(10.0, generations)),
        contestant("other", steady(20.0, generations)),
    )[1]
    assert (row.median, row.low, row.high) == (20, None, None)
    assert (row.ratio, row.ratio_low, row.ratio_high) == (2, None, None)
    assert row.caveats == (f"{counted} only: no interval (it takes 6)",)


def test_a_reference_that_ended_early() -> None:
    """The ratio is of the generations that both have; where they are too few it says whose fault that is."""
    row = rows_of(contestant("reference", steady(10.0, 4)), contestant("other", steady(20.0, 6)))[1]
    assert (row.low, row.high) == (20, 20)
    assert (row.ratio, row.ratio_low, row.ratio_high) == (2, None, None)
    assert row.caveats == ("reference has 4 generations only: the ratio has no interval",)


def test_a_case_that_is_not_longer_than_its_loop() -> None:
    """A single case that takes no time has no figure and no ratio, and says why; it is not 0."""
    row = rows_of(contestant("reference", steady(5.0)), contestant("b", steady(4.0), steady(4.0)))[
        1
    ]
    assert (row.status, row.median, row.low, row.high, row.ratio) == ("ok", None, None, None, None)
    assert row.caveats == ("too fast to be told from the loop around it",)


def test_a_reference_that_is_not_above_zero() -> None:
    """Nothing is divided by it."""
    row = rows_of(contestant("reference", steady(3.0), steady(4.0)), contestant("b", steady(3.0)))[
        1
    ]
    assert (row.median, row.ratio) == (3, None)


def test_one_round_that_cannot_be_divided() -> None:
    """One of three rounds in which the reference seems to take no time does not decide the ratio."""
    reference = contestant("reference", [[10.0, 1.0, 10.0]] * 6, [[0.0, 1.0, 0.0]] * 6)
    row = rows_of(reference, contestant("other", steady(20.0)))[1]
    assert row.ratio == 2


def test_a_generation_that_tells_nothing_leaves_no_ratio() -> None:
    """Rounds in which both are below zero are no numbers; where a generation has no other, there is no ratio."""
    rest = RowTerms("rest", {"case": 1, "part": -1}, {}, single=False)
    values = [[9.0, 3.0, 9.0]] * 5 + [[3.0, 3.0, 3.0]]
    row = rows_of(
        contestant("reference", values, rows=[rest], more={"part": steady(4.0)}),
        contestant("other", values, rows=[rest], more={"part": steady(4.0)}),
    )[1]
    assert row.median == 5
    assert row.ratio is None


def test_a_generation_without_a_ratio_is_an_end_like_any_other() -> None:
    """In one generation of nine a difference came out below zero: the ratio and its interval stand all the same."""
    rest = RowTerms("rest", {"case": 1, "part": -1}, {}, single=False)
    values = [[9.0 + 0.1 * number] * 3 for number in range(8)]
    sides = [
        contestant("reference", [*values, [9.0] * 3], rows=[rest], more={"part": [[4.0] * 3] * 9}),
        contestant("other", [*values, [3.0] * 3], rows=[rest], more={"part": [[4.0] * 3] * 9}),
    ]
    row = rows_of(*sides)[1]
    assert row.ratio == 1
    assert row.ratio_low is not None
    result = Result(tuple(sides))
    assert result.log_ratios(sides[1]) == {"rest": []}


def test_wrong_answers_have_no_time() -> None:
    """A contestant that answered wrongly lists what was asked for, with the reason and without any figure."""
    problem = Problem("wrong", "answer 3 is 4, expected 5")
    wrong = contestant("b", steady(3.0), problem=problem)
    row = rows_of(contestant("reference", steady(5.0)), wrong)[1]
    assert row == ResultRow("b", "case", "ns", "wrong", caveats=("answer 3 is 4, expected 5",))


def test_nothing_is_divided_by_wrong_answers() -> None:
    """Where the reference answers wrongly the others keep their times and have no ratio."""
    reference = contestant("reference", steady(5.0), problem=Problem("wrong", "answer 1 is 2"))
    row = rows_of(reference, contestant("other", steady(10.0)))[1]
    assert (row.status, row.median, row.ratio, row.reference) == ("ok", 10, None, None)


@pytest.mark.parametrize("status", ["wrong", "unavailable", "invalid"])
def test_a_contestant_without_figures(status: str) -> None:
    """It has a row for all that was asked for, each with its status and the reason."""
    absent = Contestant("b", problem=Problem(status, "why"), row_names=("x", "y"))
    rows = rows_of(contestant("reference", steady(5.0)), absent)
    assert rows[1:] == [ResultRow("b", name, "ns", status, caveats=("why",)) for name in ("x", "y")]


def test_a_contestant_whose_rows_nobody_asked_for() -> None:
    """Where it failed before it could name its rows it gets those of the others."""
    absent = Contestant("b", problem=Problem("invalid", "why"))
    rows = rows_of(contestant("reference", steady(5.0)), absent)
    assert rows[1:] == [ResultRow("b", "case", "ns", "invalid", caveats=("why",))]


def test_nobody_knows_the_rows() -> None:
    """Where nobody could name a row there is one all the same: a failure is not passed over."""
    rows = rows_of(Contestant("a", problem=Problem("invalid", "why")))
    assert rows == [ResultRow("a", EVERYTHING, "ns", "invalid", caveats=("why",))]


def test_no_row_was_asked_for() -> None:
    """Where it is known that no row was wanted there is none."""
    assert rows_of(Contestant("a", problem=Problem("invalid", "why"), row_names=())) == []


def test_what_was_measured_before_it_failed_is_kept() -> None:
    """Such rows have their figures and the reason; those that were not reached have the status."""
    kept = Contestant(
        "a",
        (CASE, RowTerms("gone", {"gone": 1}, {})),
        {"case": steady(5.0), "case (empty loop)": steady(1.0)},
        Problem("invalid", "a failed in round 3: the worker died"),
        row_names=("case", "gone", "never named"),
    )
    case, gone, never = rows_of(kept)
    assert (case.status, case.median) == ("ok", 4)
    assert (gone.status, gone.median) == ("invalid", None)
    assert (never.status, never.median) == ("invalid", None)
    reasons = {row.caveats for row in (case, gone, never)}
    assert reasons == {("a failed in round 3: the worker died",)}


@pytest.mark.parametrize("status", ["unavailable", "invalid"])
def test_a_row_that_was_not_reached(status: str) -> None:
    """Where a contestant ended before a row was measured the row has its status."""
    ended = Contestant("a", (CASE,), {}, Problem(status, "why"))
    assert rows_of(ended) == [ResultRow("a", "case", "ns", status, caveats=("why",))]


def test_a_row_that_nobody_measured() -> None:
    """Where there is no reason for it either, it says that."""
    (row,) = rows_of(Contestant("a", (CASE,)))
    assert (row.status, row.median, row.caveats) == ("invalid", None, ("nothing was measured",))


def test_the_caveats_of_a_contestant_stand_on_its_rows() -> None:
    """And on nobody else's."""
    noted = Contestant("b", (CASE,), contestant("", steady(1.0)).series, caveats=("mind this",))
    first, second = rows_of(contestant("a", steady(1.0)), noted)
    assert (first.caveats, second.caveats) == ((), ("mind this",))


def test_an_interrupted_result_says_so() -> None:
    """After the notes that it was given."""
    result = Result((contestant("a", steady(1.0)),), notes=("one core",), interrupted=True)
    assert result.caveats == (
        "one core",
        "interrupted: the figures are of what was measured until then",
    )


def test_figures_are_rounded_to_what_a_file_keeps() -> None:
    """Times have three decimals of a nanosecond, ratios five."""
    row = rows_of(contestant("a", steady(3.0)), contestant("b", steady(10 / 3)))[1]
    assert (row.median, row.ratio) == (3.333, 1.11111)


def test_bytes_are_a_unit() -> None:
    """The peak of memory is in bytes, one value a cold start."""
    peak = RowTerms("start/peak_memory", {"start/peak_memory": 1}, {}, "bytes")
    series: dict[str, Series] = {"start/peak_memory": [[4096], [12288], [8192]]}
    (row,) = rows_of(Contestant("a", (peak,), series))
    assert (row.unit, row.median) == ("bytes", 8192)


@pytest.mark.parametrize("terms", [{}, {"case": 1, "gone": 1}])
def test_nothing_is_combined_where_a_series_is_missing(terms: dict[str, float]) -> None:
    """A sum with an unknown part is unknown."""
    assert combine({"case": steady(1.0)}, terms) == []


def test_combined_rounds_keep_their_places() -> None:
    """Sums are taken for each round of each generation."""
    series = {"a": [[1.0, 2.0], [3.0]], "b": [[10.0, 20.0], [30.0]]}
    assert combine(series, {"a": 1, "b": 0.5}) == [[6, 12], [18]]


def test_the_spread_of_the_host() -> None:
    """It is p90 by p10 of the reference's longest case; short ones, and cold starts, say little of the host."""
    # Of 1 to 20 hundreds, 18 are below 1900, and two are below 300.
    case = [[100.0 * number for number in range(1, 21)]]
    more = {"short": [[1.0, 50.0]], "start/import": [[1e9], [9e9]]}
    assert host_spread(contestant("a", case, more=more)) == 1900 / 300
    assert host_spread(Contestant("a", series={"start/import": [[1e9], [9e9]]})) is None


def test_a_steady_host_is_not_mentioned() -> None:
    """A spread of 1.3 is what a quiet machine has."""
    result = Result((contestant("a", [[100.0, 130.0]] * 6),))
    assert result.caveats == ()
