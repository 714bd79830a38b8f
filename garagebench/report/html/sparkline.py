"""A small line of values over their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 60
MARGIN = 6


@dataclass(frozen=True)
class Curve:
    """The points of a line, and the same in words."""

    points: str
    text: str
    width: int = WIDTH
    height: int = HEIGHT


def draw_curve(values: Sequence[float], text: str) -> Curve:
    """Return the values as points, the scale beginning at 0."""
    top = max(values)
    step = (WIDTH - 2 * MARGIN) / max(1, len(values) - 1)
    points = (
        f"{MARGIN + number * step:.1f},{HEIGHT - MARGIN - value / top * (HEIGHT - 2 * MARGIN):.1f}"
        for number, value in enumerate(values)
    )
    return Curve(" ".join(points), text)
