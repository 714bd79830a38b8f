"""Rows and cases of an implementation under a workload, and that each case answers what it expects."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from case_loop import find_wrong_blocks, run_block
from interpreters import run_python

from garagebench import GarageError, Impl, Layout, SpaceEmpty
from garagebench.core.workload import BUILTIN, make_workload
from garagebench.errors import UnknownName, WrongAnswer
from garagebench.interface import Case
from garagebench.subjects import requests
from garagebench.subjects.requests import STAGES, GarageSubject, cold_start, make_subject

MUTANTS = Path(__file__).with_name("mutants.py")

EVERY_STAGE = (
    "validate",
    "sequence",
    "assignment",
    "floor_lookup",
    "encode",
    "total",
    "unattributed",
)
EVERY_STAGE += ("space_lookup", "release")

WHOLE = "park/sequence and assignment"
TIMED = "park/assignment in context"

#: Row -> the quantities that it adds up, isolated and in context.
ROWS = {
    "park/validate": ({"park/validate": 1}, {"park/total (validate)": 1}),
    "park/sequence": ({WHOLE: 1, "park/assignment": -1}, {"park/total (sequence)": 1, TIMED: -1}),
    "park/assignment": ({"park/assignment": 1}, {TIMED: 1}),
    "park/floor_lookup": ({"park/floor_lookup": 1}, {"park/total (floor_lookup)": 1}),
    "park/encode": ({"park/encode": 1}, {"park/total (encode)": 1}),
    "park/total": ({"park/total": 1}, {"park/total": 1}),
    "park/unattributed": (
        {
            "park/total": 1,
            "park/validate": -1,
            WHOLE: -1,
            "park/floor_lookup": -1,
            "park/encode": -1,
        },
        {
            "park/total": 1,
            "park/total (validate)": -1,
            "park/total (sequence)": -1,
            "park/total (floor_lookup)": -1,
            "park/total (encode)": -1,
        },
    ),
    "unpark/validate": ({"unpark/validate": 1}, {"unpark/total (validate)": 1}),
    "unpark/space_lookup": ({"unpark/space_lookup": 1}, {"unpark/total (space_lookup)": 1}),
    "unpark/release": ({"unpark/release": 1}, {"unpark/total (release)": 1}),
    "unpark/encode": ({"unpark/encode": 1}, {"unpark/total (encode)": 1}),
    "unpark/total": ({"unpark/total": 1}, {"unpark/total": 1}),
    "unpark/unattributed": (
        {
            "unpark/total": 1,
            "unpark/validate": -1,
            "unpark/space_lookup": -1,
            "unpark/release": -1,
            "unpark/encode": -1,
        },
        {
            "unpark/total": 1,
            "unpark/total (validate)": -1,
            "unpark/total (space_lookup)": -1,
            "unpark/total (release)": -1,
            "unpark/total (encode)": -1,
        },
    ),
}

#: Runs every case three times on another interpreter.
SMOKE = """
import json, sys
from case_loop import find_wrong_blocks
from garagebench.subjects.requests import make_subject
for arguments in json.load(open(sys.argv[1])):
    subject = make_subject(arguments)
    print(len(subject.rows()), find_wrong_blocks(list(subject.cases()), 3))
