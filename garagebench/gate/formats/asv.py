"""Results of airspeed velocity (`results/MACHINE/COMMIT-ENVIRONMENT.json`): one figure for each benchmark and parameter.

asv pools what its processes measured, so that a file counts as one run.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from garagebench.gate.formats.content import Content, as_list, as_mapping, as_number, as_text
from garagebench.gate.samples import Sample

KIND = "asv"

ONE_FILE = "asv keeps one figure for all processes: a file counts as one run"

#: How the name of a benchmark begins -> the unit of its figure, and the factor to ours.
UNITS = {"time": ("ns", 1e9), "timeraw": ("ns", 1e9), "mem": ("bytes", 1), "peakmem": ("bytes", 1)}

NO_UNIT = "a figure of which nobody says whether less is better"


def recognise(document: Any) -> bool:
    """Tell whether the JSON is of this tool."""
    found = as_mapping(document)
    return isinstance(found.get("results"), dict) and "commit_hash" in found


def read(document: Any) -> Content:
    """Return what the file holds."""
    content = Content()
    columns = as_list(document.get("result_columns")) or ["result", "params"]
    for name, one in document["results"].items():
        found = _find_columns(one, columns)
        unit, factor = UNITS.get(name.rpartition(".")[2].partition("_")[0], (None, 1))
        for case, figure in _name_figures(name, found):
            if unit is None:
                content.add(case, NO_UNIT)
            elif figure is None:
                content.add(case, "it failed or was skipped")
            else:
                content.add(case, Sample(unit, (factor * as_number(figure),), (ONE_FILE,)))
    params = as_mapping(document.get("params"))
    content.metadata.append(
        {"cpu_model_name": as_text(params.get("cpu")), "platform": as_text(params.get("os"))}
    )
    return content


def _find_columns(one: Any, columns: list[Any]) -> dict[str, Any]:
    """Return what there is of a benchmark; older versions wrote an object, or a figure alone."""
    if isinstance(one, list):
        return dict(zip(map(str, columns), one, strict=False))
    return dict(one) if isinstance(one, dict) else {"result": one}


def _name_figures(name: str, found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each combination of parameters, with its figure; None where it failed."""
    figures = found.get("result")
    params = [list(map(str, as_list(one))) for one in as_list(found.get("params"))]
    if not params:
        yield name, figures[0] if isinstance(figures, list) and figures else figures or None
        return
    left = iter(as_list(figures))
    for chosen in itertools.product(*params):
        figure = next(left, None)
        is_skipped = isinstance(figure, float) and figure != figure  # noqa: PLR0124  a nan
        yield f"{name}({', '.join(chosen)})", None if is_skipped else figure
