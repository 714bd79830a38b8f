"""Measure contestants in lock-step: one live worker each, slices handed out in an order drawn afresh.

Identical code timed one run after the other differs by up to 15 % on a shared machine, because the host changes
speed within seconds. Within a round the ratio of two contestants is steady to a few percent, and over rounds and
generations its median to a fraction of one.
"""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

from garagebench.engine import schedule
from garagebench.engine.channel import Channel, WorkerFailed
from garagebench.engine.estimate import LEAST_GENERATIONS
from garagebench.engine.result import DIGITS, Contestant, Problem, Result, RowTerms, Series
from garagebench.engine.terms import make_terms
from garagebench.interface import INTERFACE_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

#: Seconds without an answer after which a worker counts as hung. Loading a million spaces takes two.
TIMEOUT_S = 60.0

#: Share of the time that cold starts may take, beyond the first of each contestant.
COLD_SHARE = 0.2

#: A case whose slices alone would take more than this share of the budget is left out, with a caveat.
CASE_SHARE = 0.5


@dataclass(frozen=True)
class Entrant:
    """Who is to be measured. name: as in the results. python: the interpreter.

    source: what the worker's `load` takes. cold: for a cold start `call` (what the worker's `call` takes), `series`
    (which of its figures are wanted) and `caches` (variables that get the path of an empty directory); or None.
    row_names: the rows that are expected, listed when it fails before it could name its own.
    """

    name: str
    python: str
    source: Mapping[str, Any]
    cold: Mapping[str, Any] | None = None
    row_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How far it is: generations done and planned (None: not known yet), seconds gone and expected in all."""

    generation: int
    generations: int | None
    elapsed_s: float
    expected_s: float


class AsksWorker(Protocol):
    """A worker as the conductor sees it."""

    def ask(self, command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a command, return the answer; WorkerFailed otherwise."""

    def close(self) -> None:
        """End the worker."""


@dataclass
class _Candidate:
    """An entrant and what it has given so far."""

    entrant: Entrant
    cases: list[dict[str, Any]] = field(default_factory=list)
    rows: tuple[RowTerms, ...] = ()
    slices: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    passes: dict[tuple[str, str], int] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)
    problem: Problem | None = None
    caveats: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    def finished(self) -> Contestant:
        return Contestant(
            self.entrant.name,
            self.rows,
            {
                name: [list(rounds) for rounds in generations]
                for name, generations in self.series.items()
            },
            self.problem,
            tuple(dict.fromkeys(self.caveats)),
            dict(self.environment),
            self.entrant.row_names,
        )


