"""Suites of pyperf, in the formats 1.0 and 6: each run is a process of its own."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

from garagebench.gate.formats.content import Content, as_list, as_mapping, as_number, as_text
from garagebench.gate.samples import Sample, middle

KIND = "pyperf"

#: pyperf's units -> ours, and the factor; any other unit stays as it is.
UNITS = {"second": ("ns", 1e9), "byte": ("bytes", 1)}


def recognise(document: Any) -> bool:
    """Tell whether the JSON is of this tool."""
    benchmarks = as_list(as_mapping(document).get("benchmarks"))
    return any("runs" in as_mapping(one) for one in benchmarks)


def holds(document: Any, key: str) -> bool:
    """Tell whether the metadata of the suite, or of a benchmark in it, have that key."""
    owners = (document, *document["benchmarks"])
    return any(key in as_mapping(as_mapping(one).get("metadata")) for one in owners)


def read(document: Any) -> Content:
    """Return what the file holds."""
    content = Content()
    # What all benchmarks have in common stands there once.
    common = as_mapping(document.get("metadata", document.get("common_metadata")))
    for number, one in enumerate(document["benchmarks"], 1):
        found = as_mapping(one)
        runs = as_list(found.get("runs"))
        metadata = {**common, **as_mapping(found.get("metadata"))}
        name = as_text(metadata.get("name")) or f"benchmark {number}"
        content.add(name, _read_case(runs, metadata) if "runs" in found else "it has no runs")
        content.metadata.append(metadata)
    return content


def _read_case(runs: list[Any], metadata: Mapping[str, Any]) -> Sample:
    unit = as_text(metadata.get("unit")) or "second"
    ours, factor = UNITS.get(unit, (unit, 1))
    # A process that only calibrated has no values.
    values = [
        run if isinstance(run, array) else as_list(as_mapping(run).get("values")) for run in runs
    ]
    return Sample(ours, tuple(factor * middle([*map(as_number, one)]) for one in values if one))
