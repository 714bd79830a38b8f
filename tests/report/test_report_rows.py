"""Rows and their JSON."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garagebench.errors import GarageError
from garagebench.run.report import Report, ReportError, Row, from_json, to_json

numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
hints = {"median": numbers, "low": numbers, "high": numbers, "in_context": numbers}
rows = st.builds(
    Row,
    server=st.none() | st.text(),
    reference=st.none() | st.text(),
    ratio=numbers,
    ratio_low=numbers,
    ratio_high=numbers,
    **hints,
)
plain = st.none() | st.booleans() | st.integers() | st.text()
objects = st.dictionaries(st.text(), plain | st.lists(plain) | st.dictionaries(st.text(), plain))
texts = st.lists(st.text()).map(tuple)
reports = st.builds(
    Report, st.integers(), objects, objects, texts, st.lists(rows, max_size=3).map(tuple)
)


@given(reports)
def test_json_round_trip(report: Report) -> None:
    """What was written is read back the same, whatever is in it."""
    assert from_json(to_json(report)) == report


def test_json_has_the_fixed_keys(report: Report) -> None:
    """The keys of the report and of a row are those that users script against, in that order."""
    written = json.loads(to_json(report))
    assert list(written) == ["schema", "environment", "settings", "caveats", "rows"]
    assert " ".join(written["rows"][0]) == (
        "impl runtime layout workload server operation stage unit status median low high "
        "in_context reference ratio ratio_low ratio_high caveats case"
    )


def test_unknown_is_null(report: Report) -> None:
    """A number that nobody knows is null, not 0, and not left out."""
    unknown = replace(report.rows[0], median=None)
    written = json.loads(to_json(replace(report, rows=(unknown,))))
    assert written["rows"][0]["median"] is None


def test_json_is_indented_text_that_ends_a_line(report: Report) -> None:
    """The text is for people, too: two blanks a level, a line ending at the end."""
    assert to_json(report).startswith('{\n  "schema": 1,\n')
    assert to_json(report).endswith("}\n")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_refused(report: Report, number: float) -> None:
    """NaN is never written: a reader in another language would fail on it."""
    broken = replace(report.rows[0], median=number)
    with pytest.raises(ReportError, match="unknown is None, never NaN"):
        to_json(replace(report, rows=(broken,)))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"median": "12"}, "row 1 has median '12', which garagebench never writes"),
        ({"median": True}, "row 1 has median True"),
        ({"status": "fine"}, "row 1 has status 'fine'"),
        ({"unit": "s"}, "row 1 has unit 's'"),
        ({"impl": None}, "row 1 has impl None"),
        ({"server": 8080}, "row 1 has server 8080"),
        ({"caveats": "none"}, "row 1 has caveats 'none'"),
        ({"caveats": [1]}, r"row 1 has caveats \[1\]"),
        ({"mean": 1}, "row 1 has unknown mean; was it written by another version"),
    ],
)
def test_a_wrong_row_is_named(report: Report, change: dict[str, object], complaint: str) -> None:
    """A row that cannot be is refused with its number, its key and its value."""
    written = json.loads(to_json(report))
    written["rows"][0] |= change
    with pytest.raises(ReportError, match=complaint):
        from_json(json.dumps(written))


@pytest.mark.parametrize("key", [field.name for field in fields(Row)])
def test_a_missing_key_is_named(report: Report, key: str) -> None:
    """A row that lacks a key is refused, and the key is named."""
    written = json.loads(to_json(report))
    del written["rows"][0][key]
    with pytest.raises(ReportError, match=f"row 1 lacks {key};"):
        from_json(json.dumps(written))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not a report"),
        ("[" * 100_000, "not a report"),
        ("[1, 2]", "the report is not a JSON object but"),
        ("{}", "the report lacks schema, environment, settings, caveats, rows"),
        ('{"schema": NaN}', "NaN is no JSON number"),
    ],
)
def test_what_is_no_report_is_refused(text: str, complaint: str) -> None:
    """Any other text gets one clear error, which is a GarageError."""
    with pytest.raises(GarageError, match=complaint):
        from_json(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [("schema", "1"), ("environment", []), ("settings", None), ("caveats", None), ("rows", {})],
)
def test_a_wrong_report_is_named(report: Report, key: str, value: object) -> None:
    """A report whose parts are of another kind is refused with key and value."""
    written = json.loads(to_json(report)) | {key: value}
    with pytest.raises(ReportError, match=f"the report has {key}"):
        from_json(json.dumps(written))


def test_a_number_too_large_for_a_float_is_refused(report: Report) -> None:
    """JSON's 1e999 would be read as infinity, which no measurement gives."""
    text = to_json(report).replace('"median": 96300000.0', '"median": 1e999', 1)
    with pytest.raises(ReportError, match="row 1 has median inf"):
        from_json(text)
