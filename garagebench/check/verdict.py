"""A gate's verdict in words and percent: what `check` and `compare` say, in whatever format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from garagebench.exit_codes import GOOD, INCONCLUSIVE, INTERRUPTED, SLOWER
from garagebench.gate.case import CaseKey, GateResult
from garagebench.gate.witness import Counted, Witness
from garagebench.stats.judge import Judgement, Outcome
from garagebench.stats.percent import to_percent

#: Verdict -> how the command ends.
CODES: Mapping[Outcome, int] = {
    "not slower": GOOD,
    "slower": SLOWER,
    "inconclusive": INCONCLUSIVE,
}

NO_WITNESS = Witness({}, ())


@dataclass(frozen=True, kw_only=True)
class CaseVerdict:
    """One case, with the fields of its JSON in their order; changes in percent of the base, unknown is None.

    A file of another tool has only names: then `impl` is the whole of it. verdict: also "unresolved", for a part that this
    run could not judge. generations: how many it rests on; head_slower: in how many of them head was slower, which for
    identical code is half of them; of files, which have no generations in common, both are None.
    """

    impl: str
    runtime: str | None
    operation: str | None
    stage: str | None
    verdict: str
    change_percent: float | None
    low: float | None
    high: float | None
    generations: int | None = None
    head_slower: int | None = None


@dataclass(frozen=True, kw_only=True)
class CaseCount:
    """Instructions of one case for one request, where they were counted."""

    impl: str
    runtime: str
    operation: str
    stage: str
    base: float
    head: float
    change_percent: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The whole of it. base, head: what was compared. notes: what a reader should know, one sentence each."""

    verdict: str
    exit_code: int
    attributed_to: str | None
    seconds: float
    cases: tuple[CaseVerdict, ...]
    base: str
    head: str
    notes: tuple[str, ...] = ()
    instructions: tuple[CaseCount, ...] = ()


def make_verdict(
    result: GateResult, base: str, head: str, witness: Witness = NO_WITNESS
) -> Verdict:
    """Return the verdict in words and percent."""
    return Verdict(
        verdict=result.outcome,
        exit_code=INTERRUPTED if result.interrupted else CODES[result.outcome],
        attributed_to=None if result.attributed_to is None else stage_of(result.attributed_to),
        seconds=round(result.seconds, 1),
        cases=tuple(_make_case(case, judgement) for case, judgement in result.cases.items()),
        base=base,
        head=head,
        notes=(*result.notes, *witness.notes),
        instructions=tuple(_make_count(case, counted) for case, counted in witness.cases.items()),
    )


def stage_of(case: CaseKey) -> str:
    """Return the stage of a case of a garage, whose rows are called OPERATION/STAGE."""
    return case.row.partition("/")[2]


def _make_case(case: CaseKey, judgement: Judgement) -> CaseVerdict:
    return CaseVerdict(
        impl=case.subject,
        runtime=case.runtime,
        operation=case.row.partition("/")[0],
        stage=stage_of(case),
        verdict=judgement.outcome,
        change_percent=round_percent(judgement.change) if judgement.generations else None,
        low=round_percent(judgement.low),
        high=round_percent(judgement.high),
        generations=judgement.generations,
        head_slower=judgement.head_slower,
    )


def _make_count(case: CaseKey, counted: Counted) -> CaseCount:
    return CaseCount(
        impl=case.subject,
        runtime=case.runtime,
        operation=case.row.partition("/")[0],
        stage=stage_of(case),
        base=round(counted.base, 1),
        head=round(counted.head, 1),
        change_percent=round(counted.change_percent, 3),
    )


def round_percent(log: float | None) -> float | None:
    """Return a change in percent, as it is shown; None where it is unknown or without bound."""
    return None if log is None or math.isinf(log) else round(to_percent(log), 3)
