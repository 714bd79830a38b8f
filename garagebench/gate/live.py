"""Two revisions measured live in lock-step, and judged.

*Screening* is one generation that is judged nowhere: it shows which cases there are, how long they take and how the
host behaves, and so what every later generation does, on both sides alike. Then come fresh generations, and a verdict
at each of the planned looks. The gate ends when every whole has a verdict and no part looks slower without one, or when
time or generations are at their end.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from garagebench.engine import Conductor, Contestant, Entrant, Progress, Result
from garagebench.engine.channel import Channel
from garagebench.engine.conductor import TIMEOUT_S
from garagebench.engine.extent import MOST_S, Extent
from garagebench.engine.schedule import LEAST_ROUNDS, MOST_ROUNDS, Pace
from garagebench.gate.case import NOT_JUDGED, CaseKey, GateResult, Thresholds, attribute, make_key
from garagebench.gate.changes import measure_changes, measure_sizes, measure_spread
from garagebench.gate.looks import Look, plan_looks
from garagebench.gate.verdict import (
    SOME_PROCESSES,
    Judgement,
    generations_needed,
    judge,
    overall,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

#: Rounds of the screening generation, and of one where the number of generations is named.
SCREENING_ROUNDS = 20
NAMED_ROUNDS = 20

#: A generation has rounds enough for its own error to be this share of the threshold: what is between generations, not
#: what is within one, then decides. It never takes longer than this for its rounds.
OWN_ERROR = 0.15
MOST_ROUNDS_S = 1.0

#: Generations that a limited time is planned for: the first that can confirm a slowdown.
PLANNED = 15

#: What is said to be a sufficient budget is so much more than the figures of this run ask for.
MARGIN = 1.2

#: A longer budget is not worth naming: nobody waits for it.
MOST_BUDGET_S = 1800.0


@dataclass(frozen=True)
class Pair:
    """One implementation on one interpreter, on both sides.

    places: what a worker's `load` takes for the files at the first place, where base is at first, and at the second,
    where head is. When the sides change places, each is loaded from the other one.
    """

    impl: str
    runtime: str
    python: str
    places: tuple[Mapping[str, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Work:
    """What a gate asks the engine for: how much, with which paces (None: to be chosen), and the seed."""

    extent: Extent
    seed: str
    paces: Mapping[str, Pace] | None = None
    slice_ns: int | None = None


@dataclass(frozen=True)
class Limit:
    """What a gate may take: seconds, or exactly so many generations, whatever they take."""

    seconds: float | None = None
    generations: int | None = None

    @property
    def limit_s(self) -> float:
        """Seconds in all."""
        if self.generations is not None:
            return math.inf
        return MOST_S if self.seconds is None else self.seconds


@dataclass
class _State:
    """What a gate knows by now. open: what has no verdict yet, and is measured."""

    judged: list[CaseKey]
    wholes: set[CaseKey]
    open: list[CaseKey]
    changes: dict[CaseKey, list[float]]
    judgements: dict[CaseKey, Judgement] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)
    slices: int = 0
    trouble: str | None = None
    interrupted: bool = False
    is_over: bool = False


class LiveGate:
    """Runs the phases. `measure(entrants, work)` and the clock are passed in.

    exchange: lets the two places change their files, there and back; None: they cannot. on_phase: is given what each phase
    has measured, screening first.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        *,
        thresholds: Thresholds,
        limit: Limit,
        seed: int,
        exchange: Callable[[], None] | None = None,
        on_progress: Callable[[Progress], None] = lambda _: None,
        allow_different_answers: bool = False,
        on_phase: Callable[[Result], None] = lambda _: None,
        measure: Callable[[list[Entrant], Work], Result] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pairs = pairs
        self._percent = thresholds
        self._limit = limit
        self._seed = seed
        self._exchange = exchange
        self._on_progress = on_progress
        self._allow_different_answers = allow_different_answers
        self._on_phase = on_phase
        self._conduct = measure or self._run_conductor
        self._clock = clock
        self._begin = 0.0
        self._done = 0
        self._look = 0
        self._notes: list[str] = []
        self._sizes_ns: dict[CaseKey, float] = {}
        self._paces: dict[str, Pace] = {}
        self._slice_ns: int | None = None

    def run(self) -> GateResult:
        """Measure and judge."""
        self._begin = self._clock()
        extent = Extent(self._limit.limit_s, 1, SCREENING_ROUNDS)
        screened = self._measure(self._entrants(None), Work(extent, f"{self._seed} screening"))
        state = self._choose(screened)
        state.trouble = self._trouble(screened)
        state.interrupted = screened.interrupted
        if state.trouble is None and not state.interrupted:
            self._notes += [
                f"the threshold of {key} concerns no case that is judged"
                for key in self._percent.unused(state.judged)
            ]
            self._go_on(state, screened)
        return self._finish(state)

    def _go_on(self, state: _State, screened: Result) -> None:
        """Measure and judge, look by look."""
        rounds = self._choose_rounds(screened, state.wholes)
        cost = screened.conditions
        for look in plan_looks(self._limit.generations):
            self._look = look.generations
            more = look.generations - self._done
            if self._limit.generations is None and cost is not None:
                left_s = (self._limit.limit_s - self._elapsed_s()) / more
                rounds = min(rounds, int((left_s - cost.start_s) / max(cost.round_s, 1e-9)))
                if rounds < LEAST_ROUNDS:
                    return
            extent = Extent(self._limit.limit_s - self._elapsed_s(), more, rounds)
            seed = f"{self._seed} {look.generations}"
            work = Work(extent, seed, self._paces, self._slice_ns)
            measured = self._measure(self._entrants(state.open), work)
            state.trouble = self._trouble(measured)
            state.interrupted = measured.interrupted
            count_repeats(state, measured)
            if state.trouble is not None or not self._take(state, measured, look):
                return
            cost = measured.conditions or cost
            if state.is_over or not state.open:
                return

    def _take(self, state: _State, measured: Result, look: Look) -> bool:
        """Judge what a phase has given; False where it did not come to its look: between looks nothing is judged."""
        found = measure_changes(self._sides(measured), state.open, self._sizes_ns)
        if any(len(values) + self._done < look.generations for values in found.values()):
            return False
        for case, values in found.items():
            state.changes[case] += values
        self._done = look.generations
        # What was too slow to be measured stays open, and is not asked for again.
        state.open, state.is_over = look_at_all(
            state.changes, self._percent, state.judgements, state.open, state.wholes, look
        )
        return True

    def _entrants(self, open_cases: Collection[CaseKey] | None) -> list[Entrant]:
        """Return both sides of every pair; open_cases None: with all stages."""
        stages = None
        if open_cases is not None:
            # A difference is judged as a share of its whole, which is measured beside it.
            stages = {stage for case in open_cases for stage in (case.stage, case.whole.stage)}
        return [
            Entrant(
                f"{side} {_name(pair)}",
                pair.python,
                _restrict(pair.places[place], stages),
                in_context=False,
                reference=f"base {_name(pair)}",
                elsewhere=_restrict(pair.places[1 - place], stages),
            )
            for pair in self._pairs
            for place, side in enumerate(("base", "head"))
        ]

    def _measure(self, entrants: list[Entrant], work: Work) -> Result:
        result = self._conduct(entrants, work)
        self._on_phase(result)
        return result

    def _run_conductor(self, entrants: list[Entrant], work: Work) -> Result:
        begun_s, done = self._elapsed_s(), self._done

        def pass_on(progress: Progress) -> None:
            self._on_progress(
                Progress(
                    done + progress.generation,
                    self._look or None,
                    begun_s + progress.elapsed_s,
                    begun_s + progress.expected_s,
                )
            )

        return Conductor(
            entrants,
            extent=work.extent,
            part_of_s=self._limit.limit_s,
            seed=work.seed,
            on_progress=pass_on,
            exchange=self._exchange,
            paces=work.paces,
            slice_ns=work.slice_ns,
        ).run()

    def _elapsed_s(self) -> float:
        return self._clock() - self._begin

    def _sides(self, result: Result) -> list[tuple[Pair, Contestant, Contestant]]:
        found = {contestant.name: contestant for contestant in result.contestants}
        return [
            (pair, found[f"base {_name(pair)}"], found[f"head {_name(pair)}"])
            for pair in self._pairs
        ]

    def _trouble(self, result: Result) -> str | None:
        """Return why the measurement cannot be judged, if so."""
        for pair, base, head in self._sides(result):
            for side in (base, head):
                if side.problem is not None:
                    return f"{side.name.partition(' ')[0]} of {_name(pair)}: {side.problem.reason}"
            if not self._allow_different_answers and base.answers != head.answers:
                return (
                    f"the sides of {_name(pair)} answer differently: {find_difference(pair)}; "
                    "--allow-different-answers compares them all the same"
                )
        return None

    def _choose(self, screened: Result) -> _State:
        """Return the cases that are judged: all rows that both sides have, but for what is left over.

        Those that were too slow for the time are among them: unmeasured, a whole must not pass.
        """
        judged: list[CaseKey] = []
        left_out: list[CaseKey] = []
        for pair, base, head in self._sides(screened):
            self._notes += dict.fromkeys((*base.caveats, *head.caveats))
            heads = {terms.name for terms in head.rows}
            rows = [terms.name for terms in base.rows if terms.name in heads]
            missing = dict.fromkeys((*base.left_out, *head.left_out))
            judged += [make_key(pair.impl, pair.runtime, row) for row in rows]
            left_out += [make_key(pair.impl, pair.runtime, row) for row in missing]
            for label in base.paces.keys() & head.paces.keys():
                # The fewer passes of the two, on both sides.
                both = zip(base.paces[label], head.paces[label], strict=True)
                self._paces[label] = Pace(*map(min, both))
        self._slice_ns = screened.conditions.slice_ns if screened.conditions else None
        judged, left_out = (
            [case for case in cases if case.stage != NOT_JUDGED] for cases in (judged, left_out)
        )
        self._sizes_ns = measure_sizes(self._sides(screened), judged)
        everything = [*judged, *left_out]
        wholes = {case for case in everything if self._percent.decides(case)}
        nothing = {case: Judgement("inconclusive", 0.0, None, None, 0) for case in left_out}
        return _State(everything, wholes, judged, {case: [] for case in everything}, nothing)

    def _choose_rounds(self, screened: Result, wholes: Collection[CaseKey]) -> int:
        """Return how many rounds a generation has, from what one of them scattered by in screening."""
        cost = screened.conditions
        if self._limit.generations is not None or cost is None:
            return NAMED_ROUNDS
        wanted = float(LEAST_ROUNDS)
        for case, spread in measure_spread(self._sides(screened), wholes).items():
            own_error = OWN_ERROR * math.log1p(self._percent.of(case) / 100)
            wanted = max(wanted, (1.25 * spread / own_error) ** 2)  # of a median
        left_s = (self._limit.limit_s - self._elapsed_s()) / PLANNED - cost.start_s
        affordable = min(MOST_ROUNDS_S, left_s) / max(cost.round_s, 1e-9)
        return int(max(LEAST_ROUNDS, min(wanted, affordable, MOST_ROUNDS)))

    def _advise(self, state: _State) -> None:
        """Say what would decide what this gate did not."""
        undecided = [
            case for case in state.wholes if state.judgements[case].outcome == "inconclusive"
        ]
        measured = [case for case in undecided if state.judgements[case].generations]
        if not measured:
            return
        looks = plan_looks(self._limit.generations)
        least = next(look.generations for look in looks if look.above >= 0 or look.alpha)
        needed = [
            generations_needed(state.judgements[case], math.log1p(self._percent.of(case) / 100))
            for case in measured
        ]
        if None in needed:
            self._notes.append(f"undecided: {_list(measured)}: no more time would decide it")
            return
        generations = max(least, *(number or 0 for number in needed))
        planned = plan_looks()
        enough = next((one.generations for one in planned if one.generations >= generations), None)
        budget_s = (
            math.ceil(MARGIN * self._elapsed_s() * enough / max(1, self._done)) if enough else None
        )
        if budget_s is None or budget_s > MOST_BUDGET_S:
            why = "it is too close to the threshold for any time to tell"
            self._notes.append(
                f"undecided: {_list(measured)}: {why}; another --max-slowdown would decide it"
            )
        else:
            self._notes.append(
                f"undecided: {_list(measured)}: the intervals are too wide after {self._done} generations; "
                f"--budget {budget_s} would do"
            )

    def _finish(self, state: _State) -> GateResult:
        judgements = settle(state.judgements, state.wholes)
        outcome = overall([judgement.outcome for judgement in judgements.values()])
        if state.trouble is not None:
            self._notes.insert(0, state.trouble)
            outcome = "inconclusive"
        elif state.interrupted:
            self._notes.insert(0, f"interrupted: the verdict is of {self._done} generations")
        elif not self._done:
            self._notes.insert(0, self._describe_too_short())
        elif outcome == "inconclusive":
            self._advise(state)
        self._notes += list(describe_some_processes(judgements))
        self._notes += list(describe_repeats(state))
        return GateResult(
            outcome,
            judgements,
            attribute(judgements, self._sizes_ns) if state.trouble is None else None,
            self._elapsed_s(),
            tuple(self._notes),
            state.interrupted,
        )

    def _describe_too_short(self) -> str:
        """Say what time it takes, where there was none for a single look."""
        first = plan_looks()[0].generations
        elapsed_s = self._elapsed_s()
        budget_s = math.ceil(MARGIN * (1 + first) * elapsed_s)
        return (
            f"a budget of {self._limit.limit_s:g} s is too small: screening took {elapsed_s:.1f} s, and a verdict takes "
            f"{first} generations; --budget {budget_s} would do"
        )


