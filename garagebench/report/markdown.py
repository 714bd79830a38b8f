"""Grids as GitHub tables."""

from collections.abc import Iterator, Sequence

from garagebench.report.cells import Cell
from garagebench.report.drawing import LEFT, RIGHT, draw_line, escape
from garagebench.report.grid import Grid, collect_footnotes, make_grids
from garagebench.report.legend import NOTHING, describe_origin, make_legend
from garagebench.report.lines import Line
from garagebench.report.notes import tidy
from garagebench.report.quantity import LEVEL
from garagebench.run.report import Report

BEST = "**bold**"
BREAK = "<br>"


def render_markdown(report: Report) -> str:
    """Return the report as GitHub tables, then footnotes, notes and a line on its origin."""
    grids = make_grids(report)
    blocks = [_draw_grid(grid) for grid in grids]
    legend = make_legend(grids, BEST) if grids else NOTHING
    blocks.append(f"{legend}." if legend else "")
    footnotes = collect_footnotes(grids)
    blocks.append("\n".join(f"{note.number}. {escape(note.text)}" for note in footnotes))
    blocks += [f"Note: {escape(tidy(caveat))}" for caveat in report.caveats]
    origin = describe_origin(report)
    blocks.append(f"Measured: {escape(origin)}." if origin else "")
    return "\n\n".join(block for block in blocks if block) + "\n"


def _draw_grid(grid: Grid) -> str:
    headings = [_stack(column.heading, column.unit) for column in grid.columns]
    lines = [
        f"**{escape(grid.title)}**{BREAK}",
        escape(grid.subtitle),
        "",
        draw_line(["", *headings]),
        draw_line([LEFT, *[RIGHT] * len(headings)]),
    ]
    lines += [draw_line([_name(line), *_draw_cells(line, len(headings))]) for line in grid.lines]
    return "\n".join(lines)


def _draw_cells(line: Line, count: int) -> Iterator[str]:
    if line.message:
        yield _draw_cell(line.message)
        yield from [""] * (count - 1)
    yield from (_draw_cell(cell) for cell in line.cells)


def _draw_cell(cell: Cell) -> str:
    median = f"**{cell.text}**" if cell.best else cell.text
    ratio = cell.ratio + LEVEL if cell.ratio and cell.level else cell.ratio
    return _stack(median + _refer(cell.notes), cell.interval, ratio)


def _name(line: Line) -> str:
    subject = line.subject
    small = [f"<sub>{escape(text)}</sub>" for text in (subject.runtime, subject.server) if text]
    return _stack(escape(subject.impl) + _refer(line.notes), *small)


def _refer(notes: Sequence[int]) -> str:
    return f"<sup>[{','.join(map(str, notes))}]</sup>" if notes else ""


def _stack(*parts: str | None) -> str:
    """Return the parts that there are, each beneath the one before."""
    return BREAK.join(part for part in parts if part)
