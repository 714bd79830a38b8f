"""What `check` and `compare` print, in every format."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from garagebench.check.verdict import CaseCount, CaseVerdict, Verdict
from garagebench.report.drawing import (
    LEFT,
    RIGHT,
    draw_csv,
    draw_markdown_table,
    draw_on,
    escape,
    make_table,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def render_verdict(verdict: Verdict, form: str, console: Console) -> str:
    """Return the verdict as a table for the console, Markdown, JSON, CSV or JUnit's XML."""
    if form == "junit":
        from garagebench.report.junit import render_junit

        return render_junit(verdict)
    if form == "json":
        return json.dumps(asdict(verdict), indent=2, allow_nan=False) + "\n"
    if form == "csv":
        keys = [field.name for field in fields(CaseVerdict) if field.name != "changes_percent"]
        return draw_csv(keys, map(asdict, verdict.cases))
    return _markdown(verdict) if form == "markdown" else _table(verdict, console)


def make_headline(verdict: Verdict) -> str:
    """Return the verdict in one line: "slower: unpark total +6.1 % [5.2, 7.0], from release; park total +5.3 % [4, 6]"."""
    slower = [case for case in verdict.cases if case.verdict == "slower"]
    unresolved = f"{_tell_unresolved(verdict)}{_tell_one_sided(verdict)}"
    if not slower:
        # Without a case there is a reason, and it comes first.
        why = f": {verdict.notes[0]}" if verdict.notes and not verdict.cases else ""
        return f"{verdict.verdict}{why}{unresolved}"
    groups: dict[tuple[str | None, ...], list[CaseVerdict]] = {}
    for case in slower:
        own = case.operation or case.case  # a function has a whole of its own
        groups.setdefault((case.impl, case.runtime, own), []).append(case)
    causes = [case for case in slower if case.stage and case.stage == verdict.attributed_to]
    cause = max(causes, key=lambda case: case.change_percent or 0.0, default=None)
    # First the operation that the cause is in, then the others.
    ordered = sorted(groups.values(), key=lambda cases: cause not in cases)
    several = len({(case.impl, case.runtime) for case in verdict.cases}) > 1
    if verdict.is_suite:
        # Of many benchmarks the largest changes, and how many more.
        ordered = sorted(groups.values(), key=lambda cases: -(cases[0].change_percent or 0.0))
    told = [_tell_group(cases, cause, name_impl=several) for cases in ordered[:MOST_TOLD]]
    more = f"; and {len(ordered) - MOST_TOLD} more" * (len(ordered) > MOST_TOLD)
    return f"{verdict.verdict}: {'; '.join(told)}{more}{unresolved}"


def _tell_unresolved(verdict: Verdict) -> str:
    """Return how many parts have no verdict, and the largest slowdown that is not excluded in one; empty where all have."""
    open_cases = [case for case in verdict.cases if case.verdict == "unresolved"]
    if not open_cases:
        return ""
    parts = f"{len(open_cases)} part{'s' * (len(open_cases) > 1)} unresolved"
    unbounded = [case for case in open_cases if case.high is None]
    worst = max(open_cases, key=lambda case: math.inf if case.high is None else case.high)
    several = len({(case.impl, case.runtime) for case in verdict.cases}) > 1
    name = _tell_name(worst, name_impl=several)
    most = "any slowdown" if unbounded else f"up to {worst.high:+.1f} %"
    return f"; {parts}: {most} is not excluded in {name}"


def _tell_one_sided(verdict: Verdict) -> str:
    """Return how many benchmarks of base are gone in head, and how many of both sides could not be judged."""
    gone = [one.case for one in verdict.one_sided if one.base == "ok" and one.head != "ok"]
    if not gone:
        return ""
    return f"; {len(gone)} benchmark{'s' * (len(gone) > 1)} of the base not measured in the head: {', '.join(gone[:MOST_TOLD])}"


def _tell_group(cases: list[CaseVerdict], cause: CaseVerdict | None, *, name_impl: bool) -> str:
    """Return what became slower of one operation: its total, or else the stage that did."""
    first = next((case for case in cases if case.stage == "total"), None)
    first = first or (cause if cause in cases else None) or cases[0]
    is_cause = cause is not None and cause in cases and cause is not first
    from_stage = f", from {cause.stage}" if cause is not None and is_cause else ""
    return f"{_tell_name(first, name_impl=name_impl)} {format_change(first)}{from_stage}"


def _tell_name(case: CaseVerdict, *, name_impl: bool) -> str:
    """Return what a case is called in the headline; name_impl: where there are several."""
    if case.stage is None:
        return case.case
    return f"{f'{case.impl} ' * name_impl}{case.operation} {case.stage}"