"""


def arguments_for(
    impl: str, layout: Layout, workload: str = "fill", **changed: object
) -> dict[str, Any]:
    """What the engine hands to make_subject: all that can be measured, unless changed."""
    return {
        "impl": impl,
        "layout": layout.to_data(),
        "workload": make_workload(workload, layout, 1).to_data(),
        "operations": ["park", "unpark"],
        "stages": EVERY_STAGE,
        **changed,
    }


def find_cases(made: GarageSubject) -> dict[str, Case]:
    """The cases by name."""
    return {case.name: case for case in made.cases()}


def write_trace(path: Path, requests: Sequence[tuple[str, object]]) -> str:
    """Write a trace file, and return its path."""
    lines = [json.dumps({"operation": operation, "body": body}) for operation, body in requests]
    path.write_text("\n".join(lines))
    return str(path)


@pytest.mark.parametrize("workload", BUILTIN)
def test_the_rows(seed: Layout, workload: str) -> None:
    """Each stage is a sum of measured quantities, isolated and in context; park comes before unpark."""
    rows = make_subject(arguments_for("lists", seed, workload)).rows()
    assert {row.name: (row.isolated, row.in_context) for row in rows} == ROWS
    assert [row.name for row in rows] == [
        f"{operation}/{stage}" for operation in ("park", "unpark") for stage in STAGES[operation]
    ]


def test_the_rules_of_the_rows(seed: Layout) -> None:
    """Totals are wholes, all else is a part of its own; a remainder is not judged, and sequence yields to assignment."""
    rows = {row.name: row for row in make_subject(arguments_for("lists", seed)).rows()}
    for name, row in rows.items():
        operation, _, stage = name.partition("/")
        assert row.part_of == (None if stage == "total" else f"{operation}/total")
        assert row.is_judged is (stage != "unattributed")
        assert row.yields_to == ("park/assignment" if stage == "sequence" else None)
        assert row.unit == "ns"


@pytest.mark.parametrize("workload", BUILTIN)
def test_the_cases(seed: Layout, workload: str) -> None:
    """A case for each quantity of the rows; only the totals are wanted in context; groups are operations."""
    made = make_subject(arguments_for("lists", seed, workload))
    cases = find_cases(made)
    quantities = {
        quantity.partition(" (")[0]
        for row in made.rows()
        for quantity in (*row.isolated, *row.in_context)
    }
    assert set(cases) == quantities
    assert {name for name, case in cases.items() if case.in_context} == {
        "park/total",
        "unpark/total",
    }
    assert all(case.group == name.partition("/")[0] for name, case in cases.items())
    assert [name for name, case in cases.items() if case.intervals is not None] == [TIMED]


@pytest.mark.parametrize("workload", BUILTIN)
def test_the_blocks_of_the_cases(seed: Layout, workload: str) -> None:
    """All cases of an operation have the workload's blocks, counted by its requests, and tapes to be answered."""
    made = make_subject(arguments_for("lists", seed, workload))
    for case in made.cases():
        blocks = [
            block
            for block in make_workload(workload, seed, 1).blocks
            if block.operation == case.group
        ]
        assert [block.requests for block in case.blocks] == [
            len(block.requests) for block in blocks
        ]
        assert all(len(block.tape) == len(block.expected) > 0 for block in case.blocks)


def test_only_what_changes_the_state_is_reset(seed: Layout) -> None:
    """A stage that only looks something up needs no reset, which takes time in a large garage."""
    cases = find_cases(make_subject(arguments_for("lists", seed)))
    resets = {name for name, case in cases.items() if case.blocks[0].reset is not None}
    assert resets == {
        "park/total",
        WHOLE,
        "park/assignment",
        TIMED,
        "unpark/total",
        "unpark/release",
    }


def test_the_fill_has_50_calls_on_full_pools(seed: Layout) -> None:
    """120 small cars: 70 find their own kind, 50 ask it in vain first."""
    block = find_cases(make_subject(arguments_for("lists", seed)))["park/assignment"].blocks[0]
    assert block.expected == [
        *range(70),
        *(answer for index in range(50) for answer in (-1, index)),
    ]


@pytest.mark.parametrize(
    ("stages", "cases"),
    [
        (["total"], ["park/total", "unpark/total"]),
        (["validate"], ["park/validate", "park/total", "unpark/validate", "unpark/total"]),
        (["sequence"], [WHOLE, "park/assignment", TIMED, "park/total"]),
        (["assignment"], ["park/assignment", TIMED]),
        (["space_lookup", "total"], ["park/total", "unpark/space_lookup", "unpark/total"]),
        (["release"], ["unpark/release", "unpark/total"]),
        (["import", "first_request"], []),
    ],
)
def test_chosen_stages_only(seed: Layout, stages: list[str], cases: list[str]) -> None:
    """Rows are those asked for; cases are those that the rows need."""
    made = make_subject(arguments_for("lists", seed, stages=stages))
    assert [row.name for row in made.rows()] == [
        name for name in ROWS if name.partition("/")[2] in stages
    ]
    assert list(find_cases(made)) == cases


