"""How far up each implementation goes, and what becomes of the figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from garagebench.engine import Contestant, Progress, Result
from garagebench.engine.contestant import Problem, RowTerms
from garagebench.errors import UnknownName
from garagebench.run.recorded import SettingsError
from garagebench.scale import first_look, scaling
from garagebench.scale.first_look import GIB, Ending, Ladder, Look, ScaleSettings
from garagebench.scale.report import ScaleReport, ScaleRow
from garagebench.scale.scaling import Measured

LOOK = Look(
    spaces=1000,
    build_ns=1e6,
    fill_ns=2e6,
    reserved_bytes=8000,
    held_bytes=6000,
    peak_bytes=10_000,
    blocks=(10, 100),
    costs={"fill take single": 1000.0, "fill take batch": 50.0},
)
ROW = ScaleRow(
    impl="heap",
    runtime="cpython3.11",
    workload="fill",
    operation="take",
    mode="single",
    spaces=1000,
    status="ok",
    batch=10,
    median=90.0,
    first_look=99.0,
)


def make_ladder(*looks: Look, name: str = "heap") -> Ladder:
    """Return an implementation that was looked at."""
    ladder = Ladder(name)
    ladder.looks = {look.spaces: look for look in looks}
    return ladder


def test_a_look_knows_what_a_pass_takes() -> None:
    """Cost times block, over the modes: 10 of 1,000 ns and 100 of 50 ns."""
    assert LOOK.pass_ns == 15_000
    assert LOOK.cost("fill", "batch") == 50


def test_churn_costs_a_release_and_a_take() -> None:
    """One operation of churn is both."""
    costs = {"churn take single": 10.0, "churn release single": 5.0}
    assert replace(LOOK, costs=costs).cost("churn", "single") == 15


def test_the_first_size_is_not_predicted() -> None:
    """Nothing is known before anything was looked at."""
    assert make_ladder().predict(100) is None


def test_a_probe_predicts_but_is_not_measured_on() -> None:
    """What was only looked at to know what larger sizes take has no place in lock-step."""
    ladder = make_ladder()
    ladder.probes[1000] = LOOK
    assert ladder.predict(10_000) == make_ladder(LOOK).predict(10_000)
    assert scaling.choose([ladder], 90.0, math.inf) == {}


def test_a_prediction_is_linear() -> None:
    """Ten times the spaces: ten times build, fill, six passes, and of memory what is held and what is passing."""
    predicted = make_ladder(LOOK).predict(10_000)
    assert predicted is not None
    assert predicted[0] == pytest.approx(0.01 + 0.02 + 6 * 15e-6 * 10)
    assert predicted[1] == 8000 * 10 + 2000 * 10


def test_what_the_interpreter_holds_does_not_grow() -> None:
    """Of 70 MB at 1,000 spaces and 0.9 MB more at 10,000, a space takes 100 bytes, and the rest stays as it is."""
    first = replace(LOOK, held_bytes=70_000_000, reserved_bytes=0, peak_bytes=0)
    last = replace(first, spaces=10_000, held_bytes=70_900_000)
    predicted = make_ladder(first).predict(10_000), make_ladder(first, last).predict(100_000)
    assert [one and one[1] for one in predicted] == [70_000_000, 79_900_000]
    asked = make_ladder(first, replace(last, reserved_bytes=2_000_000)).predict(20_000)
    assert asked is not None
    assert asked[1] == 72_900_000


def test_what_passes_while_filling_stops_growing() -> None:
    """From a chunk of spaces on, the list that `take_many` returns is as long at any size."""
    spaces = 2 * first_look.CHUNK
    predicted = make_ladder(replace(LOOK, spaces=spaces)).predict(10 * spaces)
    assert predicted is not None
    assert predicted[1] == 8000 * 10 + 2000


def test_a_fill_that_grew_faster_is_predicted_so() -> None:
    """A pool whose last fill took a hundred times as long for ten times the spaces is taken at its word."""
    first, last = replace(LOOK, spaces=100), replace(LOOK, fill_ns=2e8)
    predicted = make_ladder(first, last).predict(10_000)
    assert predicted is not None
    assert predicted[0] == pytest.approx(20 + 0.01 + 6 * 15e-6 * 10)


@pytest.mark.parametrize(
    ("predicted", "reason"),
    [
        (None, None),
        ((1.0, GIB), None),
        ((12.0, GIB), "to fill it and look at it would take 12 s, and 2 s are left"),
        ((1.0, 9 * GIB), "would need 9 GiB of 8 GiB"),
        ((12.0, 9 * GIB), "would need 9 GiB of 8 GiB"),
    ],
)
def test_what_does_not_fit_is_skipped_with_the_reason(
    predicted: tuple[float, float] | None, reason: str | None
) -> None:
    """Beyond the limit of time or memory there is a stop that says by how much."""
    expected = None if reason is None else Ending("skipped", reason)
    assert first_look.refuse(predicted, 2.0, 8 * GIB) == expected


def test_the_memory_limit_is_no_more_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine has to spare is the limit where it is below the set one."""
    monkeypatch.setattr(
        Path, "read_text", lambda *_, **__: "MemFree: 1 kB\nMemAvailable: 2048 kB\n"
    )
    assert first_look.memory_limit_bytes(ScaleSettings(memory_gib=1)) == 2048 * 1024
    assert first_look.memory_limit_bytes(ScaleSettings(memory_gib=1 / 1024 / 1024)) == 1024


