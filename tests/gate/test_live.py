"""The phases of a live gate, on made-up measurements."""

import math
import random
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest

from garagebench.engine import Contestant, Entrant, Result
from garagebench.engine.contestant import Conditions, Problem, RowTerms
from garagebench.engine.schedule import Pace
from garagebench.engine.target import Target
from garagebench.gate.case import CaseKey, GateResult, Thresholds, attribute, make_rule
from garagebench.gate.limit import Limit, Work
from garagebench.gate.live import LiveGate
from garagebench.gate.notes import describe_some_processes
from garagebench.gate.pairs import Pair
from garagebench.stats.judge import Judgement
from garagebench.subjects.requests import rules_of

STAGES_NS = {
    "park/validate": 1000.0,
    "park/assignment": 500.0,
    "park/encode": 50.0,
    "park/total": 3000.0,
}
TARGET = Target("module:name", None)
PAIR = Pair("lists", "cpython3.11", "python", (TARGET, TARGET))

Slowdown = Callable[[str, int], float]  # (row, phase) -> head / base
Measure = Callable[[list[Entrant], Work], Result]


class Made:
    """A measurement whose host is twice as fast in every other round, which no ratio may show.

    noise: between generations. differences: rows that are a difference of two cases. takes_s: seconds of a generation.
    """

    def __init__(
        self,
        slowdown: Slowdown = lambda _row, _phase: 1.0,
        *,
        noise: float = 0.005,
        sizes_ns: Mapping[str, float] = STAGES_NS,
        differences: Collection[str] = (),
        takes_s: float = 0.5,
        most: int = 1000,
        **head: object,
    ) -> None:
        self.slowdown = slowdown
        self.noise = noise
        self.sizes_ns = sizes_ns
        self.differences = differences
        self.takes_s = takes_s
        self.most = most
        self.head = head
        self.phases: list[list[str]] = []
        self.works: list[Work] = []
        self.paces: list[list[Mapping[str, Pace] | None]] = []
        self.now_s = 0.0
        self._rng = random.Random(7)

    @property
    def generations(self) -> list[int | None]:
        """How many each phase was asked for, screening first."""
        return [work.extent.generations for work in self.works]

    def __call__(self, entrants: list[Entrant], work: Work) -> Result:
        """Measure."""
        needs = entrants[0].needs
        names = [name for name in self.sizes_ns if needs is None or name in needs]
        self.phases.append(names)
        self.works.append(work)
        self.paces.append([entrant.paces for entrant in entrants])
        generations = min(work.extent.generations or 1, self.most)
        self.now_s += self.takes_s * generations
        sides = tuple(self._side(entrant.name, names, generations) for entrant in entrants)
        half_s = self.takes_s / 2
        conditions = Conditions(half_s, half_s / 20, 1, 1, 100, (), ())
        return Result(sides, conditions=conditions)

    def _side(self, name: str, names: list[str], generations: int) -> Contestant:
        is_head = name.startswith("head")
        series: dict[str, list[list[float]]] = {}
        for row in names:
            size_ns = self.sizes_ns[row]
            factor = self.slowdown(row, len(self.phases) - 1) if is_head else 1.0
            series[row] = []
            for _ in range(generations):
                process = math.exp(self._rng.gauss(0, self.noise))
                extra_ns = STAGES_NS["park/total"] if row in self.differences else 0.0
                series[row].append(
                    [
                        (size_ns * factor * process + extra_ns * process) * (1 + number % 2)
                        for number in range(6)
                    ]
                )
            if row in self.differences:
                series[f"{row} less"] = [
                    [STAGES_NS["park/total"] * (1 + number % 2) for number in range(6)]
                ] * generations
        rows = tuple(make_row(row, is_single=row not in self.differences) for row in names)
        extra = self.head if is_head else {}
        paces = dict.fromkeys(names, (2, 5 if is_head else 4))
        return Contestant(name, rows, series, **{"paces": paces, **extra})  # type: ignore[arg-type]


def make_row(row: str, *, is_single: bool = True) -> RowTerms:
    """Return a row with the rules of a garage's."""
    terms = {row: 1.0} if is_single else {row: 1.0, f"{row} less": -1.0}
    operation, _, stage = row.partition("/")
    return RowTerms(row, terms, single=is_single, **rules_of(operation, stage))


