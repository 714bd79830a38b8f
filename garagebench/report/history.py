"""A history as a table, Markdown, JSON and CSV, and the changes that `history check` tells."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from garagebench.history.changes import Change
from garagebench.history.overview import Overview
from garagebench.history.points import Point
from garagebench.history.store import Series
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

HEADER = ("case", "commits", "newest", "over time", "changes")
#: How the columns are aligned: names and pictures left.
RULE = (LEFT, RIGHT, RIGHT, LEFT, RIGHT)

BLOCKS = "▁▂▃▄▅▆▇█"
#: Of a picture in a line of text.
WIDTH = 24

HASH = 10


def render_history(overview: Overview, form: str, console: Console) -> str:
    """Return the history in a format."""
    if form == "json":
        return json.dumps(describe_history(overview), indent=1, allow_nan=False) + "\n"
    if form == "csv":
        keys = ("commit", "date", "case", "ratio", "low", "high", "machine")
        return draw_csv(keys, _list_values(overview.series))
    lines = list(_draw_lines(overview))
    about = list(_tell(overview))
    if form == "markdown":
        table = draw_markdown_table(HEADER, RULE, lines)
        notes = "\n".join(f"- {escape(text)}" for text in about)
        return f"{table}\n\n{notes}\n"
    return draw_on(console, [make_table(HEADER, lines), *about])


def describe_history(overview: Overview) -> dict[str, Any]:
    """Return the history as JSON has it: for each case a ratio for each commit, null where it was not measured."""
    series = overview.series
    return {
        "source": series.source,
        "anchor": series.anchor,
        "commits": [
            {key: getattr(point, key) for key in ("commit", "date", "title", "machine", "report")}
            for point in series.points
        ],
        "cases": {
            case: [
                point.cases[case].ratio if case in point.cases else None for point in series.points
            ]
            for case in series.cases
        },
        "changes": None
        if overview.changes is None
        else list(map(describe_change, overview.changes)),
    }


def describe_change(change: Change) -> dict[str, Any]:
    """Return a change as JSON has it."""
    return {
        "case": change.case,
        "commit": change.since.commit,
        "date": change.since.date,
        "title": change.since.title,
        "previous": change.previous.commit,
        "change_percent": round(change.percent, 2),
        "before": round(change.before, 4),
        "after": round(change.after, 4),
        "deviations": round(change.deviations, 1),
        "same_machine": change.same_machine,
    }


def render_changes(changes: Sequence[Change], form: str) -> str:
    """Return the changes that nobody was told of yet, as JSON or as lines for people."""
    if form == "json":
        return json.dumps([describe_change(one) for one in changes], indent=2) + "\n"
    if not changes:
        return "no new change\n"
    return "\n".join(_tell_changes(changes)) + "\n"


def _tell_changes(changes: Sequence[Change]) -> Iterator[str]:
    """Yield a line for each commit, and one for each of its cases."""
    commits: dict[str, list[Change]] = {}
    for change in changes:
        commits.setdefault(change.since.commit, []).append(change)
    for mine in commits.values():
        yield describe_point(mine[0].since)
        for one in mine:
            word = "slower" if one.is_slower else "faster"
            machines = "" if one.same_machine else "; no machine measured both before and after it"
            before = f"after {one.previous.commit[:HASH]}"
            yield f"  {word}: {one.case} {one.percent:+.1f} % ({one.before:.3f} -> {one.after:.3f}), {before}{machines}"


def describe_point(point: Point) -> str:
    """Return "abc1234567 2026-11-01 Parse faster"."""
    return f"{point.commit[:HASH]} {point.date[:10]} {point.title}"


def _draw_lines(overview: Overview) -> Iterator[tuple[str, ...]]:
    for case, values in list_cases(overview.series).items():
        mine = [one for one in overview.changes or () if one.case == case]
        told = ", ".join(f"{one.percent:+.1f} % ({one.since.commit[:7]})" for one in mine)
        yield case, str(len(values)), f"{values[-1]:.3f}", draw_blocks(values), told


def list_cases(series: Series) -> Mapping[str, list[float]]:
    """Return for each case its ratios, the oldest first."""
    return {
        case: [point.cases[case].ratio for point in series.points if case in point.cases]
        for case in series.cases
    }


def draw_blocks(values: Sequence[float]) -> str:
    """Return the values as a line of blocks, each the median of its commits; the scale is the range of that line."""
    parts = thin(values, WIDTH)
    low, high = min(parts), max(parts)
    # What differs by less than a percent or two is level for the eye, too.
    room = max(high - low, 0.02 * low)
    return "".join(
        BLOCKS[min(len(BLOCKS) - 1, int((part - low) / room * len(BLOCKS)))] for part in parts
    )


def thin(values: Sequence[float], most: int) -> list[float]:
    """Return at most so many values, each the median of neighbours."""
    if len(values) <= most:
        return list(values)
    ends = [math.ceil(number * len(values) / most) for number in range(most + 1)]
    parts = (sorted(values[begin:end]) for begin, end in itertools.pairwise(ends))
    return [part[len(part) // 2] for part in parts]


def _tell(overview: Overview) -> Iterator[str]:
    series = overview.series
    first, last = series.points[0], series.points[-1]
    what = "revision" if series.source == "check" else "reference of each run"
    plural = "s" * (len(series.points) > 1)
    yield f"{len(series.points)} commit{plural}, from {first.commit[:HASH]} ({first.date[:10]}) to {last.commit[:HASH]} ({last.date[:10]})"
    anchor = series.anchor[:HASH] if series.source == "check" else series.anchor
    yield f"all times as multiples of that of the {what}: {anchor}; above 1 is slower"
    if overview.changes is None:
        yield f"changes were not searched for: {overview.why}"
    else:
        yield from (text.strip() for text in _tell_changes(overview.changes))


def _list_values(series: Series) -> Iterator[dict[str, Any]]:
    for point in series.points:
        for case, one in point.cases.items():
            yield {
                "commit": point.commit,
                "date": point.date,
                "case": case,
                "ratio": one.ratio,
                "low": one.low,
                "high": one.high,
                "machine": point.machine,
            }
