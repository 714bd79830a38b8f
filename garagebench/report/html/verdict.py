"""The verdict of `check`, `compare` and `judge` as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from garagebench.check.verdict import CaseVerdict, Verdict
from garagebench.report.headline import format_change, make_headline
from garagebench.report.html.document import draw
from garagebench.report.html.forest import HEIGHT, WIDTH, Axis, Picture, draw_case
from garagebench.report.html.sparkline import Curve, draw_curve

#: Verdict -> the class that gives it its colour.
CLASSES: Mapping[str, str] = {
    "slower": "bad",
    "not slower": "good",
    "inconclusive": "open",
    "unresolved": "open",
}


@dataclass(frozen=True)
class CaseLine:
    """A case as it is shown."""

    name: str
    change: str
    verdict: str
    shade: str
    generations: str
    picture: Picture


def render_verdict(verdict: Verdict) -> str:
    """Return the document."""
    axis = Axis(verdict.cases)
    ordered = sorted(verdict.cases, key=lambda case: -(case.change_percent or 0.0))
    level = [case for case in ordered if case.is_level]
    told = [case for case in ordered if not case.is_level]
    return draw(
        "verdict.html",
        asdict(verdict),
        title=f"{verdict.verdict}: {verdict.head} against {verdict.base}",
        verdict=verdict,
        headline=make_headline(verdict),
        shade=CLASSES[verdict.verdict],
        groups=[
            ("", [_make_line(case, axis) for case in told]),
            (
                f"{len(level)} of {len(ordered)} level: not slower, and not faster by the threshold either",
                [_make_line(case, axis) for case in level],
            ),
        ],
        axis=axis,
        width=WIDTH,
        height=HEIGHT,
        generations=max((case.generations or 0 for case in verdict.cases), default=0),
        speeds=_draw_speeds(verdict),
    )


def _make_line(case: CaseVerdict, axis: Axis) -> CaseLine:
    runtime = f"@{case.runtime}" if case.runtime and case.impl else ""
    generations = "" if case.generations is None else str(case.generations)
    word = "faster" if case.verdict == "not slower" and not case.is_level else case.verdict
    return CaseLine(
        f"{case.case}{runtime}",
        format_change(case),
        word,
        CLASSES[case.verdict],
        generations,
        draw_case(case, axis),
    )


def _draw_speeds(verdict: Verdict) -> Curve | None:
    """Return how fast the host was, generation by generation."""
    speeds = verdict.host_speeds
    if not speeds:
        return None
    text = (
        f"The host's speed in each of {len(speeds)} generations, as a share of its speed before the first: "
        f"from {min(speeds):.2f} to {max(speeds):.2f}"
    )
    return draw_curve(speeds, text)
