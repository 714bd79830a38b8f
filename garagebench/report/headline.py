"""A verdict in one line, and a change as text."""

from __future__ import annotations

import math

from garagebench.check.verdict import CaseVerdict, Verdict

#: Groups and names that the headline tells, at most.
MOST_TOLD = 5


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
