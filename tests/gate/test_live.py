"""The phases of a live gate, on made-up measurements."""

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from garagebench.engine import Contestant, Entrant, Result
from garagebench.engine.result import Problem, RowTerms
from garagebench.gate.case import CaseKey, GateResult, Thresholds, attribute
from garagebench.gate.live import LiveGate, Pair
from garagebench.gate.verdict import Judgement

STAGES_NS = {
    "park/validate": 1000.0,
    "park/assignment": 500.0,
    "park/encode": 50.0,
    "park/total": 3000.0,
}
SOURCE = {"arguments": {"stages": [name.partition("/")[2] for name in STAGES_NS]}}
PAIR = Pair("lists", "cpython3.11", "python", SOURCE, SOURCE)

Slowdown = Callable[[str, int], float]  # (row, phase) -> head / base


def make_measure(
    slowdown: Slowdown, generations: int = 16, noise: float = 0.005, **head: object
) -> Callable[[list[Entrant], float, int], Result]:
    """Return a measurement whose host is twice as fast in every other round, which no ratio may show."""
    phases: list[list[str]] = []
    rng = random.Random(7)

    def measure(entrants: list[Entrant], budget_s: float, seed: int) -> Result:
        del budget_s, seed
        phases.append(list(entrants[0].source["arguments"]["stages"]))
        names = [name for name in STAGES_NS if name.partition("/")[2] in phases[-1]]
        contestants = []
        for entrant in entrants:
            is_head = entrant.name.startswith("head")
            series = {
                name: [
                    [
                        STAGES_NS[name]
                        * (slowdown(name, len(phases) - 1) if is_head else 1.0)
                        * (1 + number % 2)
                        * math.exp(rng.gauss(0, noise))
                        for number in range(6)
                    ]
                    for _ in range(generations)
                ]
                for name in names
            }
            rows = tuple(RowTerms(name, {name: 1.0}, {}) for name in names)
            extra = head if is_head else {}
            contestants.append(Contestant(entrant.name, rows, series, **extra))  # type: ignore[arg-type]
        return Result(tuple(contestants))

    measure.phases = phases  # type: ignore[attr-defined]
    return measure


def run_gate(
    measure: Callable[[list[Entrant], float, int], Result], threshold: float = 5.0
) -> GateResult:
    """Run a gate of one pair on the made-up measurement."""
    gate = LiveGate(
        [PAIR],
        thresholds=Thresholds(threshold),
        budget_s=30,
        seed=1,
        measure=measure,
        clock=lambda: 0.0,
    )
    return gate.run()


def outcomes(result: GateResult) -> dict[str, str]:
    """Return stage -> outcome."""
    return {case.stage: judgement.outcome for case, judgement in result.cases.items()}


def test_identical_code_is_not_slower() -> None:
    """Nothing is slower, and the gate ends after the first look."""
    measure = make_measure(lambda _row, _phase: 1.0)
    result = run_gate(measure)
    assert result.outcome == "not slower"
    assert len(measure.phases) == 2  # type: ignore[attr-defined]


def test_a_slower_stage_is_named() -> None:
    """+20 % in assignment is +3.3 % of total: the stage is slower, total is not, and the cause is said."""
    slow = {"park/assignment": 1.2, "park/total": 1.0 + 0.2 * 500 / 3000}
    result = run_gate(make_measure(lambda row, _phase: slow.get(row, 1.0)))
    assert result.outcome == "slower"
    assert outcomes(result) == {
        "validate": "not slower",
        "assignment": "slower",
        "total": "not slower",
    }
    assert result.attributed_to == "assignment"


def test_short_stages_are_left_to_total() -> None:
    """A stage of 50 ns has no verdict of its own, and a note says so."""
    result = run_gate(make_measure(lambda _row, _phase: 1.0))
    assert "encode" not in outcomes(result)
    assert any("park encode" in note for note in result.notes)


def test_a_stage_that_has_become_long_is_judged() -> None:
    """One of 50 ns that takes ten times as long in head is named, though base's was too short for a verdict."""
    slow = {"park/encode": 10.0, "park/total": 1.15}
    result = run_gate(make_measure(lambda row, _phase: slow.get(row, 1.0)))
    assert outcomes(result)["encode"] == "slower"
    assert result.attributed_to == "encode"


def test_screening_decides_nothing() -> None:
    """What is +50 % in the screening phase alone is not slower."""
    result = run_gate(make_measure(lambda _row, phase: 1.5 if phase == 0 else 1.0))
    assert result.outcome == "not slower"


