"""Names of cases that are the same in every process, though ids of pytest may hold the address of an object."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

#: What is different in every process, and what stands for it.
ADDRESS = re.compile("0x[0-9a-fA-F]{6,16}(?![0-9a-fA-F])")
ANY_ADDRESS = "0x..."


def name_alike(names: Sequence[str]) -> list[str]:
    """Return the names; those that hold an address without it, and with a number by their order."""
    seen: dict[str, int] = {}
    named = []
    for name in names:
        alike = ADDRESS.sub(ANY_ADDRESS, name)
        seen[alike] = seen.get(alike, 0) + 1
        named.append(alike if alike == name else f"{alike} {seen[alike]}")
    return named


def count_alike(names: Iterable[str]) -> dict[str, int]:
    """Return, of names by `name_alike`, each that held an address, without its number -> how many there are."""
    counts: dict[str, int] = {}
    for name in names:
        alike, _, _ = name.rpartition(" ")
        if ANY_ADDRESS in alike:
            counts[alike] = counts.get(alike, 0) + 1
    return counts