SLOW = replace(LOOK, spaces=10_000, fill_ns=5e9)


def test_the_cheapest_come_first_into_lock_step() -> None:
    """With time for six generations of the small size only, the large one is left to its first look."""
    assert scaling.choose([make_ladder(SLOW, LOOK)], 30.0, math.inf) == {"heap": [1000]}
    assert scaling.choose([make_ladder(SLOW, LOOK)], 90.0, math.inf) == {"heap": [1000, 10_000]}


def test_no_size_is_left_out_in_between() -> None:
    """A size that fits is left out where a smaller one of the same implementation does not."""
    large = replace(LOOK, spaces=10_000)
    first = replace(LOOK, spaces=100)
    ladder = make_ladder(first, replace(SLOW, spaces=1000), large)
    assert scaling.choose([ladder], 30.0, math.inf) == {"heap": [100]}


def test_a_small_budget_buys_one_generation() -> None:
    """Where six generations do not fit at all, one that does is better than nothing."""
    assert scaling.choose([make_ladder(LOOK)], 2.0, math.inf) == {"heap": [1000]}
    assert scaling.choose([make_ladder(LOOK)], 0.1, math.inf) == {}


def test_lock_step_holds_all_pools_at_once() -> None:
    """What the pools hold together, and the most that any needs in passing, stays within the memory."""
    ladders = [make_ladder(LOOK), make_ladder(replace(LOOK, fill_ns=3e6), name="tree")]
    assert scaling.choose(ladders, 90.0, 18_000) == {"heap": [1000], "tree": [1000]}
    assert scaling.choose(ladders, 90.0, 17_999) == {"heap": [1000]}


def test_what_failed_is_not_measured_on() -> None:
    """An implementation that failed at one size has no place in lock-step."""
    ladder = make_ladder(LOOK)
    ladder.failure = Ending("wrong", "it answers otherwise")
    assert scaling.choose([ladder], 90.0, math.inf) == {}


def make_contestant(**series: list[list[float]]) -> Contestant:
    """Return a contestant with a row for each series, named by size."""
    names = {f"fill single {key[1:]}": values for key, values in series.items()}
    rows = tuple(RowTerms(name, {name: 1.0}, {}) for name in names)
    return Contestant("heap", rows, names)


def test_sizes_are_compared_within_rounds() -> None:
    """The median over generations of the median ratio in a round: 2, whatever the host's speed."""
    contestant = make_contestant(
        s1000=[[10, 20, 10], [10, 10, 10]], s10000=[[20, 40, 30], [20, 20, 20]]
    )
    found = scaling.ratio_within(contestant, "fill single 10000", "fill single 1000")
    assert found == (pytest.approx(2), None, None)


def test_without_the_base_there_is_no_ratio() -> None:
    """What was not measured divides nothing."""
    found = scaling.ratio_within(
        make_contestant(s100=[[1.0]]), "fill single 100", "fill single 1000"
    )
    assert found == (None, None, None)


def test_lock_step_replaces_the_first_look() -> None:
    """Median, interval and ratios are those of lock-step; without it the first look's median stays, alone."""
    generations = [[value] for value in (10.0, 11.0, 12.0, 13.0, 14.0, 15.0)]
    measured = Measured(Result((make_contestant(s1000=generations, s100=generations),)))
    row = measured.complete(ROW)
    assert (row.median, row.low, row.high, row.lock_step) == (12.5, 10, 15, True)
    assert (row.reference, row.ratio, row.base_spaces, row.base_ratio) == ("heap", 1, 1000, 1)
    assert measured.complete(replace(ROW, spaces=10_000)) == replace(ROW, spaces=10_000)
    assert Measured(None).complete(ROW) == ROW


