"""Measure contestants in lock-step: one live worker each, slices handed out in an order drawn afresh.

Identical code timed one run after the other differs by up to 15 % on a shared machine, because the host
changes speed within seconds. Within a round the ratio of two contestants is steady to a few percent, and
over rounds and generations its median to a fraction of one.
"""

from __future__ import annotations

import contextlib
import math
import random
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from garagebench.engine import schedule
from garagebench.engine.candidate import AsksWorker, Candidate, Entrant
from garagebench.engine.channel import Channel, WorkerFailed
from garagebench.engine.core import own_core
from garagebench.engine.estimate import LEAST_GENERATIONS
from garagebench.engine.result import Contestant, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

#: Seconds without an answer after which a worker counts as hung. Loading a million spaces takes one.
TIMEOUT_S = 60.0

#: Share of the time that cold starts may take, beyond the first of each contestant.
COLD_SHARE = 0.2

#: Times the budget at which a generation is broken off; one with enough rounds for that ends with the budget.
OVERDRAFT = 1.15

#: Share of the budget by which a plan may be late and is kept: between two useful counts there is no good place to end.
LATENESS = 0.05

#: What is said to buy enough generations is so much more than this run would have needed: no two cost the same.
MARGIN = 1.1


@dataclass(frozen=True)
class Progress:
    """How far it is: generations (or what else) done and planned (None: not known), seconds gone and expected in all."""

    generation: int
    generations: int | None
    elapsed_s: float
    expected_s: float
    what: str = "generation"


