"""What a run gave: its report, its problems in words, and its exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from garagebench.engine import Result, ResultRow
from garagebench.engine.contestant import SCHEMA
from garagebench.engine.result import EVERYTHING
from garagebench.exit_codes import ERROR, GOOD, INTERRUPTED, WRONG
from garagebench.run.recipes import Recipe
from garagebench.run.recorded import RecordedSettings, read_settings
from garagebench.run.report import IN_CONTEXT, NULLABLE_TEXTS, NUMBERS, Report, Row
from garagebench.subjects.requests import rules_of

__all__ = ["EVERYTHING", "describe_problems", "exit_code", "is_of_benchmarks", "make_report"]

#: The kind of a run of the user's own benchmarks.
BENCHMARKS = "benchmarks"

#: Settings that the rows tell.
UNTOLD = ("contestants", "left_out")

#: The row of a whole request, and that of what its stages leave of it.
WHOLE, REMAINDER = "total", "unattributed"

#: Share of a total by which its stages may miss it without a word.
MOST_MISSED = 0.05


def make_report(result: Result) -> Report:
    """Return the result as rows for people, with the machine and the settings."""
    recorded = read_settings(result)
    settings = {key: value for key, value in result.settings.items() if key not in UNTOLD}
    interpreters: dict[str, dict[str, str]] = {}
    for contestant in result.contestants:
        if contestant.environment:
            runtime = recorded["contestants"][contestant.name][1]
            # Merged: of those on one interpreter, each loads other packages.
            interpreters.setdefault(runtime, {}).update(contestant.environment)
    environment = {**result.environment, "interpreters": interpreters}
    if result.conditions is not None:
        settings["generations"] = len(result.conditions.first)
    rows = [_make_row(row, recorded) for row in result.rows()]
    if is_of_benchmarks(result.settings):
        rows += _list_left_out(recorded)
    else:
        rows = mark_misses(rows)
    return Report(SCHEMA, environment, settings, result.caveats, tuple(rows))


def is_of_benchmarks(settings: Mapping[str, object]) -> bool:
    """Tell whether a run was of the user's own benchmarks, and not of garages."""
    return settings.get("kind") == BENCHMARKS


def _list_left_out(settings: RecordedSettings) -> Iterator[Row]:
    """Yield a row for each benchmark that could not be measured."""
    for contestant, cases in settings.get("left_out", {}).items():
        impl, runtime = settings["contestants"][contestant]
        for case, (status, reason) in cases.items():
            caveat = f"{status}: {reason}" if reason else status
            yield Row(
                **dict.fromkeys((*NULLABLE_TEXTS, *NUMBERS)),
                impl=impl,
                runtime=runtime,
                case=case,
                unit="ns",
                status="unavailable" if status == "skipped" else "invalid",
                caveats=(caveat,),
            )


def mark_misses(rows: list[Row]) -> list[Row]:
    """Return the rows, a remainder with a caveat where the stages miss their total by more than they may.

    That is by more than MOST_MISSED of it, and by more than half of the total's interval.
    """
    totals = {_place(row): row for row in rows if row.stage == WHOLE}
    return [
        replace(row, caveats=(*row.caveats, *_describe_miss(row, totals.get(_place(row)))))
        if row.stage == REMAINDER
        else row
        for row in rows
    ]


def _place(row: Row) -> tuple[str | None, ...]:
    return row.impl, row.runtime, row.layout, row.workload, row.server, row.operation


def _describe_miss(rest: Row, total: Row | None) -> Iterator[str]:
    if total is None or total.median is None:
        return
    unsure = 0.0 if total.low is None or total.high is None else (total.high - total.low) / 2
    pairs = (("", rest.median, total.median), (IN_CONTEXT, rest.in_context, total.in_context))
    for how, missed, whole in pairs:
        if missed is not None and whole and abs(missed) > max(MOST_MISSED * whole, unsure):
            percent = abs(100 * missed / whole)
            less = "less" if missed > 0 else "more"
            yield f"{how}the sum of the stages is {percent:.0f} % {less} than total: compare totals"


def _make_row(row: ResultRow, settings: RecordedSettings) -> Row:
    impl, runtime = settings["contestants"][row.contestant]
    return Row(
        impl=impl,
        runtime=runtime,
        case=row.name,
        **_place_row(row, settings),
        status=row.status,  # type: ignore[arg-type]
        median=row.median,
        low=row.low,
        high=row.high,
        in_context=row.in_context,
        reference=None if row.reference is None else name_contestant(settings, row.reference),
        ratio=row.ratio,
        ratio_low=row.ratio_low,
        ratio_high=row.ratio_high,
        caveats=row.caveats,
    )


def _place_row(row: ResultRow, settings: RecordedSettings) -> dict[str, Any]:
    """Return what only a garage's row has, and its unit."""
    if is_of_benchmarks(settings):
        names = ("layout", "workload", "server", "operation", "stage")
        return {**dict.fromkeys(names), "unit": row.unit}
    operation, _, stage = row.name.partition("/")
    return {
        "layout": settings["layout_label"],
        "workload": settings["workload_label"],
        "server": settings.get("served", {}).get(row.contestant),
        "operation": operation,
        "stage": stage,
        # Of what was not measured the engine knows no unit.
        "unit": rules_of(operation, stage).get("unit", "ns"),
    }


def name_contestant(settings: RecordedSettings, contestant: str) -> str:
    """Return what a contestant is called where people read: "lists@cpython3.11", with a server "lists@cpython3.11/wire"."""
    name = "@".join(settings["contestants"][contestant])
    server = settings.get("served", {}).get(contestant)
    return name if server is None else f"{name}/{server}"


def describe_problems(result: Result) -> list[str]:
    """Return a sentence for each contestant that could not be measured to the end; it begins with the name."""
    return [
        contestant.problem.reason
        if contestant.problem.reason.startswith(contestant.name)
        else f"{name_contestant(read_settings(result), contestant.name)}: {contestant.problem.reason}"
        for contestant in result.contestants
        if contestant.problem is not None
    ]


def exit_code(result: Result, named: tuple[str, ...]) -> int:
    """Return what the run's exit code is: 0, 1 (a named one cannot run, or failed), 3 (wrong answers), 130.

    named: the implementations that the user named, as opposed to the default ones. A named interpreter that is not
    there is an error, whatever should have run on it; so are named variants and named servers that run nowhere.
    """
    if result.interrupted:
        return INTERRUPTED
    problems = {
        contestant.name: contestant.problem
        for contestant in result.contestants
        if contestant.problem is not None
    }
    if any(problem.status == "wrong" for problem in problems.values()):
        return WRONG
    settings = read_settings(result)
    variants = settings.get("variants", {})
    labels = {Recipe(impl, variants).label for impl in named}
    names = settings["contestants"]
    suffix = Recipe("", variants).label
    if variants and not any(
        label.endswith(suffix) for name, (label, _) in names.items() if name not in problems
    ):
        return ERROR
    # The label of an interpreter that is not there is the name that the user gave.
    idle = set(settings["runtimes"]) - {
        runtime for name, (_, runtime) in names.items() if name not in problems
    }
    served = settings.get("served", {})
    running = {served.get(name) for name in names if name not in problems}
    for name, problem in problems.items():
        impl, runtime = names[name]
        if name in served and served[name] not in running:
            return ERROR
        if problem.status == "invalid" or impl in labels or runtime in idle:
            return ERROR
    return GOOD
