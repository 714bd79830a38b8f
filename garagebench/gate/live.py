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
from typing import TYPE_CHECKING

from garagebench.engine import Conductor, Entrant, Progress, Result
from garagebench.engine.extent import MOST_S, Extent
from garagebench.engine.schedule import LEAST_ROUNDS, MOST_ROUNDS, Pace
from garagebench.gate.case import CaseKey, GateResult, Rule, Rules, Thresholds, attribute, make_rule
from garagebench.gate.changes import measure_changes, measure_sizes, measure_spread
from garagebench.gate.notes import (
    describe_repeats,
    describe_some_processes,
    describe_too_short,
    describe_undecided,
)
from garagebench.gate.pairs import (
    Pair,
    find_cases,
    find_sides,
    find_trouble,
    make_entrants,
    match_paces,
)
from garagebench.stats.estimate import OF_A_MEDIAN
from garagebench.stats.judge import Judgement, judge, overall, settle
from garagebench.stats.looks import Look, plan_looks
from garagebench.stats.percent import to_log

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

#: Rounds of the screening generation, and of one where the number of generations is named.
SCREENING_ROUNDS = 20
NAMED_ROUNDS = 20

#: A generation has rounds enough for its own error to be this share of the threshold: what is between generations, not
#: what is within one, then decides. It never takes longer than this for its rounds.
OWN_ERROR = 0.15
MOST_ROUNDS_S = 1.0

#: Generations that a limited time is planned for: the first that can confirm a slowdown.
PLANNED = 15


