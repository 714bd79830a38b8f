"""Plain lists in every format: what `garagebench list` prints."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from garagebench.report.markdown import escape

if TYPE_CHECKING:
    from rich.console import Console

Items = Sequence[Mapping[str, str]]


def render_listing(topics: Mapping[str, Items], form: str, console: Console) -> str:
    """Return the items of each topic; all items of a topic have the same keys."""
    if form == "json":
        return json.dumps({topic: list(items) for topic, items in topics.items()}, indent=2) + "\n"
    parts = [
        _RENDERERS[form](items) if form in _RENDERERS else _table(items, console)
        for items in topics.values()
        if items
    ]
    return "\n".join(parts)


def _csv(items: Items) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(items[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(items)
    return text.getvalue()


def _markdown(items: Items) -> str:
    lines = [
        list(items[0]),
        ["---"] * len(items[0]),
        *([escape(value) for value in item.values()] for item in items),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _table(items: Items, console: Console) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(*items[0], box=SIMPLE_HEAD, pad_edge=False)
    for item in items:
        table.add_row(*map(Text, item.values()))
    with console.capture() as capture:
        console.print(table)
    return capture.get()


_RENDERERS = {"csv": _csv, "markdown": _markdown}
