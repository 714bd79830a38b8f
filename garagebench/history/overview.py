"""What is shown of a history: the newest commits, the cases over them, and the changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from garagebench.history.changes import LEAST_CHANGE, Change, find_changes
from garagebench.history.points import HistoryError
from garagebench.history.store import Series

#: Commits that are shown, at most, where nobody says otherwise.
MOST_SHOWN = 365


@dataclass(frozen=True)
class Overview:
    """A series with its changes, which are None where they could not be searched for; why says the reason.

    link: full hash -> address of its page; None: there is none. place: where it is kept.
    """

    place: str
    series: Series
    changes: tuple[Change, ...] | None
    why: str
    link: Callable[[str], str | None]


def look_at(
    place: str,
    series: Series,
    link: Callable[[str], str | None],
    *,
    most: int = MOST_SHOWN,
    least_percent: float = LEAST_CHANGE,
) -> Overview:
    """Return what is shown of the newest commits. Changes are searched in all of them, and shown where they are."""
    shown = replace(series, points=series.points[-most:])
    try:
        found = find_changes(series, least_percent)
    except HistoryError as error:
        return Overview(place, shown, None, str(error), link)
    commits = {point.commit for point in shown.points}
    changes = tuple(change for change in found if change.since.commit in commits)
    return Overview(place, shown, changes, "", link)