def run_gate(
    measure: Made, threshold: float = 5.0, limit: Limit | None = None, **more: Any
) -> GateResult:
    """Run a gate of one pair on the made-up measurement."""
    thresholds = Thresholds(threshold, more.pop("particular", {}))
    gate = LiveGate(
        [PAIR],
        thresholds=thresholds,
        limit=limit or Limit(),
        seed=1,
        measure=measure,
        clock=lambda: measure.now_s,
        **more,
    )
    return gate.run()


def outcomes(result: GateResult) -> dict[str, str]:
    """Return stage -> outcome."""
    return {
        case.row.partition("/")[2]: judgement.outcome for case, judgement in result.cases.items()
    }


def test_identical_code_is_not_slower() -> None:
    """Nothing is slower, and the gate ends at the first look."""
    measure = Made()
    result = run_gate(measure)
    assert result.outcome == "not slower"
    assert measure.generations == [1, 6]


def test_a_slower_whole_is_found_with_few_generations() -> None:
    """+20 % of all: what six and ten generations cannot confirm, fifteen do."""
    measure = Made(lambda _row, _phase: 1.2)
    result = run_gate(measure)
    assert result.outcome == "slower"
    assert measure.generations == [1, 6, 4, 5]


def test_a_slower_stage_is_named() -> None:
    """+20 % in assignment is +3.3 % of total: the stage is slower, total is not, and the cause is said."""
    slow = {"park/assignment": 1.2, "park/total": 1.0 + 0.2 * 500 / 3000}
    result = run_gate(Made(lambda row, _phase: slow.get(row, 1.0)))
    assert result.outcome == "slower"
    assert outcomes(result) == {
        "validate": "not slower",
        "assignment": "slower",
        "encode": "not slower",
        "total": "not slower",
    }
    assert result.attributed_to == case("assignment")


def test_a_part_that_cannot_be_judged_is_unresolved_and_decides_nothing() -> None:
    """One that scatters by as much as it takes: the wholes have their verdict at the first look, and that is the gate's."""

    def scatter(row: str, phase: int) -> float:
        return 1.0

    measure = Made(scatter, differences=("park/assignment",), noise=0.02)
    result = run_gate(measure)
    assert result.outcome == "not slower"
    assert outcomes(result)["assignment"] == "unresolved"
    assert result.cases[case("assignment")].high is not None


def test_a_part_with_a_threshold_of_its_own_decides() -> None:
    """Where somebody named it, the gate must not pass without a verdict on it."""
    measure = Made(differences=("park/assignment",), noise=0.02)
    result = run_gate(measure, particular={"assignment": 5.0}, limit=Limit(generations=10))
    assert result.outcome == "inconclusive"
    assert outcomes(result)["assignment"] == "inconclusive"


def test_a_difference_keeps_every_generation() -> None:
    """Also those in which it comes out below zero on a side, and has no logarithm: it is judged as a share of its whole."""
    sizes_ns = {**STAGES_NS, "park/assignment": 100.0}
    measure = Made(differences=("park/assignment",), noise=0.05, sizes_ns=sizes_ns)
    result = run_gate(measure, limit=Limit(generations=30))
    assert result.cases[case("assignment")].generations == 30


def test_a_slower_difference_is_found() -> None:
    """+40 % of a difference of 500 ns in 3,000 is confirmed, with its own size for a measure."""
    measure = Made(
        lambda row, _phase: 1.4 if row == "park/assignment" else 1.0,
        differences=("park/assignment",),
        noise=0.002,
    )
    result = run_gate(measure)
    assert outcomes(result)["assignment"] == "slower"
    assert result.cases[case("assignment")].change == pytest.approx(math.log(1.4), abs=0.02)


def test_a_part_that_looks_slower_is_measured_further() -> None:
    """After the first look nothing is open but a suspect part: it is measured again, beside its whole, until it is sure."""
    slow = {"park/assignment": 1.2}
    measure = Made(lambda row, _phase: slow.get(row, 1.0))
    run_gate(measure)
    assert measure.phases[-1] == ["park/assignment", "park/total"]
    assert sum(count or 0 for count in measure.generations[1:]) == 15


def test_no_part_is_too_short_to_be_judged() -> None:
    """One of 50 ns that takes twice as long is named: what is short on one machine is long on another."""
    slow = {"park/encode": 2.0, "park/total": 1.02}
    result = run_gate(Made(lambda row, _phase: slow.get(row, 1.0)))
    assert result.attributed_to == case("encode")


def test_screening_decides_nothing() -> None:
    """What is +50 % in the screening phase alone is not slower."""
    result = run_gate(Made(lambda _row, phase: 1.5 if phase == 0 else 1.0))
    assert result.outcome == "not slower"


