"""Rows to grids: what stands where."""

# ruff: noqa: RUF001 - the signs that users see

from __future__ import annotations

from collections.abc import Callable

import pytest

from garagebench.report import make_grids
from garagebench.report.cells import Cell
from garagebench.report.grid import Grid, collect_footnotes
from garagebench.run.report import Report, ReportError, Row

MakeRow = Callable[..., Row]
MakeReport = Callable[..., Report]


def texts(grid: Grid) -> dict[str, list[str]]:
    """Return what is shown for the median, by implementation."""
    return {line.subject.impl: [cell.text for cell in line.cells] for line in grid.lines}


def cell_of(grid: Grid, impl: str, stage: str) -> Cell:
    """Return one cell."""
    place = [column.stage for column in grid.columns].index(stage)
    return next(line for line in grid.lines if line.subject.impl == impl).cells[place]


def test_grids_come_in_the_order_of_operations(make_row: MakeRow, make_report: MakeReport) -> None:
    """Park, unpark, both, batches, start, then whatever else, in the order in which it appears."""
    operations = ["start", "scale", "unpark_many", "park_many", "both", "drive", "unpark", "park"]
    grids = make_grids(make_report(*(make_row(operation=name) for name in operations)))
    assert [grid.title.partition(":")[0] for grid in grids] == [
        *("park", "unpark", "both", "park_many", "unpark_many", "start", "scale", "drive")
    ]


def test_a_grid_holds_one_layout_and_workload(make_row: MakeRow, make_report: MakeReport) -> None:
    """What was measured on another layout or workload has a grid of its own, which says so."""
    rows = [make_row(layout="seed"), make_row(layout="tower"), make_row(workload="churn")]
    grids = make_grids(make_report(*rows))
    assert [grid.subtitle.removesuffix(", stages replayed alone") for grid in grids] == [
        "layout seed, workload fill",
        "layout tower, workload fill",
        "layout seed, workload churn",
    ]


@pytest.mark.parametrize(
    ("operation", "how"),
    [("park", ", stages replayed alone"), ("park_many", ", each block in one call"), ("both", "")],
)
def test_a_subtitle_says_how_it_was_measured(
    make_row: MakeRow, make_report: MakeReport, operation: str, how: str
) -> None:
    """Stages alone, a block in one call; of a whole request there is nothing to add. A rate is told of the first two."""
    (grid,) = make_grids(make_report(make_row(operation=operation)))
    assert grid.title == f"{operation}: what one request costs"
    assert grid.subtitle == f"layout seed, workload fill{how}"
    assert [column.stage for column in grid.columns][1:] == (["requests/s"] if how else [])


@pytest.mark.parametrize("operation", ["park", "unpark", "both"])
def test_a_grid_of_processes_says_so(
    make_row: MakeRow, make_report: MakeReport, operation: str
) -> None:
    """Where several processes worked, the total is that of all of them, before that of one; so is the rate."""
    stages = ["slowest", "fastest", "total"]
    rows = [make_row(operation=operation, stage=stage, median=500.0) for stage in stages]
    (grid,) = make_grids(make_report(*rows))
    assert grid.subtitle.endswith(", processes in one garage, total of all of them together")
    assert [column.stage for column in grid.columns] == [
        *("total", "slowest", "fastest", "requests/s")
    ]
    assert grid.lines[0].cells[-1].text == "2.0M"


def test_a_title_says_what_it_costs(report: Report) -> None:
    """The title has the operation and what one of it is; a start is no request."""
    assert [grid.title for grid in make_grids(report)] == [
        "park: what one request costs",
        "park in context: what one request costs",
        "unpark: what one request costs",
        "start: what one start costs",
    ]


@pytest.mark.parametrize(
    ("operation", "stages"),
    [
        (
            "park",
            "validate sequence assignment floor_lookup encode total unattributed requests/s",
        ),
        ("unpark", "validate space_lookup release encode total unattributed requests/s"),
        ("start", "import compile build first_request peak_memory"),
    ],
)
def test_stages_stand_in_the_order_of_the_request(
    make_row: MakeRow, make_report: MakeReport, operation: str, stages: str
) -> None:
    """Whatever the order of the rows, columns go from the body to the reply, then the sums."""
    measured = [stage for stage in stages.split() if stage != "requests/s"]
    rows = [make_row(operation=operation, stage=stage) for stage in sorted(measured)]
    (grid,) = make_grids(make_report(*rows))
    assert [column.stage for column in grid.columns] == stages.split()