def look_at_all(
    changes: Mapping[CaseKey, Sequence[float]],
    thresholds: Thresholds,
    judgements: dict[CaseKey, Judgement],
    open_cases: Sequence[CaseKey],
    wholes: Collection[CaseKey],
    look: Look,
) -> tuple[list[CaseKey], bool]:
    """Judge the open cases by what there is so far; return those that stay open, and whether the gate is over.

    changes: of all cases, though some are decided already: the level must allow for every one. It is over when more
    generations would change neither the verdict nor what it is put down to.
    """
    logs = {case: math.log1p(thresholds.of(case) / 100) for case in changes}
    judged_now = judge(changes, logs, look)
    for case in open_cases:
        judgements[case] = judged_now[case]
    outcomes = {case: judgement.outcome for case, judgement in judgements.items()}
    is_suspect = any(judgement.is_suspect for judgement in judgements.values())
    is_open = any(outcomes[case] == "inconclusive" for case in wholes)
    still_open = [case for case in open_cases if outcomes[case] == "inconclusive"]
    return still_open, not is_suspect and ("slower" in outcomes.values() or not is_open)


def count_repeats(state: _State, measured: Result) -> None:
    """Add what a phase measured again."""
    for one in measured.contestants:
        side = one.name.partition(" ")[0]
        state.repeated[side] = state.repeated.get(side, 0) + one.repeated
    if measured.conditions is not None:
        state.slices += measured.conditions.slices


