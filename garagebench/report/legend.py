"""The words around the grids: what the marks mean, and where the numbers come from."""

from collections.abc import Iterable, Mapping

from garagebench.report.cells import Cell
from garagebench.report.grid import Grid
from garagebench.report.notes import tidy
from garagebench.report.quantity import LEVEL, TIMES
from garagebench.report.rows import Report

NOTHING = "no results"
SUFFIXES = {"_s": " s", "_ns": " ns", "_bytes": " bytes", "_percent": " %"}


def make_legend(grids: Iterable[Grid], best: str) -> str:
    """Return a sentence on the marks that the grids use; `best` says how the best is marked."""
    grids = list(grids)
    cells = [cell for grid in grids for line in grid.lines for cell in line.cells]
    return "; ".join(_explain(cells, _name_reference(grids), best))


def describe_origin(report: Report) -> str:
    """Return where and how it was measured, out of environment and settings, in their order."""
    named = [*report.environment.items(), *report.settings.items()]
    return "; ".join(_say(key, value) for key, value in named if value is not None)


def _explain(cells: list[Cell], reference: str, best: str) -> Iterable[str]:
    if any(cell.interval for cell in cells):
        yield "median, 95 % interval"
    if any(cell.ratio for cell in cells):
        yield f"{TIMES} ratio to {reference}"
    if any(cell.level for cell in cells):
        yield f"{LEVEL} no difference seen"
    if any(cell.best for cell in cells):
        yield f"{best} lowest of its column"


def _name_reference(grids: Iterable[Grid]) -> str:
    names = {grid.reference for grid in grids if grid.reference is not None}
    return names.pop() if len(names) == 1 else "the reference"


def _say(key: str, value: object) -> str:
    for suffix, unit in SUFFIXES.items():
        if key.endswith(suffix) and isinstance(value, (int, float)):
            return f"{key.removesuffix(suffix).replace('_', ' ')} {value:g}{unit}"
    return f"{key.replace('_', ' ')} {_spell(value)}"


def _spell(value: object) -> str:
    """Return a JSON value in words on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_spell(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_spell(inner) for inner in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return tidy(str(value))
