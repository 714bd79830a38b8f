"""What a gate has measured, in a file."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from garagebench.gate.case import CaseKey, Rule
from garagebench.gate.record import (
    CASES,
    GENERATIONS,
    Measured,
    Plan,
    Record,
    RecordError,
    Shard,
    check_resumable,
    load,
    save,
)

WHOLE = CaseKey("Mine", "cpython3.11", "park/total")
PART = replace(WHOLE, row="park/encode")
PLAN = Plan("b", "h", ("--impl a.py:Mine",), 5.0, {"encode": 2.0}, None, 3)
RECORD = Record(
    PLAN,
    Shard(2, 3, CASES),
    "a machine",
    "main (1234567)",
    "working tree (7654321)",
    (
        Measured(WHOLE, Rule(), 1200.0, (0.01, -0.02, math.inf)),
        Measured(PART, Rule(WHOLE, WHOLE), 0.0, (0.5, -math.inf)),
    ),
    ("x", "y", "z"),
    6,
    12.5,
    ("a note",),
    "7, attempt 1",
    extra={"garages": ["Mine"]},
)


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    """All fields survive, with changes that are infinite, which JSON has no number for."""
    save(RECORD, tmp_path / "part.json")
    assert load(tmp_path / "part.json") == RECORD
    assert RECORD.others == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "not a file of `check --output`: not JSON"),
        ("[1]", "not a file of `check --output`"),
        ('{"kind": "garagebench check", "schema": 99}', "another version of garagebench"),
        ('{"kind": "garagebench check", "schema": 1}', "damaged"),
    ],
)
def test_a_file_that_is_no_record_is_refused(tmp_path: Path, text: str | None, reason: str) -> None:
    """One sentence says what is wrong with the file, and names no exception of Python's."""
    path = tmp_path / "part.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(RecordError, match=reason) as raised:
        load(path)
    assert str(path) in str(raised.value)
    assert "Error" not in str(raised.value)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("done",), "six"),
        (("shard", "number"), 4),
        (("shard", "by"), "weather"),
        (("cases", 0, "changes"), ["nan"]),
        (("cases", 0, "case"), {}),
        (("all_cases",), []),
    ],
)
def test_a_record_with_a_damaged_part_is_refused(
    tmp_path: Path, where: tuple[str | int, ...], value: object
) -> None:
    """A value that cannot be is found when the file is read, not in a verdict."""
    path = tmp_path / "part.json"
    save(RECORD, path)
    document = json.loads(path.read_text())
    inner = document
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    path.write_text(json.dumps(document))
    with pytest.raises(RecordError, match="damaged"):
        load(path)


RULES = {
    WHOLE: Rule(),
    PART: Rule(WHOLE),
    replace(WHOLE, row="unpark/total"): Rule(),
    replace(WHOLE, subject="Other"): Rule(),
}


def test_every_case_is_of_one_part() -> None:
    """Parts share the cases without a rest, and a whole keeps its parts."""
    parts = [Shard(number, 2).choose(RULES) for number in (1, 2)]
    assert sorted([*parts[0], *parts[1]]) == sorted(RULES)
    assert not parts[0] & parts[1]
    assert next(part for part in parts if WHOLE in part) >= {WHOLE, PART}


def test_generations_are_shared_without_a_rest() -> None:
    """Each part by generations has all cases, and all parts together as many generations as were asked for."""
    shards = [Shard(number, 5, GENERATIONS) for number in range(1, 6)]
    assert sum(shard.share(24) for shard in shards) == 24
    assert all(shard.choose(RULES) == set(RULES) for shard in shards)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"plan": replace(PLAN, base="other")}, "not the same base"),
        ({"plan": replace(PLAN, head="other")}, "not the same head"),
        ({"plan": replace(PLAN, seed=4)}, "not the same what is compared or how"),
        ({"shard": Shard(1, 3)}, "not the same --shard"),
        ({"machine": "another"}, "not the same machine"),
        ({"is_whole": True}, "has come to its end already"),
    ],
)
def test_only_the_same_check_goes_on(change: dict[str, object], reason: str) -> None:
    """A record is gone on with only by the check that wrote it, on its machine, and not when it is whole."""
    path = Path("part.json")
    assert check_resumable(RECORD, PLAN, RECORD.shard, RECORD.machine, path) is RECORD
    with pytest.raises(RecordError, match=reason):
        check_resumable(
            replace(RECORD, **change),  # type: ignore[arg-type]
            PLAN,
            RECORD.shard,
            RECORD.machine,
            path,
        )