def test_the_second_look_measures_what_is_undecided() -> None:
    """Where only total is too noisy for the first look, only total is measured again."""

    def slowdown(row: str, phase: int) -> float:
        return (
            random.Random(phase).choice((0.8, 1.25)) if row == "park/total" and phase == 1 else 1.0
        )

    noisy = make_measure(slowdown, generations=4)
    run_gate(noisy)
    assert noisy.phases[1] == sorted(["validate", "assignment", "total"])  # type: ignore[attr-defined]


def test_an_undecided_gate_names_the_budget_that_would_do() -> None:
    """Three generations decide nothing: inconclusive, with a budget in the notes."""
    result = run_gate(make_measure(lambda _row, _phase: 1.03, generations=3, noise=0.05))
    assert result.outcome == "inconclusive"
    assert any(note.startswith("undecided: ") for note in result.notes)


def test_a_case_too_slow_for_the_budget_is_no_pass() -> None:
    """A row that was left out, whatever the others say, makes the gate inconclusive, and is listed."""
    result = run_gate(make_measure(lambda _row, _phase: 1.0, left_out=("park/release",)))
    assert result.outcome == "inconclusive"
    assert outcomes(result)["release"] == "inconclusive"
    assert outcomes(result)["total"] == "not slower"


def test_what_is_not_judged_is_not_measured() -> None:
    """A gate looks at isolated figures alone, so no phase spends time on those in context."""
    asked: list[bool] = []
    measure = make_measure(lambda _row, _phase: 1.0)

    def look(entrants: list[Entrant], budget_s: float, seed: int) -> Result:
        asked.extend(entrant.in_context for entrant in entrants)
        return measure(entrants, budget_s, seed)

    run_gate(look)
    assert asked
    assert not any(asked)


def test_a_case_left_out_of_screening_alone_is_judged() -> None:
    """What the first look does measure gets its verdict from there, and can be what a slowdown is put down to."""
    slow = {"park/assignment": 1.3}
    measure = make_measure(lambda row, _phase: slow.get(row, 1.0))

    def leave_out(entrants: list[Entrant], budget_s: float, seed: int) -> Result:
        found = measure(entrants, budget_s, seed)
        if len(measure.phases) > 1:  # type: ignore[attr-defined]
            return found
        rows = tuple(row for row in found.reference.rows if row.name not in slow)
        return Result(
            tuple(replace(one, rows=rows, left_out=tuple(slow)) for one in found.contestants)
        )

    assert run_gate(leave_out).attributed_to == "assignment"


@pytest.mark.parametrize("status", ["invalid", "wrong", "unavailable"])
def test_a_side_that_fails_is_inconclusive(status: str) -> None:
    """A worker that died, answered wrongly or cannot run here is never a pass; the reason is told."""
    result = run_gate(make_measure(lambda _row, _phase: 1.0, problem=Problem(status, "it is gone")))
    assert result.outcome == "inconclusive"
    assert "head of lists@cpython3.11: it is gone" in result.notes[0]


def case(stage: str) -> CaseKey:
    """Return the case of that stage of park."""
    return CaseKey("lists", "cpython3.11", "park", stage)


def judged(change: float) -> Judgement:
    """Return a case that is slower by so much."""
    return Judgement("slower", change, change, change, 12)


def test_sequence_is_named_only_where_assignment_does_not_explain_it() -> None:
    """Both slower: assignment; sequence alone: sequence; total alone: nothing."""
    sizes = {case("sequence"): 900.0, case("assignment"): 300.0, case("total"): 3000.0}
    both = {
        case("sequence"): judged(0.1),
        case("assignment"): judged(0.1),
        case("total"): judged(0.1),
    }
    assert attribute(both, sizes) == "assignment"
    assert attribute({case("sequence"): judged(0.1)}, sizes) == "sequence"
    assert attribute({case("total"): judged(0.1)}, sizes) is None


def test_the_stage_that_adds_the_most_is_named() -> None:
    """+10 % of 1000 ns weighs more than +20 % of 300 ns."""
    sizes = {case("validate"): 1000.0, case("encode"): 300.0}
    slower = {case("validate"): judged(0.1), case("encode"): judged(0.2)}
    assert attribute(slower, sizes) == "validate"


def test_too_few_generations_are_said_with_the_budget() -> None:
    """Three generations of +50 %: the level takes 11 with three cases, and the note says so."""
    result = run_gate(make_measure(lambda _row, _phase: 1.5, generations=3))
    assert result.outcome == "inconclusive"
    assert (
        "6 generations fit the budget, a verdict takes 11; --budget 66 would do" in result.notes[-1]
    )
