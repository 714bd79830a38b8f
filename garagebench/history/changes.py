"""Where a line of ratios bends, and whether that is more than its noise.

ruptures proposes places: the segmentation with the least squared error and a penalty for each piece. What decides is ours:
the step between the medians of two neighbouring pieces must be larger than what is asked for, and larger than the noise of
that line from commit to commit explains.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from garagebench.exit_codes import GOOD, INCONCLUSIVE, SLOWER
from garagebench.history.points import HistoryError, Point
from garagebench.history.store import Series, Told
from garagebench.stats.percent import to_log, to_percent

#: Points on each side of a change, at least: one or two that are far off are an accident.
LEAST_SIDE = 3

#: Commits that it takes to find one.
LEAST_POINTS = 2 * LEAST_SIDE

#: A step counts when it is so many times the deviation that noise gives it. Many lines with many places each are looked
#: at, and the places are chosen to look like steps.
DEVIATIONS = 5.0

#: Weight of the penalty for a piece: in squared deviations of the noise, times the logarithm of the number of points.
PENALTY = 3.0

#: The least deviation of noise, as a logarithm: rounding alone must not look like a step.
LEAST_NOISE = 5e-4

#: Of a median of normal values, against that of their mean; and of a median of absolute deviations.
MEDIAN_LOSS, MAD = 1.2533, 1.4826

#: From which step on a change is told, in percent.
LEAST_CHANGE = 3.0

#: How many commits a change may move from one look to the next and still be the same.
NEAR = 3


@dataclass(frozen=True)
class Change:
    """A step in one case. percent: above 0 slower. before, after: the medians of both pieces, as multiples of the anchor.

    since: the first commit of the new piece; previous: the one measured before it. deviations: the step, in those of the noise.
    same_machine: whether a machine measured on both sides of it.
    """

    case: str
    since: Point
    previous: Point
    percent: float
    before: float
    after: float
    deviations: float
    same_machine: bool

    @property
    def is_slower(self) -> bool:
        """Whether the time rose."""
        return self.percent > 0


def find_changes(series: Series, least_percent: float = LEAST_CHANGE) -> tuple[Change, ...]:
    """Return the changes of all cases, the oldest first. Raises HistoryError where ruptures is missing."""
    place = {point.commit: number for number, point in enumerate(series.points)}
    found = (
        change
        for case in series.cases
        for change in _find_in_case(
            case, [point for point in series.points if case in point.cases], to_log(least_percent)
        )
    )
    return tuple(
        sorted(found, key=lambda change: (place[change.since.commit], -abs(change.percent)))
    )


def _find_in_case(case: str, points: Sequence[Point], least: float) -> Iterator[Change]:
    logs = [math.log(point.cases[case].ratio) for point in points]
    if len(logs) < LEAST_POINTS:
        return
    noise = _measure_noise(logs)
    ends = _merge(logs, _propose(logs, noise), noise, least)
    for begin, middle, end in zip(ends, ends[1:], ends[2:], strict=False):
        step, deviations = _measure_step(logs, begin, middle, end, noise)
        before, after = points[begin:middle], points[middle:end]
        yield Change(
            case,
            after[0],
            before[-1],
            to_percent(step),
            math.exp(median(logs[begin:middle])),
            math.exp(median(logs[middle:end])),
            deviations,
            not {one.machine for one in before}.isdisjoint(one.machine for one in after),
        )


def _measure_noise(logs: Sequence[float]) -> float:
    """Return the deviation of a point, from the differences of neighbours, so that steps do not count."""
    differences = [after - before for before, after in pairwise(logs)]
    middle = median(differences)
    spread = MAD * median(abs(one - middle) for one in differences) / math.sqrt(2)
    return max(spread, LEAST_NOISE)


def _propose(logs: Sequence[float], noise: float) -> list[int]:
    """Return where pieces end, the last one included. Single points that are far off are left out of it."""
    try:
        import numpy as np
        import ruptures
    except ImportError:
        raise HistoryError(
            "changes are found by ruptures, which is not installed: pip install 'garagebench[history]'"
        ) from None
    # The median of three keeps steps where they are, and takes away what only one point shows.
    smooth = [median(logs[max(0, number - 1) : number + 2]) for number in range(len(logs))]
    search = ruptures.KernelCPD(kernel="linear", min_size=LEAST_SIDE)
    ends = search.fit(np.array(smooth).reshape(-1, 1)).predict(
        pen=PENALTY * noise**2 * math.log(len(logs))
    )
    return [int(end) for end in ends]


def _merge(logs: Sequence[float], ends: Sequence[int], noise: float, least: float) -> list[int]:
    """Return the pieces that are left when the weakest step goes, one after the other, until each of them counts."""
    left = [0, *ends]
    while len(left) > 2:  # noqa: PLR2004  the beginning and the end
        weights = [
            _weigh(logs, begin, middle, end, noise, least)
            for begin, middle, end in zip(left, left[1:], left[2:], strict=False)
        ]
        weakest = min(range(len(weights)), key=weights.__getitem__)
        if weights[weakest] >= 1:
            break
        del left[weakest + 1]
    return left


def _weigh(
    logs: Sequence[float], begin: int, middle: int, end: int, noise: float, least: float
) -> float:
    """Return how much a step is worth: from 1 on it counts."""
    step, deviations = _measure_step(logs, begin, middle, end, noise)
    half = median(logs[begin:middle]) + step / 2
    # Two points that are far off and one that is not are a piece of three, with a median that is far off.
    before = sum((log < half) is (step > 0) for log in logs[begin:middle])
    after = sum((log > half) is (step > 0) for log in logs[middle:end])
    if min(before, after) < LEAST_SIDE:
        return 0.0
    return min(abs(step) / least, deviations / DEVIATIONS)


def _measure_step(
    logs: Sequence[float], begin: int, middle: int, end: int, noise: float
) -> tuple[float, float]:
    """Return a step between the medians of two pieces, and how many deviations of noise it is."""
    step = median(logs[middle:end]) - median(logs[begin:middle])
    deviation = MEDIAN_LOSS * noise * math.sqrt(1 / (middle - begin) + 1 / (end - middle))
    return step, abs(step) / deviation


def leave_out_told(
    changes: Sequence[Change], series: Series, told: Sequence[Told]
) -> tuple[Change, ...]:
    """Return the changes that nobody was told of: in the same case, direction and place, or a few commits from it."""
    place = {point.commit: number for number, point in enumerate(series.points)}
    known = [one for one in told if (one.source, one.anchor) == (series.source, series.anchor)]

    def is_known(change: Change) -> bool:
        return any(
            one.case == change.case
            and one.is_slower == change.is_slower
            and abs(place.get(one.commit, -len(place) - NEAR) - place[change.since.commit]) <= NEAR
            for one in known
        )

    return tuple(change for change in changes if not is_known(change))


def make_told(changes: Sequence[Change], series: Series) -> tuple[Told, ...]:
    """Return what is to be remembered of changes that are told now."""
    return tuple(
        Told(series.source, series.anchor, one.case, one.since.commit, one.is_slower)
        for one in changes
    )


def exit_code(changes: Sequence[Change], series: Series) -> int:
    """Return how `history check` ends that tells these changes."""
    if any(change.is_slower for change in changes):
        return SLOWER
    return INCONCLUSIVE if len(series.points) < LEAST_POINTS else GOOD