class Conductor:
    """Runs one measurement. Clock, random source and the starting of workers are passed in."""

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
    ) -> None:
        self._candidates = [_Candidate(entrant) for entrant in entrants]
        self._budget_s = budget_s
        self._rng = random.Random(seed)
        self._on_progress = on_progress
        self._on_generation = on_generation
        self._settings = dict(settings or {})
        self._environment = dict(environment or {})
        self._start_worker = start_worker
        self._clock = clock
        self._timeout_s = timeout_s
        self._decks: dict[str, schedule.Deck] = {}
        self._absent = tuple(absent)
        self._notes = list(notes)
        self._core: int | None = None
        self._cold_s = 0.0
        self._begin = 0.0
        self._done = 0
        self._plan: schedule.Plan | None = None

    def run(self) -> Result:
        """Measure until the budget is spent. Ctrl-C ends it early: the result says so and keeps what there is."""
        interrupted = False
        self._begin = self._clock()
        with self._own_core():
            try:
                while any(self._running()) and (
                    self._plan is None or self._done < self._plan.generations
                ):
                    self._advance()
            except KeyboardInterrupt:
                interrupted = True
        return self._result(interrupted=interrupted)

    def _advance(self) -> None:
        """Measure one generation and decide, from what it cost, how the rest of the budget is spent."""
        begin = self._clock()
        rounds = schedule.LEAST_ROUNDS if self._plan is None else self._plan.rounds
        round_s = self._run_generation(rounds)
        self._start_cold()
        self._done += 1
        start_s = self._clock() - begin - round_s * rounds
        self._on_generation(self._result(interrupted=False))
        spent_s = self._clock() - self._begin
        first = self._plan is None
        self._plan = schedule.plan(self._budget_s, spent_s, self._done, start_s, round_s)
        if first:
            self._judge_budget(self._plan, start_s, round_s)
        self._report()

    def _judge_budget(self, plan: schedule.Plan, start_s: float, round_s: float) -> None:
        least_s = schedule.least_budget_s(start_s, round_s)
        if plan.generations < LEAST_GENERATIONS:
            self._notes.append(
                f"a budget of {self._budget_s:g} s buys too few generations for intervals; "
                f"{LEAST_GENERATIONS} need about {least_s:.0f} s"
            )

    def _running(self) -> Iterator[_Candidate]:
        return (candidate for candidate in self._candidates if candidate.problem is None)

    def _run_generation(self, rounds: int) -> float:
        """Start fresh workers, warm them up, measure the rounds; return the seconds that one round took.

        A contestant that fails loses this generation and is not started again.
        """
        with contextlib.ExitStack() as stack:
            workers: dict[str, AsksWorker] = {}
            for candidate in self._running():
                with self._blame(candidate, "while it started"):
                    worker = self._start_worker(candidate.entrant.python, self._core, {})
                    stack.callback(worker.close)
                    self._load(candidate, worker)
                    self._warm_up(candidate, worker)
                    workers[candidate.entrant.name] = worker
            rounds_begin = self._clock()
            measured: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
            try:
                self._run_rounds(rounds, workers, measured)
            finally:
                self._keep(measured, first=self._done == 0)
            return (self._clock() - rounds_begin) / rounds

    def _run_rounds(
        self,
        rounds: int,
        workers: Mapping[str, AsksWorker],
        measured: dict[str, list[dict[str, float]]],
    ) -> None:
        orders = schedule.balanced_orders(list(workers), self._rng)
        by_name = {candidate.entrant.name: candidate for candidate in self._candidates}
        for number in range(rounds):
            blocks = {group: deck.draw() for group, deck in self._decks.items()}
            for name in next(orders):
                candidate = by_name[name]
                if candidate.problem is None:
                    with self._blame(candidate, f"in round {number + 1}"):
                        measured[name].append(self._measure(candidate, workers[name], blocks))
            self._report()
            if not any(self._running()):
                return

    def _keep(self, measured: Mapping[str, list[dict[str, float]]], *, first: bool) -> None:
        """Add a generation to the series; one with missing rounds only where there is no other."""
        complete = [
            len(rounds) for name, rounds in measured.items() if self._problem_of(name) is None
        ]
        rounds_done = min(complete, default=0)
        if rounds_done == 0 or (rounds_done < schedule.LEAST_ROUNDS and not first):
            return
        for candidate in self._candidates:
            rounds = measured.get(candidate.entrant.name, [])[:rounds_done]
            if candidate.problem is None and rounds:
                for series in rounds[0]:
                    candidate.series.setdefault(series, []).append(
                        [values[series] for values in rounds]
                    )

    def _problem_of(self, name: str) -> Problem | None:
        return next(
            candidate.problem for candidate in self._candidates if candidate.entrant.name == name
        )

    @contextlib.contextmanager
    def _blame(self, candidate: _Candidate, when: str) -> Iterator[None]:
        """Turn a worker's failure into the contestant's problem."""
        try:
            yield
        except WorkerFailed as failure:
            told = (
                str(failure)
                if failure.status != "invalid"
                else f"{candidate.entrant.name} failed {when}: {failure}"
            )
            candidate.problem = Problem(failure.status, told)

    def _load(self, candidate: _Candidate, worker: AsksWorker) -> None:
        answer = worker.ask(
            {"do": "load", "source": dict(candidate.entrant.source)}, self._timeout_s
        )
        if answer["interface_version"] != INTERFACE_VERSION:
            raise WorkerFailed(
                f"its subject speaks version {answer['interface_version']} of the interface, this engine {INTERFACE_VERSION}"
            )
        candidate.environment = answer["environment"]
        candidate.caveats += answer["caveats"]
        if candidate.cases:
            return
        # The engine's first look at the contestant: what there is to measure, and what follows from it.
        candidate.cases = answer["cases"]
        contextual = candidate.environment["python_implementation"] == "CPython"
        candidate.rows += make_terms(candidate.cases, answer["rows"], in_context=contextual)
        if not contextual and any(case["in_context"] for case in candidate.cases):
            candidate.caveats.append(
                "no figures in context: the traces of PyPy change under clock reads"
            )
        for case in candidate.cases:
            candidate.slices += make_slices(case, in_context=contextual)
            if case["group"] not in self._decks:
                self._decks[case["group"]] = schedule.Deck(case["requests"], self._rng)

    def _warm_up(self, candidate: _Candidate, worker: AsksWorker) -> None:
        """Go through every case often enough, in parts and in mixed order; drop what cannot fit the budget."""
        if not candidate.passes:
            self._calibrate(candidate, worker)
        least = schedule.WARM_UP.get(
            candidate.environment["python_implementation"], schedule.WARM_UP_OTHERS
        )
        at_once = max(schedule.WARM_UP_OTHERS, least // 40)
        parts = [(case, mode, at_once) for case, modes in candidate.slices for mode in modes] * (
            least // at_once
        )
        self._rng.shuffle(parts)
        worker.ask({"do": "warm", "work": parts}, self._timeout_s + self._budget_s)

    def _calibrate(self, candidate: _Candidate, worker: AsksWorker) -> None:
        """Time single passes to decide how many a slice keeps, and whether a case can be measured at all."""
        fitting = []
        for case, modes in candidate.slices:
            work = [(case, mode, passes) for mode in modes for passes in (1, 3)]
            first, *_ = took = worker.ask({"do": "warm", "work": work[:1]}, self._timeout_s)[
                "pass_ns"
            ]
            slices = (
                schedule.LEAST_ROUNDS
                * (schedule.LEAD_IN + schedule.LEAST_PASSES)
                * LEAST_GENERATIONS
            )
            needed_s = slices * first * 1e-9
            if needed_s > CASE_SHARE * self._budget_s:
                candidate.caveats.append(
                    f"{case} is left out: a pass takes {first * 1e-9:.2g} s, so that it alone needs {needed_s:.0f} s"
                )
                candidate.rows = tuple(row for row in candidate.rows if not row.needs(case))
                continue
            took = worker.ask({"do": "warm", "work": work[1:]}, self._timeout_s)["pass_ns"]
            for (_, mode, _), pass_ns in zip(work[1:], took, strict=True):
                candidate.passes[case, mode] = schedule.passes_for(pass_ns)
            fitting.append((case, modes))
        candidate.slices = fitting

    def _measure(
        self, candidate: _Candidate, worker: AsksWorker, blocks: Mapping[str, list[int]]
    ) -> dict[str, float]:
        """Measure every case of one contestant once, next to each other: series -> ns for one request."""
        groups = {case["name"]: case["group"] for case in candidate.cases}
        values: dict[str, float] = {}
        for case, modes in schedule.shuffled(candidate.slices, self._rng):
            command = {
                "do": "measure",
                "case": case,
                "modes": modes,
                "blocks": blocks[groups[case]],
                "lead_in": schedule.LEAD_IN,
                "passes": min(candidate.passes[case, mode] for mode in modes),
            }
            answer = worker.ask(command, self._timeout_s)
            for name, passes in answer["passes"].items():
                requests = 1 if name == "clock" else answer["requests"]
                values[series_name(case, name)] = max(
                    round(median(passes) / requests, DIGITS), 10**-DIGITS
                )
        return values

    def _start_cold(self) -> None:
        """Start everyone cold once, as long as cold starts take no more than their share of the time."""
        begin = self._clock()
        if self._done and self._cold_s > COLD_SHARE * (begin - self._begin):
            return
        for candidate in self._running():
            if candidate.entrant.cold is not None:
                with self._blame(candidate, "in a cold start"):
                    self._start_one_cold(candidate, candidate.entrant.cold)
        self._cold_s += self._clock() - begin

    def _start_one_cold(self, candidate: _Candidate, cold: Mapping[str, Any]) -> None:
        with tempfile.TemporaryDirectory(prefix="garagebench-") as empty:
            caches = dict.fromkeys(cold["caches"], empty)
            with contextlib.closing(
                self._start_worker(candidate.entrant.python, self._core, caches)
            ) as worker:
                answer = worker.ask({"do": "call", **cold["call"]}, self._timeout_s)
        self._keep_cold(candidate, answer, cold["series"])

    @staticmethod
    def _keep_cold(candidate: _Candidate, answer: Mapping[str, Any], wanted: Sequence[str]) -> None:
        values = dict(answer["result"])
        values["import"] += answer["import_ns"]
        if answer["peak_memory_bytes"] is not None:
            values["peak_memory"] = answer["peak_memory_bytes"]
        for name in wanted:
            if name not in values:
                continue
            series, value = f"start/{name}", values[name]
            candidate.series.setdefault(series, []).append([round(value, DIGITS)])
            if all(row.name != series for row in candidate.rows):
                unit = "bytes" if name == "peak_memory" else "ns"
                candidate.rows += (RowTerms(series, {series: 1}, {}, unit),)

    @contextlib.contextmanager
    def _own_core(self) -> Iterator[None]:
        """Keep one core for the workers and the rest for the conductor, where the system can."""
        if not hasattr(os, "sched_setaffinity"):
            self._notes.append("this system cannot pin processes to a core: expect wider intervals")
            yield
            return
        cores = os.sched_getaffinity(0)
        if len(cores) == 1:
            self._notes.append(
                "one core only: the conductor shares it with the workers; expect wider intervals"
            )
            yield
            return
        self._core = max(cores)
        os.sched_setaffinity(0, cores - {self._core})
        try:
            yield
        finally:
            os.sched_setaffinity(0, cores)

    def _report(self) -> None:
        elapsed_s = self._clock() - self._begin
        planned = None if self._plan is None else self._plan.generations
        finished = planned is not None and self._done >= planned
        expected_s = elapsed_s if finished else max(self._budget_s, elapsed_s)
        self._on_progress(Progress(self._done, planned, elapsed_s, expected_s))

    def _result(self, *, interrupted: bool) -> Result:
        contestants = tuple(candidate.finished() for candidate in self._candidates)
        contestants += self._absent
        return Result(
            contestants, self._settings, self._environment, tuple(self._notes), interrupted
        )


def make_slices(case: Mapping[str, Any], *, in_context: bool) -> list[tuple[str, tuple[str, ...]]]:
    """Return the slices of a case: what is measured in one go, and in which modes."""
    slices: list[tuple[str, tuple[str, ...]]] = []
    if not case["intervals"]:
        slices.append((case["name"], ("loop", "empty")))
    elif in_context:
        slices.append((case["name"], ("intervals",)))
    if case["in_context"] and in_context:
        slices.append((case["name"], ("steps",)))
    return slices


def series_name(case: str, measured: str) -> str:
    """Return the name under which a case's loop, empty loop, intervals, clock or step is kept."""
    if measured in ("loop", "intervals"):
        return case
    return f"{case} (empty loop)" if measured == "empty" else f"{case} ({measured})"
