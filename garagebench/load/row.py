"""What `load` found, as rows that can be written down, read back and shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from garagebench.errors import GarageError
from garagebench.exit_codes import GOOD, INCONCLUSIVE, INTERRUPTED

SCHEMA = 1


class LoadReportError(GarageError):
    """A file is not what `load` wrote."""


@dataclass(frozen=True, kw_only=True)
class LoadRow:
    """One run of load. Unknown is None.

    rate: requests a second that were to be sent, open loop only. seconds: from the first request to the last reply.
    requests: sent in this time. p50_us to max_us: latencies; of the open loop from the intended moment, of the others
    from the sending. send_delay_p99_us: from the intended moment to the sending. replies: by status, as text. errors:
    requests without a reply, by reason. refused: connections. generator_cpu: share of a core, the busiest of the
    generator's. server_cpu: cores that the server used. parked to taken: the server's books, from its start to its end,
    or, on a URL, since before the load. parked_here, unparked_here: the client's. status: "ok" or "invalid"; reasons:
    why it is not ok. exit_code: of wrk or Locust. histogram: all latencies, as HdrHistogram libraries read them.
    """

    driver: str
    status: str
    url: str | None = None
    impl: str | None = None
    server: str | None = None
    layout: str | None = None
    connections: int | None = None
    users: int | None = None
    rate: float | None = None
    seconds: float | None = None
    requests: int | None = None
    requests_per_s: float | None = None
    p50_us: int | None = None
    p90_us: int | None = None
    p99_us: int | None = None
    p99_9_us: int | None = None
    max_us: int | None = None
    send_delay_p99_us: int | None = None
    replies: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    refused: int | None = None
    generator_cpu: float | None = None
    server_cpu: float | None = None
    parked_here: int | None = None
    unparked_here: int | None = None
    parked: int | None = None
    unparked: int | None = None
    given_back: int | None = None
    taken: int | None = None
    balanced: bool | None = None
    reasons: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    exit_code: int | None = None
    histogram: str | None = None


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """The highest rate that was good. rate: requests a second, None where not even the first was good.

    target_us, percentile: what good is. next_rate, reason: the lowest that was not good, and why; None where the search
    ended before one was found.
    """

    target_us: int
    percentile: float
    rate: float | None
    next_rate: float | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """The whole of it. interrupted: by Ctrl-C; the rows are of what was measured until then."""

    schema: int = SCHEMA
    environment: Mapping[str, Any]
    settings: Mapping[str, Any]
    interrupted: bool = False
    caveats: tuple[str, ...] = ()
    rows: tuple[LoadRow, ...] = ()
    capacity: Capacity | None = None


def exit_code(report: LoadReport) -> int:
    """Return 0, 4 (the figures say nothing), 130 (interrupted)."""
    if report.interrupted:
        return INTERRUPTED
    if report.capacity is not None:
        return INCONCLUSIVE if report.capacity.rate is None else GOOD
    return INCONCLUSIVE if any(row.status != "ok" for row in report.rows) else GOOD


def to_json(report: LoadReport) -> str:
    """Return the report as indented JSON."""
    return json.dumps(asdict(report), indent=2, allow_nan=False) + "\n"


def from_json(text: str) -> LoadReport:
    """Return the report that `to_json` wrote. Raises LoadReportError."""
    try:
        found = json.loads(text)
        if found["schema"] != SCHEMA:
            raise LoadReportError(
                f"schema {found['schema']} is not {SCHEMA}: install matching versions"
            )
        found["rows"] = tuple(_restore(row) for row in found["rows"])
        found["caveats"] = tuple(found["caveats"])
        found["capacity"] = Capacity(**found["capacity"]) if found["capacity"] else None
        return LoadReport(**found)
    except (ValueError, KeyError, TypeError) as error:
        raise LoadReportError(f"not the JSON of load: {type(error).__name__}: {error}") from None


def _restore(row: Mapping[str, Any]) -> LoadRow:
    return LoadRow(**{**row, "reasons": tuple(row["reasons"]), "caveats": tuple(row["caveats"])})
