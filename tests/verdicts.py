"""Verdicts that are made, not measured."""

from __future__ import annotations

from dataclasses import replace

from garagebench.check.verdict import CaseVerdict, Verdict
from garagebench.exit_codes import GOOD, SLOWER


def make_case(name: str, change: float, verdict: str = "not slower") -> CaseVerdict:
    """A case whose generations lie around its change."""
    changes = tuple(round(change + 0.1 * number, 3) for number in range(-12, 12))
    return CaseVerdict(
        case=name,
        impl=None,
        runtime="cpython3.11",
        operation=None,
        stage=None,
        verdict=verdict,
        change_percent=change,
        low=change - 0.5,
        high=change + 0.5,
        threshold_percent=5.0,
        generations=24,
        head_slower=12,
        changes_percent=changes,
    )


def make_verdict(*cases: CaseVerdict, **more: object) -> Verdict:
    """A verdict on these cases: slower where one of them is."""
    told = {"notes": ("a note",), "machine": "a machine", "host_speeds": (1.0, 0.5, 0.9), **more}
    is_slower = any(case.verdict == "slower" for case in cases)
    verdict = Verdict(
        verdict="slower" if is_slower else "not slower",
        exit_code=SLOWER if is_slower else GOOD,
        attributed_to=None,
        seconds=12.3,
        cases=cases,
        base="main",
        head="working tree",
    )
    return replace(verdict, **told)  # type: ignore[arg-type]