def test_totals_alone_are_not_timed_in_context(seed: Layout) -> None:
    """Without a stage beside them the clock is not read within the pipeline."""
    made = make_subject(arguments_for("lists", seed, stages=["total"]))
    assert [row.in_context for row in made.rows()] == [{}, {}]
    assert not any(case.in_context for case in made.cases())


@pytest.mark.parametrize("operation", ["park", "unpark"])
def test_chosen_operations_only(seed: Layout, operation: str) -> None:
    """The other operation's blocks are gone through, but not measured."""
    made = make_subject(arguments_for("lists", seed, operations=[operation]))
    assert {row.name.partition("/")[0] for row in made.rows()} == {operation}
    assert {case.group for case in made.cases()} == {operation}
    assert find_wrong_blocks(made.cases(), 2) == []


@pytest.mark.parametrize("workload", BUILTIN)
def test_every_pass_answers_what_is_expected(impl: Impl, seed: Layout, workload: str) -> None:
    """Pass after pass, the steps of every case answer what its block expects."""
    made = make_subject(arguments_for(impl.name, seed, workload))
    assert find_wrong_blocks(made.cases(), passes=3) == []
    assert made.caveats == []


@pytest.mark.parametrize("workload", BUILTIN)
def test_every_layout_size(impl: Impl, seed: Layout, workload: str) -> None:
    """Also in a garage much larger than the workload."""
    made = make_subject(arguments_for(impl.name, seed.scaled(3000), workload))
    assert find_wrong_blocks(made.cases(), passes=2) == []


def test_blocks_can_be_timed_in_any_order(impl: Impl, seed: Layout, tmp_path: Path) -> None:
    """The reset of a block brings back all that its answers depend on, whatever was timed before."""
    park, leave = (
        ("park", {"vehicle": "small"}),
        [("unpark", {"floor": 1, "row": 3, "space": n}) for n in (1, 2)],
    )
    path = write_trace(tmp_path / "long.jsonl", [park] * 600 + leave * 100 + [park] * 100)
    layout = seed.scaled(800)
    made = make_subject(arguments_for(impl.name, layout, path))
    cases = list(made.cases())
    order = [(case, block) for case in cases for block in case.blocks] * 2
    random.Random(0).shuffle(order)
    for case, block in order:
        assert run_block(case, block) == list(block.expected), case.name


def test_refusals_are_expected_as_classes(seed: Layout) -> None:
    """A case with refusals among its answers catches the errors of garages; one without catches none."""
    cases = find_cases(make_subject(arguments_for("lists", seed, "mixed")))
    catching = {name for name, case in cases.items() if case.catches}
    assert catching == {WHOLE, TIMED, "park/total"}
    assert cases[WHOLE].catches == (GarageError,)


def test_a_space_that_is_empty_is_refused_in_the_pipeline(seed: Layout, tmp_path: Path) -> None:
    """The whole raises SpaceEmpty; the release alone answers False."""
    path = write_trace(
        tmp_path / "empty.jsonl", [("unpark", {"floor": 1, "row": 1, "space": 1})] * 100
    )
    cases = find_cases(make_subject(arguments_for("lists", seed, path)))
    assert cases["unpark/total"].blocks[0].expected == [SpaceEmpty] * 100
    assert cases["unpark/release"].blocks[0].expected == [False] * 100
    assert find_wrong_blocks(cases.values(), 2) == []


def test_a_trace_of_bad_requests_only(seed: Layout, tmp_path: Path) -> None:
    """Stages that no request reaches have blocks without a tape; what validates is measured."""
    path = write_trace(tmp_path / "bad.jsonl", [("park", None)] * 100)
    cases = find_cases(make_subject(arguments_for("lists", seed, path)))
    assert len(cases["park/validate"].blocks[0].tape) == 100
    assert [len(case.blocks[0].tape) for name, case in cases.items() if name == "park/encode"] == [
        0
    ]
    assert find_wrong_blocks(cases.values(), 2) == []