def test_only_stages_that_occur_have_a_column(make_row: MakeRow, make_report: MakeReport) -> None:
    """A run of one stage is a grid of one column, and an unknown stage comes last."""
    rows = [make_row(stage="lookahead"), make_row(stage="encode")]
    (grid,) = make_grids(make_report(*rows))
    assert [column.stage for column in grid.columns] == ["encode", "lookahead"]


def test_a_heading_is_for_people(make_row: MakeRow, make_report: MakeReport) -> None:
    """Stages are written in words, with the unit of the column."""
    (grid,) = make_grids(make_report(make_row(stage="floor_lookup", median=2500.0)))
    assert (grid.columns[0].heading, grid.columns[0].unit) == ("floor lookup", "µs")


def test_the_reference_comes_first(make_row: MakeRow, make_report: MakeReport) -> None:
    """The reference is the first line; the others follow in order of appearance."""
    rows = [make_row(impl=impl) for impl in ("numpy", "lists", "array")]
    (grid,) = make_grids(make_report(make_row(runtime="pypy3.9"), *rows))
    assert [(line.subject.impl, line.subject.runtime) for line in grid.lines] == [
        ("lists", "cpython3.11"),
        ("lists", "pypy3.9"),
        ("numpy", "cpython3.11"),
        ("array", "cpython3.11"),
    ]


def test_the_server_parts_lines(make_row: MakeRow, make_report: MakeReport) -> None:
    """One implementation behind two servers is two lines."""
    rows = [make_row(server="falcon"), make_row(server="tornado")]
    (grid,) = make_grids(make_report(*rows))
    assert [line.subject.server for line in grid.lines] == ["falcon", "tornado"]


def test_the_reference_has_a_ratio_of_one(make_row: MakeRow, make_report: MakeReport) -> None:
    """The reference's own ratio is shown where others are held to it."""
    rows = [make_row(), make_row(impl="numpy", ratio=2.467)]
    (grid,) = make_grids(make_report(*rows))
    assert [line.cells[0].ratio for line in grid.lines] == ["×1.00", "×2.47"]


def test_nobody_is_held_to_a_reference_that_is_alone(
    make_row: MakeRow, make_report: MakeReport
) -> None:
    """Without any ratio in the column the reference shows none either."""
    (grid,) = make_grids(make_report(make_row(), make_row(impl="numpy")))
    assert [line.cells[0].ratio for line in grid.lines] == [None, None]


@pytest.mark.parametrize(
    ("low", "high", "level"),
    [(0.99, 1.02, True), (1.01, 1.02, False), (0.98, 0.99, False), (None, None, False)],
)
def test_a_ratio_that_may_be_one_is_marked(
    make_row: MakeRow, make_report: MakeReport, low: float | None, high: float | None, level: bool
) -> None:
    """A ratio whose interval includes 1 shows no difference, and says so."""
    row = make_row(impl="numpy", ratio=1.005, ratio_low=low, ratio_high=high)
    (grid,) = make_grids(make_report(make_row(), row))
    assert grid.lines[1].cells[0].level is level


def test_a_cell_has_median_interval_and_ratio(make_row: MakeRow, make_report: MakeReport) -> None:
    """All three are in the column's unit and have three digits; an unknown interval is absent."""
    row = make_row(impl="numpy", median=4496.0, low=4440.0, high=4551.0, ratio=2.468)
    (grid,) = make_grids(make_report(make_row(), row))
    assert grid.lines[1].cells[0] == Cell("4.50", "4.44–4.55", "×2.47")
    assert grid.lines[0].cells[0].interval is None


def test_half_an_interval_is_none(make_row: MakeRow, make_report: MakeReport) -> None:
    """Where one bound is unknown, neither is shown."""
    (grid,) = make_grids(make_report(make_row(low=1800.0)))
    assert grid.lines[0].cells[0].interval is None


def test_the_lowest_of_a_column_is_best(report: Report) -> None:
    """Exactly the lowest median of each column is marked; the remainder has no best."""
    park = make_grids(report)[0]
    best = {
        column.stage: [
            line.subject.impl for line in park.lines if line.cells and line.cells[n].best
        ]
        for n, column in enumerate(park.columns)
    }
    stages = ("validate", "sequence", "assignment", "floor_lookup", "encode", "total")
    assert best == {stage: ["pypy"] for stage in stages} | {"unattributed": [], "requests/s": []}


