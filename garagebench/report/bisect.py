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
    if found.status == "nothing":
        yield f"nothing found: {found.reason}"
    else:
        yield _make_headline(found)
        for one in found.commits:
            yield f"  {one.commit[:10]} {one.date} {one.author}: {one.subject}"
    for name, (change, low, high) in found.cases.items():
        bounds = "" if low is None or high is None else f" [{low:.1f}, {high:.1f}]"
        yield f"  {name}: {change:+.1f} %{bounds} against its parent"
    skipped = sum(step.outcome == "skipped" for step in found.steps)
    left_out = f", {skipped} commit{'s' * (skipped > 1)} skipped" * bool(skipped)
    plural = "s" * (found.gates > 1)
    yield f"{found.gates} check{plural}{left_out}, in {found.seconds:.0f} s; such a search goes wrong in at most {found.error_percent:g} % of cases"


def _make_headline(found: Found) -> str:
    if found.status == "found":
        return f"first slower commit: {found.commits[0].commit}"
    if len(found.commits) > 1:
        return f"one of {len(found.commits)} commits: {found.reason}"
    return f"not confirmed: {found.reason}"