def test_operation_both_has_a_total_only(seed: Layout, tmp_path: Path) -> None:
    """A trace that changes operation too often is one case, whose steps are the garage's own handlers."""
    place = {"floor": 1, "row": 3, "space": 1}
    path = write_trace(
        tmp_path / "both.jsonl", [("park", {"vehicle": "small"}), ("unpark", place)] * 60
    )
    made = make_subject(arguments_for("lists", seed, path))
    assert [row[:3] for row in made.rows()] == [("both/total", {"both/total": 1}, {})]
    (case,) = made.cases()
    assert (case.group, case.in_context, case.blocks[0].requests) == ("both", False, 120)
    assert find_wrong_blocks([case], 3) == []


def test_timed_pools_are_timed_in_the_pipeline(impl: Impl, seed: Layout) -> None:
    """A pass through the case in context appends an interval for each pool call."""
    cases = find_cases(make_subject(arguments_for(impl.name, seed, "mixed")))
    case = cases[TIMED]
    assert case.intervals == []
    run_block(case, case.blocks[0])
    assert case.intervals is not None
    assert len(case.intervals) == len(cases["park/assignment"].blocks[0].tape)


BYPASS = '''
from garagebench import GarageFull, Impl
from garagebench.impls.lists import ListPool


class FlagPool:
    def __init__(self, capacity):
        self.capacity = capacity
        self.flags = bytearray(capacity)

    @property
    def free(self):
        return self.flags.count(0)

    def nearest(self):
        return self.flags.find(0)

    def take(self):
        index = self.flags.find(0)
        if index >= 0:
            self.flags[index] = 1
        return index

    def release(self, index):
        if not 0 <= index < self.capacity:
            raise IndexError(index)
        was_taken = self.flags[index] == 1
        self.flags[index] = 0
        return was_taken

    def save(self):
        return bytes(self.flags)

    def restore(self, state):
        self.flags[:] = state


def fused(layout, pools):
    """Look into the pools instead of asking them."""
    flags = [pool.flags for pool in pools]

    def sequence(vehicle):
        for group in layout.tiers[vehicle]:
            found = [(layout.positions[kind][flags[kind].find(0)], kind) for kind in group if 0 in flags[kind]]
            if found:
                kind = min(found)[1]
                index = flags[kind].find(0)
                flags[kind][index] = 1
                return kind, index
        raise GarageFull

    return sequence


FUSED = Impl("fused", FlagPool, sequence=fused)


class SurePool(ListPool):
    """Asked with an argument, unlike the others."""

    def take(self, *unused):
        return super().take()


def with_arguments(layout, pools):
    def sequence(vehicle):
        for group in layout.tiers[vehicle]:
            found = [(layout.positions[kind][pools[kind].nearest()], kind) for kind in group if pools[kind].free]
            if found:
                kind = min(found)[1]
                return kind, pools[kind].take(0)
        raise GarageFull

    return sequence


SURE = Impl("sure", SurePool, sequence=with_arguments)
'''


@pytest.fixture
def bypass(tmp_path: Path) -> str:
    """A file with sequencers that use the pools in unusual ways."""
    path = tmp_path / "bypass.py"
    path.write_text(BYPASS)
    return str(path)


@pytest.mark.parametrize("workload", BUILTIN)
def test_a_sequencer_that_bypasses_the_pools(seed: Layout, bypass: str, workload: str) -> None:
    """Where no pool call is seen there is no assignment, sequence is the whole, and a caveat says so."""
    made = make_subject(arguments_for(f"{bypass}:FUSED", seed, workload))
    assert made.caveats == [
        "the sequencer makes no call on the pools: assignment is part of sequence"
    ]
    rows = {row.name: row for row in made.rows()}
    assert "park/assignment" not in rows
    assert rows["park/sequence"][1:3] == ({WHOLE: 1}, {"park/total (sequence)": 1})
    assert not {"park/assignment", TIMED} & set(find_cases(made))
    assert find_wrong_blocks(made.cases(), 3) == []