def test_nobody_is_best_alone(make_row: MakeRow, make_report: MakeReport) -> None:
    """One good number has nothing to be better than; a wrong one does not count."""
    rows = [make_row(), make_row(impl="numpy", status="wrong", median=1.0)]
    (grid,) = make_grids(make_report(*rows, make_row(impl="array", median=None)))
    assert not any(cell.best for line in grid.lines for cell in line.cells)


def test_the_remainder_has_no_ratio(make_row: MakeRow, make_report: MakeReport) -> None:
    """A ratio of two small differences says nothing, so it is not shown."""
    rest = {"stage": "unattributed", "median": -32.0}
    rows = [make_row(**rest), make_row(**rest, impl="numpy", ratio=-0.4)]
    (grid,) = make_grids(make_report(*rows))
    assert [line.cells[0] for line in grid.lines] == [Cell("−32.0"), Cell("−32.0")]


@pytest.mark.parametrize("status", ["wrong", "unavailable", "invalid"])
def test_a_bad_status_stands_for_the_number(
    make_row: MakeRow, make_report: MakeReport, status: str
) -> None:
    """A case that is not good shows its status, whatever numbers it has."""
    bad = make_row(stage="encode", status=status, median=3.0, low=2.0, high=4.0, ratio=0.5)
    (grid,) = make_grids(make_report(make_row(), bad))
    assert cell_of(grid, "lists", "encode") == Cell(status, status=status)  # type: ignore[arg-type]


def test_a_bad_number_chooses_no_unit(make_row: MakeRow, make_report: MakeReport) -> None:
    """The unit of a column is that of its good numbers."""
    rows = [make_row(median=5e6), make_row(impl="numpy", status="invalid", median=3.0)]
    (grid,) = make_grids(make_report(*rows))
    assert grid.columns[0].unit == "ms"


def test_an_unknown_number_is_a_dash(make_row: MakeRow, make_report: MakeReport) -> None:
    """Good, but unknown: a dash; not measured at all: nothing."""
    rows = [
        make_row(stage="import", operation="start", median=None),
        make_row(stage="import", operation="start", impl="numpy"),
        make_row(stage="build", operation="start", impl="numpy"),
    ]
    (grid,) = make_grids(make_report(*rows))
    assert texts(grid)["lists"] == ["–", ""]


def test_a_line_that_failed_alike_is_one_message(report: Report) -> None:
    """One reason for all stages is said once, with its footnote."""
    park = make_grids(report)[0]
    failed = [line for line in park.lines if line.message]
    assert [line.subject.impl for line in failed] == ["numba_fast", "greedy"]
    assert [line.message for line in failed] == [
        Cell("unavailable", status="unavailable", notes=(3,)),
        Cell("wrong", status="wrong", notes=(4,)),
    ]
    assert not any(line.cells for line in failed)


def test_a_line_that_failed_in_part_keeps_its_cells(
    make_row: MakeRow, make_report: MakeReport
) -> None:
    """Two reasons, or one good cell, are shown stage by stage."""
    stages = [("encode", "wrong", "a"), ("total", "wrong", "b")]
    rows = [make_row(stage=stage, status=status, caveats=(why,)) for stage, status, why in stages]
    (grid,) = make_grids(make_report(*rows))
    assert grid.lines[0].message is None
    assert [(cell.text, cell.notes) for cell in grid.lines[0].cells[:2]] == [
        ("wrong", (1,)),
        ("wrong", (2,)),
    ]


def test_footnotes_are_numbered_as_they_appear(make_row: MakeRow, make_report: MakeReport) -> None:
    """The same caveat has the same number in all grids; numbers go up in reading order."""
    rows = [
        make_row(operation="start", stage="build", caveats=("late", "early")),
        make_row(stage="total", caveats=("second", "early")),
        make_row(stage="encode", caveats=("early",)),
        make_row(impl="numpy", stage="encode"),
        make_row(stage="validate"),
    ]
    grids = make_grids(make_report(*rows))
    assert [note.text for note in collect_footnotes(grids)] == ["early", "second", "late"]
    assert [note.number for note in collect_footnotes(grids)] == [1, 2, 3]
    assert cell_of(grids[0], "lists", "total").notes == (1, 2)
    assert cell_of(grids[1], "lists", "build").notes == (1, 3)
    assert [note.number for note in grids[1].footnotes] == [1, 3]


