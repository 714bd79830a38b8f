"""Grids as tables on a terminal of any width."""

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from garagebench.report.grid import Grid, collect_footnotes, make_grids
from garagebench.report.legend import NOTHING, describe_origin, make_legend
from garagebench.report.lines import Line
from garagebench.report.notes import tidy
from garagebench.report.quantity import EN_DASH, LEVEL, MICRO, MINUS, TIMES
from garagebench.report.strips import (
    BEST,
    STATUS_STYLES,
    Block,
    Strip,
    fit,
    make_name_strip,
    make_strip,
    refer,
)
from garagebench.run.report import Report

RULE = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"
ASCII = str.maketrans({EN_DASH: "-", MINUS: "-", TIMES: "x", MICRO: "u", LEVEL: "~", RULE: "-"})


def render_text(report: Report, console: Console) -> None:
    """Print the report as tables that fit the console's width, then footnotes and origin."""
    grids = make_grids(report)
    parts = [part for grid in grids for part in _draw_grid(grid, console.width)]
    if legend := make_legend(grids, BEST) if grids else NOTHING:
        parts.append(Text(legend, "dim"))
    else:
        parts.pop()  # the blank that stood before it
    if notes := [*_list_notes(report, grids)]:
        parts += ["", _draw_notes(notes)]
    if origin := describe_origin(report):
        parts += ["", Text(origin, "dim")]
    console.print(_Page(Group(*parts)))


class _Page:
    """Draws what is in it without trailing blanks, and in ASCII where the encoding asks for it."""

    def __init__(self, inner: RenderableType) -> None:
        self.inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for line in console.render_lines(self.inner, options, pad=False):
            while line and not line[-1].text.strip():
                line.pop()
            for index, (text, style, _) in enumerate(line, start=1):
                kept = text.rstrip() if index == len(line) else text
                if options.ascii_only:
                    kept = kept.translate(ASCII).encode("ascii", "replace").decode()
                yield Segment(kept, style)
            yield Segment.line()


def _draw_grid(grid: Grid, width: int) -> Iterator[RenderableType]:
    """Yield title, tables, and what became of the lines that have no cells."""
    yield Text(grid.title, "bold")
    yield Text(grid.subtitle, "dim")
    yield ""
    if full := [line for line in grid.lines if line.cells]:
        for table in _make_tables(grid, full, width):
            yield table
            yield ""
    if failed := [line for line in grid.lines if line.message]:
        yield _draw_failed(failed)
        yield ""


def _make_tables(grid: Grid, lines: list[Line], width: int) -> list[Table]:
    """Return the lines as one table, or as parts of it where it is wider than the console."""
    columns = zip(grid.columns, zip(*(line.cells for line in lines), strict=True), strict=True)
    intervals = any(cell.interval for line in lines for cell in line.cells)
    strips = [make_strip(column, cells, intervals=intervals) for column, cells in columns]
    spaced = any(len(block) > 1 for strip in strips for block in strip.blocks)
    for tall in (True,) if spaced else (False, True):
        names = make_name_strip(lines, tall=tall)
        parts, gap = fit(strips, width - names.width)
        if len(parts) == 1:
            break
    return [_make_table(names, strips[part], gap, spaced=spaced) for part in parts]


def _make_table(names: Strip, strips: list[Strip], gap: int, *, spaced: bool) -> Table:
    table = Table(box=None, padding=0, pad_edge=False)
    height = max(len(strip.heading) for strip in strips)
    rule = Text(RULE * names.width, "dim not bold")
    table.add_column(_join([*[Text()] * height, rule]), width=names.width, overflow="fold")
    for strip in strips:
        width = strip.room(gap)
        blank = [Text()] * (height - len(strip.heading))
        heading = _join([*blank, *strip.heading, Text(RULE * width, "dim not bold")])
        table.add_column(heading, justify="right", width=width)
    for index, name in enumerate(names.blocks):
        if spaced and index > 0:
            table.add_row()
        table.add_row(_join(name), *(_join(strip.blocks[index]) for strip in strips))
    return table


def _join(block: Block) -> Text:
    return Text("\n").join(block)


def _draw_failed(lines: list[Line]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for line, name in zip(lines, make_name_strip(lines, tall=False).blocks, strict=True):
        message = line.message
        if message:
            status = Text(message.text, STATUS_STYLES[message.status])
            table.add_row(*name, status.append_text(refer(message.notes)))
    return table


def _list_notes(report: Report, grids: list[Grid]) -> Iterator[tuple[str, str]]:
    """Yield mark and text of each footnote, then of the caveats on the whole report."""
    yield from ((f"[{note.number}]", note.text) for note in collect_footnotes(grids))
    yield from (("note", tidy(caveat)) for caveat in report.caveats)


def _draw_notes(notes: list[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for mark, text in notes:
        table.add_row(Text(mark, "dim"), Text(text))
    return table
