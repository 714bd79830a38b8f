"""A column of a grid as lines of styled text, and how many columns go side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from rich.text import Text

from garagebench.report.cells import Cell, Column
from garagebench.report.lines import Line
from garagebench.report.quantity import LEVEL

BEST = "*"
NAME_WIDTH = 30
GAPS = (2, 1, 0)
STATUS_STYLES = {"ok": "bold", "wrong": "bold red", "unavailable": "yellow", "invalid": "yellow"}

#: The lines of one cell, from the top.
Block = list[Text]


@dataclass(frozen=True)
class Strip:
    """A heading and the cells beneath it; `width` is what they need, in terminal cells."""

    heading: Block
    blocks: list[Block]
    width: int
    gutter: str = ""

    def room(self, gap: int) -> int:
        """Return the width with a gap at the left, which may be 0 where a gutter parts columns."""
        return self.width + (gap if self.gutter else max(gap, 1))


def make_strip(column: Column, cells: Sequence[Cell], *, intervals: bool) -> Strip:
    """Return a column of numbers; marks hang in a gutter so that the numbers stay aligned.

    With `intervals`, their place is kept where one is unknown, so that ratios stay in line, too.
    """
    gutter = " " if any(cell.best or cell.level for cell in cells) else ""
    blocks = [_make_block(cell, gutter, intervals=intervals) for cell in cells]
    width = _measure(blocks)
    words = [column.heading] if len(column.heading) <= width else column.heading.split()
    heading = [*(Text(word + gutter, "not bold") for word in words)]
    heading.append(Text(column.unit + gutter, "dim not bold"))
    return Strip(heading, blocks, _measure([heading, *blocks]), gutter)


def make_name_strip(lines: Iterable[Line], *, tall: bool) -> Strip:
    """Return what the lines are about, one part beneath the other where there is room."""
    names = [_name(line) for line in lines]
    if not tall:
        width = max(name[0].cell_len for name in names)
        for name in names:
            name[0].pad_right(width - name[0].cell_len)
    blocks = names if tall else [[Text(" ").join(name)] for name in names]
    return Strip([], blocks, min(NAME_WIDTH, _measure(blocks)))


def refer(notes: Iterable[int]) -> Text:
    """Return the reference to footnotes, nothing if there are none."""
    numbers = ",".join(map(str, notes))
    return Text(f" [{numbers}]" if numbers else "", "dim")


def fit(strips: Sequence[Strip], room: int) -> tuple[list[slice], int]:
    """Return the fewest parts, of about equal length, that fit the room, and the widest gap."""
    for count in range(1, len(strips) + 1):
        length = ceil(len(strips) / count)
        parts = [slice(start, start + length) for start in range(0, len(strips), length)]
        for gap in GAPS:
            if all(sum(strip.room(gap) for strip in strips[part]) <= room for part in parts):
                return parts, gap
    return parts, GAPS[-1]


def _make_block(cell: Cell, gutter: str, *, intervals: bool) -> Block:
    """Return median, interval and ratio, each on a line of its own."""
    style = "bold green" if cell.best else STATUS_STYLES[cell.status]
    notes = refer(cell.notes)
    mark = BEST if cell.best else gutter[len(notes) :]
    block = [Text.assemble((cell.text + mark, style), notes)]
    if cell.interval or (intervals and cell.ratio):
        block.append(Text((cell.interval or "") + gutter, "dim"))
    if cell.ratio:
        block.append(Text(cell.ratio + (LEVEL if cell.level else gutter)))
    return block


def _name(line: Line) -> Block:
    subject = line.subject
    ran_on = [Text(text, "dim") for text in (subject.runtime, subject.server) if text]
    return [Text.assemble(subject.impl, refer(line.notes)), *ran_on]


def _measure(blocks: Iterable[Block]) -> int:
    return max(line.cell_len for block in blocks for line in block)
