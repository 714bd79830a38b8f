"""What is reported: the rows of `run` and `report`, and their JSON."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NoReturn, get_args

from garagebench.errors import GarageError

#: How a caveat begins that is on a row's value in context, and not on its isolated one.
IN_CONTEXT = "in context, "

Unit = Literal["ns", "bytes"]
Status = Literal["ok", "wrong", "unavailable", "invalid"]

NULLABLE_TEXTS = ("layout", "workload", "server", "operation", "stage", "reference")
NUMBERS = ("median", "low", "high", "in_context", "ratio", "ratio_low", "ratio_high")


class ReportError(GarageError):
    """A report that cannot be read, drawn or put into a document; says what would fix it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One case, with the fields of a JSON row in their order; numbers in `unit`, ratios bare.

    layout, workload, server, operation, stage: of a garage; None for the user's own benchmarks.
    """

    impl: str
    runtime: str
    layout: str | None
    workload: str | None
    server: str | None
    operation: str | None
    stage: str | None
    unit: Unit
    status: Status
    median: float | None
    low: float | None
    high: float | None
    in_context: float | None
    reference: str | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    caveats: tuple[str, ...]
    case: str


@dataclass(frozen=True)
class Report:
    """Finished results: where and how they were measured, what to mind, and the rows."""

    schema: int
    environment: dict[str, object]
    settings: dict[str, object]
    caveats: tuple[str, ...]
    rows: tuple[Row, ...]


ROW_KEYS = tuple(field.name for field in fields(Row))
REPORT_KEYS = tuple(field.name for field in fields(Report))


def to_json(report: Report) -> str:
    """Return the report as indented JSON text; unknown is null, NaN and infinity are refused."""
    try:
        return json.dumps(asdict(report), indent=2, allow_nan=False) + "\n"
    except ValueError as error:
        raise ReportError(
            f"the report has a number that JSON has not ({error}): unknown is None, never NaN"
        ) from error


def from_json(text: str) -> Report:
    """Return the report that `to_json` wrote; ReportError names the first key that is amiss."""
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ReportError(
            f"not a report: {error}; give the JSON that 'garagebench run' printed"
        ) from error
    _check_keys("the report", document, REPORT_KEYS)
    for key, kind in (("schema", int), ("environment", dict), ("settings", dict), ("rows", list)):
        _check("the report", key, document[key], good=isinstance(document[key], kind))
    return Report(
        schema=document["schema"],
        environment=document["environment"],
        settings=document["settings"],
        caveats=_make_caveats("the report", document["caveats"]),
        rows=tuple(_make_row(f"row {n}", row) for n, row in enumerate(document["rows"], start=1)),
    )


def _make_row(where: str, parsed: Any) -> Row:
    _check_keys(where, parsed, ROW_KEYS)
    for key, value in parsed.items():
        if key in NUMBERS:
            number = type(value) in (int, float) and math.isfinite(value)
            _check(where, key, value, good=value is None or number)
        elif key != "caveats":
            null = value is None and key in NULLABLE_TEXTS
            _check(where, key, value, good=null or isinstance(value, str))
    _check(where, "unit", parsed["unit"], good=parsed["unit"] in get_args(Unit))
    _check(where, "status", parsed["status"], good=parsed["status"] in get_args(Status))
    return Row(**{**parsed, "caveats": _make_caveats(where, parsed["caveats"])})


def _make_caveats(where: str, parsed: object) -> tuple[str, ...]:
    good = isinstance(parsed, list) and all(isinstance(text, str) for text in parsed)
    _check(where, "caveats", parsed, good=good)
    return tuple(parsed) if isinstance(parsed, list) else ()


def _check_keys(where: str, parsed: object, keys: Iterable[str]) -> None:
    if not isinstance(parsed, Mapping):
        raise ReportError(f"{where} is not a JSON object but {parsed!r}")
    missing = [key for key in keys if key not in parsed]
    unknown = sorted(parsed.keys() - set(keys))
    if missing or unknown:
        amiss = f"lacks {', '.join(missing)}" if missing else f"has unknown {', '.join(unknown)}"
        raise ReportError(f"{where} {amiss}; was it written by another version of garagebench?")


def _check(where: str, key: str, value: object, *, good: bool) -> None:
    if not good:
        raise ReportError(f"{where} has {key} {value!r}, which garagebench never writes")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
