"""How sure is sure: every level of confidence and error, in one place. Least counts are derived from them."""

from __future__ import annotations

#: Of every interval that is shown.
CONFIDENCE = 0.95

#: Largest error on either side of such an interval; also the chance that a case at its threshold is called not slower.
TAIL = (1 - CONFIDENCE) / 2

#: Largest probability that a gate calls identical code slower, all cases and looks together.
ALPHA = 0.005

#: Share of gates that must find a slowdown before it counts as one that is found.
CERTAINTY = 0.95


def format_level(level: float) -> str:
    """Return "95 %" of 0.95."""
    return f"{100 * level:g} %"
