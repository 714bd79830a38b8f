"""JSON of pytest-benchmark (`--benchmark-json`, `--benchmark-save`): all rounds of a file are of one process."""

from __future__ import annotations

from typing import Any

from garagebench.gate.formats.content import Content, as_list, as_mapping, as_number, as_text
from garagebench.gate.samples import ONE_PROCESS, Sample, middle

KIND = "pytest-benchmark"


def recognise(document: Any) -> bool:
    """Tell whether the JSON is of this tool."""
    found = as_mapping(document)
    benchmarks = [one for one in as_list(found.get("benchmarks")) if isinstance(one, dict)]
    return bool(benchmarks) and (
        "machine_info" in found or any("stats" in one for one in benchmarks)
    )


def read(document: Any) -> Content:
    """Return what the file holds."""
    content = Content()
    for number, one in enumerate(document["benchmarks"], 1):
        found = as_mapping(one)
        name = as_text(found.get("fullname")) or as_text(found.get("name"))
        content.add(name or f"benchmark {number}", _read_case(found))
    # A hook may put anything there, and leave anything out.
    machine = as_mapping(document.get("machine_info"))
    cpu = machine.get("cpu")
    system = [as_text(machine.get(key)) for key in ("system", "release", "machine")]
    content.metadata.append(
        {
            **{key: value for key, value in machine.items() if key.startswith("python_")},
            "cpu_model_name": as_text(as_mapping(cpu).get("brand_raw")) or as_text(cpu),
            "platform": "-".join(filter(None, system)),
            "pytest-benchmark_version": document.get("version"),
        }
    )
    return content


def _read_case(found: Any) -> Sample | str:
    stats = found.get("stats")
    if not isinstance(stats, dict):
        return "it has no statistics, as a benchmark that failed"
    # Rounds are there only if they were saved with --benchmark-save-data; their median always is.
    rounds = as_list(stats.get("data")) or [stats.get("median")]
    return Sample("ns", (1e9 * middle([as_number(value) for value in rounds]),), (ONE_PROCESS,))