@dataclass(frozen=True)
class Work:
    """What a gate asks the engine for: how much, with which seed. slice_ns: how long a slice may be; None: to be chosen."""

    extent: Extent
    seed: str
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

    rules: Rules
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
    has measured, screening first. complete: adds to a result what trees of before do not say of their rows.
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
        complete: Callable[[Result], Result] = lambda result: result,
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
        self._complete = complete
        self._conduct = measure or self._run_conductor
        self._clock = clock
        self._begin = 0.0
        self._done = 0
        self._look = 0
        self._notes: list[str] = []
        self._sizes_ns: dict[CaseKey, float] = {}
        self._paces: dict[str, dict[str, Pace]] = {}
        self._slice_ns: int | None = None

    def run(self) -> GateResult:
        """Measure and judge."""
        self._begin = self._clock()
        extent = Extent(self._limit.limit_s, 1, SCREENING_ROUNDS)
        screened = self._measure(None, Work(extent, f"{self._seed} screening"))
        state = self._choose(screened)
        state.trouble = self._trouble(screened)
        state.interrupted = screened.interrupted
        if state.trouble is None and not state.interrupted:
            self._extend(screened)
            self._notes += [
                f"the threshold of {key} concerns no case that is judged"
                for key in self._percent.unused(state.rules)
            ]
            self._go_on(state, screened)
        return self._finish(state)

    def _extend(self, screened: Result) -> None:
        """Where nobody named a time, take what PLANNED generations of so many cases need."""
        cost = screened.conditions
        if self._limit != Limit() or cost is None:
            return
        generation_s = cost.start_s + LEAST_ROUNDS * cost.round_s
        needed_s = self._elapsed_s() + PLANNED * generation_s
        if needed_s > self._limit.limit_s:
            self._limit = Limit(math.ceil(needed_s))

    def _go_on(self, state: _State, screened: Result) -> None:
        """Measure and judge, look by look."""
        measured, asked = screened, len(state.open)
        for look in plan_looks(self._limit.generations):
            self._look = look.generations
            more = look.generations - self._done
            rounds = self._choose_rounds(measured, state, len(state.open) / asked, more)
            if rounds < LEAST_ROUNDS:
                return
            asked = len(state.open)
            extent = Extent(self._limit.limit_s - self._elapsed_s(), more, rounds)
            seed = f"{self._seed} {look.generations}"
            measured = self._measure(state, Work(extent, seed, self._slice_ns))
            state.trouble = self._trouble(measured)
            state.interrupted = measured.interrupted
            count_repeats(state, measured)
            if state.trouble is not None or not self._take(state, measured, look):
                return
            if state.interrupted or state.is_over or not state.open:
                return

    def _take(self, state: _State, measured: Result, look: Look) -> bool:
        """Judge what a phase has given; False where it did not come to its look: between looks nothing is judged."""
        found = measure_changes(find_sides(self._pairs, measured), state.open, self._sizes_ns)
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

    def _measure(self, state: _State | None, work: Work) -> Result:
        needed = None if state is None else self._find_needed(state)
        result = self._complete(
            self._conduct(make_entrants(self._pairs, needed, self._paces), work)
        )
        self._on_phase(result)
        return result

    def _find_needed(self, state: _State) -> dict[str, set[str]]:
        """Return for each pair the rows of what is open, each with its whole: a difference is judged as a share of that."""
        needed: dict[str, set[str]] = {pair.name: set() for pair in self._pairs}
        for pair in self._pairs:
            for case in state.open:
                if case == pair.make_key(case.row):
                    whole = state.rules[case].part_of or case
                    needed[pair.name] |= {case.row, whole.row}
        return needed

    def _trouble(self, result: Result) -> str | None:
        return find_trouble(
            find_sides(self._pairs, result), allow_different_answers=self._allow_different_answers
        )

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
            slice_ns=work.slice_ns,
        ).run()

    def _elapsed_s(self) -> float:
        return self._clock() - self._begin

    def _choose(self, screened: Result) -> _State:
        """Return the cases that are judged: all rows that both sides have, but for what is left over.

        Those that were too slow for the time are among them: unmeasured, a whole must not pass.
        """
        rules: dict[CaseKey, Rule] = {}
        left_out: dict[CaseKey, Rule] = {}
        sides = find_sides(self._pairs, screened)
        for pair, base, head in sides:
            self._notes += dict.fromkeys((*base.caveats, *head.caveats))
            rules |= {
                case: make_rule(case, terms) for case, _, terms in find_cases(pair, base, head)
            }
            left_out |= {
                case: make_rule(case, terms)
                for terms in (*base.left_out, *head.left_out)
                if terms.is_judged and (case := pair.make_key(terms.name)) not in rules
            }
        self._paces = match_paces(sides)
        self._slice_ns = screened.conditions.slice_ns if screened.conditions else None
        self._sizes_ns = measure_sizes(sides, rules)
        judged = list(rules)
        rules |= left_out
        nothing = {case: Judgement("inconclusive", 0.0, None, None, 0) for case in left_out}
        wholes = self._percent.find_wholes(rules)
        return _State(rules, wholes, judged, {case: [] for case in rules}, nothing)

    def _choose_rounds(self, last: Result, state: _State, share: float, more: int) -> int:
        """Return how many rounds a generation has from now on, from what one of them scattered by in the last phase.

        share: how much of what was measured then still is. more: generations up to the next look. Fewer than
        LEAST_ROUNDS where the time is too short for that.
        """
        cost = last.conditions
        if self._limit.generations is not None or cost is None:
            return NAMED_ROUNDS
        left_s = self._limit.limit_s - self._elapsed_s()
        round_s = max(share * cost.round_s, 1e-9)
        # Once there is nothing left but parts that are suspect, those.
        judged = state.wholes.intersection(state.open) or set(state.open)
        wanted = float(LEAST_ROUNDS)
        for case, spread in measure_spread(find_sides(self._pairs, last), judged).items():
            own_error = OWN_ERROR * to_log(self._percent.of(case))
            wanted = max(wanted, (OF_A_MEDIAN * spread / own_error) ** 2)
        # Starting fresh processes is worth as much time in them.
        worth_s = max(MOST_ROUNDS_S, cost.start_s)
        planned_s = left_s / max(more, PLANNED - self._done) - cost.start_s
        rounds = int(min(wanted, min(worth_s, planned_s) / round_s, MOST_ROUNDS))
        possible = int((left_s / more - cost.start_s) / round_s)
        return min(max(LEAST_ROUNDS, rounds), possible)

    def _finish(self, state: _State) -> GateResult:
        judgements = settle(state.judgements, state.wholes)
        outcome = overall([judgement.outcome for judgement in judgements.values()])
        if state.trouble is not None:
            self._notes.insert(0, state.trouble)
            outcome = "inconclusive"
        elif state.interrupted:
            first = (
                f"before the first look, at {plan_looks(self._limit.generations)[0].generations}"
            )
            seen = f"the verdict is that of {self._done}" if self._done else first
            self._notes.insert(0, f"interrupted: {seen} generations")
        elif not self._done:
            self._notes.insert(0, describe_too_short(self._limit.limit_s, self._elapsed_s()))
        elif outcome == "inconclusive":
            self._notes += self._advise(state)
        self._notes += describe_some_processes(judgements)
        self._notes += describe_repeats(state.repeated, state.slices)
        return GateResult(
            outcome,
            judgements,
            attribute(judgements, self._sizes_ns, state.rules) if state.trouble is None else None,
            self._elapsed_s(),
            tuple(self._notes),
            state.interrupted,
            state.rules,
        )

    def _advise(self, state: _State) -> Iterator[str]:
        """Say what would decide what this gate did not."""
        undecided = {
            case: judgement
            for case in state.wholes
            if (judgement := state.judgements[case]).outcome == "inconclusive"
            and judgement.generations
        }
        if undecided:
            yield describe_undecided(
                undecided,
                self._percent,
                self._elapsed_s(),
                by_generations=self._limit.generations is not None,
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
    logs = {case: to_log(thresholds.of(case)) for case in changes}
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
