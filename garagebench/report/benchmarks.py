"""The user's own benchmarks as a page: a line for each, with its time, and its ratio where there are several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from garagebench.report.legend import describe_origin
from garagebench.report.notes import tidy
from garagebench.report.page import Page, PlainGrid
from garagebench.report.quantity import (
    LEVEL,
    TIMES,
    choose_finest,
    choose_scale,
    format_interval,
    format_number,
    format_ratio,
)
from garagebench.run.report import Report, Row
from garagebench.run.rows import EVERYTHING
from garagebench.stats.levels import CONFIDENCE, format_level

INTERVAL = f"{format_level(CONFIDENCE)} interval"

#: The columns that say what a line is of.
NAMES = ("benchmark", "function")


def make_page(report: Report) -> Page:
    """Return what a person reads."""
    page = Page()
    names = _name_subjects(report.rows)
    shared = _find_shared(report.rows)
    cases = {row.case: None for row in report.rows}
    # Line by line what is compared: a benchmark of one, and of the others.
    rows = [row for case in cases for row in report.rows if row.case == case]
    has_ratio = any(row.ratio is not None and not _is_reference(row) for row in rows)
    columns = _choose_columns(len(cases), len(names), has_ratio=has_ratio)
    asked = report.settings
    others = ("subjects", "pytest", "asv", "pyperf")
    is_of_commands = asked.get("commands") and not any(map(asked.get, others))
    header = tuple("command" if is_of_commands and one in NAMES else one for one in columns)
    lines = [
        tuple(cells[column] for column in columns)
        for row in rows
        for cells in (_draw(row, names, shared, page),)
    ]
    if lines:
        page.grids.append(
            PlainGrid(f"what one {'run' if is_of_commands else 'call'} costs", header, tuple(lines))
        )
        ratio = f"; {TIMES} ratio to {_name_reference(rows, names)}; {LEVEL} no difference seen"
        if any(row.status == "ok" for row in rows):
            page.notes.append(f"median, {INTERVAL}{ratio * has_ratio}")
    several = len(names) > 1
    for subject, texts in shared.items():
        page.notes += [f"{names[subject]}: {text}" if several else text for text in texts]
    page.notes += map(tidy, report.caveats)
    if origin := describe_origin(report):
        page.notes.append(f"Measured: {origin}")
    return page


def _choose_columns(cases: int, subjects: int, *, has_ratio: bool) -> tuple[str, ...]:
    benchmark, function = NAMES
    first = [*[benchmark] * (cases > 1 or subjects == 1), *[function] * (subjects > 1)]
    return (*first, "time", INTERVAL, *["ratio"] * has_ratio)


def _draw(
    row: Row,
    names: Mapping[tuple[str, str], str],
    shared: Mapping[tuple[str, str], Sequence[str]],
    page: Page,
) -> dict[str, str]:
    """Return the cells of a line by their column."""
    subject = row.impl, row.runtime
    notes = "".join(
        page.refer(tidy(text)) for text in row.caveats if text not in shared.get(subject, ())
    )
    case = names[subject] if row.case == EVERYTHING else row.case
    cells = {"benchmark": case, "function": names[subject], INTERVAL: "", "ratio": ""}
    if row.status != "ok" or row.median is None:
        return {**cells, "time": f"not measured {notes}".strip()}
    scale = choose_scale([row.median], row.unit)
    finest = None
    if row.low is not None and row.high is not None:
        low, high = row.low / scale.size, row.high / scale.size
        finest = choose_finest(low, high)
        cells[INTERVAL] = format_interval(low, high)
    if row.ratio is not None:
        cells["ratio"] = format_ratio(row.ratio) + LEVEL * _is_level(row)
    time = f"{format_number(row.median / scale.size, finest=finest)} {scale.name}"
    return {**cells, "time": f"{time} {notes}".strip()}


def _is_reference(row: Row) -> bool:
    return row.reference == f"{row.impl}@{row.runtime}"


def _is_level(row: Row) -> bool:
    if row.ratio_low is None or row.ratio_high is None or _is_reference(row):
        return False
    return row.ratio_low <= 1 <= row.ratio_high


def _name_subjects(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """Return what each is called: with its interpreter where there are several."""
    runtimes = {row.runtime for row in rows}
    return {
        (row.impl, row.runtime): f"{row.impl}@{row.runtime}" if len(runtimes) > 1 else row.impl
        for row in rows
    }


def _name_reference(rows: Sequence[Row], names: Mapping[tuple[str, str], str]) -> str:
    return next((names[row.impl, row.runtime] for row in rows if _is_reference(row)), "the first")


def _find_shared(rows: Sequence[Row]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return for each subject the caveats that all of its measured rows have, where there are several."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.status == "ok":
            groups.setdefault((row.impl, row.runtime), []).append(row)
    return {
        subject: tuple(
            text for text in of_it[0].caveats if all(text in row.caveats for row in of_it)
        )
        for subject, of_it in groups.items()
        if len(of_it) > 1
    }
