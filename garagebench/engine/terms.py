"""Rows as sums over measured series: what is subtracted from what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from garagebench.engine.channel import WorkerFailed
from garagebench.engine.contestant import RowTerms
from garagebench.interface import RowSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from garagebench.engine.runner import LoadedCase


def make_terms(
    cases: Sequence[LoadedCase], rows: Sequence[Sequence[Any]] | None, *, in_context: bool
) -> tuple[RowTerms, ...]:
    """Expand a subject's rows into sums over series; without rows, every case is one.

    rows: the fields of each RowSpec, of an older one the first three.
    in_context: whether this interpreter has figures in context at all. Raises WorkerFailed for a row of what no
    case gives.
    """
    if rows is None:
        rows = [(case.name, {case.name: 1}) for case in cases]
    quantities = {name: terms for case in cases for name, terms in _quantities(case).items()}
    return tuple(
        RowTerms(
            row.name,
            _expand(row.name, row.isolated, quantities),
            _expand(row.name, row.in_context, quantities) if in_context else {},
            row.unit,
            len(row.isolated) == 1,
            row.part_of,
            row.is_judged,
            row.yields_to,
        )
        for row in (RowSpec(*fields) for fields in rows)
    )


def _quantities(case: LoadedCase) -> dict[str, dict[str, float]]:
    """Return the corrected quantities that a case gives, each as a sum over its series."""
    if case.meters:
        return {meter: {meter: 1} for meter in case.meters}
    name, reads = case.name, case.clock_reads
    if case.intervals:
        return {name: {name: 1, f"{name} (clock)": -reads["intervals"]}}
    quantities = {name: {name: 1.0, f"{name} (empty loop)": -1.0}}
    if case.in_context:
        for step in case.steps:
            series = f"{name} ({step})"
            quantities[series] = {series: 1, f"{name} (clock)": -reads[step]}
    return quantities


def _expand(
    name: str, row: Mapping[str, float], quantities: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    terms: dict[str, float] = {}
    for quantity, factor in row.items():
        if quantity not in quantities:
            raise WorkerFailed(
                f"its row {name!r} is made of {quantity!r}, which no case gives; there is: {', '.join(quantities)}"
            )
        for series, weight in quantities[quantity].items():
            terms[series] = terms.get(series, 0) + factor * weight
    return terms


def series_name(case: str, measured: str) -> str:
    """Return the name under which a case's loop, empty loop, intervals, clock or step is kept."""
    if measured in ("loop", "intervals"):
        return case
    return f"{case} (empty loop)" if measured == "empty" else f"{case} ({measured})"