def test_what_holds_for_a_line_is_noted_once(make_row: MakeRow, make_report: MakeReport) -> None:
    """A caveat of all of a line's cells stands at its name, not in each cell."""
    rows = [
        make_row(stage="encode", caveats=("all",)),
        make_row(stage="total", caveats=("all", "one")),
    ]
    (grid,) = make_grids(make_report(*rows))
    assert grid.lines[0].notes == (1,)
    assert [cell.notes for cell in grid.lines[0].cells] == [(), (2,), ()]


def test_a_caveat_is_one_line_of_text(make_row: MakeRow, make_report: MakeReport) -> None:
    """Line endings and control characters, say of another program's error, are not passed on."""
    row = make_row(stage="encode", caveats=("no\n  such \x1b[31mthing\x00",))
    (grid,) = make_grids(make_report(row))
    assert [note.text for note in grid.footnotes] == ["no such [31mthing"]


def test_in_context_is_a_grid_of_its_own(report: Report) -> None:
    """It shows the in-context value alone, and a dash with its reason where there is none."""
    in_context = make_grids(report)[1]
    assert cell_of(in_context, "numba", "total") == Cell("1.73", best=True)
    assert texts(in_context)["pypy"] == ["–"] * 7
    assert [(line.subject.impl, line.notes) for line in in_context.lines] == [
        *(("lists", ()), ("numpy", ()), ("numba", ()), ("pypy", (1,)))
    ]


def test_in_context_needs_a_value(make_row: MakeRow, make_report: MakeReport) -> None:
    """Stages without any in-context value have no column, and without all there is no grid."""
    rows = [make_row(stage="encode", in_context=480.0), make_row(stage="total")]
    _, in_context = make_grids(make_report(*rows))
    assert [column.stage for column in in_context.columns] == ["encode"]
    assert len(make_grids(make_report(rows[1]))) == 1


def test_a_caveat_of_the_isolated_time_stays_there(
    make_row: MakeRow, make_report: MakeReport
) -> None:
    """A caveat is repeated in context only where it can explain a missing value."""
    row = make_row(in_context=480.0, caveats=("no interval",))
    isolated, in_context = make_grids(make_report(row))
    assert (isolated.lines[0].cells[0].notes, in_context.lines[0].cells[0].notes) == ((1,), ())


def test_start_and_both_are_never_in_context(make_row: MakeRow, make_report: MakeReport) -> None:
    """Only park and unpark have stages within a request."""
    rows = [make_row(operation=name, in_context=1.0) for name in ("start", "both")]
    assert len(make_grids(make_report(*rows))) == 2


def test_requests_a_second_follow_from_the_total(report: Report) -> None:
    """A total of 1,822 ns is 549 thousand requests a second; where nothing ran, there are none."""
    park, in_context, unpark, start = make_grids(report)
    assert cell_of(park, "lists", "requests/s") == Cell("549k")
    assert cell_of(unpark, "pypy", "requests/s") == Cell("6.6M")
    for grid in (in_context, start):
        assert "requests/s" not in [column.stage for column in grid.columns]


@pytest.mark.parametrize("change", [{"median": None}, {"median": 0.0}, {"status": "invalid"}])
def test_requests_a_second_need_a_total(
    make_row: MakeRow, make_report: MakeReport, change: dict[str, object]
) -> None:
    """Without a good total above 0 there is no rate."""
    (grid,) = make_grids(make_report(make_row(stage="encode"), make_row(**change)))
    assert grid.lines[0].cells[-1] == Cell("")


def test_a_case_stands_there_once(make_row: MakeRow, make_report: MakeReport) -> None:
    """Two rows of one case, say of two files, are refused: one of them would be hidden."""
    with pytest.raises(ReportError, match=r"two rows for park/total of lists@cpython3\.11: "):
        make_grids(make_report(make_row(), make_row()))


def test_nothing_measured_is_no_grid(make_report: MakeReport) -> None:
    """A report without rows has no grids."""
    assert make_grids(make_report()) == []
