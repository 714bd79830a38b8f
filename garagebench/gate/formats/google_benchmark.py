"""JSON of Google Benchmark (`--benchmark_out`): all repetitions of a file are of one process."""

from __future__ import annotations

from typing import Any

from garagebench.gate.formats.content import Content, as_list, as_mapping, as_number, as_text
from garagebench.gate.samples import ONE_PROCESS, Sample, middle

KIND = "Google Benchmark"

#: Its units of time -> nanoseconds.
UNITS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


def recognise(document: Any) -> bool:
    """Tell whether the JSON is of this tool."""
    found = as_mapping(document)
    benchmarks = [as_mapping(one) for one in as_list(found.get("benchmarks"))]
    return "context" in found and any(
        key in one for one in benchmarks for key in ("real_time", "run_type", "error_occurred")
    )


def read(document: Any) -> Content:
    """Return what the file holds: of each benchmark the median of its repetitions."""
    content = Content()
    times_ns: dict[str, list[float]] = {}
    medians_ns: dict[str, float] = {}
    errors: dict[str, str] = {}
    for number, one in enumerate(document["benchmarks"], 1):
        found = as_mapping(one)
        own = as_text(found.get("name")) or f"benchmark {number}"
        name = as_text(found.get("run_name")) or own
        time_ns = as_number(found.get("real_time")) * UNITS.get(found.get("time_unit", "ns"), 0.0)
        if found.get("error_occurred"):
            errors[name] = f"it failed: {as_text(found.get('error_message')) or 'it says not why'}"
        elif found.get("run_type", "iteration") == "iteration":
            times_ns.setdefault(name, []).append(time_ns)
        elif found.get("aggregate_name") == "median":
            medians_ns[name] = time_ns
    for name in {**times_ns, **medians_ns, **errors}:
        values = times_ns.get(name) or [medians_ns.get(name, 0.0)]
        content.add(name, errors.get(name) or Sample("ns", (middle(values),), (ONE_PROCESS,)))
    version = as_mapping(document.get("context")).get("library_version")
    content.metadata.append({"google-benchmark_version": version})
    return content
