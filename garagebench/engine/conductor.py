"""Measure contestants in lock-step: one live worker each, slices handed out in an order drawn afresh.

Identical code timed one run after the other differs by up to 15 % on a shared machine, because the host changes speed
within seconds, or milliseconds. The ratio of two slices next to each other is steady, and over rounds and generations
its median to a fraction of a percent. In each generation chance decides who is started and warmed up first and, where
two sides can change places, which lies at which path: with base always first, identical code read 0.3 to 1.2 % slower.
"""

from __future__ import annotations

import contextlib
import functools
import math
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from garagebench.engine import schedule
from garagebench.engine.acts import Act, most_act_s, plan_acts
from garagebench.engine.candidate import Candidate, ColdStart, Entrant
from garagebench.engine.channel import WorkerFailed
from garagebench.engine.cold import ColdTime
from garagebench.engine.contestant import Conditions, Contestant
from garagebench.engine.extent import Extent, Progress
from garagebench.engine.patience import CHUNK_NS, find_chunks, find_patience_ns
from garagebench.engine.result import Result
from garagebench.engine.rounds import Rounds
from garagebench.engine.runner import Runner, start_runner
from garagebench.stats.estimate import LEAST_GENERATIONS
from garagebench.system.cores import find_free_cores, own_core
from garagebench.system.interrupts import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

#: Seconds without an answer after which a worker counts as hung. Loading a million spaces takes one.
TIMEOUT_S = 60.0

#: When a contestant fails that never came to be measured.
STARTING = "while it started"

#: Times the budget at which a generation is broken off; one with enough rounds for that ends with the budget.
OVERDRAFT = 1.15

#: Share of the budget by which a plan may be late and is kept: between two useful counts there is no good place to end.
LATENESS = 0.05

#: What is said to buy enough generations is so much more than this run would have needed: no two cost the same.
MARGIN = 1.1


