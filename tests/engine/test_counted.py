"""What a worker is told under callgrind, and when the counters are read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from garagebench.engine.worker.counted import DUMP_STATS, START, ZERO_STATS, Script


def read(job: dict[str, Any]) -> list[object]:
    """Every command, and every request to callgrind, in order."""
    seen: list[object] = []

    def request(number: int) -> int:
        seen.append(number)
        return 0

    script = Script(job, request)
    for line in iter(script.readline, ""):
        command = json.loads(line)
        seen.append((command["do"], command.get("case"), command.get("work")))
    return seen


def work(case: str, passes: int) -> list[list[object]]:
    """Of a warm-up, which is what is counted."""
    return [[case, "loop", [0], passes]]


def test_each_item_of_the_work_is_between_zero_and_a_dump() -> None:
    """Callgrind looks on from the first item, and not while the subject is loaded."""
    job = {"source": 1, "work": [["a", 2], ["a", 5]], "in_turn": False}
    assert read(job) == [
        ("load", None, None),
        START,
        ZERO_STATS,
        ("warm", None, work("a", 2)),
        DUMP_STATS,
        ZERO_STATS,
        ("warm", None, work("a", 5)),
        DUMP_STATS,
        ("quit", None, None),
    ]


@pytest.mark.parametrize("in_turn", [True, False])
def test_cases_that_come_in_turn_are_entered_and_left(*, in_turn: bool) -> None:
    """A test suite goes its way: its cases are entered one after the other, and each is left."""
    job = {"source": 1, "work": [["a", 1], ["b", 1]], "in_turn": in_turn}
    told = [one[:2] for one in read(job) if isinstance(one, tuple)]
    inner = (
        [
            ("enter", "a"),
            ("warm", None),
            ("leave", None),
            ("enter", "b"),
            ("warm", None),
            ("leave", None),
        ]
        if in_turn
        else [("warm", None), ("warm", None)]
    )
    assert told == [("load", None), *inner, ("quit", None)]
