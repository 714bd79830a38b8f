"""Several processes in one garage at once: what they do together, and how evenly they come to it.

In each round one process alone and all of them together work for a moment, in an order drawn afresh, so that what is
gained by more of them is a ratio within a round. Fresh processes in each generation.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from garagebench.core.layout import Layout
from garagebench.core.workload import park_body
from garagebench.engine import Contestant, Progress, Result, schedule
from garagebench.engine.channel import Channel, WorkerFailed
from garagebench.engine.conductor import TIMEOUT_S
from garagebench.engine.contestant import DIGITS, Problem, RowTerms, Series
from garagebench.engine.extent import MOST_S, enough
from garagebench.engine.interpreter import Interpreter, find_interpreter
from garagebench.engine.metadata import collect_environment
from garagebench.errors import UnknownName
from garagebench.exit_codes import ERROR, INTERRUPTED, WRONG
from garagebench.run.experiment import RunSettings, label_layout, load_layout
from garagebench.run.recipes import Recipe
from garagebench.run.recorded import SettingsError
from garagebench.stats.estimate import LEAST_GENERATIONS, Estimate, estimate

#: The implementations whose pools several processes can have; the first one is the usual one.
IMPLS = ("shared", "blocks")

#: What the processes do, where a row names its workload: each parks some vehicles and unparks them, in turns.
WORKLOAD = "turns"

#: `total` is the time of a request of all processes together; the others are those of a single process.
FIGURES = ("total", "slowest", "fastest")

#: What `--operation` takes -> the operations with rows; `both` is all that a process does.
RACED: Mapping[str, tuple[str, ...]] = {
    "park": ("park",),
    "unpark": ("unpark",),
    "both": ("park", "unpark", "both"),
}

#: How long a round's processes work. Long beside the begin and the end, when not all of them are at it.
WINDOW_NS = 50_000_000

#: Until when the processes have heard that they are to begin.
NOTICE_NS = 5_000_000

#: Vehicles that one process has parked at most, all of them together in at most half of the spaces of a kind: so there
#: is always a space that is free all the while, and no take comes away empty-handed.
HOLD = 100


_PACKAGES = {"garagebench": str(Path(__file__).parents[1])}


class AsksAtOnce(Protocol):
    """A worker as it is used here: several are busy at once."""

    def send(self, command: dict[str, Any], timeout_s: float) -> None:
        """Send a command."""

    def receive(self, timeout_s: float) -> dict[str, Any]:
        """Return the answer to it; WorkerFailed otherwise."""

    def close(self) -> None:
        """End the worker."""


StartWorker = Callable[[str, int | None], AsksAtOnce]


def run(
    settings: RunSettings,
    processes: int,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Result:
    """Measure so many processes in one garage against one; what cannot run is in the result with the reason."""
    return Race(settings, processes, on_progress=on_progress).run()


class Race:
    """One measurement. Clock, cores and the starting of workers are passed in."""

    def __init__(
        self,
        settings: RunSettings,
        processes: int,
        *,
        on_progress: Callable[[Progress], None] = lambda _: None,
        start_worker: StartWorker = Channel,
        clock: Callable[[], float] = time.monotonic,
        cores: Sequence[int] | None = None,
        interpreter: Interpreter | None = None,
    ) -> None:
        check_settings(settings)
        self._settings = settings
        self._processes = processes
        self._layout = load_layout(settings.layout, settings.spaces)
        self._vehicle, self._hold = choose_vehicle(self._layout, processes)
        self._impl = settings.impls[0]
        self._recipe = Recipe(self._impl, settings.variants)
        self._interpreter = interpreter or find_interpreter("")
        self._on_progress = on_progress
        self._start_worker = start_worker
        self._clock = clock
        self._cores = find_cores() if cores is None else list(cores)
        self._rng = random.Random(settings.seed)
        self._counts = {self._label(count): count for count in (1, processes)}
        self._series: dict[str, dict[str, Series]] = {label: {} for label in self._counts}
        self._problem: Problem | None = None
        self._overrun: str | None = None
        self._environment: dict[str, str] = {}

    def run(self) -> Result:
        """Measure until the budget is spent. Ctrl-C ends it early: whole generations are kept.

        There is one generation at any budget; it ends with the round in which the budget does.
        """
        begin, done = self._clock(), 0
        extent = enough(self._settings.budget_s, self._settings.generations, LEAST_GENERATIONS)
        end = begin + extent.limit_s
        plan = schedule.Plan(1, schedule.LEAST_ROUNDS)
        interrupted = False
        try:
            while done < plan.generations:
                start = self._clock()
                rounds, round_s = self._run_generation(plan.rounds, math.inf if done else end)
                now = self._clock()
                done += 1
                start_s = now - start - rounds * round_s
                if now > end and done == 1:
                    self._overrun = self._describe_overrun(now - begin, start_s, round_s)
                plan = schedule.plan(extent, now - begin, done, start_s, round_s)
                expected_s = (now - begin) / done * max(done, plan.generations)
                self._on_progress(Progress(done, plan.generations, now - begin, expected_s))
        except WorkerFailed as failure:
            self._problem = Problem(failure.status, str(failure))
        except KeyboardInterrupt:
            interrupted = True
        return self._result(interrupted=interrupted)

    def _run_generation(self, rounds: int, end: float) -> tuple[int, float]:
        """Start the processes and measure with them, one round at least; return the rounds and the seconds of one.

        end: when no further round begins.
        """
        with contextlib.ExitStack() as stack:
            workers = list(self._start(stack))
            for count in self._counts.values():
                self._measure(workers, count)  # to warm up
            begin = self._clock()
            measured: dict[str, list[dict[str, float]]] = {label: [] for label in self._counts}
            orders = schedule.balanced_orders(list(self._counts), self._rng)
            done = 0
            while done < rounds and (not done or self._clock() < end):
                for label in next(orders):
                    measured[label].append(self._measure(workers, self._counts[label]))
                done += 1
            for label, found in measured.items():
                for name in found[0]:
                    values = [one[name] for one in found]
                    self._series[label].setdefault(name, []).append(values)
            return done, (self._clock() - begin) / done

    def _start(self, stack: contextlib.ExitStack) -> Iterator[AsksAtOnce]:
        """Yield the processes; the first has made the garage, which lives as long as it does."""
        arguments = {
            **self._recipe.arguments,
            "layout": self._layout.to_data(),
            "body": park_body(self._vehicle).decode(),
            "hold": self._hold,
            "pools": None,
        }
        for number in range(self._processes):
            core = self._cores[number % len(self._cores)] if self._cores else None
            worker = self._start_worker(self._interpreter.path, core)
            stack.callback(worker.close)
            (names,) = ask_all([worker], "enter", arguments)
            arguments["pools"] = names
            yield worker
        worker.send({"do": "describe"}, TIMEOUT_S)
        self._environment = worker.receive(TIMEOUT_S)["environment"]

    def _measure(self, workers: Sequence[AsksAtOnce], count: int) -> dict[str, float]:
        """Let some of the processes work; "operation/stage" -> ns for one request. WorkerFailed for a wrong answer."""
        chosen = self._rng.sample(list(workers), count)
        begin_ns = time.monotonic_ns() + NOTICE_NS
        window = {"begin_ns": begin_ns, "end_ns": begin_ns + WINDOW_NS}
        answers = ask_all(chosen, "work", window)
        held = [reply for answer in answers for reply in answer["held"]]
        check_books(held, self._count_taken(workers))
        ask_all(chosen, "leave", {})
        check_books([], self._count_taken(workers))
        return {
            f"{operation}/{stage}": max(round(ns, DIGITS), 10.0**-DIGITS)
            for operation in RACED[self._settings.operation]
            for stage, ns in zip(FIGURES, add_up(answers, operation), strict=True)
        }

    def _count_taken(self, workers: Sequence[AsksAtOnce]) -> int:
        (free,) = ask_all(workers[:1], "count_free", {})
        return sum(self._layout.capacities) - int(free)

    def _label(self, count: int) -> str:
        variants = {"processes": str(count), **self._settings.variants}
        return Recipe(self._impl, variants).label

    def _result(self, *, interrupted: bool) -> Result:
        names = [
            f"{operation}/{stage}"
            for operation in RACED[self._settings.operation]
            for stage in FIGURES
        ]
        runtime = self._interpreter.label
        place = f"{label_layout(self._layout, self._settings.spaces)}/{WORKLOAD}"
        contestants = tuple(
            Contestant(
                f"{label}@{runtime}/{place}",
                tuple(RowTerms(name, {name: 1}, {}) for name in names if series),
                series,
                self._problem,
                environment=self._environment,
                row_names=tuple(names),
            )
            for label, series in self._series.items()
        )
        labels = zip(contestants, self._series, strict=True)
        settings = {
            **self._describe(),
            "contestants": {one.name: [label, runtime] for one, label in labels},
        }
        notes = tuple(self._make_notes())
        return Result(contestants, settings, collect_environment(), notes, interrupted)

    def _describe(self) -> dict[str, Any]:
        return {
            **asdict(self._settings),
            "impls": [self._impl],
            "runtimes": [],
            "stages": [],
            "workload": WORKLOAD,
            "layout_label": label_layout(self._layout, self._settings.spaces),
            "workload_label": WORKLOAD,
            "spaces": sum(self._layout.capacities),
            "processes": self._processes,
            "vehicle": self._vehicle,
            "hold": self._hold,
            "collector": "off while they work",
        }

    def _describe_overrun(self, spent_s: float, start_s: float, round_s: float) -> str:
        """Return a sentence on what the least of it took, and would take with intervals."""
        wanted_s = schedule.least_s(LEAST_GENERATIONS, start_s, round_s)
        return (
            f"the budget of {self._settings.budget_s or MOST_S:g} s is too small for {_count(self._processes, 'process', 'es')}: "
            f"to start and measure once took {spent_s:.1f} s, and for intervals it takes a budget of {wanted_s:.1f} s"
        )

    def _make_notes(self) -> Iterator[str]:
        if self._overrun is not None:
            yield self._overrun
        if self._cores and len(self._cores) < self._processes:
            yield (
                f"{self._processes} processes on {_count(len(self._cores), 'core')}: they cannot do more together "
                "than that many, and how even it is, the system decides"
            )
        if self._processes == 1 or (self._problem and self._problem.status == "wrong"):
            return
        series = self._series[self._label(self._processes)]
        for operation in RACED[self._settings.operation]:
            if f"{operation}/total" in series:
                yield describe_fairness(operation, self._processes, series)


def exit_code(result: Result) -> int:
    """Return what the run's exit code is: 0, 1 (it cannot run, or failed), 3 (wrong answers), 130."""
    if result.interrupted:
        return INTERRUPTED
    statuses = {one.problem.status for one in result.contestants if one.problem is not None}
    return WRONG if "wrong" in statuses else min(ERROR, len(statuses))