def test_both_sides_do_the_same_from_the_first_call_on() -> None:
    """Paces come from screening: the fewer passes of the two, for both."""
    measure = Made()
    run_gate(measure)
    screening, *looks = measure.paces
    assert set(screening) == {None}
    assert looks
    for paces in looks:
        assert [dict(one or {}) for one in paces] == [dict.fromkeys(STAGES_NS, Pace(2, 4))] * 2


def test_each_side_has_a_source_at_either_place() -> None:
    """What is loaded where the sides have changed places is the other's place."""
    seen: list[tuple[str, object, object]] = []
    measure = Made()
    places = (replace(TARGET, arguments="a"), replace(TARGET, arguments="b"))

    def look(entrants: list[Entrant], work: Work) -> Result:
        seen.extend(
            (one.name.split()[0], one.target.arguments, one.elsewhere and one.elsewhere.arguments)
            for one in entrants
        )
        return measure(entrants, work)

    LiveGate(
        [replace(PAIR, places=places)],
        thresholds=Thresholds(5.0),
        limit=Limit(),
        seed=1,
        measure=look,
        clock=lambda: 0.0,
    ).run()
    assert set(seen) == {("base", "a", "b"), ("head", "b", "a")}


def test_a_number_of_generations_is_measured_and_no_more() -> None:
    """The last look is at that number, whatever the clock says."""
    measure = Made(lambda _row, _phase: 1.03, noise=0.05, takes_s=1000.0)
    result = run_gate(measure, limit=Limit(generations=12))
    assert measure.generations == [1, 6, 4, 2]
    assert result.cases[case("total")].generations == 12


def test_an_undecided_gate_names_a_budget_that_a_person_can_wait_for() -> None:
    """Too much noise for the time: so much more would do. On the threshold: no time would."""
    noisy = run_gate(Made(noise=0.045), limit=Limit(seconds=6))
    assert noisy.outcome == "inconclusive"
    (note,) = (note for note in noisy.notes if note.startswith("undecided: "))
    budget = re.search(r"--budget (\d+) would do", note)
    assert budget is not None
    assert 6 < int(budget[1]) <= 1800
    hopeless = run_gate(Made(noise=1.0))
    assert hopeless.outcome == "inconclusive"
    assert any("another --max-slowdown would decide it" in note for note in hopeless.notes)


def test_a_budget_too_small_for_a_look_is_said_with_one_that_would_do() -> None:
    """Of 3 s at 1 s a generation nothing can be judged; with what it names, it can."""
    result = run_gate(Made(takes_s=1.0), limit=Limit(seconds=3))
    assert result.outcome == "inconclusive"
    found = re.search(r"--budget (\d+) would do", result.notes[0])
    assert found is not None
    again = run_gate(Made(takes_s=1.0), limit=Limit(seconds=int(found[1])))
    assert again.outcome == "not slower"


def test_a_phase_that_does_not_come_to_its_look_is_not_judged() -> None:
    """Where the time ends before, the verdict is that of the look before, if there was one."""
    result = run_gate(Made(most=5))
    assert result.outcome == "inconclusive"
    assert result.cases == {}


def test_ctrl_c_keeps_the_verdict_of_the_last_look() -> None:
    """What was decided by then stands; the exit code is that of an interruption all the same."""

    class Interrupted(Made):
        def __call__(self, entrants: list[Entrant], work: Work) -> Result:
            if len(self.phases) == 2:
                self.most = 2
            result = super().__call__(entrants, work)
            return replace(result, interrupted=len(self.phases) == 3)

    slow = {"park/assignment": 1.2}
    result = run_gate(Interrupted(lambda row, _phase: slow.get(row, 1.0)))
    assert result.interrupted
    assert result.notes[0] == "interrupted: the verdict is that of 6 generations"
    assert outcomes(result)["total"] == "not slower"
    assert outcomes(result)["assignment"] == "unresolved"


def test_ctrl_c_at_the_end_of_a_phase_starts_no_other() -> None:
    """The phase came to its look, which is judged; what is open then stays open."""

    class Interrupted(Made):
        def __call__(self, entrants: list[Entrant], work: Work) -> Result:
            return replace(super().__call__(entrants, work), interrupted=len(self.phases) == 2)

    measure = Interrupted(lambda _row, _phase: 1.2)
    result = run_gate(measure)
    assert result.interrupted
    assert measure.generations == [1, 6]


