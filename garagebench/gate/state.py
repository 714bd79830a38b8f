"""What a gate knows while it measures, and what a look at it changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from garagebench.engine import Result
from garagebench.gate.case import CaseKey, Rules, Thresholds
from garagebench.stats.judge import Judgement, judge
from garagebench.stats.looks import Look
from garagebench.stats.percent import to_log


@dataclass
class State:
    """What is known by now. open: what has no verdict yet, and is measured. others: cases that are measured elsewhere."""

    rules: Rules
    wholes: set[CaseKey]
    open: list[CaseKey]
    changes: dict[CaseKey, list[float]]
    judgements: dict[CaseKey, Judgement] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)
    slices: int = 0
    trouble: str | None = None
    interrupted: bool = False
    is_over: bool = False
    others: int = 0
    all_cases: tuple[str, ...] = ()
    host_speeds: list[float] = field(default_factory=list)


def look_at_all(
    changes: Mapping[CaseKey, Sequence[float]],
    thresholds: Thresholds,
    judgements: dict[CaseKey, Judgement],
    open_cases: Sequence[CaseKey],
    wholes: Collection[CaseKey],
    look: Look,
    others: int = 0,
) -> tuple[list[CaseKey], bool]:
    """Judge the open cases by what there is so far; return those that stay open, and whether the gate is over.

    changes: of all cases, though some are decided already: the level must allow for every one. It is over when more
    generations would change neither the verdict nor what it is put down to. others: cases that are measured elsewhere.
    """
    logs = {case: to_log(thresholds.of(case)) for case in changes}
    judged_now = judge(changes, logs, look, others=others)
    for case in open_cases:
        judgements[case] = judged_now[case]
    outcomes = {case: judgement.outcome for case, judgement in judgements.items()}
    is_suspect = any(judgement.is_suspect for judgement in judgements.values())
    is_open = any(outcomes[case] == "inconclusive" for case in wholes)
    still_open = [case for case in open_cases if outcomes[case] == "inconclusive"]
    return still_open, not is_suspect and ("slower" in outcomes.values() or not is_open)


def count_repeats(state: State, measured: Result) -> None:
    """Add what a phase measured again."""
    for one in measured.contestants:
        side = one.name.partition(" ")[0]
        state.repeated[side] = state.repeated.get(side, 0) + one.repeated
    if measured.conditions is not None:
        state.slices += measured.conditions.slices
