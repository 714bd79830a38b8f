"""How an operation's cost grows with the size of the garage: each pool as far as time and memory allow.

First each pool of each size is built in a fresh process and looked at for a moment: that gives the time to build, the
memory, and what the next size would take. What the rest of the budget can pay for is then measured in lock-step, all
sizes of an implementation in one worker, so that sizes and implementations are compared within a round.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace

from garagebench.engine import (
    Conductor,
    Contestant,
    Entrant,
    Progress,
    Result,
    ResultRow,
    schedule,
)
from garagebench.engine.contestant import combine
from garagebench.engine.extent import Extent
from garagebench.engine.metadata import collect_environment
from garagebench.engine.target import Target
from garagebench.exit_codes import INTERRUPTED, WRONG
from garagebench.run.recipes import check_impl, impl_label, impl_reference
from garagebench.run.recorded import SettingsError
from garagebench.scale.first_look import (
    PACKAGES,
    PATIENCE_S,
    Ending,
    Ladder,
    Look,
    ScaleSettings,
    look_at_all,
    memory_limit_bytes,
)
from garagebench.scale.growth import classify
from garagebench.scale.report import ONE_OPERATION, SCHEMA, ScaleGrowth, ScaleReport, ScaleRow
from garagebench.stats.estimate import LEAST_GENERATIONS, estimate, median_log_ratio
from garagebench.subjects.pools import MODES
from garagebench.system.cores import own_core

REFERENCE = "c"

#: The size that all others are divided by, where it was measured.
BASE_SPACES = 1_000

#: Share of what the first look left of the budget that is planned with.
PLANNED_SHARE = 0.75

#: Seconds that a worker takes to start and to compile, and a slice beyond its passes.
START_S = 0.7
SLICE_S = 0.006

#: Below so much memory of a pool, what the interpreter keeps in reserve falsifies the figure.
LEAST_BYTES = 4_000_000


def scale(
    settings: ScaleSettings,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> ScaleReport:
    """Measure. Raises UnknownName, SettingsError; what cannot run here is in the report with the reason."""
    for impl in settings.impls:
        check_impl(impl)
    begin = clock()
    ladders = [Ladder(impl) for impl in tell_apart(settings.impls)]
    result: Result | None = None
    chosen: dict[str, list[int]] = {}
    interrupted = False
    try:
        with own_core() as (core, _):
            look_at_all(settings, ladders, core, begin, clock, on_progress)
        left_s = settings.budget_s - (clock() - begin)
        chosen = choose(ladders, left_s, memory_limit_bytes(settings))
        if chosen:
            shifted = _shift(on_progress, clock() - begin)
            result = measure(settings, ladders, chosen, left_s, shifted)
            interrupted = result.interrupted
    except KeyboardInterrupt:
        interrupted = True
    return make_report(settings, ladders, result, interrupted=interrupted)


def tell_apart(impls: Sequence[str]) -> list[str]:
    """Return each implementation once. SettingsError where two have one name in the tables, by which all is kept."""
    found: dict[str, str] = {}
    for impl in impls:
        label = impl_label(impl)
        first = found.setdefault(label, impl)
        if impl_reference(first) != impl_reference(impl):
            raise SettingsError(
                f"two implementations are called {label}: {first}, and {impl}; leave one out"
            )
    return list(found.values())


def choose(ladders: Sequence[Ladder], left_s: float, limit_bytes: float) -> dict[str, list[int]]:
    """Return, by implementation, the sizes that are measured in lock-step: the quickest pools first, while they fit.

    There are enough generations for intervals where the budget allows that at all, or else one.
    """
    running = [ladder for ladder in ladders if ladder.looks and ladder.failure is None]
    for generations in (LEAST_GENERATIONS, 1):
        left = PLANNED_SHARE * left_s / generations - START_S * len(running)
        held, passing = 0.0, 0.0
        chosen: dict[str, list[int]] = {}
        ended: set[str] = set()
        for ladder, look in _quickest_first(running):
            cost_s = price_s(look, ladder.runtime)
            more = max(look.held_bytes or 0, look.reserved_bytes or 0)
            most = max(passing, (look.peak_bytes or 0) - more)
            if cost_s > left or held + more + most > limit_bytes:
                ended.add(ladder.label)
            if ladder.label not in ended:
                left, held, passing = left - cost_s, held + more, most
                chosen.setdefault(ladder.label, []).append(look.spaces)
        if chosen:
            return chosen
    return {}


def _quickest_first(ladders: Sequence[Ladder]) -> list[tuple[Ladder, Look]]:
    """Return what was looked at by the time of a pass, of each implementation the small sizes first."""
    keyed = []
    for number, ladder in enumerate(ladders):
        slowest_ns = 0.0
        for spaces in sorted(ladder.looks):
            look = ladder.looks[spaces]
            slowest_ns = max(slowest_ns, look.pass_ns)
            keyed.append((slowest_ns, number, spaces, ladder, look))
    return [(ladder, look) for *_, ladder, look in sorted(keyed, key=lambda one: one[:3])]


def price_s(look: Look, runtime: str) -> float:
    """Return what one generation with this size takes: to fill it, to warm up, and the rounds."""
    warm_up = schedule.WARM_UP["PyPy"] if runtime.startswith("pypy") else schedule.WARM_UP_OTHERS
    pace = schedule.pace_for(look.pass_ns, schedule.SHORTEST_SLICE_NS)
    passes = warm_up + sum(pace) * schedule.LEAST_ROUNDS
    slices_s = SLICE_S * schedule.LEAST_ROUNDS * len(look.costs)
    undone = 2
    return (look.build_ns + look.fill_ns + undone * passes * look.pass_ns) * 1e-9 + slices_s


def measure(
    settings: ScaleSettings,
    ladders: Sequence[Ladder],
    chosen: Mapping[str, Sequence[int]],
    left_s: float,
    on_progress: Callable[[Progress], None],
) -> Result:
    """Measure what was chosen in lock-step, the reference first, in the seconds that are left."""
    entrants = []
    for ladder in sorted(ladders, key=lambda one: one.label != REFERENCE):
        if ladder.label in chosen:
            sizes = [[size, ladder.looks[size].blocks] for size in chosen[ladder.label]]
            arguments = {
                "impl": impl_reference(ladder.impl),
                "sizes": sizes,
                "workloads": settings.workloads,
                "seed": settings.seed,
            }
            target = Target("garagebench.subjects.pools:make_pools", arguments, PACKAGES)
            entrants.append(Entrant(ladder.label, ladder.python or "", target))
    result = Conductor(
        entrants,
        extent=Extent(left_s),
        seed=settings.seed,
        environment=collect_environment(),
        on_progress=on_progress,
        timeout_s=PATIENCE_S + settings.budget_s,
    ).run()
    rest = "what the first look left of the budget"
    notes = tuple(note.replace(f"a budget of {left_s:g} s", rest) for note in result.notes)
    return replace(result, notes=notes)


def _shift(on_progress: Callable[[Progress], None], gone_s: float) -> Callable[[Progress], None]:
    def report(step: Progress) -> None:
        elapsed_s, expected_s = step.elapsed_s + gone_s, step.expected_s + gone_s
        on_progress(replace(step, elapsed_s=elapsed_s, expected_s=expected_s))

    return report


def make_report(
    settings: ScaleSettings, ladders: Sequence[Ladder], result: Result | None, *, interrupted: bool
) -> ScaleReport:
    """Return all that was asked for as rows, and the growth classes."""
    rows = tuple(make_rows(settings, ladders, result))
    caveats = [] if result is None else list(result.caveats)
    running = any(one.looks and one.failure is None for one in ladders)
    if result is None and running and not interrupted:
        caveats.append("nothing was measured in lock-step: the budget was too small")
    if interrupted and not any(caveat.startswith("interrupted") for caveat in caveats):
        caveats.append("interrupted: the figures are of what was measured until then")
    environment = {} if result is None else dict(result.environment)
    environment["interpreters"] = sorted({one.runtime for one in ladders if one.python})
    return ScaleReport(
        SCHEMA,
        environment,
        {**asdict(settings), "interrupted": interrupted},
        tuple(caveats),
        rows,
        tuple(make_growth(rows)),
    )


def make_rows(
    settings: ScaleSettings, ladders: Sequence[Ladder], result: Result | None
) -> Iterator[ScaleRow]:
    """Yield a row for everything that was asked for."""
    measured = Measured(result)
    for workload in settings.workloads:
        for mode in MODES:
            for ladder in ladders:
                for spaces in settings.sizes:
                    row = _first_look_row(ladder, workload, mode, spaces)
                    yield measured.complete(row) if row.status == "ok" else row


def _first_look_row(ladder: Ladder, workload: str, mode: str, spaces: int) -> ScaleRow:
    row = ScaleRow(
        impl=ladder.label,
        runtime=ladder.runtime,
        workload=workload,
        operation=ONE_OPERATION[workload],
        mode=mode,
        spaces=spaces,
        status="ok",
    )
    look = ladder.looks.get(spaces)
    if look is None:
        stop = ladder.stops.get(spaces) or ladder.failure
        stop = stop or Ending("skipped", "interrupted before it was its turn")
        return replace(row, status=stop.status, reason=stop.reason)
    reserved = look.reserved_bytes
    return replace(
        row,
        batch=look.blocks[MODES.index(mode)],
        median=look.cost(workload, mode),
        first_look=look.cost(workload, mode),
        build_ns=look.build_ns,
        bytes_per_space=None if reserved is None or reserved < LEAST_BYTES else reserved / spaces,
    )


class Measured:
    """What lock-step gave, by implementation, workload, mode and size."""

    def __init__(self, result: Result | None) -> None:
        found = () if result is None else result.contestants
        self._contestants = {one.name: one for one in found}
        self._rows: dict[tuple[str, str], ResultRow] = {}
        if result is not None:
            self._rows = {(row.contestant, row.name): row for row in result.rows()}

    def complete(self, row: ScaleRow) -> ScaleRow:
        """Return the row with the figures of lock-step instead of the first look's, where there are any."""
        name = f"{row.workload} {row.mode} {row.spaces}"
        found = self._rows.get((row.impl, name))
        contestant = self._contestants.get(row.impl)
        problem = contestant.problem if contestant is not None else None
        if problem is not None and problem.status == "wrong":
            return replace(row, status="wrong", reason=problem.reason, median=None)
        if contestant is None or found is None or found.status != "ok":
            return row if problem is None else replace(row, caveats=(problem.reason,))
        base = f"{row.workload} {row.mode} {BASE_SPACES}"
        base_ratio, base_low, base_high = ratio_within(contestant, name, base)
        return replace(
            row,
            median=found.median,
            low=found.low,
            high=found.high,
            lock_step=True,
            reference=found.reference,
            ratio=found.ratio,
            ratio_low=found.ratio_low,
            ratio_high=found.ratio_high,
            base_spaces=None if base_ratio is None else BASE_SPACES,
            base_ratio=base_ratio,
            base_low=base_low,
            base_high=base_high,
            caveats=found.caveats,
        )


