"""Instruction counts of both sides, beside the times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from garagebench.engine import instructions
from garagebench.gate.case import CaseKey, Thresholds
from garagebench.gate.pairs import Pair
from garagebench.stats.judge import Judgement
from garagebench.stats.percent import to_percent

#: Percent within which counts are level: identical code differs by less.
LEVEL_PERCENT = 0.1


@dataclass(frozen=True)
class Counted:
    """Instructions for one request on both sides, and how many percent more head has."""

    base: float
    head: float
    change_percent: float

    @property
    def is_level(self) -> bool:
        """Whether both sides do the same work, as far as counts tell."""
        return abs(self.change_percent) < LEVEL_PERCENT


@dataclass(frozen=True)
class Witness:
    """Case -> counts, and a sentence for each subject that is not counted."""

    cases: Mapping[CaseKey, Counted]
    notes: tuple[str, ...]

    def add(self, other: Witness) -> Witness:
        """Return both together."""
        return Witness({**self.cases, **other.cases}, (*self.notes, *other.notes))


def count_pairs(
    pairs: Sequence[Pair],
    roots: tuple[str, str],
    on_pair: Callable[[int], None] = lambda _done: None,
) -> Witness:
    """Count both sides of every pair that can be counted. roots: the directories of base's and head's files, side by side.

    Raises CountError where there is no valgrind.
    """
    instructions.find_valgrind()
    cases: dict[CaseKey, Counted] = {}
    notes = []
    for number, pair in enumerate(pairs):
        on_pair(number)
        try:
            sides = [
                instructions.prepare(python, side, root)
                for python, side, root in zip(pair.pythons, pair.places, roots, strict=True)
            ]
            counted = instructions.count(sides, Path(roots[0]).parent / "count")
        except instructions.NotCounted as error:
            notes.append(f"instructions of {pair.name} are not counted: {error}")
            continue
        for row in counted[0][0]:
            if all(row in head for _, head in counted):
                cases[pair.make_key(row)] = summarise(
                    [(base[row], head[row]) for base, head in counted]
                )
    return Witness(cases, tuple(notes))


def summarise(counts: Sequence[tuple[float, float]]) -> Counted:
    """Return the pair of counts whose change is the median one, so that the change is that of the figures shown."""
    changes = sorted((head / base - 1 if base > 0 else 0.0, base, head) for base, head in counts)
    change, base, head = changes[(len(changes) - 1) // 2]
    return Counted(base, head, 100 * change)


def testify(
    judgements: Mapping[CaseKey, Judgement],
    counted: Mapping[CaseKey, Counted],
    thresholds: Thresholds,
) -> list[str]:
    """Return what counts say about times: which rise has no instructions to show for it."""
    sentences = []
    for case, judgement in judgements.items():
        percent = to_percent(judgement.change)
        is_up = judgement.outcome == "slower" or percent >= thresholds.of(case)
        if is_up and case in counted and counted[case].is_level:
            sentences.append(
                f"{case.row}: time {percent:+.1f} % with instructions level "
                f"({counted[case].change_percent:+.2f} %): suspected layout or noise"
            )
    return sentences
