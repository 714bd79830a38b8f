"""The formats in which everything is written: Markdown tables, CSV, and tables for a terminal."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

#: What Markdown would read as markup; an underscore within a word it leaves alone.
SPECIAL = re.compile(r"[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])")

LEFT, RIGHT, UNALIGNED = ":---", "---:", "---"


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, also in a table."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(lambda match: "\\" + match[0], text)


def draw_line(cells: Iterable[str]) -> str:
    """Return a line of a Markdown table; the cells are Markdown."""
    return f"| {' | '.join(cells)} |"


def draw_markdown_table(
    header: Sequence[str], rule: Sequence[str], lines: Iterable[Sequence[str]]
) -> str:
    """Return a Markdown table of plain texts. rule: LEFT, RIGHT or UNALIGNED for each column."""
    table = [map(escape, header), rule, *(map(escape, line) for line in lines)]
    return "\n".join(map(draw_line, table))


def draw_csv(keys: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a line of CSV for each row, under its keys; what has no key is left out."""
    text = io.StringIO()
    writer = csv.DictWriter(text, keys, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def make_table(header: Sequence[str], lines: Iterable[Sequence[str]], **options: Any) -> Table:
    """Return a table of plain texts for a terminal. options: of rich's Table."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=SIMPLE_HEAD, pad_edge=False, **options)
    for line in lines:
        table.add_row(*map(Text, line))
    return table


def draw_on(console: Console, things: Iterable[Any]) -> str:
    """Return what the console would show of tables and texts, one after the other."""
    from rich.text import Text

    with console.capture() as capture:
        for thing in things:
            console.print(Text(thing) if isinstance(thing, str) else thing)
    return capture.get()