@pytest.mark.parametrize(("status", "median"), [("wrong", None), ("invalid", 90.0)])
def test_what_fails_in_lock_step(status: str, median: float | None) -> None:
    """Wrong answers take the figures away; another failure leaves those of the first look, with the reason."""
    contestant = Contestant("heap", problem=Problem(status, "it broke"))
    row = Measured(Result((contestant,))).complete(ROW)
    assert (row.median, row.lock_step) == (median, False)
    assert (row.reason, row.caveats) == (
        ("it broke", ()) if status == "wrong" else (None, ("it broke",))
    )


def test_small_batches_are_no_evidence() -> None:
    """A small garage has small batches, in which a call weighs more: growth is judged without them."""
    rows = [
        replace(ROW, mode="batch", spaces=size, batch=batch, lock_step=True)
        for size, batch in ((100, 50), (1000, 500))
    ]
    assert scaling.costs_by_size(rows) == {1000: 90.0}
    assert scaling.costs_by_size([replace(row, mode="single") for row in rows]).keys() == {
        100,
        1000,
    }


def test_the_reason_counts_what_was_left_out() -> None:
    """Four sizes were measured, and three are not enough: it is said where the fourth is."""
    rows = [
        replace(ROW, mode="batch", spaces=size, batch=min(500, size // 2), lock_step=True)
        for size in (100, 1000, 10_000, 100_000)
    ]
    (growth,) = scaling.make_growth(rows)
    assert growth.reason == (
        "it takes 4 sizes over a factor of 100; left out for smaller batches: 1 of 4"
    )
    (growth,) = scaling.make_growth([replace(row, mode="single") for row in rows[:3]])
    assert growth.reason == "it takes 4 sizes over a factor of 100"


def test_growth_is_judged_by_figures_of_one_kind() -> None:
    """Where one size has its first look only, the first looks of all sizes are what is compared."""
    rows = [replace(ROW, lock_step=True), replace(ROW, spaces=10_000, median=99.0)]
    assert scaling.costs_by_size(rows) == {1000: 99.0, 10_000: 99.0}
    assert scaling.costs_by_size(rows[:1]) == {1000: 90.0}


def test_quick_pools_come_before_slow_ones_that_are_sooner_filled() -> None:
    """What takes long to fill but is quick needs lock-step more than a slow search does."""
    quick = make_ladder(replace(LOOK, fill_ns=2e9))
    slow = make_ladder(replace(LOOK, costs={"fill take single": 1e6}), name="lists")
    assert scaling.choose([slow, quick], 30.0, math.inf) == {"heap": [1000]}


def test_a_quick_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every size has a cost, measured in lock-step against the reference, time to build, and no memory that is noise."""
    monkeypatch.setattr(scaling, "REFERENCE", "lists")
    settings = ScaleSettings(("heap", "lists"), (10, 1000), ("fill",), budget_s=8)
    report = scaling.scale(settings)
    assert {(row.impl, row.spaces, row.mode) for row in report.rows} == {
        (impl, spaces, mode)
        for impl in ("heap", "lists")
        for spaces in (10, 1000)
        for mode in ("single", "batch")
    }
    for row in report.rows:
        assert (row.status, row.lock_step, row.reference) == ("ok", True, "lists")
        assert row.median is not None
        assert row.median > 0
        assert row.build_ns is not None
        assert (row.base_spaces, row.bytes_per_space) == (1000, None)
    assert [one.growth for one in report.growth] == [None] * 4


def test_larger_sizes_are_skipped() -> None:
    """Beyond the memory a size has no figures and a reason; the sizes below it have theirs."""
    settings = ScaleSettings(("lists",), (100, 1_000_000), ("fill",), budget_s=4, memory_gib=0.001)
    rows = scaling.scale(settings).rows
    small, large = (
        {row.status for row in rows if row.spaces == spaces} for spaces in (100, 1_000_000)
    )
    assert (small, large) == ({"ok"}, {"skipped"})
    assert all("GiB of 0.001 GiB" in (row.reason or "") for row in rows if row.status == "skipped")


@pytest.mark.parametrize(
    ("sizes", "probes"),
    [
        (first_look.SIZES, []),
        ((100, 1000), []),
        ((100_000,), []),
        ((1_000_000,), [10_000, 100_000]),
        ((100, 200_000_000), [10_000, 100_000, 1_000_000]),
        ((1000, 20_000, 10**18), [1_000_000]),
    ],
)
def test_probes_go_before_what_is_large(sizes: tuple[int, ...], probes: list[int]) -> None:
    """Only where no wanted size tells as much: one of a tenth of the probe or more."""
    assert first_look.choose_probes(sizes) == probes


@pytest.mark.parametrize("spaces", [200_000_000, 10**18])
def test_a_large_first_size_is_predicted(spaces: int) -> None:
    """It is skipped with the reason, though no smaller one was asked for, and the probes have no rows."""
    settings = ScaleSettings(("lists",), (spaces,), ("fill",), budget_s=4, memory_gib=0.1)
    report = scaling.scale(settings)
    assert {(row.spaces, row.status) for row in report.rows} == {(spaces, "skipped")}
    assert all("GiB of 0.1 GiB" in (row.reason or "") for row in report.rows)


def test_a_spent_budget_skips_the_rest() -> None:
    """When the whole time is gone, what was not looked at is skipped, and what was has its first look."""
    rows = scaling.scale(ScaleSettings(("lists",), (100, 1000), ("fill",), budget_s=1e-9)).rows
    assert [row.status for row in rows if row.spaces == 100] == ["ok", "ok"]
    skipped = [row.reason for row in rows if row.spaces == 1000]
    assert skipped == ["the budget of 1e-09 s is spent"] * 2


@pytest.mark.parametrize("name", ["nonesuch", "no/such/file.py:Pool"])
def test_an_unknown_name_is_refused(name: str) -> None:
    """A name that nothing is registered under, or a file that is not there, is an error before anything is measured."""
    with pytest.raises(UnknownName, match=name):
        scaling.scale(ScaleSettings((name,)))


@pytest.mark.parametrize("other", ["b/pool.py:Pool", "Pool"])
def test_two_of_one_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    """All is kept by name: what would run together, two files or a file and a built-in, is told before that."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pool.py").touch()
    assert scaling.tell_apart(("a/pool.py:Pool", "c", "c", "./a/pool.py:Pool")) == [
        "a/pool.py:Pool",
        "c",
    ]
    monkeypatch.setattr(scaling, "check_impl", lambda _: None)
    with pytest.raises(SettingsError, match=f"called Pool: a/pool.py:Pool, and {other}; leave"):
        scaling.scale(ScaleSettings(("a/pool.py:Pool", other), (100,), budget_s=1))


def test_the_budget_is_blamed_only_where_it_was_too_small() -> None:
    """What ran and could not be afforded: not what failed, what was skipped, or what was interrupted."""
    failed, idle = make_ladder(LOOK), make_ladder()
    failed.failure = Ending("wrong", "it answers otherwise")
    settings = ScaleSettings(("heap",), (1000,), ("fill",))

    def notes(ladder: Ladder, *, interrupted: bool = False) -> tuple[str, ...]:
        return scaling.make_report(settings, [ladder], None, interrupted=interrupted).caveats

    small = "nothing was measured in lock-step: the budget was too small"
    assert notes(make_ladder(LOOK)) == (small,)
    assert notes(failed) == notes(idle) == ()
    assert small not in notes(make_ladder(LOOK), interrupted=True)


def test_an_interruption_keeps_what_there_is() -> None:
    """Ctrl-C during the first look ends it: the sizes that were due are skipped, and it is said."""

    def interrupt(step: Progress) -> None:
        if step.generation == 1:
            raise KeyboardInterrupt

    report = scaling.scale(ScaleSettings(("lists",), (100, 1000), ("fill",)), on_progress=interrupt)
    assert [row.status for row in report.rows] == ["ok", "skipped"] * 2
    assert report.rows[1].reason == "interrupted before it was its turn"
    assert report.caveats[-1].startswith("interrupted: ")
    assert scaling.exit_code(report, ()) == 130


def make_report(**changes: str) -> ScaleReport:
    """Return a report of one row."""
    return ScaleReport(1, {}, {"interrupted": False}, (), (replace(ROW, **changes),), ())


@pytest.mark.parametrize(
    ("status", "named", "code"),
    [
        ("ok", (), 0),
        ("skipped", ("heap",), 0),
        ("unavailable", (), 0),
        ("unavailable", ("heap",), 1),
        ("invalid", (), 1),
        ("wrong", (), 3),
    ],
)
def test_exit_codes(status: str, named: tuple[str, ...], code: int) -> None:
    """What is skipped is good; what cannot run is an error if it was named; what answers wrongly is a 3."""
    assert scaling.exit_code(make_report(status=status), named) == code


def test_progress_goes_on_from_the_first_look() -> None:
    """In lock-step the seconds of the first look count as gone."""
    steps: list[Progress] = []
    report: Callable[[Progress], None] = scaling._shift(steps.append, 5.0)
    report(Progress(1, 6, 2.0, 10.0))
    assert (steps[0].elapsed_s, steps[0].expected_s) == (7.0, 15.0)
