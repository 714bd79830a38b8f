"""What a gate judges, and what it found."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from garagebench.stats.judge import Judgement, Outcome

if TYPE_CHECKING:
    from garagebench.engine.contestant import RowTerms


@dataclass(frozen=True, order=True)
class CaseKey:
    """What a judgement belongs to: a row of a contestant, which is a subject on an interpreter.

    subject: empty where the row's name says all.
    """

    subject: str
    runtime: str
    row: str

    @property
    def title(self) -> str:
        """The whole name for people: that of a subject that is one row is not said twice."""
        return self.row if self.subject in ("", self.row) else f"{self.subject}/{self.row}"

    @property
    def names(self) -> tuple[str, ...]:
        """By what a threshold may name it, the most particular first; the last is the whole subject."""
        if not self.subject:
            return (*dict.fromkeys((self.row, self.row.partition("::")[2] or self.row)), "")
        short = self.row.rpartition("/")[2]
        rows = dict.fromkeys(filter(None, (self.row, short)))
        return (*(f"{self.subject}/{row}" for row in rows), *rows, self.subject)


@dataclass(frozen=True)
class Rule:
    """How a case is judged. part_of: the whole that it is a part of. yields_to: which is named in its place, if slower, too."""

    part_of: CaseKey | None = None
    yields_to: CaseKey | None = None


Rules = Mapping[CaseKey, Rule]


def make_rule(case: CaseKey, terms: RowTerms) -> Rule:
    """Return the rule of a case from its row's."""
    part_of, yields_to = (
        None if row is None else replace(case, row=row) for row in (terms.part_of, terms.yields_to)
    )
    return Rule(part_of, yields_to)


@dataclass(frozen=True)
class Thresholds:
    """Percent from which a case is slower. particular: one of a case's names, or a pattern of them -> percent.

    In a pattern `*` stands for any text; no other sign means anything but itself.
    """

    percent: float
    particular: Mapping[str, float] = field(default_factory=dict)

    def of(self, case: CaseKey) -> float:
        """Return the most particular that is set for the case."""
        found = self._find(case)
        return self.percent if found is None else self.particular[found]

    def _find(self, case: CaseKey) -> str | None:
        """Return what is set for the case: by name, or else by the first pattern that one of its names has."""
        named = [name for name in case.names if name in self.particular]
        patterns = (key for key in self.particular if "*" in key)
        fitting = (key for key in patterns if any(fits(name, key) for name in case.names))
        return named[0] if named else next(fitting, None)

    def unused(self, cases: Collection[CaseKey]) -> list[str]:
        """Return what is set and concerns none of the cases."""
        names = {name for case in cases for name in case.names}
        return [
            key
            for key in self.particular
            if key not in names and not ("*" in key and any(fits(name, key) for name in names))
        ]

    def find_wholes(self, rules: Rules) -> set[CaseKey]:
        """Return the cases that the gate needs a verdict on: wholes, and parts with a threshold of their own."""
        return {
            case
            for case, rule in rules.items()
            if rule.part_of is None or any(name in self.particular for name in case.names[:-1])
        }


def fits(name: str, pattern: str) -> bool:
    """Tell whether a name has the pattern, in which `*` is any text."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


@dataclass(frozen=True)
class GateResult:
    """What the gate found. notes: what a reader should know; the first says why where nothing could be judged.

    rules: of the cases. changes: of each case, the log of head / base of each generation. host_speeds: how fast the host was
    in each generation, where 1 is as fast as before the first one.
    """

    outcome: Outcome
    cases: Mapping[CaseKey, Judgement]
    attributed_to: CaseKey | None
    seconds: float
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    rules: Rules = field(default_factory=dict)
    changes: Mapping[CaseKey, Sequence[float]] = field(default_factory=dict)
    host_speeds: tuple[float, ...] = ()


def attribute(
    judgements: Mapping[CaseKey, Judgement], sizes_ns: Mapping[CaseKey, float], rules: Rules
) -> CaseKey | None:
    """Return the part to which the slowdown is put down: of those slower, the one that adds the most.

    One that yields to another is named only where that one is not slower. None where only wholes are slower, or nothing.
    """
    slower = {case for case, judgement in judgements.items() if judgement.outcome == "slower"}
    parts = [
        case
        for case in judgements
        if case in slower and rules[case].part_of and rules[case].yields_to not in slower
    ]
    return max(parts, key=lambda case: judgements[case].change * sizes_ns[case], default=None)
