"""Tables of plain texts with numbered reasons and notes, as a table for a terminal and as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from garagebench.report.markdown import escape

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Grid:
    """A table of texts."""

    title: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


@dataclass
class Page:
    """Grids, the numbered reasons to which their cells refer, and what else is to be known."""

    grids: list[Grid] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def refer(self, reason: str) -> str:
        """Return the number of a reason, in brackets."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        return f"[{self.reasons.index(reason) + 1}]"


def draw_markdown(page: Page) -> str:
    """Return the page as GitHub tables."""
    blocks = []
    for grid in page.grids:
        rule = [":---", *["---:"] * (len(grid.header) - 1)]
        table = [[*map(escape, grid.header)], rule, *([*map(escape, line)] for line in grid.lines)]
        blocks.append(f"**{escape(grid.title)}**")
        blocks.append("\n".join(f"| {' | '.join(line)} |" for line in table))
    blocks.append("\n".join(f"{n}. {escape(text)}" for n, text in enumerate(page.reasons, 1)))
    blocks += [f"Note: {escape(note)}" for note in page.notes]
    return "\n\n".join(block for block in blocks if block) + "\n"


def draw_table(page: Page, console: Console) -> str:
    """Return the page as tables for the console."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    with console.capture() as capture:
        for grid in page.grids:
            table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
            for number, name in enumerate(grid.header):
                table.add_column(name, justify="right" if number else "left")
            for line in grid.lines:
                table.add_row(*map(Text, line))
            console.print(Text(grid.title, style="bold"))
            console.print(table)
        for number, text in enumerate(page.reasons, 1):
            console.print(Text(f"[{number}] {text}"))
        for note in page.notes:
            console.print(Text(note, "dim"))
    return capture.get()