def describe_repeats(state: _State) -> list[str]:
    """Say how many pairs were measured again because a worker waited for its core, if any."""
    if not any(state.repeated.values()):
        return []
    told = ", ".join(f"{side} {count}" for side, count in state.repeated.items())
    return [
        f"measured again because a worker waited for its core: {told} of {state.slices} pairs of slices"
    ]


def describe_some_processes(judgements: Mapping[CaseKey, Judgement]) -> list[str]:
    """Say of a case that is not slower in the middle that it is in some processes, if so."""
    return [
        f"{case.operation} {case.stage}: in {judgement.above} of {judgement.generations} generations the change is above "
        "the threshold: code can be slow in some processes only (hash seed, memory layout)"
        for case, judgement in judgements.items()
        if judgement.outcome == "not slower"
        and judgement.above > SOME_PROCESSES * judgement.generations
    ]


def find_difference(pair: Pair) -> str:
    """Load both sides once more and return the first answer in which they differ, in words."""
    answers = [_load_answers(pair.python, source) for source in pair.places]
    for case in answers[0]:
        for number, (base, head) in enumerate(
            zip_longest(answers[0][case], answers[1].get(case, []), fillvalue="nothing"), 1
        ):
            if base != head:
                return f"{case}, answer {number} is {base} in base and {head} in head"
    return "their cases are not the same"


def _load_answers(python: str, source: Mapping[str, Any]) -> dict[str, list[str]]:
    with Channel(python) as channel:
        cases = channel.ask({"do": "load", "source": dict(source)}, TIMEOUT_S)["cases"]
        return {
            case["name"]: channel.ask({"do": "answers", "case": case["name"]}, TIMEOUT_S)["answers"]
            for case in cases
        }


def _restrict(source: Mapping[str, Any], stages: set[str] | None) -> dict[str, Any]:
    if stages is None:
        return dict(source)
    return {**source, "arguments": {**source["arguments"], "stages": sorted(stages)}}


def _name(pair: Pair) -> str:
    return f"{pair.impl}@{pair.runtime}"


def _list(cases: Sequence[CaseKey]) -> str:
    several = len({(case.impl, case.runtime) for case in cases}) > 1
    return ", ".join(f"{f'{case.impl} ' * several}{case.operation} {case.stage}" for case in cases)