def ratio_within(
    contestant: Contestant, name: str, base: str
) -> tuple[float | None, float | None, float | None]:
    """Return one row of a contestant divided by another, within rounds, with its interval."""
    terms = {row.name: row.isolated for row in contestant.rows}
    if name not in terms or base not in terms:
        return None, None, None
    over, under = (combine(contestant.series, terms[key]) for key in (name, base))
    logs = [median_log_ratio(*pair) for pair in zip(over, under, strict=True)]
    if not logs or not all(map(math.isfinite, logs)):
        return None, None, None
    found = estimate(logs)
    low, high = (None if bound is None else math.exp(bound) for bound in (found.low, found.high))
    return math.exp(found.median), low, high


def make_growth(rows: Sequence[ScaleRow]) -> Iterator[ScaleGrowth]:
    """Yield the class of each implementation that was measured, by workload and mode."""
    lines: dict[tuple[str, str, str, str], list[ScaleRow]] = {}
    for row in rows:
        if row.status == "ok" and row.median is not None and row.median > 0:
            lines.setdefault((row.impl, row.runtime, row.workload, row.mode), []).append(row)
    for (impl, runtime, workload, mode), line in lines.items():
        costs = costs_by_size(line)
        found = asdict(classify(costs))
        left_out = len(line) - len(costs)
        if found["reason"] and left_out:
            found["reason"] += f"; left out for smaller batches: {left_out} of {len(line)}"
        yield ScaleGrowth(
            impl=impl,
            runtime=runtime,
            workload=workload,
            mode=mode,
            growth=found.pop("growth"),
            reason=found.pop("reason"),
            evidence=found,
        )


def costs_by_size(rows: Sequence[ScaleRow]) -> dict[int, float]:
    """Return size -> cost of rows that are alike.

    A small garage has small batches, each of which costs a call. And where one size has no more than its first look,
    the first looks of all are compared: on PyPy the same code takes up to seven times as long in lock-step.
    """
    largest = max(row.batch or 0 for row in rows)
    alike = [row for row in rows if row.mode == "single" or row.batch == largest]
    if all(row.lock_step for row in alike):
        return {row.spaces: row.median for row in alike if row.median is not None}
    return {row.spaces: row.first_look for row in alike if row.first_look is not None}


def exit_code(report: ScaleReport, named: Sequence[str]) -> int:
    """Return 0, 1 (a named one cannot run, or one failed), 3 (wrong answers), 130 (interrupted)."""
    if report.settings["interrupted"]:
        return INTERRUPTED
    if any(row.status == "wrong" for row in report.rows):
        return WRONG
    labels = {impl_label(impl) for impl in named}
    failed = any(
        row.status == "invalid" or (row.status == "unavailable" and row.impl in labels)
        for row in report.rows
    )
    return 1 if failed else 0
