"""One verdict on the parts of a plan."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from garagebench.gate.case import CaseKey, Rule
from garagebench.gate.joint import check_parts, judge_parts
from garagebench.gate.record import (
    CASES,
    GENERATIONS,
    Measured,
    Plan,
    Record,
    RecordError,
    Shard,
)
from garagebench.stats.judge import holm_levels, signed_rank_test

PLAN = Plan("b" * 40, "h" * 40, ("--pytest bench",), 5.0, {}, None, 0)

#: Logs of head / base of one generation after another: level, and 10 % slower.
LEVEL = [0.001 * (-1) ** number for number in range(150)]
SLOW = [0.1 + 0.001 * (-1) ** number for number in range(150)]

NAMES = ("a", "b", "c", "d")


def make_part(
    number: int, of: int, changes: dict[str, Sequence[float]], by: str = CASES, **more: object
) -> Record:
    """A part with those changes of its own cases, of a plan of four."""
    cases = tuple(
        Measured(CaseKey("", "cpython3.11", name), Rule(), 100.0, tuple(values))
        for name, values in changes.items()
    )
    done = max(map(len, changes.values()))
    names = tuple(f"{name}@cpython3.11" for name in NAMES)
    record = Record(
        PLAN,
        Shard(number, of, by),
        "machine",
        "base",
        "head",
        cases,
        names,
        done,
        10.0,
        is_whole=True,
    )
    return replace(record, **more)


def outcomes(*parts: Record) -> dict[str, str]:
    """Case -> its verdict."""
    return {case.row: one.outcome for case, one in judge_parts(parts).cases.items()}


def test_the_parts_of_a_plan_make_one_verdict() -> None:
    """What is slower in one part is slower in the whole; what is level elsewhere stays so."""
    first = make_part(1, 2, {"a": LEVEL[:6], "b": SLOW[:24]})
    second = make_part(2, 2, {"c": LEVEL[:6], "d": LEVEL[:6]})
    result = judge_parts([first, second])
    assert result.outcome == "slower"
    assert outcomes(first, second) == {
        "a": "not slower",
        "b": "slower",
        "c": "not slower",
        "d": "not slower",
    }
    assert result.seconds == 20


def test_a_part_that_is_open_leaves_all_inconclusive() -> None:
    """A case that had too few generations to be decided decides nothing, and no part may hide it."""
    first = make_part(1, 2, {"a": LEVEL[:6], "b": [0.1, -0.1] * 3})
    second = make_part(2, 2, {"c": LEVEL[:6], "d": LEVEL[:6]})
    result = judge_parts([first, second])
    assert (result.outcome, outcomes(first, second)["b"]) == ("inconclusive", "inconclusive")


def test_a_part_uses_the_level_of_all() -> None:
    """A p-value is held to the level among all cases of the plan, also of those that are measured elsewhere."""
    alone = holm_levels({"a": 0.002}, 0.005)
    assert alone == {"a": 0.005}
    assert holm_levels({"a": 0.002}, 0.005, others=2) == {"a": None}
    assert holm_levels({"a": 0.001}, 0.005, others=2) == {"a": 0.005 / 3}


def test_ranks_are_given_within_each_machine() -> None:
    """A machine with large changes does not outvote one with small changes."""
    quiet, noisy = [0.01, 0.02, 0.03, 0.04], [-1.0, 2.0, 3.0, 4.0]
    # By hand: ranks 1 to 4 twice, and of the negative ones a sum of 1, which 1 + 2 of the 256 signs reach.
    assert signed_rank_test(quiet, noisy) == 3 / 256
    assert signed_rank_test([*quiet, *noisy]) > 3 / 256


def test_generations_of_several_machines_are_judged_together() -> None:
    """Generations too few on each machine for any verdict have one together."""
    parts = [
        make_part(number, 3, dict.fromkeys(NAMES, LEVEL[:8]), GENERATIONS) for number in (1, 2, 3)
    ]
    assert set(outcomes(*parts).values()) == {"not slower"}
    slow = [
        make_part(number, 3, {**dict.fromkeys(NAMES, LEVEL[:8]), "b": SLOW[:8]}, GENERATIONS)
        for number in (1, 2, 3)
    ]
    assert outcomes(*slow)["b"] == "slower"
    assert outcomes(*slow)["a"] == "not slower"


def test_machines_that_disagree_are_told() -> None:
    """Where one machine alone says slower, the case is not called level, and the machines are named."""
    level = make_part(1, 2, dict.fromkeys(NAMES, [-0.2] * 100), GENERATIONS, machine="quick")
    slow = make_part(
        2, 2, {**dict.fromkeys(NAMES, LEVEL[:20]), "b": SLOW[:20]}, GENERATIONS, machine="slow"
    )
    result = judge_parts([level, slow])
    assert outcomes(level, slow)["b"] == "inconclusive"
    (note,) = [note for note in result.notes if "disagree" in note]
    assert "the machines disagree on b: -18.1 % on part 1 (quick), +10.5 % on part 2 (slow)" in note


GOOD = {"one": make_part(1, 2, {"a": LEVEL[:6]}), "two": make_part(2, 2, {"b": LEVEL[:6]})}


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"one": GOOD["one"]}, "part 2 of 2 missing"),
        ({**GOOD, "three": GOOD["two"]}, "three: part 2 is there twice, also as two"),
        (
            {**GOOD, "two": replace(GOOD["two"], plan=replace(PLAN, head="other"))},
            "two: of another plan than one: not the same head",
        ),
        (
            {**GOOD, "two": replace(GOOD["two"], plan=replace(PLAN, base="other"))},
            "two: of another plan than one: not the same base",
        ),
        (
            {**GOOD, "two": replace(GOOD["two"], plan=replace(PLAN, percent=10.0))},
            "two: of another plan than one: not the same settings",
        ),
        (
            {**GOOD, "two": replace(GOOD["two"], all_cases=("a",))},
            "two: of another plan than one: not the same cases",
        ),
        (
            {**GOOD, "two": replace(GOOD["two"], shard=Shard(2, 3))},
            "two: of another plan than one: not the same number of parts",
        ),
        (
            {**GOOD, "two": replace(GOOD["two"], is_whole=False)},
            "two: was interrupted: `check --resume two` goes on with it",
        ),
        (
            {
                "one": replace(GOOD["one"], run="7, attempt 1"),
                "two": replace(GOOD["two"], run="7, attempt 2"),
            },
            "parts were measured again, or by different runs",
        ),
    ],
)
def test_parts_that_make_no_plan_are_refused(parts: dict[str, Record], reason: str) -> None:
    """Every part exactly once, of the same plan, whole, and of one run: anything else is no verdict."""
    check_parts(GOOD)
    with pytest.raises(RecordError, match=reason.replace("(", r"\(")):
        check_parts(parts)


def test_identical_code_in_parts_is_rarely_slower() -> None:
    """Of 200 plans of eight parts of identical code not more than two are slower: the error is that of one gate."""
    rng = random.Random(1)
    slower = 0
    for _ in range(200):
        parts = [
            make_part(number, 8, {f"{number}": [rng.gauss(0, 0.1) for _ in range(24)]})
            for number in range(1, 9)
        ]
        slower += judge_parts(parts).outcome == "slower"
    assert slower <= 2
