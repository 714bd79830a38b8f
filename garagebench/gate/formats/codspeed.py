"""JSON of pytest-codspeed in its mode walltime (`.codspeed/results_*.json`): all rounds of a file are of one process."""

from __future__ import annotations

from typing import Any

from garagebench.gate.formats.content import Content, as_list, as_mapping, as_number, as_text
from garagebench.gate.samples import ONE_PROCESS, Sample

KIND = "pytest-codspeed"


def recognise(document: Any) -> bool:
    """Tell whether the JSON is of this tool."""
    return isinstance(as_mapping(document).get("instrument"), dict) and "benchmarks" in document


def read(document: Any) -> Content:
    """Return what the file holds."""
    content = Content()
    for number, one in enumerate(as_list(document["benchmarks"]), 1):
        found = as_mapping(one)
        name = as_text(found.get("uri")) or as_text(found.get("name")) or f"benchmark {number}"
        stats = found.get("stats")
        if isinstance(stats, dict):
            median_ns = as_number(stats.get("median_ns"))
            content.add(name, Sample("ns", (median_ns,), (ONE_PROCESS,)))
        else:
            content.add(name, "it has no times: only the mode walltime gives them")
    config = as_mapping(as_mapping(document.get("python")).get("sysconfig"))
    creator = as_mapping(document.get("creator"))
    content.metadata.append(
        {
            "python_implementation": "CPython" if config.get("py_version") else None,
            "python_version": config.get("py_version"),
            "pytest-codspeed_version": creator.get("version"),
        }
    )
    return content
