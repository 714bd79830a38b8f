"""What a file of results holds, before it is known what of it can be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from garagebench.gate.samples import Sample

TWICE = "the file has several of this name"


@dataclass
class Content:
    """Cases by name, each a sample or the reason why it is none. metadata: what is known of the machine, in pyperf's words."""

    found: dict[str, Sample | str] = field(default_factory=dict)
    metadata: list[Mapping[str, Any]] = field(default_factory=list)

    def add(self, name: str, one: Sample | str) -> None:
        """Add a case; of two with one name, nobody knows which is meant."""
        self.found[name] = TWICE if name in self.found else one


def as_number(value: Any) -> float:
    """Return a figure of JSON as a float; nan where it is none, such as true, a text or an integer without end."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def as_text(value: Any) -> str | None:
    """Return a text that says something; None for anything else."""
    return value if isinstance(value, str) and value.strip() else None


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return an object of JSON; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return a list of JSON; an empty one for anything else."""
    return value if isinstance(value, list) else []


def show(text: str) -> str:
    """Return the text with what cannot be printed as escapes: a newline breaks a table, and a terminal obeys an escape."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