def test_the_caveat_is_for_parks_only(seed: Layout, bypass: str) -> None:
    """Where only unparks are measured there is nothing to say about the sequencer."""
    assert make_subject(arguments_for(f"{bypass}:FUSED", seed, operations=["unpark"])).caveats == []


def test_pool_calls_with_arguments(seed: Layout, bypass: str) -> None:
    """They are replayed with their arguments."""
    case = find_cases(make_subject(arguments_for(f"{bypass}:SURE", seed, "mixed")))[
        "park/assignment"
    ]
    assert (case.target, case.steps[0].source) == ("call, arguments", "answer = call(*arguments)")
    assert find_wrong_blocks([case], 3) == []


@pytest.mark.parametrize(
    "name", ["GivesOutTheLastSpaceTwice", "IgnoresTheNearestRule", "SaysThatItFreedAFreeSpace"]
)
def test_a_wrong_answer_before_anything_is_timed(seed: Layout, name: str) -> None:
    """An implementation with one wrong answer gives no subject but WrongAnswer, status wrong."""
    with pytest.raises(WrongAnswer) as caught:
        make_subject(arguments_for(f"{MUTANTS}:{name}", seed))
    assert caught.value.status == "wrong"


def test_an_unknown_implementation(seed: Layout) -> None:
    """The error of the registry comes through."""
    with pytest.raises(UnknownName):
        make_subject(arguments_for("list", seed))


def test_cold_start(monkeypatch: pytest.MonkeyPatch, seed: Layout) -> None:
    """What lies between two clock reads is named in order; what needs no compiling has no such part."""
    ticks = iter([10, 11, 13, 17, 25, 41])
    monkeypatch.setattr(requests, "time", SimpleNamespace(perf_counter_ns=lambda: next(ticks)))
    arguments = {"impl": "lists", "layout": seed.to_data(), "body": '{"vehicle":"small"}'}
    assert cold_start(arguments) == {"import": 1.0, "build": 2.0, "first_request": 4.0}


def test_cold_start_of_what_compiles(
    monkeypatch: pytest.MonkeyPatch, seed: Layout, tmp_path: Path
) -> None:
    """A pool class with a method `compile` has that part, too."""
    (tmp_path / "compiled.py").write_text(
        "from garagebench.impls.lists import ListPool\n"
        "class Pool(ListPool):\n    @staticmethod\n    def compile(): pass\n"
    )
    ticks = iter([10, 11, 13, 17, 25])
    monkeypatch.setattr(requests, "time", SimpleNamespace(perf_counter_ns=lambda: next(ticks)))
    arguments = {
        "impl": f"{tmp_path}/compiled.py:Pool",
        "layout": seed.to_data(),
        "body": '{"vehicle":"small"}',
    }
    assert cold_start(arguments) == {
        "import": 1.0,
        "compile": 2.0,
        "build": 4.0,
        "first_request": 8.0,
    }


def test_subjects_on_another_interpreter(other_python: str, seed: Layout, tmp_path: Path) -> None:
    """On PyPy and the other CPythons the same cases answer the same, pass after pass."""
    wanted = tmp_path / "arguments.json"
    wanted.write_text(
        json.dumps([arguments_for(name, seed, "mixed") for name in ("lists", "pypy")])
    )
    assert run_python(other_python, SMOKE, str(wanted)) == f"{len(ROWS)} []\n" * 2


def test_a_workload_that_is_refused_throughout_is_said(seed: Layout, tmp_path: Path) -> None:
    """A trace for another layout is refused quickly: a caveat says that these times are of refusals."""
    trace = write_trace(tmp_path / "trace.jsonl", [("park", {"vehicle": "bus"})] * 100)
    made = make_subject(arguments_for("lists", seed, trace))
    assert "every park request of the workload is refused" in made.caveats
