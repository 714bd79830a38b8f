"""Tables of plain texts with numbered reasons and notes, as a table for a terminal and as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from garagebench.report.drawing import (
    LEFT,
    RIGHT,
    draw_markdown_table,
    draw_on,
    escape,
    make_table,
)

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class PlainGrid:
    """A table of texts."""

    title: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


@dataclass
class Page:
    """Grids, the numbered reasons to which their cells refer, and what else is to be known."""

    grids: list[PlainGrid] = field(default_factory=list)
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
        rule = [LEFT, *[RIGHT] * (len(grid.header) - 1)]
        blocks.append(f"**{escape(grid.title)}**")
        blocks.append(draw_markdown_table(grid.header, rule, grid.lines))
    blocks.append("\n".join(f"{n}. {escape(text)}" for n, text in enumerate(page.reasons, 1)))
    blocks += [f"Note: {escape(note)}" for note in page.notes]
    return "\n\n".join(block for block in blocks if block) + "\n"


def draw_table(page: Page, console: Console) -> str:
    """Return the page as tables for the console."""
    from rich.text import Text

    things: list[Any] = []
    for grid in page.grids:
        table = make_table(grid.header, grid.lines, padding=(0, 1, 0, 0))
        for column in table.columns[1:]:
            column.justify = "right"
        things += [Text(grid.title, style="bold"), table]
    things += [f"[{number}] {text}" for number, text in enumerate(page.reasons, 1)]
    return draw_on(console, [*things, *(Text(note, "dim") for note in page.notes)])
