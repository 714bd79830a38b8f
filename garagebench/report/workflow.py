"""A verdict where a workflow of GitHub shows it: the job's summary, and an annotation.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions has the commands and their escapes.
"""

from __future__ import annotations

from collections.abc import Mapping

from garagebench.check.verdict import Verdict
from garagebench.report.headline import make_headline

#: Verdict -> how loud its annotation is.
LEVELS = {"slower": "error", "inconclusive": "warning", "not slower": "notice"}


def make_annotation(verdict: Verdict) -> str:
    """Return the workflow command that annotates the run with the verdict and the notes beneath it."""
    text = "\n".join((make_headline(verdict), *verdict.notes))
    return f"::{LEVELS[verdict.verdict]} title=garagebench::{_escape(text)}"


def find_summary(environment: Mapping[str, str]) -> str | None:
    """Return the file that the job's summary is written to, or None outside of a workflow."""
    return environment.get("GITHUB_STEP_SUMMARY") or None


def wants_annotations(environment: Mapping[str, str]) -> bool:
    """Tell whether somebody reads workflow commands."""
    return environment.get("GITHUB_ACTIONS") == "true"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
