"""What `check` and `compare` print, in every format."""

from __future__ import annotations

import json
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
from garagebench.report.headline import format_change, make_headline
from garagebench.report.junit import render_junit
from garagebench.report.metrics import render_metrics

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def render_verdict(verdict: Verdict, form: str, console: Console) -> str:
    """Return the verdict as a table for the console, Markdown, JSON, CSV, JUnit's XML or OpenMetrics."""
    if form == "junit":
        return render_junit(verdict)
    if form == "openmetrics":
        return render_metrics(verdict)
    if form == "json":
        return json.dumps(asdict(verdict), indent=2, allow_nan=False) + "\n"
    if form == "csv":
        keys = [field.name for field in fields(CaseVerdict) if field.name != "changes_percent"]
        return draw_csv(keys, map(asdict, verdict.cases))
    return _markdown(verdict) if form == "markdown" else _table(verdict, console)


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
    told = [case for case in verdict.cases if not case.is_level]
    return sorted(told, key=lambda case: -(case.change_percent or 0.0))


def _tell_suite(verdict: Verdict) -> Iterator[str]:
    """Yield what the table does not show of a suite: how many are level, and what was not judged and why."""
    if not verdict.is_suite:
        return
    level = sum(case.is_level for case in verdict.cases)
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
