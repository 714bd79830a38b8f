"""Plain lists in every format: what `garagebench list` prints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from garagebench.report.drawing import (
    UNALIGNED,
    draw_csv,
    draw_markdown_table,
    draw_on,
    make_table,
)

if TYPE_CHECKING:
    from rich.console import Console

Items = Sequence[Mapping[str, str]]


def render_listing(topics: Mapping[str, Items], form: str, console: Console) -> str:
    """Return the items of each topic; all items of a topic have the same keys."""
    if form == "json":
        return json.dumps({topic: list(items) for topic, items in topics.items()}, indent=2) + "\n"
    drawn = (_draw(list(items[0]), items, form, console) for items in topics.values() if items)
    return "\n".join(drawn)


def _draw(keys: Sequence[str], items: Items, form: str, console: Console) -> str:
    if form == "csv":
        return draw_csv(keys, items)
    lines = [[item[key] for key in keys] for item in items]
    if form == "markdown":
        return draw_markdown_table(keys, [UNALIGNED] * len(keys), lines) + "\n"
    return draw_on(console, [make_table(keys, lines)])