def check_settings(settings: RunSettings) -> None:
    """Raise UnknownName for an implementation or an operation that several processes cannot have."""
    others = [impl for impl in settings.impls if impl not in IMPLS]
    if others:
        raise UnknownName(
            f"{others[0]!r} cannot be used by several processes at once; of all implementations only "
            f"{' and '.join(map(repr, IMPLS))} can"
        )
    if len(settings.impls) > 1:
        raise UnknownName(f"--processes takes one of {' and '.join(map(repr, IMPLS))}, not both")
    if settings.operation not in RACED:
        raise UnknownName(
            f"several processes do not measure {settings.operation}; there is: {', '.join(RACED)}"
        )


def choose_vehicle(layout: Layout, processes: int) -> tuple[str, int]:
    """Return the vehicle that is parked, and how many of them each process has parked at once.

    Of a tier of several kinds a space is seen before it is taken, so that another process can be quicker: the first
    tier must be of one kind, and the one with the most spaces is taken.
    """
    rooms = {
        vehicle: layout.capacities[groups[0][0]]
        for vehicle, groups in layout.tiers.items()
        if len(groups[0]) == 1
    }
    if not rooms:
        raise SettingsError(
            f"the layout {layout.name} has no vehicle whose first group is a single kind, as several processes need"
        )
    vehicle = max(rooms, key=rooms.__getitem__)
    hold = min(HOLD, rooms[vehicle] // (2 * processes))
    if hold == 0:
        raise SettingsError(
            f"{rooms[vehicle]} spaces for {vehicle!r} are too few for {processes} processes: give it more --spaces"
        )
    return vehicle, hold


def find_cores() -> list[int]:
    """Return the cores that this process may use; none where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def ask_all(workers: Sequence[AsksAtOnce], what: str, arguments: Mapping[str, Any]) -> list[Any]:
    """Let the workers do the same at once, and return their results."""
    for worker in workers:
        command = {
            "do": "call",
            "packages": _PACKAGES,
            "target": f"garagebench.subjects.contender:{what}",
            "arguments": dict(arguments),
        }
        worker.send(command, TIMEOUT_S)
    return [worker.receive(TIMEOUT_S)["result"] for worker in workers]


def check_books(held: Sequence[str], taken: int) -> None:
    """Raise WorkerFailed unless what the processes hold are as many different spaces as are taken."""
    twice = len(held) - len(set(held))
    if twice:
        raise WorkerFailed(f"{_count(twice, 'space')} of {len(held)} given twice", "wrong")
    if taken != len(held):
        raise WorkerFailed(
            f"{_count(taken, 'space')} taken, but the processes hold {len(held)}", "wrong"
        )


def add_up(answers: Sequence[Mapping[str, Any]], operation: str) -> tuple[float, float, float]:
    """Return the ns for one request: of all processes together, of the slowest, of the fastest.

    Times are added, not rates: where a process waits for its core, that falls into one operation or another by chance.
    """
    parts = ("park", "unpark") if operation == "both" else (operation,)
    spent_ns = [sum(one[f"{part}_ns"] for part in parts) for one in answers]
    requests = [len(parts) * one["requests"] for one in answers]
    times = [ns / many for ns, many in zip(spent_ns, requests, strict=True)]
    return sum(spent_ns) / sum(requests) / len(answers), max(times), min(times)


def describe_fairness(operation: str, processes: int, series: Mapping[str, Series]) -> str:
    """Return a sentence on how much the slowest process did beside the fastest, within a round."""
    pairs = zip(series[f"{operation}/fastest"], series[f"{operation}/slowest"], strict=True)
    found = estimate(
        [
            median(fast / slow for fast, slow in zip(fastest, slowest, strict=True))
            for fastest, slowest in pairs
        ]
    )
    return (
        f"fairness of {operation} among {processes} processes: the slowest did "
        f"{_format(found)} of what the fastest did"
    )


def _format(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return f"{found.median:.3f}"
    return f"{found.median:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _count(number: int, word: str, plural: str = "s") -> str:
    return f"{number} {word}{'' if number == 1 else plural}"
