"""What a gate judges, and what it found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from garagebench.stats.judge import Judgement, Outcome

#: The row that says nothing of a change by itself: it is a remainder.
NOT_JUDGED = "unattributed"

#: The row that is the whole of an operation.
WHOLE = "total"


@dataclass(frozen=True, order=True)
class CaseKey:
    """What a judgement belongs to."""

    impl: str
    runtime: str
    operation: str
    stage: str

    @property
    def whole(self) -> CaseKey:
        """The case that this one is a part of, or is itself."""
        return CaseKey(self.impl, self.runtime, self.operation, WHOLE)


def make_key(impl: str, runtime: str, row: str) -> CaseKey:
    """Return the case that a row "operation/stage" of an implementation is."""
    operation, _, stage = row.partition("/")
    return CaseKey(impl, runtime, operation, stage)


@dataclass(frozen=True)
class Thresholds:
    """Percent from which a case is slower. particular: "IMPL/STAGE", "STAGE" or "IMPL" -> percent."""

    percent: float
    particular: Mapping[str, float] = field(default_factory=dict)

    def of(self, case: CaseKey) -> float:
        """Return the most particular that is set for the case."""
        found = [key for key in self._keys(case) if key in self.particular]
        return self.particular[found[0]] if found else self.percent

    def unused(self, cases: Collection[CaseKey]) -> list[str]:
        """Return what is set and concerns none of the cases."""
        used = {key for case in cases for key in self._keys(case)}
        return [key for key in self.particular if key not in used]

    def decides(self, case: CaseKey) -> bool:
        """Tell whether the gate needs a verdict on the case: a whole, or a part with a threshold of its own."""
        of_stage = f"{case.impl}/{case.stage}", case.stage
        return case.stage == WHOLE or any(key in self.particular for key in of_stage)

    @staticmethod
    def _keys(case: CaseKey) -> tuple[str, str, str]:
        return f"{case.impl}/{case.stage}", case.stage, case.impl


@dataclass(frozen=True)
class GateResult:
    """What the gate found. notes: what a reader should know; the first says why where nothing could be judged."""

    outcome: Outcome
    cases: Mapping[CaseKey, Judgement]
    attributed_to: str | None
    seconds: float
    notes: tuple[str, ...] = ()
    interrupted: bool = False


def attribute(
    judgements: Mapping[CaseKey, Judgement], sizes_ns: Mapping[CaseKey, float]
) -> str | None:
    """Return the stage to which the slowdown is put down: of those slower, the one that adds the most.

    `sequence` is less than the whole of it by `assignment`: it is named only where that one is not slower.
    None where only `total` is slower, or nothing.
    """
    slower = [case for case, judgement in judgements.items() if judgement.outcome == "slower"]
    stages = [case for case in slower if case.stage != WHOLE]
    if any(case.stage == "assignment" for case in stages):
        stages = [case for case in stages if case.stage != "sequence"]
    if not stages:
        return None
    return max(stages, key=lambda case: judgements[case].change * sizes_ns[case]).stage
