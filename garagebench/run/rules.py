"""What results and trees of before do not say: the rules of a garage's rows, and whose they are."""

from __future__ import annotations

from dataclasses import replace

from garagebench.engine import Contestant, Result
from garagebench.engine.contestant import RowTerms
from garagebench.subjects.requests import rules_of


def complete(result: Result) -> Result:
    """Return the result with rules on all rows of garages, and with every contestant's subject and runtime."""
    settings = result.settings
    labels, served = settings.get("contestants", {}), settings.get("served", {})
    return replace(
        result,
        contestants=tuple(
            _complete(one, labels.get(one.name), served.get(one.name)) for one in result.contestants
        ),
    )


def _complete(one: Contestant, labels: list[str] | None, server: str | None) -> Contestant:
    rows = tuple(map(_add_rules, one.rows))
    if one.subject:
        return replace(one, rows=rows)
    if labels is None:
        side, _, name = one.name.partition(" ")  # of a recorded gate: "base lists@cpython3.11"
        labels = name.split("@", 1) if side in ("base", "head") else [one.name, ""]
    subject, runtime = labels
    return replace(
        one, rows=rows, subject=subject, runtime="/".join(filter(None, (runtime, server)))
    )


def _add_rules(row: RowTerms) -> RowTerms:
    operation, _, stage = row.name.partition("/")
    return replace(row, **rules_of(operation, stage))
