"""Two revisions measured live in lock-step, and judged.

*Screening* is one generation that is judged nowhere: it shows which cases there are, how long they take and how the
host behaves, and so what every later generation does, on both sides alike. Then come fresh generations, and a verdict
at each of the planned looks. The gate ends when every whole has a verdict and no part looks slower without one, or when
time or generations are at their end.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from garagebench.engine import Conductor, Entrant, Progress, Result
from garagebench.engine.extent import Extent
from garagebench.engine.schedule import LEAST_ROUNDS, MOST_ROUNDS, Pace
from garagebench.gate.case import CaseKey, GateResult, Rule, Thresholds, attribute, make_rule
from garagebench.gate.changes import (
    measure_changes,
    measure_host_speeds,
    measure_sizes,
    measure_spread,
)
from garagebench.gate.limit import Forecast, Limit, Work
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
from garagebench.gate.record import GENERATIONS, Shard, name_cases
from garagebench.gate.state import State, count_repeats, look_at_all
from garagebench.stats.estimate import OF_A_MEDIAN
from garagebench.stats.judge import Judgement, overall, settle
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

#: Generations for which the time of a large suite is enough, where nobody named a time: few benchmarks need so many.
EXTENDED = 39

#: Generations of all parts together, where parts share them and nobody says how many: no part can go on where all leave
#: something open. With 24, they found 85 of 100 slowdowns of twice a threshold of 1 % where one machine found all.
SHARED_GENERATIONS = EXTENDED


class LiveGate:
    """Runs the phases. `measure(entrants, work)` and the clock are passed in.

    exchange: lets the two places change their files, there and back; None: they cannot. on_phase: is given what each phase
    has measured, screening first. fail_fast: whether it ends at the first look that confirms a slowdown. only: the
    titles of the cases that are judged; None: all. shard: the part of them, or of the generations, that is measured here.
    before: what an interrupted gate had at its last look, which is gone on from. on_forecast: is given, after screening,
    what is judged and how long it takes. on_look: is given what is known at each look, at how many generations, and the
    size of each case. complete: adds to a result what trees of before do not say of their rows.
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
        fail_fast: bool = False,
        only: Collection[str] | None = None,
        shard: Shard | None = None,
        before: Mapping[CaseKey, Sequence[float]] | None = None,
        on_forecast: Callable[[Forecast], None] = lambda _: None,
        on_look: Callable[[State, int, Mapping[CaseKey, float]], None] = lambda *_: None,
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
        self._fail_fast = fail_fast
        self._only = only
        self._shard = shard
        self._before = before or {}
        self._on_forecast = on_forecast
        self._on_look = on_look
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

    def _screen(self) -> Result:
        self._begin = self._clock()
        extent = Extent(self._limit.limit_s, 1, SCREENING_ROUNDS)
        return self._measure(None, Work(extent, f"{self._seed} screening"))

    def forecast(self) -> Forecast:
        """Only screen; return what would be judged, and how long it would take."""
        screened = self._screen()
        state = self._choose(screened)
        state.trouble = self._trouble(screened)
        self._extend(screened)
        return self._make_forecast(state, screened)

    def _make_forecast(self, state: State, screened: Result) -> Forecast:
        cost = screened.conditions
        first = plan_looks(self._limit.generations)[0].generations
        generation_s = 0.0 if cost is None else cost.start_s + LEAST_ROUNDS * cost.round_s
        return Forecast(
            tuple(state.rules),
            self._elapsed_s() + first * generation_s,
            self._limit.limit_s,
            () if state.trouble is None else (state.trouble,),
        )

    def run(self) -> GateResult:
        """Measure and judge."""
        screened = self._screen()
        state = self._choose(screened)
        state.trouble = self._trouble(screened)
        state.interrupted = screened.interrupted
        if state.trouble is None and not state.interrupted:
            self._extend(screened)
            self._on_forecast(self._make_forecast(state, screened))
            self._notes += [
                f"the threshold of {key} concerns no case that is judged"
                for key in self._percent.unused(state.rules)
            ]
            self._go_on(state, screened)
        return self._finish(state)

    def _extend(self, screened: Result) -> None:
        """Where nobody named a time, take what EXTENDED generations of so many cases need."""
        cost = screened.conditions
        if self._limit != Limit() or cost is None:
            return
        generation_s = cost.start_s + LEAST_ROUNDS * cost.round_s
        needed_s = self._elapsed_s() + EXTENDED * generation_s
        if needed_s > self._limit.limit_s:
            self._limit = Limit(math.ceil(needed_s))

    def _go_on(self, state: State, screened: Result) -> None:
        """Measure and judge, look by look."""
        measured, asked = screened, max(1, len(state.open))
        for look in self._plan_looks():
            if look.generations <= max(map(len, self._before.values()), default=0):
                self._look_at(state, self._before, look)
                continue
            if state.is_over or not state.open:
                return
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
            sides = find_sides(self._pairs, measured)
            state.host_speeds += measure_host_speeds(sides, state.open, self._sizes_ns)
            if state.trouble is not None or not self._take(state, measured, look):
                return
            if state.interrupted or state.is_over or not state.open:
                return
            if self._fail_fast and any(
                one.outcome == "slower" for one in state.judgements.values()
            ):
                return

    def _take(self, state: State, measured: Result, look: Look) -> bool:
        """Judge what a phase has given; False where it did not come to its look: between looks nothing is judged."""
        found = measure_changes(find_sides(self._pairs, measured), state.open, self._sizes_ns)
        if any(len(values) + self._done < look.generations for values in found.values()):
            return False
        for case, values in found.items():
            state.changes[case] += values
        self._look_at(state, state.changes, look)
        return True

    def _look_at(
        self, state: State, changes: Mapping[CaseKey, Sequence[float]], look: Look
    ) -> None:
        """Judge by what there is at a look. changes: of now, or of before, of which this look had the first ones."""
        for case in state.open:
            state.changes[case] = list(changes.get(case, ())[: look.generations])
        self._done = look.generations
        # What was too slow to be measured stays open, and is not asked for again.
        state.open, state.is_over = look_at_all(
            state.changes,
            self._percent,
            state.judgements,
            state.open,
            state.wholes,
            look,
            state.others,
        )
        self._on_look(state, self._done, self._sizes_ns)

    def _plan_looks(self) -> Sequence[Look]:
        """Return the looks; a part of the generations has one at its end, which decides nothing."""
        if self._shard is not None and self._shard.by == GENERATIONS:
            share = self._shard.share(self._limit.generations or SHARED_GENERATIONS)
            return (Look(share, 0.0, -1),)
        return plan_looks(self._limit.generations)

    def _measure(self, state: State | None, work: Work) -> Result:
        needed = None if state is None else self._find_needed(state)
        result = self._complete(
            self._conduct(make_entrants(self._pairs, needed, self._paces), work)
        )
        self._on_phase(result)
        return result

    def _find_needed(self, state: State) -> dict[str, set[str]]:
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

    def _choose(self, screened: Result) -> State:
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
        rules |= left_out
        if self._only is not None:
            rules = {case: rule for case, rule in rules.items() if case.title in self._only}
        all_cases = name_cases(rules)
        if self._shard is not None:
            mine = self._shard.choose(rules)
            rules = {case: rule for case, rule in rules.items() if case in mine}
        judged = [case for case in rules if case not in left_out]
        nothing = {
            case: Judgement("inconclusive", 0.0, None, None, 0)
            for case in left_out
            if case in rules
        }
        wholes = self._percent.find_wholes(rules)
        others = len(all_cases) - len(rules)
        changes: dict[CaseKey, list[float]] = {case: [] for case in rules}
        return State(rules, wholes, judged, changes, nothing, others=others, all_cases=all_cases)

    def _choose_rounds(self, last: Result, state: State, share: float, more: int) -> int:
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

    def _finish(self, state: State) -> GateResult:
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
            state.changes,
            tuple(state.host_speeds),
        )

    def _advise(self, state: State) -> Iterator[str]:
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
