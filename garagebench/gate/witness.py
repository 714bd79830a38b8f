"""Instruction counts of both sides, beside the times."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from garagebench.engine import instructions
from garagebench.gate.case import NOT_JUDGED, CaseKey, Thresholds
from garagebench.gate.live import Pair, make_key
from garagebench.gate.verdict import Judgement

#: Percent within which counts are level: identical code differs by less.
LEVEL_PERCENT = 0.1


@dataclass(frozen=True)
class Counted:
    """Instructions for one request on both sides."""

    base: float
    head: float

    @property
    def change_percent(self) -> float:
        """How many more head has."""
        return 100 * (self.head / self.base - 1)

    @property
    def is_level(self) -> bool:
        """Whether both sides do the same work, as far as counts tell."""
        return abs(self.change_percent) < LEVEL_PERCENT


@dataclass(frozen=True)
class Witness:
    """Case -> counts, and a sentence for each implementation that is not counted."""

    cases: Mapping[CaseKey, Counted]
    notes: tuple[str, ...]


def count_pairs(
    pairs: Sequence[Pair], on_run: Callable[[int, int], None] = lambda _done, _all: None
) -> Witness:
    """Count both sides of every pair that can be counted. CountError where there is no valgrind."""
    instructions.find_valgrind()
    cases: dict[CaseKey, Counted] = {}
    notes = []
    for pair in pairs:
        try:
            sides = [instructions.prepare(pair.python, side) for side in (pair.base, pair.head)]
            base, head = instructions.count(sides, on_run)
        except instructions.NotCounted as error:
            notes.append(f"instructions of {pair.impl}@{pair.runtime} are not counted: {error}")
            continue
        for row in base:
            case = make_key(pair, row)
            if case.stage != NOT_JUDGED and row in head and base[row] > 0:
                cases[case] = Counted(base[row], head[row])
    return Witness(cases, tuple(notes))


def testify(
    judgements: Mapping[CaseKey, Judgement],
    counted: Mapping[CaseKey, Counted],
    thresholds: Thresholds,
) -> list[str]:
    """Return what counts say about times: which rise has no instructions to show for it."""
    sentences = []
    for case, judgement in judgements.items():
        percent = 100 * math.expm1(judgement.change)
        is_up = judgement.outcome == "slower" or percent >= thresholds.of(case)
        if is_up and case in counted and counted[case].is_level:
            sentences.append(
                f"{case.operation} {case.stage}: time {percent:+.1f} % with instructions level "
                f"({counted[case].change_percent:+.2f} %): suspected layout or noise"
            )
    return sentences
