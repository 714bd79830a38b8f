"""One contestant while it is being measured: what its worker is told, and what it has given so far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from garagebench.engine import schedule
from garagebench.engine.channel import WorkerFailed
from garagebench.engine.contestant import DIGITS, Contestant, Problem, RowTerms, Series
from garagebench.engine.terms import make_terms, series_name
from garagebench.interface import INTERFACE_VERSION

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping, Sequence

    from garagebench.engine.runner import Loaded, LoadedCase, Runner, Work
    from garagebench.engine.target import Target

#: A case that alone would take more than this share of the budget is left out, with a caveat.
CASE_SHARE = 0.5

#: Before it is, it gets a second look of up to so many passes, in up to so large a share of the budget: on PyPy the
#: first pass takes ten times as long as those to come. The seconds are for small budgets: the host may have stood
#: still during the first pass, for some ten milliseconds.
SECOND_LOOK_PASSES = 60
SECOND_LOOK_SHARE = 0.02
SECOND_LOOK_S = 0.05

#: A slice of which the worker waited for its core for more than this share is measured again, with all that it is
#: compared with: a median of passes does not mind less.
WAITED_SHARE = 0.02

#: Seconds that a warm-up is given beyond what any command has, where no limit is shorter.
LONGEST_S = 600.0

Slice = tuple[str, tuple[str, ...]]  # a case, and the modes in which it is measured in one go

#: How a case is measured whose runner reads meters, and one that all who are compared go through at the same time.
METERS = ("meters",)
AT_ONCE = ("cpu",)


class Measured(NamedTuple):
    """A slice's values, series -> ns for one request, and whether its worker waited for the core meanwhile."""

    values: dict[str, float]
    waited: bool


def label(slice_: Slice) -> str:
    """Return the name under which a slice's pace is kept."""
    case, modes = slice_
    return f"{case} (steps)" if modes == ("steps",) else case


@dataclass(frozen=True)
class ColdStart:
    """How a contestant is started in a process of its own, and what of that is a row.

    call: what a runner's `call` takes. rows: value -> the row that it is: a value is one that the function returns, or
    `import`, which includes that of the function, or `peak_memory`. caches: variables that get the path of an empty
    directory.
    """

    call: Mapping[str, Any]
    rows: Mapping[str, RowTerms]
    caches: Sequence[str] = ()


@dataclass(frozen=True)
class Entrant:
    """Who is to be measured. name: as in the results. python: the interpreter. target: what its runner loads.

    cold: how it is started cold; None: it is not. row_names: the rows that are expected, listed when it fails before it
    could name its own; None: not known. needs: the rows that are wanted, without which nothing else is measured; None: all.
    reference: the name of the entrant that it is divided by; None: the first. in_context: whether figures in context are
    wanted: they take more passes through the whole. elsewhere: the target while the sides have changed places; None: the
    same. paces: what each slice does, and which slices there are; None: to be chosen in the first generation.
    subject, runtime: as in the contestant that it becomes.
    """

    name: str
    python: str
    target: Target
    cold: ColdStart | None = None
    row_names: tuple[str, ...] | None = None
    needs: frozenset[str] | None = None
    reference: str | None = None
    in_context: bool = True
    elsewhere: Target | None = None
    paces: Mapping[str, schedule.Pace] | None = None
    subject: str = ""
    runtime: str = ""


