"""A verdict as OpenMetrics: what a metrics report of GitLab reads, and Prometheus."""

from __future__ import annotations

from garagebench.check.verdict import Verdict

#: Verdict of a case -> its number.
NUMBERS = {"not slower": 0, "slower": 1, "inconclusive": 2, "unresolved": 2}


def render_metrics(verdict: Verdict) -> str:
    """Return two lines for each case: the change in percent, and the verdict as a number."""
    lines = [
        "# TYPE garagebench_change_percent gauge",
        "# HELP garagebench_change_percent Change of the time of a case from base to head.",
    ]
    named = [
        (f'{{case="{_escape(case.case)}",runtime="{case.runtime}"}}', case)
        for case in verdict.cases
    ]
    lines += [
        f"garagebench_change_percent{labels} {case.change_percent:g}"
        for labels, case in named
        if case.change_percent is not None
    ]
    lines += [
        "# TYPE garagebench_verdict gauge",
        "# HELP garagebench_verdict 0 not slower, 1 slower, 2 undecided.",
        *(f"garagebench_verdict{labels} {NUMBERS[case.verdict]}" for labels, case in named),
        "# EOF",
    ]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
