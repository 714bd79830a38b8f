"""Rows to grids of cells and footnotes, which every format draws."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from garagebench.report.cells import Cell, Column, make_column, make_rate_column
from garagebench.report.lines import Line, Subject, make_line
from garagebench.report.notes import Footnote, Numbering
from garagebench.run.report import IN_CONTEXT, Report, ReportError, Row

OPERATION_ORDER = ("park", "unpark", "both", "park_many", "unpark_many", "start")
REQUESTS = ("park", "unpark")
BATCHES = ("park_many", "unpark_many")
#: Stages that only requests over HTTP have, from a server that leaves all out to a whole one, and the last of them
#: that is the server's whole time, which requests a second follow from.
OVER_HTTP = (
    "http_socket",
    "http_protocol",
    "http_framework",
    "http_decode",
    "http_cpu",
    "http",
    "http_latency",
)
WHOLE, WHOLE_OVER_HTTP = "total", "http_cpu"
#: Stages that only the requests of several processes at once have.
OF_PROCESSES = ("slowest", "fastest")
STAGE_ORDER = (
    "validate",
    "sequence",
    "assignment",
    "floor_lookup",
    "space_lookup",
    "release",
    "encode",
    "total",
    *OF_PROCESSES,
    *OVER_HTTP,
    "unattributed",
    "import",
    "compile",
    "build",
    "first_request",
    "peak_memory",
)


@dataclass(frozen=True)
class Grid:
    """What one request (or start) costs: columns are stages, lines are implementations."""

    title: str
    subtitle: str
    reference: str | None
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    footnotes: tuple[Footnote, ...]


def make_grids(report: Report) -> list[Grid]:
    """Return the grids of a report in the order in which they are read."""
    numbering = Numbering()
    grids = []
    for (operation, layout, workload, over_http), rows in _group(report.rows).items():
        place = f"layout {layout}, workload {workload}"
        cost = "start" if operation == "start" else "request"
        title, subtitle = f"{operation}: what one {cost} costs", place
        of_processes = any(row.stage in OF_PROCESSES for row in rows)
        if of_processes:
            subtitle = f"{place}, processes in one garage, total of all of them together"
        elif operation in BATCHES:
            subtitle = f"{place}, each block in one call"
        elif over_http:
            title = f"{operation} over HTTP: what one request costs the server"
            subtitle = f"{place}, CPU time on one core; http is http cpu minus total"
        elif operation in REQUESTS:
            subtitle = f"{place}, stages replayed alone"
        rate = of_processes or operation in REQUESTS + BATCHES
        isolated = [_isolated(row) for row in rows]
        grids.append(_make_grid(title, subtitle, isolated, numbering, rate=rate))
        if operation in REQUESTS and (in_context := _take_in_context(rows)):
            title = f"{operation} in context: what one request costs"
            subtitle = f"{place}, stages clocked inside the whole request"
            grids.append(_make_grid(title, subtitle, in_context, numbering))
    return grids


def collect_footnotes(grids: Iterable[Grid]) -> list[Footnote]:
    """Return the footnotes of all the grids once each, by number."""
    return sorted({note for grid in grids for note in grid.footnotes})


def _group(rows: Iterable[Row]) -> dict[tuple[str, str, str, bool], list[Row]]:
    """Return the rows by operation, layout, workload, and whether they are of requests over HTTP."""
    groups: dict[tuple[str, str, str, bool], list[Row]] = {}
    for row in rows:
        place = (*_find_place(row), row.stage in OVER_HTTP)
        groups.setdefault(place, []).append(row)
    return dict(sorted(groups.items(), key=lambda item: _rank(item[0][0], OPERATION_ORDER)))


def _find_place(row: Row) -> tuple[str, str, str]:
    """Return operation, layout and workload, which every row of a garage has."""
    return row.operation or "", row.layout or "", row.workload or ""


def _rank(name: str, order: Sequence[str]) -> int:
    """Return the place of a name in a written order, after all of it when it is not there."""
    return order.index(name) if name in order else len(order)


def _take_in_context(rows: Sequence[Row]) -> list[Row]:
    """Return the good rows with the in-context value as median, of the stages that have any."""
    stages = {row.stage for row in rows if row.in_context is not None}
    return [_in_context(row) for row in rows if row.stage in stages and row.status == "ok"]


def _in_context(row: Row) -> Row:
    """Return the row with its in-context value alone; its caveats stay where that is unknown."""
    return replace(
        row,
        median=row.in_context,
        low=None,
        high=None,
        ratio=None,
        ratio_low=None,
        ratio_high=None,
        caveats=row.caveats
        if row.in_context is None
        else tuple(caveat for caveat in row.caveats if caveat.startswith(IN_CONTEXT)),
    )


def _isolated(row: Row) -> Row:
    """Return the row without the caveats on its value in context."""
    caveats = tuple(caveat for caveat in row.caveats if not caveat.startswith(IN_CONTEXT))
    return replace(row, caveats=caveats)


def _make_grid(
    title: str, subtitle: str, rows: Sequence[Row], numbering: Numbering, *, rate: bool = False
) -> Grid:
    reference = next((row.reference for row in rows if row.reference is not None), None)
    table = _tabulate(rows, reference)
    stages = sorted(
        {row.stage or "": None for row in rows}, key=lambda stage: _rank(stage, STAGE_ORDER)
    )
    columns, cells = _draw(table, stages, reference, rate=rate)
    lines = tuple(
        make_line(subject, [found.get(stage) for stage in stages], of_line, numbering)
        for (subject, found), of_line in zip(table.items(), cells, strict=True)
    )
    footnotes = numbering.footnotes(number for line in lines for number in line.numbers())
    return Grid(title, subtitle, reference, columns, lines, footnotes)


def _tabulate(rows: Iterable[Row], reference: str | None) -> dict[Subject, dict[str, Row]]:
    """Return the rows by line and stage, the reference's line first."""
    table: dict[Subject, dict[str, Row]] = {}
    for row in rows:
        subject = Subject(row.impl, row.runtime, row.server)
        stages = table.setdefault(subject, {})
        if row.stage in stages:
            raise ReportError(
                f"two rows for {row.operation}/{row.stage} of {subject.name}: "
                "a report holds each case once, so report one result file at a time"
            )
        stages[row.stage or ""] = row
    return dict(sorted(table.items(), key=lambda item: item[0].name != reference))


def _draw(
    table: dict[Subject, dict[str, Row]],
    stages: Sequence[str],
    reference: str | None,
    *,
    rate: bool,
) -> tuple[tuple[Column, ...], list[tuple[Cell, ...]]]:
    """Return the columns, and the cells of each line."""
    owners = [index for index, subject in enumerate(table) if subject.name == reference]
    owner = owners[0] if len(owners) == 1 else None
    by_stage = {stage: [found.get(stage) for found in table.values()] for stage in stages}
    drawn = [make_column(stage, rows, owner) for stage, rows in by_stage.items()]
    whole = WHOLE if WHOLE in by_stage else WHOLE_OVER_HTTP
    if rate and whole in by_stage:
        drawn.append(make_rate_column(by_stage[whole]))
    columns = tuple(column for column, _ in drawn)
    return columns, list(zip(*(cells for _, cells in drawn), strict=True))
