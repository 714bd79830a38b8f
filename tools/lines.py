"""The files of results/ that have a line of JSON for each run, and tables of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent.parent / "results"

Line = dict[str, Any]


def read(name: str) -> list[Line]:
    """Return the lines of a file of results."""
    return [json.loads(line) for line in (RESULTS / name).read_text(encoding="utf-8").splitlines()]


def by_machine(lines: list[Line], make_table: Callable[[list[Line]], str]) -> str:
    """Return a table for each machine that the lines are of, under its name."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        day = f", {line['day']}" if "day" in line else ""
        groups.setdefault(f"{name_machine(line['machine'])}{day}", []).append(line)
    return "\n".join(f"**{name}**\n\n{make_table(own)}" for name, own in groups.items())


def name_machine(machine: str | Line) -> str:
    """Return a machine in a few words; the gates have it as such."""
    if isinstance(machine, str):
        return machine
    return f"{machine['processor']}, {machine['cores']} cores, CPython {machine['python']}"
