"""What of a generation is measured in the same rounds.

Of compiled loops, everything is: each round goes through all cases. Cases that come in turn, such as the benchmarks of
a test suite, are held open one after the other: each has rounds of its own, on all sides at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from garagebench.engine.candidate import Candidate

#: Seconds of an act of one case from which no more rounds are begun: a slow benchmark has few, and its generations count.
MOST_ACT_S = 0.2


def most_act_s(start_s: float, acts: int) -> float:
    """Return the seconds from which an act begins no more rounds. start_s: what starting the processes took.

    Where few cases are left, as much time as that is worth spending on them before the next processes are started.
    """
    return max(MOST_ACT_S, start_s / max(1, acts))


@dataclass(frozen=True)
class Act:
    """Whom it is of. case: the one that they enter; None: all of theirs are there. upcoming: the case after it."""

    candidates: Sequence[Candidate]
    case: str | None = None
    upcoming: str | None = None


def plan_acts(candidates: Sequence[Candidate]) -> list[Act]:
    """Return the acts of a generation: first of all loops at once, then case by case of those that come in turn."""
    loops = [one for one in candidates if one.in_turn is None]
    clusters: dict[str | None, list[Candidate]] = {}
    for one in candidates:
        if one.in_turn is not None:
            clusters.setdefault(one.entrant.reference, []).append(one)
    acts = [Act(loops)] if loops else []
    for cluster in clusters.values():
        both = set.intersection(*(set(one.in_turn or ()) for one in cluster))
        cases = [case for case in cluster[0].in_turn or () if case in both]
        upcoming = (*cases[1:], None)
        acts += [Act(cluster, *names) for names in zip(cases, upcoming, strict=True)]
    return acts
