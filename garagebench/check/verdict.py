"""A gate's verdict in words and percent: what `check` and `compare` say, in whatever format."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from garagebench.check.commands import Process
from garagebench.check.suites import OneSided, Suite
from garagebench.exit_codes import GOOD, INCONCLUSIVE, INTERRUPTED, SLOWER
from garagebench.gate.case import CaseKey, GateResult, Thresholds
from garagebench.gate.trees.environments import Dependency
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

#: Slowdown in percent from which a case counts as slower, where nobody says otherwise.
MAX_SLOWDOWN = 5.0

#: Of the JSON; it grows with each change.
SCHEMA = 5


@dataclass(frozen=True, kw_only=True)
class CaseVerdict:
    """One case, with the fields of its JSON in their order; changes in percent of the base, unknown is None.

    case: its whole name: IMPL/OPERATION/STAGE, or that of a function, or what a file of another tool calls it. part_of: the
    case that it is a part of, if it is. impl: also the subject of a function, or the whole name in another tool's file; None
    for a benchmark of a test suite. operation, stage: None where it is no garage. verdict: also "unresolved", for a part that this
    run could not judge. threshold_percent: from which it counts as slower. generations: how many it rests on; head_slower: in how many of them head was slower, which for
    identical code is half of them; of files, which have no generations in common, both are None. changes_percent: of each
    generation; None in it: a side had no time.
    """

    case: str
    part_of: str | None = None
    impl: str | None
    runtime: str | None
    operation: str | None
    stage: str | None
    verdict: str
    change_percent: float | None
    low: float | None
    high: float | None
    threshold_percent: float
    generations: int | None = None
    head_slower: int | None = None
    changes_percent: tuple[float | None, ...] = ()

    @property
    def is_level(self) -> bool:
        """Whether it is neither slower nor faster by its threshold, and known to be."""
        change = self.change_percent or 0.0
        is_faster = change <= -self.threshold_percent and (self.high or 0.0) < 0
        return self.verdict == "not slower" and not is_faster


@dataclass(frozen=True, kw_only=True)
class CaseCount:
    """Instructions of one case for one request, where they were counted."""

    case: str
    impl: str | None
    runtime: str
    operation: str | None
    stage: str | None
    base: float
    head: float
    change_percent: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The whole of it. base, head: what was compared. notes: what a reader should know, one sentence each.

    one_sided: benchmarks of a suite that do not work on both sides. sources: module of the repository -> the file that it
    came from in base and in head. dependencies: installed packages of others whose versions differ between the sides.
    processes: what commands take when they run alone. host_speeds: how fast the host was in each generation, where 1 is as
    fast as before the first one. machine: the processors and interpreters that measured. base_commit, head_commit: full
    hashes; None: not a commit, but a file or a working tree with changes.
    """

    verdict: str
    exit_code: int
    attributed_to: str | None
    seconds: float
    cases: tuple[CaseVerdict, ...]
    base: str
    head: str
    notes: tuple[str, ...] = ()
    instructions: tuple[CaseCount, ...] = ()
    one_sided: tuple[OneSided, ...] = ()
    sources: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    dependencies: tuple[Dependency, ...] = ()
    processes: tuple[Process, ...] = ()
    host_speeds: tuple[float, ...] = ()
    machine: str | None = None
    base_commit: str | None = None
    head_commit: str | None = None
    schema: int = SCHEMA

    @property
    def is_suite(self) -> bool:
        """Whether all that was judged are benchmarks of a test suite."""
        return bool(self.cases) and all(case.impl is None for case in self.cases)


def make_verdict(
    result: GateResult,
    base: str,
    head: str,
    witness: Witness = NO_WITNESS,
    impls: Collection[str] | None = None,
    thresholds: Thresholds | None = None,
) -> Verdict:
    """Return the verdict in words and percent.

    impls: the subjects that are garages; None: all. thresholds: None: the usual one.
    """

    def name(case: CaseKey) -> dict[str, Any]:
        is_garage = impls is None or case.subject in impls
        return {
            "case": case.title,
            "impl": case.subject or None,
            "runtime": case.runtime,
            "operation": case.row.partition("/")[0] if is_garage else None,
            "stage": stage_of(case) if is_garage else None,
        }

    percent = thresholds or Thresholds(MAX_SLOWDOWN)

    def find_whole(case: CaseKey) -> str | None:
        whole = result.rules[case].part_of if case in result.rules else None
        return None if whole is None else whole.title

    return Verdict(
        verdict=result.outcome,
        exit_code=INTERRUPTED if result.interrupted else CODES[result.outcome],
        attributed_to=None if result.attributed_to is None else stage_of(result.attributed_to),
        seconds=round(result.seconds, 1),
        cases=tuple(
            CaseVerdict(
                **name(case),
                part_of=find_whole(case),
                **_describe(judgement),
                threshold_percent=percent.of(case),
                changes_percent=tuple(map(round_percent, result.changes.get(case, ()))),
            )
            for case, judgement in result.cases.items()
        ),
        base=base,
        head=head,
        notes=(*result.notes, *witness.notes),
        host_speeds=tuple(round(speed, 3) for speed in result.host_speeds),
        instructions=tuple(
            CaseCount(**name(case), **_describe_count(counted))
            for case, counted in witness.cases.items()
        ),
    )


def add_suite(verdict: Verdict, suite: Suite, *, require_all: bool) -> Verdict:
    """Return the verdict with what is to be said of the suite. require_all: whether what is gone leaves it inconclusive."""
    told = replace(verdict, one_sided=suite.one_sided, sources=suite.sources)
    if require_all and suite.one_sided and verdict.exit_code == GOOD:
        why = "--require-all: not every benchmark could be judged"
        return replace(
            told, verdict="inconclusive", exit_code=INCONCLUSIVE, notes=(why, *verdict.notes)
        )
    return told


def stage_of(case: CaseKey) -> str:
    """Return the stage of a case of a garage, whose rows are called OPERATION/STAGE."""
    return case.row.partition("/")[2]


def _describe(judgement: Judgement) -> dict[str, Any]:
    return {
        "verdict": judgement.outcome,
        "change_percent": round_percent(judgement.change) if judgement.generations else None,
        "low": round_percent(judgement.low),
        "high": round_percent(judgement.high),
        "generations": judgement.generations,
        "head_slower": judgement.head_slower,
    }


def _describe_count(counted: Counted) -> dict[str, Any]:
    return {
        "base": round(counted.base, 1),
        "head": round(counted.head, 1),
        "change_percent": round(counted.change_percent, 3),
    }


def round_percent(log: float | None) -> float | None:
    """Return a change in percent, as it is shown; None where it is unknown or without bound."""
    return None if log is None or math.isinf(log) else round(to_percent(log), 3)
