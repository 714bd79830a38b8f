"""What `bisect` found, as text and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from garagebench.check.bisect import Found


def render_bisect(found: Found, form: str) -> str:
    """Return the answer as JSON, or as lines for people."""
    if form == "json":
        return json.dumps(asdict(found), indent=2, allow_nan=False) + "\n"
    return "\n".join(_tell(found)) + "\n"


def _tell(found: Found) -> Iterator[str]:
    gates = (
        f"{len(found.steps) + 2 if found.status != 'nothing' else 1} gates, {found.seconds:.0f} s"
    )
    if found.status == "nothing":
        yield f"nothing found: {found.reason}"
    elif found.status == "range":
        yield (
            f"one of {len(found.commits)} commits: {found.reason}"
            if len(found.commits) > 1
            else f"not confirmed: {found.reason}"
        )
    else:
        yield f"first slower commit: {found.commits[0].commit}"
    for one in found.commits if found.status != "nothing" else ():
        yield f"  {one.commit[:10]} {one.date} {one.author}: {one.subject}"
    for name, (change, low, high) in found.cases.items():
        bounds = "" if low is None or high is None else f" [{low:.1f}, {high:.1f}]"
        yield f"  {name}: {change:+.1f} %{bounds} against its parent"
    skipped = sum(step.outcome == "skipped" for step in found.steps)
    yield f"{gates}{f', {skipped} commits skipped' * bool(skipped)}; the search goes wrong with at most {found.error_percent:g} %"