def format_change(case: CaseVerdict) -> str:
    """Return "+6.1 % [5.2, 7.0]"; without bounds where there are none."""
    if case.change_percent is None:
        return "unknown"
    bounds = "" if case.low is None or case.high is None else f" [{case.low:.1f}, {case.high:.1f}]"
    return f"{case.change_percent:+.1f} %{bounds}"


#: Groups and names that the headline tells, at most.
MOST_TOLD = 5

_HEADER = ("implementation", "operation", "stage", "change", "verdict")
_COUNTED = "instructions"


def _header(verdict: Verdict) -> tuple[str, ...]:
    first = "function" if any(case.runtime and case.impl for case in verdict.cases) else "benchmark"
    header = (first, *_HEADER[-2:]) if _has_functions_only(verdict) else _HEADER
    return (*header, _COUNTED) if verdict.instructions else header


def _has_functions_only(verdict: Verdict) -> bool:
    """Tell whether nothing is a garage."""
    return all(case.operation is None for case in verdict.cases)


def _lines(verdict: Verdict) -> Iterator[tuple[str, ...]]:
    counts = {
        (one.case, one.runtime): (one, f"{one.change_percent:+.2f} %")
        for one in verdict.instructions
    }
    for case in _find_shown(verdict):
        place = _place(case)[: 1 if _has_functions_only(verdict) else None]
        line = *place, format_change(case), case.verdict
        # What is too short for a verdict on its time has a count all the same.
        _, counted = counts.pop((case.case, case.runtime), (None, ""))  # type: ignore[arg-type]
        yield (*line, counted) if verdict.instructions else line
    for one, counted in counts.values():
        place = _place(one)[: 1 if _has_functions_only(verdict) else None]
        yield (*place, "", "", counted)


def _find_shown(verdict: Verdict) -> Sequence[CaseVerdict]:
    """Return the cases that the table shows: of a suite those that are not level, the slowest first."""
    if not verdict.is_suite:
        return verdict.cases
    told = [case for case in verdict.cases if not is_level(case)]
    return sorted(told, key=lambda case: -(case.change_percent or 0.0))


def is_level(case: CaseVerdict) -> bool:
    """Tell whether a case is neither slower nor faster by its threshold, and is known to be."""
    is_faster = (case.change_percent or 0.0) <= -case.threshold_percent and (case.high or 0.0) < 0
    return case.verdict == "not slower" and not is_faster


def _tell_suite(verdict: Verdict) -> Iterator[str]:
    """Yield what the table does not show of a suite: how many are level, and what was not judged and why."""
    if not verdict.is_suite:
        return
    level = sum(map(is_level, verdict.cases))
    yield f"{level} of {len(verdict.cases)} benchmarks level: not slower, and not faster by the threshold either"
    for one in verdict.one_sided:
        yield f"not judged: {one.case}: {one.base} in base, {one.head} in head{f': {one.reason}' * bool(one.reason)}"


def _place(case: CaseVerdict | CaseCount) -> tuple[str, str, str]:
    """Return the first cells of a line: what it is, and of a garage operation and stage."""
    if case.impl is None:
        return case.case, "", ""
    name = case.case if case.stage is None else case.impl
    runtime = f"@{case.runtime}" if case.runtime else ""
    return f"{name}{runtime}", case.operation or "", case.stage or ""


def _markdown(verdict: Verdict) -> str:
    lines = [f"**{escape(make_headline(verdict))}**", ""]
    if _find_shown(verdict):
        header = _header(verdict)
        rule = [RIGHT if name in ("change", _COUNTED) else LEFT for name in header]
        lines += [draw_markdown_table(header, rule, _lines(verdict)), ""]
    lines += [f"- {escape(note)}" for note in (*_tell_suite(verdict), *verdict.notes)]
    lines += [f"- {escape(_compared(verdict))}"]
    return "\n".join(lines) + "\n"


def _table(verdict: Verdict, console: Console) -> str:
    from rich.text import Text

    table = [_make_table(verdict)] if _find_shown(verdict) else []
    headline = Text(make_headline(verdict), style="bold")
    told = (*_tell_suite(verdict), *verdict.notes)
    return draw_on(console, [headline, *table, *told, _compared(verdict)])


def _make_table(verdict: Verdict) -> Table:
    """Return the cases as a table that keeps the verdict whole and shows all of a name, however narrow it is."""
    table = make_table(_header(verdict), _lines(verdict))
    for column in table.columns:
        column.overflow = "fold"
        column.no_wrap = column.header == "verdict"
    return table


def _compared(verdict: Verdict) -> str:
    return f"{verdict.head} against {verdict.base}, in {verdict.seconds:.0f} s"