class Conductor:
    """Runs one measurement. Clock, random source and the starting of workers are passed in.

    part_of_s: the budget of which this measurement is a part, if so: what is too slow is judged by the whole.
    """

    def __init__(
        self,
        entrants: Sequence[Entrant],
        *,
        budget_s: float,
        seed: int,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_generation: Callable[[Result], None] = lambda _: None,
        absent: Sequence[Contestant] = (),
        notes: Sequence[str] = (),
        settings: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
        start_worker: Callable[[str, int | None, dict[str, str]], AsksWorker] = Channel,
        clock: Callable[[], float] = time.monotonic,
        timeout_s: float = TIMEOUT_S,
        part_of_s: float | None = None,
    ) -> None:
        self._rng = random.Random(seed)
        self._candidates = [
            Candidate(entrant, budget_s=part_of_s or budget_s, timeout_s=timeout_s, rng=self._rng)
            for entrant in entrants
        ]
        self._absent = tuple(absent)
        self._budget_s = budget_s
        self._timeout_s = timeout_s
        self._on_progress = on_progress
        self._on_generation = on_generation
        self._notes = list(notes)
        self._settings = dict(settings or {})
        self._environment = dict(environment or {})
        self._start_worker = start_worker
        self._clock = clock
        self._core: int | None = None
        self._decks: dict[str, schedule.Deck] = {}
        self._plan: schedule.Plan | None = None
        self._done = 0
        self._begin = 0.0
        self._cold_s = 0.0
        self._one_cold_s = 0.0
        self._first_s = 0.0
        self._least_s = 0.0

    def run(self) -> Result:
        """Measure until the budget is spent. Ctrl-C ends it early: what there is, is kept."""
        interrupted = False
        self._begin = self._clock()
        with own_core() as (self._core, note):
            self._notes += [] if note is None else [note]
            try:
                while self._wants_more():
                    self._advance()
            except KeyboardInterrupt:
                interrupted = True
        return self._result(interrupted=interrupted)

    def _wants_more(self) -> bool:
        return bool(self._running()) and (self._plan is None or self._done < self._plan.generations)

    def _running(self) -> list[Candidate]:
        return [candidate for candidate in self._candidates if candidate.problem is None]

    def _advance(self) -> None:
        """Measure one generation; decide, from what it cost, how the rest of the budget is spent."""
        begin = self._clock()
        rounds = schedule.LEAST_ROUNDS if self._plan is None else self._plan.rounds
        rounds, round_s = self._run_generation(rounds)
        start_s = self._clock() - begin - rounds * round_s
        self._start_cold()
        self._done += 1
        self._on_generation(self._result(interrupted=False))
        spent_s = self._clock() - self._begin
        start_s += self._expected_cold_s(start_s + schedule.LEAST_ROUNDS * round_s)
        self._plan = self._make_plan(spent_s, start_s, round_s)
        if self._done == 1:
            self._first_s = spent_s + (schedule.LEAST_ROUNDS - rounds) * round_s
        self._least_s = self._first_s + schedule.least_s(LEAST_GENERATIONS - 1, start_s, round_s)
        self._report()

    def _make_plan(self, spent_s: float, start_s: float, round_s: float) -> schedule.Plan:
        before = self._plan
        plan, late = (
            schedule.plan(budget_s, spent_s, self._done, start_s, round_s)
            for budget_s in (self._budget_s, (1 + LATENESS) * self._budget_s)
        )
        if before is not None and plan.generations < before.generations <= late.generations:
            return schedule.Plan(before.generations, schedule.LEAST_ROUNDS)
        return plan

    def _run_generation(self, rounds: int) -> tuple[int, float]:
        """Start fresh workers, measure with them; return how many rounds it were, and the seconds that one took."""
        with contextlib.ExitStack() as stack:
            workers: dict[str, AsksWorker] = {}
            for candidate in self._running():
                # What fails to start is closed at once: all workers share a core, and it may be running still.
                with self._blame(candidate, "while it started"), contextlib.ExitStack() as own:
                    worker = self._start_worker(candidate.entrant.python, self._core, {})
                    own.callback(worker.close)
                    candidate.load(worker)
                    self._deal(candidate)
                    candidate.warm_up(worker)
                    workers[candidate.entrant.name] = worker
                    stack.push(own.pop_all())
            begin = self._clock()
            measured: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
            try:
                done = self._run_rounds(rounds, workers, measured)
            finally:
                for candidate in self._candidates:
                    candidate.keep(measured.get(candidate.entrant.name, []))
            return done, (self._clock() - begin) / done

    def _deal(self, candidate: Candidate) -> None:
        """Let the candidate go through the same blocks as all others."""
        for group, requests in candidate.groups.items():
            deck = self._decks.setdefault(group, schedule.Deck(requests, self._rng))
            if len(deck) != len(requests):
                raise WorkerFailed(
                    f"its cases of group {group!r} have {len(requests)} blocks, those of another contestant "
                    f"{len(deck)}: what is compared must go through the same"
                )

    def _run_rounds(
        self,
        rounds: int,
        workers: Mapping[str, AsksWorker],
        measured: Mapping[str, list[dict[str, float]]],
    ) -> int:
        """Measure that many rounds, or fewer where the budget is at its end; return how many it were."""
        candidates = {candidate.entrant.name: candidate for candidate in self._candidates}
        begin = self._clock()
        orders = schedule.balanced_orders(list(workers), self._rng)
        for number in range(1, rounds + 1):
            blocks = {group: deck.draw() for group, deck in self._decks.items()}
            for name in next(orders):
                if candidates[name].problem is None:
                    with self._blame(candidates[name], f"in round {number}", workers[name]):
                        measured[name].append(candidates[name].measure(workers[name], blocks))
            self._report()
            if not self._running() or self._is_overdue(number, begin):
                return number
        return rounds

    def _is_overdue(self, rounds: int, begin: float) -> bool:
        """Whether one more round, after so many since `begin`, would go beyond the budget."""
        now = self._clock()
        limit_s = self._budget_s * (1 if rounds >= schedule.LEAST_ROUNDS else OVERDRAFT)
        return now + (now - begin) / rounds - self._begin > limit_s

    def _expected_cold_s(self, generation_s: float) -> float:
        """Return the seconds of cold starts that come, on average, with a generation that takes so long."""
        if not self._decks:
            return self._one_cold_s
        return min(self._one_cold_s, COLD_SHARE / (1 - COLD_SHARE) * generation_s)

    def _may_start_cold(self) -> bool:
        """Whether there is time: always at first, and where nothing else is measured, as long as it is planned."""
        elapsed_s = self._clock() - self._begin
        if not self._done or not self._decks:
            return True
        return (
            self._cold_s <= COLD_SHARE * elapsed_s
            and elapsed_s + self._one_cold_s <= self._budget_s
        )

    def _start_cold(self) -> None:
        """Start everyone cold once, as long as cold starts take no more than their share of the time."""
        begin = self._clock()
        if not self._may_start_cold():
            return
        for candidate in self._running():
            if candidate.entrant.cold is not None:
                with self._blame(candidate, "in a cold start"):
                    self._start_one_cold(candidate, candidate.entrant.cold)
        self._one_cold_s = self._clock() - begin
        self._cold_s += self._one_cold_s

    def _start_one_cold(self, candidate: Candidate, cold: Mapping[str, Any]) -> None:
        with tempfile.TemporaryDirectory(prefix="garagebench-") as empty:
            caches = dict.fromkeys(cold["caches"], empty)
            worker = self._start_worker(candidate.entrant.python, self._core, caches)
            with contextlib.closing(worker):
                answer = worker.ask({"do": "call", **cold["call"]}, self._timeout_s)
        candidate.keep_cold(answer, cold["series"])

    @contextlib.contextmanager
    def _blame(
        self, candidate: Candidate, when: str, worker: AsksWorker | None = None
    ) -> Iterator[None]:
        """Turn a worker's failure into the contestant's problem: it ends, and is not started again."""
        try:
            yield
        except WorkerFailed as failure:
            candidate.fail(failure, when)
            if worker is not None:
                worker.close()

    def _report(self) -> None:
        elapsed_s = self._clock() - self._begin
        planned = None if self._plan is None else self._plan.generations
        finished = planned is not None and self._done >= planned
        expected_s = elapsed_s if finished else max(self._budget_s, elapsed_s)
        self._on_progress(Progress(self._done, planned, elapsed_s, expected_s))

    def _result(self, *, interrupted: bool) -> Result:
        contestants = (*(candidate.finish() for candidate in self._candidates), *self._absent)
        notes = list(self._notes)
        plan = self._plan
        if plan is not None and plan.generations < LEAST_GENERATIONS and self._running():
            notes.append(
                f"a budget of {self._budget_s:g} s buys too few generations for intervals; "
                f"{LEAST_GENERATIONS} need about {math.ceil(MARGIN * self._least_s)} s"
            )
        return Result(contestants, self._settings, self._environment, tuple(notes), interrupted)