class Conductor:
    """Runs one measurement. Clock, random source and the starting of runners are passed in.

    extent: how much. part_of_s: the time of which this measurement is a part, if so: what is too slow is judged by the
    whole. exchange: lets the sides change places, there and back; None: they cannot. slice_ns: how long a slice may be;
    None: as the host allows.
    """

    def __init__(
        self,
        entrants: Sequence[Entrant],
        *,
        extent: Extent,
        seed: int | str,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_generation: Callable[[Result], None] = lambda _: None,
        absent: Sequence[Contestant] = (),
        notes: Sequence[str] = (),
        settings: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
        start_runner: Callable[[str, int | None, dict[str, str]], Runner] = start_runner,
        clock: Callable[[], float] = time.monotonic,
        timeout_s: float = TIMEOUT_S,
        part_of_s: float | None = None,
        exchange: Callable[[], None] | None = None,
        slice_ns: int | None = None,
    ) -> None:
        self._rng = random.Random(seed)
        self._candidates = [
            Candidate(
                entrant,
                limit_s=part_of_s or extent.limit_s,
                timeout_s=timeout_s,
                rng=self._rng,
            )
            for entrant in entrants
        ]
        self._exchange = exchange
        self._is_exchanged = False
        self._slice_ns = slice_ns
        self._conditions = Conditions(0.0, 0.0, 0, slice_ns or 0, 0, (), ())
        self._absent = tuple(absent)
        self._extent = extent
        self._timeout_s = timeout_s
        self._on_progress = on_progress
        self._on_generation = on_generation
        self._notes = list(notes)
        self._settings = dict(settings or {})
        self._environment = dict(environment or {})
        self._start_runner = start_runner
        self._clock = clock
        self._core: int | None = None
        self._decks: dict[str, schedule.Deck] = {}
        self._plan: schedule.Plan | None = None
        self._done = 0
        self._begin = 0.0
        self._cold = ColdTime()
        self._first_s = 0.0
        self._least_s = 0.0

    def run(self) -> Result:
        """Measure what the extent says. Ctrl-C ends it early: what there is, is kept."""
        interrupted = False
        self._begin = self._clock()
        with own_core() as (self._core, note):
            self._notes += [] if note is None else [note]
            try:
                while self._wants_more():
                    self._advance()
            except KeyboardInterrupt:
                interrupted = True
            finally:
                self._take_places(exchanged=False)
        return self._result(interrupted=interrupted)

    def _wants_more(self) -> bool:
        return bool(self._running()) and (self._plan is None or self._done < self._plan.generations)

    def _running(self) -> list[Candidate]:
        return [candidate for candidate in self._candidates if candidate.problem is None]

    def _advance(self) -> None:
        """Measure one generation; decide, from what it cost, how the rest of the budget is spent."""
        begin = self._clock()
        rounds = self._extent.rounds or (
            schedule.LEAST_ROUNDS if self._plan is None else self._plan.rounds
        )
        rounds, round_s = self._run_generation(rounds)
        start_s = self._clock() - begin - rounds * round_s
        self._start_cold()
        self._done += 1
        self._conditions = replace(self._conditions, start_s=start_s, round_s=round_s)
        self._on_generation(self._result(interrupted=False))
        spent_s = self._clock() - self._begin
        generation_s = start_s + schedule.LEAST_ROUNDS * round_s
        start_s += self._cold.expect_s(generation_s) if self._decks else self._cold.one_s
        self._plan = self._make_plan(spent_s, start_s, round_s)
        if self._done == 1:
            self._first_s = spent_s + (schedule.LEAST_ROUNDS - rounds) * round_s
        self._least_s = self._first_s + schedule.least_s(LEAST_GENERATIONS - 1, start_s, round_s)
        self._report()

    def _make_plan(self, spent_s: float, start_s: float, round_s: float) -> schedule.Plan:
        before = self._plan
        plan, late = (
            schedule.plan(extent, spent_s, self._done, start_s, round_s)
            for extent in (
                self._extent,
                replace(self._extent, limit_s=(1 + LATENESS) * self._extent.limit_s),
            )
        )
        if before is not None and plan.generations < before.generations <= late.generations:
            return schedule.Plan(before.generations, schedule.LEAST_ROUNDS)
        return plan

    def _run_generation(self, rounds: int) -> tuple[int, float]:
        """Start fresh workers, measure with them; return how many rounds it were, and the seconds that one took."""
        with contextlib.ExitStack() as stack:
            begin_start = self._clock()
            first, runners = self._start_all(stack)
            begin = self._clock()
            done = slices = 0
            acts = plan_acts([one for one in self._running() if one.entrant.name in runners])
            most_s = most_act_s(begin - begin_start, len(acts))
            for act in acts:
                if done and act.case is not None and self._is_overdue(done, begin):
                    break
                runs = self._run_act(act, runners, rounds, most_s)
                # An act of slow calls ends before its rounds do: a generation takes no longer with the least of them.
                done = max(done, runs.number, min(rounds, schedule.LEAST_ROUNDS) if act.case else 0)
                slices += runs.slices - runs.repeated
            if slices:
                self._note_generation(first, slices)
            return done, (self._clock() - begin) / max(1, done)

    def _run_act(
        self, act: Act, runners: Mapping[str, Runner], rounds: int, most_s: float
    ) -> Rounds:
        """Measure what is measured in the same rounds; return how it went. most_s: seconds of an act of one case."""
        decks = self._decks if act.case is None else {"": schedule.Deck((1,), self._rng)}
        for candidate in self._rng.sample(act.candidates, len(act.candidates)):
            self._prepare(candidate, runners, functools.partial(self._enter, act))
        on_stage = [one for one in act.candidates if one.problem is None]
        mine = {one.entrant.name: runners[one.entrant.name] for one in on_stage}
        by_name = {one.entrant.name: one for one in on_stage}
        runs = Rounds(mine, by_name, decks, self._rng, self._blame)
        begin = self._clock()
        try:
            while (
                runs.number < rounds
                and self._running()
                and not self._is_over(act, runs, begin, most_s)
            ):
                runs.run()
                self._report()
        finally:
            least = schedule.LEAST_ROUNDS if act.case is None else 1
            for one in on_stage:
                one.keep(runs.measured[one.entrant.name], least)
        for one in on_stage:
            self._prepare(one, runners, functools.partial(self._leave, act))
        return runs

    def _enter(self, act: Act, candidate: Candidate, runner: Runner) -> None:
        if act.case is not None:
            candidate.enter(runner, act.case, act.upcoming, self._find_slice_ns(runner))

    def _leave(self, act: Act, candidate: Candidate, runner: Runner) -> None:
        if act.case is not None:
            candidate.leave(runner, act.case)

    def _is_over(self, act: Act, runs: Rounds, begin: float, most_s: float) -> bool:
        """Whether an act ends before all of its rounds."""
        is_long = act.case is not None and self._clock() - begin > most_s
        return (is_long and runs.number > 0) or self._is_overdue(runs.number, begin)

    def _note_generation(self, first: str, slices: int) -> None:
        """Write down how the generation was measured: who was started first, and where the sides were."""
        before = self._conditions
        self._conditions = replace(
            before,
            slices=before.slices + slices,
            first=(*before.first, first),
            exchanged=(*before.exchanged, self._is_exchanged),
        )

    def _start_all(self, stack: contextlib.ExitStack) -> tuple[str, dict[str, Runner]]:
        """Start, load and warm up everybody, in an order and at places that chance decides; who was first, and all."""
        if self._exchange is not None:
            self._take_places(exchanged=self._rng.random() < 0.5)  # noqa: PLR2004  a fair coin
        candidates = self._running()
        self._rng.shuffle(candidates)
        runners: dict[str, Runner] = {}
        cores = [self._core, *([] if self._core is None else find_free_cores())]
        for begin in range(0, len(candidates), len(cores)):
            # So many load at once, each on a core of its own.
            batch = candidates[begin : begin + len(cores)]
            for candidate, core in zip(batch, cores, strict=False):
                with self._blame(candidate, STARTING):
                    python = candidate.find_python(elsewhere=self._is_exchanged)
                    runner = self._start_runner(python, self._core, {})
                    stack.callback(runner.close)
                    runners[candidate.entrant.name] = runner
                    self._begin_load(candidate, runner, core)
            for candidate in batch:
                self._prepare(candidate, runners, self._load)
        for candidate in candidates:
            self._prepare(candidate, runners, self._warm_up)
        # In the order in which they were named, so that who was started first is not always first in a round.
        names = [one.entrant.name for one in self._running()]
        return candidates[0].entrant.name, {name: runners[name] for name in names}

    def _prepare(
        self,
        candidate: Candidate,
        runners: Mapping[str, Runner],
        do: Callable[[Candidate, Runner], None],
    ) -> None:
        """Do something with a candidate's runner before it is measured, unless it has failed already."""
        if candidate.problem is None:
            runner = runners[candidate.entrant.name]
            # What fails is closed at once: all workers share a core, and it may be running still.
            with self._blame(candidate, STARTING, runner):
                do(candidate, runner)

    def _begin_load(self, candidate: Candidate, runner: Runner, core: int | None) -> None:
        with self._blame(candidate, STARTING, runner):
            runner.move(core)
            candidate.begin_load(runner, elsewhere=self._is_exchanged)

    def _load(self, candidate: Candidate, runner: Runner) -> None:
        candidate.load(runner, elsewhere=self._is_exchanged)

    def _warm_up(self, candidate: Candidate, runner: Runner) -> None:
        runner.move(self._core)
        if candidate.in_turn is None:
            self._deal(candidate)
            candidate.warm_up(runner, self._find_slice_ns(runner))

    def _take_places(self, *, exchanged: bool) -> None:
        if self._exchange is not None and exchanged is not self._is_exchanged:
            self._exchange()
            self._is_exchanged = exchanged

    def _find_slice_ns(self, runner: Runner) -> int:
        """Return how long a slice may be: the first time, let the worker feel for how long the host keeps its speed."""
        if self._slice_ns is None:
            chunks = find_chunks(self._extent.limit_s)
            patience_ns = find_patience_ns(runner.pulse(CHUNK_NS, chunks, self._timeout_s))
            self._slice_ns = schedule.slice_for(patience_ns)
            self._conditions = replace(
                self._conditions, patience_ns=patience_ns, slice_ns=self._slice_ns
            )
        return self._slice_ns

    def _deal(self, candidate: Candidate) -> None:
        """Let the candidate go through the same blocks as all others."""
        for group, requests in candidate.groups.items():
            deck = self._decks.setdefault(group, schedule.Deck(requests, self._rng))
            if len(deck) != len(requests):
                raise WorkerFailed(
                    f"its cases of group {group!r} have {len(requests)} blocks, those of another contestant "
                    f"{len(deck)}: what is compared must go through the same"
                )

    def _is_overdue(self, rounds: int, begin: float) -> bool:
        """Whether one more round, after so many since `begin`, would go beyond the time; the first never does."""
        if not rounds:
            return False
        now = self._clock()
        limit_s = self._extent.limit_s * (1 if rounds >= schedule.LEAST_ROUNDS else OVERDRAFT)
        return now + (now - begin) / rounds - self._begin > limit_s

    def _start_cold(self) -> None:
        """Start everyone cold once, as long as cold starts take no more than their share of the time."""
        elapsed_s = self._clock() - self._begin
        left_s = self._extent.limit_s - elapsed_s
        # Always at first, and where nothing else is measured, as long as it is planned.
        if self._done and self._decks and not self._cold.are_affordable(elapsed_s, left_s):
            return
        begin = self._clock()
        for candidate in self._running():
            cold = candidate.entrant.cold
            if cold is not None:
                with self._blame(candidate, "in a cold start"):
                    candidate.keep_cold(self._start_one_cold(candidate, cold), cold.rows)
        self._cold.note(self._clock() - begin)

    def _start_one_cold(self, candidate: Candidate, cold: ColdStart) -> Mapping[str, Any]:
        with temporary_directory("garagebench-") as empty:
            caches = dict.fromkeys(cold.caches, str(empty))
            runner = self._start_runner(candidate.entrant.python, self._core, caches)
            with contextlib.closing(runner):
                return runner.call(cold.call, self._timeout_s)

    @contextlib.contextmanager
    def _blame(
        self, candidate: Candidate, when: str, runner: Runner | None = None
    ) -> Iterator[None]:
        """Turn a worker's failure into the contestant's problem: it ends, and is not started again."""
        try:
            yield
        except WorkerFailed as failure:
            candidate.fail(failure, when)
            if runner is not None:
                runner.close()

    def _report(self) -> None:
        elapsed_s = self._clock() - self._begin
        planned = None if self._plan is None else self._plan.generations
        finished = planned is not None and self._done >= planned
        self._on_progress(
            Progress(
                self._done,
                planned,
                elapsed_s,
                elapsed_s if finished else max(self._expected_s(), elapsed_s),
            )
        )

    def _expected_s(self) -> float:
        """Return the seconds that all of it will take; infinite where that is not known yet."""
        plan, conditions = self._plan, self._conditions
        if self._extent.generations is None:
            return self._extent.limit_s
        if plan is None:
            return math.inf
        one_s = conditions.start_s + plan.rounds * conditions.round_s
        return min(self._extent.limit_s, self._first_s + (plan.generations - 1) * one_s)

    def _result(self, *, interrupted: bool) -> Result:
        contestants = (*(candidate.finish() for candidate in self._candidates), *self._absent)
        notes = list(self._notes)
        plan = self._plan
        is_limited = math.isfinite(self._extent.limit_s)
        wanted = self._extent.generations or LEAST_GENERATIONS
        if (
            plan is not None
            and is_limited
            and plan.generations < min(wanted, LEAST_GENERATIONS)
            and self._running()
        ):
            notes.append(
                f"a budget of {self._extent.limit_s:g} s buys too few generations for intervals; "
                f"{LEAST_GENERATIONS} need about {math.ceil(MARGIN * self._least_s)} s"
            )
        return Result(
            contestants,
            self._settings,
            self._environment,
            tuple(notes),
            interrupted,
            conditions=self._conditions,
        )
