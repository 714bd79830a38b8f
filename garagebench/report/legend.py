"""The words around the grids: what the marks mean, and where the numbers come from."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from garagebench.report.cells import Cell
from garagebench.report.grid import Grid
from garagebench.report.notes import tidy
from garagebench.report.quantity import LEVEL, TIMES
from garagebench.stats.levels import CONFIDENCE, format_level

NOTHING = "no results"
#: How environment and settings are told, in this order; what is not here is for readers of the JSON.
TOLD = {
    "machine": "{}",
    "cpu": "{}",
    "cpu_model_name": "{}",
    "cpu_count": "{} processors",
    "platform": "{}",
    "python": "{}",
    "interpreters": "{}",
    "date": "{}",
    "budget_s": "budget {} s",
    "seed": "seed {}",
    "generations": "{} generations",
    "requests": "requests {}",
}
VERSION = "_version"
FRACTION = re.compile(r"(?<=:\d\d)\.\d+$")  # of a second
BLANK: tuple[object, ...] = (None, "", [], {}, ())


class Origin(Protocol):
    """A report of any kind: it says where it was measured, and what was asked for."""

    @property
    def environment(self) -> Mapping[str, Any]:
        """The machine and the moment."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What was asked for."""


def make_legend(grids: Iterable[Grid], best: str) -> str:
    """Return a sentence on the marks that the grids use; `best` says how the best is marked."""
    grids = list(grids)
    cells = [cell for grid in grids for line in grid.lines for cell in line.cells]
    return "; ".join(_explain(cells, _name_reference(grids), best))


def describe_origin(report: Origin) -> str:
    """Return machine, interpreters, date and settings on one line; nothing where all is unknown."""
    known = {**report.environment, **report.settings}
    told = [(words, known.get(key)) for key, words in TOLD.items()]
    return "; ".join(words.format(_spell(value)) for words, value in told if value not in BLANK)


def _explain(cells: list[Cell], reference: str, best: str) -> Iterable[str]:
    if any(cell.interval for cell in cells):
        yield f"median, {format_level(CONFIDENCE)} interval"
    if any(cell.ratio for cell in cells):
        yield f"{TIMES} ratio to {reference}"
    if any(cell.level for cell in cells):
        yield f"{LEVEL} no difference seen"
    if any(cell.best for cell in cells):
        yield f"{best} lowest of its column"


def _name_reference(grids: Iterable[Grid]) -> str:
    names = {grid.reference for grid in grids if grid.reference is not None}
    return names.pop() if len(names) == 1 else "the reference"


def _spell(value: object) -> str:
    """Return a JSON value in words on one line; of an interpreter's description, the versions."""
    if isinstance(value, Mapping):
        versions = {key: value[key] for key in value if key.endswith(VERSION)}
        return ", ".join(_spell_item(*item) for item in (versions or value).items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_spell(inner) for inner in value)
    return f"{value:g}" if isinstance(value, float) else FRACTION.sub("", tidy(str(value)))


def _spell_item(key: str, value: object) -> str:
    inner = f"({_spell(value)})" if isinstance(value, Mapping) else _spell(value)
    return f"{key.removesuffix(VERSION)} {inner}"
