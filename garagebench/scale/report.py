"""What `scale` found: rows and growth classes, and their JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from garagebench.errors import GarageError

SCHEMA = 1

#: What one operation is, by workload.
ONE_OPERATION = {"fill": "take", "churn": "release and take"}


class ScaleError(GarageError):
    """A file is not what `scale` wrote."""


@dataclass(frozen=True, kw_only=True)
class ScaleRow:
    """What one operation costs at one size, in ns; unknown is None.

    batch: spaces of a block, in a call where mode is "batch". first_look: what it cost alone, before lock-step. status: "ok", "skipped", "unavailable", "wrong" or
    "invalid"; reason: why it is not ok. ratio: to the reference at the same size. base_ratio: to the same
    implementation at base_spaces, in the same round. build_ns, bytes_per_space: of the pool, whatever the workload.
    """

    impl: str
    runtime: str
    workload: str
    operation: str
    mode: str
    spaces: int
    status: str
    reason: str | None = None
    batch: int | None = None
    median: float | None = None
    low: float | None = None
    high: float | None = None
    lock_step: bool = False
    first_look: float | None = None
    reference: str | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    base_spaces: int | None = None
    base_ratio: float | None = None
    base_low: float | None = None
    base_high: float | None = None
    build_ns: float | None = None
    bytes_per_space: float | None = None
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ScaleGrowth:
    """The class of one line of rows: constant, logarithmic, linear or None, and the evidence."""

    impl: str
    runtime: str
    workload: str
    mode: str
    growth: str | None
    reason: str | None
    evidence: Mapping[str, Any]


@dataclass(frozen=True)
class ScaleReport:
    """The whole of it."""

    schema: int
    environment: Mapping[str, Any]
    settings: Mapping[str, Any]
    caveats: tuple[str, ...]
    rows: tuple[ScaleRow, ...]
    growth: tuple[ScaleGrowth, ...]


def to_json(report: ScaleReport) -> str:
    """Return the report as indented JSON."""
    return json.dumps(asdict(report), indent=2, allow_nan=False) + "\n"


def from_json(text: str) -> ScaleReport:
    """Return the report that `to_json` wrote. Raises ScaleError."""
    try:
        found = json.loads(text)
        if found["schema"] != SCHEMA:
            raise ScaleError(f"schema {found['schema']} is not {SCHEMA}: install matching versions")
        rows = tuple(ScaleRow(**{**row, "caveats": tuple(row["caveats"])}) for row in found["rows"])
        growth = tuple(ScaleGrowth(**one) for one in found["growth"])
        caveats = tuple(found["caveats"])
        return ScaleReport(SCHEMA, found["environment"], found["settings"], caveats, rows, growth)
    except (ValueError, KeyError, TypeError) as error:
        raise ScaleError(f"not the JSON of scale: {type(error).__name__}: {error}") from None