class Candidate:
    """An entrant's cases, slices and series. Methods that talk to a runner raise WorkerFailed."""

    def __init__(
        self,
        entrant: Entrant,
        *,
        limit_s: float,
        timeout_s: float,
        rng: random.Random,
    ) -> None:
        self.entrant = entrant
        self.problem: Problem | None = None
        self.repeated = 0  # slices that waited for the core, so that all were measured again
        self.groups: dict[str, list[int]] = {}  # group -> requests of each of its blocks
        self.in_turn: tuple[str, ...] | None = None  # its cases, where each is entered and left
        self._limit_s = limit_s
        self._timeout_s = timeout_s
        self._rng = rng
        self._group_of: dict[str, str] = {}
        self._decks: dict[str, schedule.Deck] = {}  # what it warms up on
        self._cases: dict[str, LoadedCase] = {}  # those that are measured
        self._slices: list[Slice] = []
        self._paces: dict[str, schedule.Pace] = dict(entrant.paces or {})
        self._rows: tuple[RowTerms, ...] = ()
        self._series: dict[str, Series] = {}
        self._caveats: list[str] = []
        self._environment: dict[str, str] = {}
        self._answers: dict[str, str] = {}
        self._left_out: tuple[RowTerms, ...] = ()

    @property
    def has_generations(self) -> bool:
        """Whether a generation has been kept."""
        return any(slice_[0] in self._series for slice_ in self._slices)

    def finish(self) -> Contestant:
        """Return what there is so far."""
        return Contestant(
            self.entrant.name,
            self._rows,
            {name: [list(rounds) for rounds in series] for name, series in self._series.items()},
            self.problem,
            tuple(dict.fromkeys(self._caveats)),
            dict(self._environment),
            self.entrant.row_names,
            dict(self._answers),
            self._left_out,
            self.entrant.reference,
            dict(self._paces),
            self.repeated,
            self.entrant.subject,
            self.entrant.runtime,
        )

    @property
    def slices(self) -> Mapping[Slice, str]:
        """What is measured in each round, each with its group."""
        return {slice_: self._group_of[slice_[0]] for slice_ in self._slices}

    def fail(self, failure: WorkerFailed, when: str) -> None:
        """Take the failure as the reason why there is nothing more to come."""
        reason = str(failure)
        if failure.status == "invalid":
            reason = f"{self.entrant.name} failed {when}: {reason}"
        self.problem = Problem(failure.status, reason)

    def begin_load(self, runner: Runner, *, elsewhere: bool) -> None:
        """Let the runner begin to make the subject, while others do. elsewhere: whether the sides have changed places."""
        runner.begin_load(self._find_target(elsewhere=elsewhere), self._timeout_s)

    def load(self, runner: Runner, *, elsewhere: bool = False) -> None:
        """Let the runner make the subject; the first time, see what there is to measure."""
        loaded = runner.load(self._find_target(elsewhere=elsewhere), self._timeout_s)
        if loaded.interface_version != INTERFACE_VERSION:
            raise WorkerFailed(
                f"its subject has version {loaded.interface_version} of the interface, this engine "
                f"{INTERFACE_VERSION}: install matching versions"
            )
        if not self._environment:
            self._take(loaded)

    def find_python(self, *, elsewhere: bool) -> str:
        """Return the interpreter of its next runner. elsewhere: whether the sides have changed places."""
        return self._find_target(elsewhere=elsewhere).python or self.entrant.python

    def _find_target(self, *, elsewhere: bool) -> Target:
        return (elsewhere and self.entrant.elsewhere) or self.entrant.target

    def _take(self, loaded: Loaded) -> None:
        """See what there is to measure."""
        versions = {f"{name}_version": version for name, version in loaded.packages.items()}
        self._environment = {**loaded.environment, **versions}
        self._caveats += loaded.caveats
        cases = loaded.cases
        can_clock = self._environment["python_implementation"] == "CPython"
        in_context = can_clock and self.entrant.in_context
        if not cases and self.entrant.cold is None:
            raise WorkerFailed("its subject has no cases")
        if not can_clock and any(case.in_context or case.intervals for case in cases):
            self._caveats.append(
                "no figures in context: the traces of PyPy change under clock reads"
            )
        rows = make_terms(cases, loaded.rows, in_context=in_context)
        needs = self.entrant.needs
        self._rows += rows if needs is None else tuple(row for row in rows if row.name in needs)
        if loaded.in_turn:
            self.in_turn = tuple(row.name for row in self._rows)
            return
        for case in cases:
            self._answers[case.name] = case.answers_digest
            if needs is not None and not any(row.needs(case.name) for row in self._rows):
                continue
            self._cases[case.name] = case
            self._group_of[case.name] = case.group
            self.groups[case.group] = list(case.requests)
            self._decks[case.group] = schedule.Deck(case.requests, self._rng)
            self._slices += [
                slice_
                for slice_ in make_slices(case, in_context=in_context)
                if self.entrant.paces is None or label(slice_) in self.entrant.paces
            ]

    def enter(self, runner: Runner, case: str, upcoming: str | None, slice_ns: int) -> None:
        """Go on to a case of those that come in turn, and make the calls that do not count."""
        pace = self._paces.get(case) or slice_ns
        timeout_s = self._timeout_s + min(self._limit_s, LONGEST_S)
        try:
            found = runner.enter(case, upcoming, pace, timeout_s)
        except WorkerFailed as failure:
            raise WorkerFailed(f"{case}: {failure}", failure.status, failure.trace) from None
        self._cases = {case: found}
        self._group_of = {case: found.group}
        if case not in self._paces and found.pace is not None:
            self._paces[case] = found.pace
        chosen = self._paces[case]
        self._slices = [(case, AT_ONCE)] if chosen.at_once else make_slices(found, in_context=False)
        runner.warm([(case, "loop", [0], chosen.lead_in + chosen.passes)], self._timeout_s)

    def leave(self, runner: Runner, case: str) -> None:
        """End the case that was entered; what fails then was measured all the same."""
        left = runner.leave(self._timeout_s)
        if left.status == "failed":
            self._caveats.append(f"{case} failed after it had been measured: {left.reason}")

    def warm_up(self, runner: Runner, slice_ns: float) -> None:
        """Go through every case often enough, in parts and in mixed order; the first time, see what fits.

        slice_ns: how long a slice may be.
        """
        is_first = bool(self._slices) and label(self._slices[0]) not in self._paces
        if is_first and math.isfinite(self._limit_s):
            self._leave_out_slow(runner)
        parts = list(self._make_warm_up())
        self._rng.shuffle(parts)
        runner.warm(parts, self._timeout_s + min(self._limit_s, LONGEST_S))
        if is_first:
            # Only now: before, PyPy needs ten times as long, and the slices would be a tenth of what they may be.
            self._choose_paces(runner, slice_ns)

    def _make_warm_up(self) -> Iterator[Work]:
        """Yield what is gone through before anything counts, in parts."""
        for case, modes in self._slices:
            passes = self._cases[case].warm_up or self._warm_up_passes
            at_once = max(schedule.WARM_UP_OTHERS, passes // 40)
            for mode in modes * (passes // at_once):
                yield case, mode, self._draw(case), at_once

    def begin_measure(self, runner: Runner, slice_: Slice, blocks: Sequence[int]) -> None:
        """Begin to measure a slice, while others do."""
        case, modes = slice_
        runner.begin_measure(case, modes, blocks, self._paces[label(slice_)], self._timeout_s)

    def measure(self, runner: Runner, slice_: Slice, blocks: Sequence[int]) -> Measured:
        """Measure one slice, or wait for its end."""
        case, modes = slice_
        pace = self._paces[label(slice_)]
        try:
            found = runner.measure(case, modes, blocks, pace, self._timeout_s)
        except WorkerFailed as failure:
            raise WorkerFailed(f"{case}: {failure}", failure.status, failure.trace) from None
        values: dict[str, float] = {}
        for name, passes in found.passes.items():
            requests = 1 if name == "clock" else found.requests
            series = name if modes == METERS else series_name(case, name)
            values[series] = _storable(median(passes) / requests)
        # At once, they wait for each other.
        waited_ns = None if modes == AT_ONCE else found.waited_ns
        return Measured(values, waited_ns is not None and waited_ns > WAITED_SHARE * found.took_ns)

    def keep(
        self, rounds: Sequence[Mapping[str, float]], least: int = schedule.LEAST_ROUNDS
    ) -> bool:
        """Add a generation to the series; one of fewer than the least rounds only where there is no other. Tell whether it was."""
        if not rounds or (len(rounds) < least and self.has_generations):
            return False
        for name in rounds[0]:
            self._series.setdefault(name, []).append([values[name] for values in rounds])
        return True

    def keep_cold(self, answer: Mapping[str, Any], rows: Mapping[str, RowTerms]) -> None:
        """Add the values of one cold start. rows: value -> the row that it is."""
        values = dict(answer["result"])
        values["import"] = values.get("import", 0) + answer["import_ns"]
        if answer["peak_memory_bytes"] is not None:
            values["peak_memory"] = answer["peak_memory_bytes"]
        for name, row in rows.items():
            if name in values:
                self._series.setdefault(row.name, []).append([_storable(values[name])])
                if row not in self._rows:
                    self._rows += (row,)

    @property
    def _warm_up_passes(self) -> int:
        return schedule.warm_up_passes(self._environment["python_implementation"])

    def _draw(self, case: str) -> list[int]:
        return self._decks[self._group_of[case]].draw()

    def _leave_out_slow(self, runner: Runner) -> None:
        """Drop the cases that do not fit the budget, and the rows that rest on them."""
        needed_s: dict[str, float] = {}
        for case, modes in self._slices:
            if self._cases[case].pace is None:
                needed_s[case] = needed_s.get(case, 0.0) + self._time_slice(runner, case, modes[0])
        slow = {case for case, seconds in needed_s.items() if seconds > CASE_SHARE * self._limit_s}
        self._caveats += [
            f"{case} is left out: it alone would take {needed_s[case]:.2g} s of a budget of {self._limit_s:g} s"
            for case in needed_s
            if case in slow
        ]
        self._left_out = tuple(row for row in self._rows if any(map(row.needs, slow)))
        self._rows = tuple(row for row in self._rows if row not in self._left_out)
        self._slices = [slice_ for slice_ in self._slices if slice_[0] not in slow]
        if not self._slices:
            least_s = math.ceil(min(needed_s.values()) / CASE_SHARE)
            raise WorkerFailed(
                f"nothing of it fits a budget of {self._limit_s:g} s; one case would need {least_s} s"
            )

    def _time_slice(self, runner: Runner, case: str, mode: str) -> float:
        """Return the seconds that all of a case's slices in that mode need at least."""
        limit_s = CASE_SHARE * self._limit_s
        first_ns = self._time_passes(runner, case, mode, 1)
        needed_s = schedule.least_case_s(first_ns, self._warm_up_passes)
        look_s = max(SECOND_LOOK_SHARE * self._limit_s, SECOND_LOOK_S)
        affordable = int(look_s * 1e9 / max(first_ns, 1))
        passes = min(SECOND_LOOK_PASSES, affordable)
        if needed_s <= limit_s or passes == 0:
            return needed_s
        again_ns = self._time_passes(runner, case, mode, passes)
        return schedule.least_case_s(min(first_ns, again_ns), self._warm_up_passes)

    def _choose_paces(self, runner: Runner, slice_ns: float) -> None:
        """Decide how each slice goes."""
        for slice_ in self._slices:
            case, modes = slice_
            pace = self._cases[case].pace
            if pace is None:
                slowest_ns = max(self._time_passes(runner, case, mode, 3) for mode in modes)
                pace = schedule.pace_for(slowest_ns, slice_ns)
            self._paces[label(slice_)] = pace

    def _time_passes(self, runner: Runner, case: str, mode: str, passes: int) -> int:
        """Return how long the quickest of so many passes over a slice's blocks took, in ns."""
        try:
            return runner.warm([(case, mode, self._draw(case), passes)], self._timeout_s)[0]
        except WorkerFailed as failure:
            raise WorkerFailed(f"{case}: {failure}", failure.status, failure.trace) from None


def _storable(value: float) -> float:
    """Return what a result file gives back as it was; a clock too coarse would give 0, which none can hold."""
    return max(round(value, DIGITS), 10.0**-DIGITS)


def make_slices(case: LoadedCase, *, in_context: bool) -> list[Slice]:
    """Return the slices of a case."""
    slices: list[Slice] = []
    if case.meters:
        slices.append((case.name, METERS))
    elif not case.intervals:
        slices.append((case.name, ("loop", "empty")))
    elif in_context:
        slices.append((case.name, ("intervals",)))
    if case.in_context and in_context:
        slices.append((case.name, ("steps",)))
    return slices
