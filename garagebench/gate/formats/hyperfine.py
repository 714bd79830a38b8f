"""JSON of hyperfine (`--export-json`): each time is of a process of its own."""

from __future__ import annotations

from typing import Any

from garagebench.gate.formats.content import Content, as_list, as_mapping, as_number, as_text
from garagebench.gate.samples import Sample

KIND = "hyperfine"

NO_TIMES = "only its mean is there, and not the time of each run"


def recognise(document: Any) -> bool:
    """Tell whether the JSON is of this tool."""
    results = as_list(as_mapping(document).get("results"))
    return any("command" in as_mapping(one) for one in results)


def read(document: Any) -> Content:
    """Return what the file holds."""
    content = Content()
    for number, one in enumerate(document["results"], 1):
        found = as_mapping(one)
        content.add(as_text(found.get("command")) or f"command {number}", _read_case(found))
    return content


def _read_case(found: Any) -> Sample | str:
    failed = [code for code in as_list(found.get("exit_codes")) if code != 0]
    if failed:
        what = "was killed by a signal" if failed[0] is None else f"ended with {failed[0]}"
        return f"{len(failed)} of its runs failed: the first of them {what}"
    if isinstance(found.get("times"), list):
        return Sample("ns", tuple(1e9 * as_number(time) for time in found["times"]))
    figure = found.get("median", found.get("mean"))
    return Sample("ns", (1e9 * as_number(figure),), (NO_TIMES,))