def test_each_pair_has_paces_of_its_own() -> None:
    """Of two implementations in one gate the quick one's many passes are not the slow one's."""
    seen: list[dict[str, object]] = []
    measures = {"quick": Made(), "slow": Made()}

    def measure(entrants: list[Entrant], work: Work) -> Result:
        seen.append({one.name: dict(one.paces or {}) for one in entrants})
        sides = []
        for impl, passes in (("quick", 40), ("slow", 1)):
            own = [one for one in entrants if f" {impl}@" in one.name]
            found = measures[impl](own, work).contestants
            paces = dict.fromkeys(STAGES_NS, (1, passes))
            sides += [replace(one, paces=paces) for one in found]
        return Result(tuple(sides))

    LiveGate(
        [replace(PAIR, subject="quick"), replace(PAIR, subject="slow")],
        thresholds=Thresholds(5.0),
        limit=Limit(generations=6),
        seed=1,
        measure=measure,
        clock=lambda: 0.0,
    ).run()
    assert {name: dict(paces)["park/total"] for name, paces in seen[1].items()} == {
        f"{side} {impl}@cpython3.11": Pace(1, passes)
        for side in ("base", "head")
        for impl, passes in (("quick", 40), ("slow", 1))
    }


def test_a_whole_too_slow_for_the_time_is_no_pass() -> None:
    """A total that was left out, whatever the others say, makes the gate inconclusive; a part so is unresolved."""
    for row, outcome in (("unpark/total", "inconclusive"), ("park/release", "not slower")):
        result = run_gate(Made(left_out=(make_row(row),)))
        assert result.outcome == outcome
        stage = row.partition("/")[2]
        found = [judgement.outcome for key, judgement in result.cases.items() if key.row == row]
        assert found == ["inconclusive" if stage == "total" else "unresolved"]


def test_what_is_not_judged_is_not_measured() -> None:
    """A gate looks at isolated figures alone, so no phase spends time on those in context."""
    asked: list[bool] = []
    measure = Made()

    def look(entrants: list[Entrant], work: Work) -> Result:
        asked.extend(entrant.in_context for entrant in entrants)
        return measure(entrants, work)

    LiveGate(
        [PAIR],
        thresholds=Thresholds(5.0),
        limit=Limit(),
        seed=1,
        measure=look,
        clock=lambda: 0.0,
    ).run()
    assert asked
    assert not any(asked)


@pytest.mark.parametrize("status", ["invalid", "wrong", "unavailable"])
def test_a_side_that_fails_is_inconclusive(status: str) -> None:
    """A worker that died, answered wrongly or cannot run here is never a pass; the reason is told."""
    result = run_gate(Made(problem=Problem(status, "it is gone")))
    assert result.outcome == "inconclusive"
    assert "head of lists@cpython3.11: it is gone" in result.notes[0]


def test_repeated_slices_are_told_by_side() -> None:
    """How many pairs were measured again, and because of whom."""
    result = run_gate(Made(repeated=3))
    assert (
        "measured again because a worker waited for its core: base 0, head 3 of 100 pairs of slices"
        in result.notes
    )


def test_code_that_is_slow_in_some_processes_is_said_to_be() -> None:
    """Not slower in the middle, and above the threshold in more than a quarter of the generations."""
    judgements = {
        case("total"): Judgement("not slower", 0.0, -0.1, 0.04, 60, above=17),
        case("encode"): Judgement("not slower", 0.0, -0.1, 0.04, 60, above=15),
    }
    (note,) = describe_some_processes(judgements)
    assert note.startswith("park/total: in 17 of 60 generations")


def case(stage: str) -> CaseKey:
    """Return the case of that stage of park."""
    return CaseKey("lists", "cpython3.11", f"park/{stage}")


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
    rules = {key: make_rule(key, make_row(key.row)) for key in sizes}
    assert attribute(both, sizes, rules) == case("assignment")
    assert attribute({case("sequence"): judged(0.1)}, sizes, rules) == case("sequence")
    assert attribute({case("total"): judged(0.1)}, sizes, rules) is None


def test_the_stage_that_adds_the_most_is_named() -> None:
    """+10 % of 1000 ns weighs more than +20 % of 300 ns."""
    sizes = {case("validate"): 1000.0, case("encode"): 300.0}
    slower = {case("validate"): judged(0.1), case("encode"): judged(0.2)}
    rules = {key: make_rule(key, make_row(key.row)) for key in sizes}
    assert attribute(slower, sizes, rules) == case("validate")
