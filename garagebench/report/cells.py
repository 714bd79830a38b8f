"""One column of a grid: its unit, and a cell for each line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from garagebench.report.quantity import (
    Scale,
    choose_finest,
    choose_scale,
    format_interval,
    format_number,
    format_rate,
    format_ratio,
)
from garagebench.run.report import Row, Status

UNKNOWN = "\N{EN DASH}"
REST = "unattributed"
RATE = "requests/s"
NS_A_SECOND = 1e9


@dataclass(frozen=True)
class Column:
    """What stands above the cells: the stage, its heading for people, the unit of its numbers."""

    stage: str
    heading: str
    unit: str


@dataclass(frozen=True)
class Cell:
    """What one stage of one implementation cost, as text; `notes` are numbers of footnotes."""

    text: str
    interval: str | None = None
    ratio: str | None = None
    #: Whether the interval of the ratio includes 1: no difference was seen.
    level: bool = False
    best: bool = False
    status: Status = "ok"
    notes: tuple[int, ...] = ()


EMPTY = Cell("")


def make_column(
    stage: str, rows: Sequence[Row | None], reference: int | None
) -> tuple[Column, tuple[Cell, ...]]:
    """Return the column of a stage and its cells, one a row; `reference` is an index of rows."""
    known = [row for row in rows if row is not None]
    medians = _known_medians(known)
    scale = choose_scale(medians, known[0].unit)
    cells = [_make_cell(row, scale) if row else EMPTY for row in rows]
    if stage == REST:  # a ratio of two small remainders says nothing, nor is the lowest the best
        cells = [replace(cell, ratio=None, level=False) for cell in cells]
    else:
        _add_own_ratio(cells, rows, reference)
        _mark_best(cells, rows, medians)
    return Column(stage, stage.replace("_", " "), scale.name), tuple(cells)


def make_rate_column(totals: Sequence[Row | None]) -> tuple[Column, tuple[Cell, ...]]:
    """Return the requests a second that the medians of `total` (ns) imply for one such server."""
    return Column(RATE, RATE, ""), tuple(_make_rate_cell(row) for row in totals)


def _make_cell(row: Row, scale: Scale) -> Cell:
    if row.status != "ok":
        return Cell(row.status, status=row.status)
    if row.median is None:
        return Cell(UNKNOWN)
    low, high = (None if bound is None else bound / scale.size for bound in (row.low, row.high))
    return Cell(
        text=format_number(row.median / scale.size, finest=choose_finest(low, high)),
        interval=None if low is None or high is None else format_interval(low, high),
        ratio=None if row.ratio is None else format_ratio(row.ratio),
        level=_includes_one(row),
    )


def _includes_one(row: Row) -> bool:
    if row.ratio_low is None or row.ratio_high is None:
        return False
    return row.ratio_low <= 1 <= row.ratio_high and row.ratio_low < row.ratio_high


def _add_own_ratio(cells: list[Cell], rows: Sequence[Row | None], reference: int | None) -> None:
    """Give the reference its ratio of 1.00 where the column has ratios to it."""
    row = None if reference is None else rows[reference]
    if reference is None or row is None or not _known_medians([row]):
        return
    if any(cell.ratio for cell in cells):
        cells[reference] = replace(cells[reference], ratio=format_ratio(1), level=False)


def _mark_best(cells: list[Cell], rows: Sequence[Row | None], medians: Sequence[float]) -> None:
    """Mark the lowest median, unless it is the only one."""
    if len(medians) == 1:
        return
    for index, row in enumerate(rows):
        if row is not None and row.status == "ok" and row.median in medians:
            cells[index] = replace(cells[index], best=row.median == min(medians))


def _make_rate_cell(row: Row | None) -> Cell:
    median = _known_medians([row]) if row else []
    return Cell(format_rate(NS_A_SECOND / median[0])) if median and median[0] > 0 else EMPTY


def _known_medians(rows: Sequence[Row]) -> list[float]:
    return [row.median for row in rows if row.status == "ok" and row.median is not None]
