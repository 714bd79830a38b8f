"""One verdict on the parts of a plan that several machines, or several jobs, have measured.

The error is that of one gate: a part holds each p-value to the level that it has among the cases of all parts, and here
Holm's procedure goes over all of them. Generations of several machines are one sample of strata: ranks are given within
each machine, so that no machine's size of change decides for another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from garagebench.gate.case import CaseKey, GateResult, attribute
from garagebench.gate.record import GENERATIONS, Record, RecordError
from garagebench.gate.state import look_at_all
from garagebench.stats.judge import Judgement, judge, overall, settle, signed_rank_test
from garagebench.stats.levels import ALPHA
from garagebench.stats.looks import plan_looks, single_look
from garagebench.stats.percent import to_log, to_percent


def check_parts(parts: Mapping[str, Record]) -> None:
    """See that the parts make up one plan, each exactly once. parts: file -> record. Raises RecordError."""
    (first_name, first), *others = parts.items()
    for name, part in others:
        for what, one, other in (
            ("base", first.plan.base, part.plan.base),
            ("head", first.plan.head, part.plan.head),
            ("settings", first.plan, part.plan),
            ("cases", first.all_cases, part.all_cases),
            ("number of parts", first.shard.of, part.shard.of),
            ("way to share them", first.shard.by, part.shard.by),
        ):
            if one != other:
                raise RecordError(f"{name}: of another plan than {first_name}: not the same {what}")
    known: dict[int, str] = {}
    for name, part in parts.items():
        before = known.setdefault(part.shard.number, name)
        if before != name:
            raise RecordError(f"{name}: part {part.shard.number} is there twice, also as {before}")
        if not part.is_whole:
            raise RecordError(f"{name}: was interrupted: `check --resume {name}` goes on with it")
    missing = [str(number) for number in range(1, first.shard.of + 1) if number not in known]
    if missing:
        raise RecordError(
            f"part{'s' * (len(missing) > 1)} {', '.join(missing)} of {first.shard.of} missing"
        )
    runs = {part.run for part in parts.values()}
    if len(runs) > 1:
        told = ", ".join(f"{name} of run {part.run}" for name, part in parts.items())
        raise RecordError(
            f"parts were measured again, or by different runs ({told}): a part that is repeated until it passes "
            "makes no verdict; measure all parts anew"
        )


def judge_parts(parts: Sequence[Record]) -> GateResult:
    """Return the verdict on all parts of a plan."""
    rules = {one.case: one.rule for part in parts for one in part.cases}
    wholes = parts[0].plan.thresholds.find_wholes(rules)
    by_generations = parts[0].shard.by == GENERATIONS
    judgements = _judge_strata(parts) if by_generations else _judge_cases(parts)
    notes = list(dict.fromkeys(note for part in parts for note in part.notes))
    if by_generations:
        judgements, told = _hear_machines(parts, judgements)
        notes = [*told, *notes]
    settled = settle(judgements, wholes)
    sizes_ns = {one.case: one.size_ns for part in parts for one in part.cases}
    return GateResult(
        overall([judgement.outcome for judgement in settled.values()]),
        settled,
        attribute(settled, sizes_ns, rules),
        sum(part.seconds for part in parts),
        tuple(notes),
        rules=rules,
        changes=_join_changes(parts),
    )


def _join_changes(parts: Sequence[Record]) -> dict[CaseKey, list[float]]:
    """Return what all parts have measured of each case."""
    changes: dict[CaseKey, list[float]] = {}
    for one in (case for part in parts for case in part.cases):
        changes.setdefault(one.case, []).extend(one.changes)
    return changes


def _judge_cases(parts: Sequence[Record]) -> dict[CaseKey, Judgement]:
    """Take the looks of all parts once more, over the cases of all."""
    plan = parts[0].plan
    thresholds = plan.thresholds
    cases = {one.case: one for part in parts for one in part.cases}
    wholes = thresholds.find_wholes({case: one.rule for case, one in cases.items()})
    judgements = {case: Judgement("inconclusive", 0.0, None, None, 0) for case in cases}
    still_open = list(cases)
    for look in plan_looks(plan.generations):
        # A part that ended early has no more to say; what it measured still counts among all.
        still_open = [case for case in still_open if len(cases[case].changes) >= look.generations]
        seen = {case: one.changes[: look.generations] for case, one in cases.items()}
        known = {case: values for case, values in seen.items() if values}
        if not known or not still_open:
            break
        still_open, _ = look_at_all(
            known, thresholds, judgements, still_open, wholes & known.keys(), look
        )
    return judgements


def _judge_strata(parts: Sequence[Record]) -> dict[CaseKey, Judgement]:
    """Look once, at the end, at the generations of all machines."""
    thresholds = parts[0].plan.thresholds
    strata = {
        case: [one.changes for part in parts for one in part.cases if one.case == case]
        for case in (one.case for one in parts[0].cases)
    }
    changes = _join_changes(parts)
    judgements = {case: Judgement("inconclusive", 0.0, None, None, 0) for case in changes}
    measured = {case: values for case, values in changes.items() if values}
    if not measured:
        return judgements
    # All have as many generations, but for a case that one of the machines could not measure.
    look = single_look(min(map(len, measured.values())))
    logs = {case: to_log(thresholds.of(case)) for case in measured}
    return {
        **judgements,
        **judge(measured, logs, look, strata={case: strata[case] for case in measured}),
    }


def _hear_machines(
    parts: Sequence[Record], judgements: Mapping[CaseKey, Judgement]
) -> tuple[dict[CaseKey, Judgement], list[str]]:
    """Return the judgements without a *not slower* that one machine's own generations speak against, and what is to be said."""
    thresholds = parts[0].plan.thresholds
    heard, notes = dict(judgements), []
    for case, judgement in judgements.items():
        log = to_log(thresholds.of(case))
        own = [
            one.changes for part in parts for one in part.cases if one.case == case and one.changes
        ]
        says_slower = any(
            median(values) >= log and signed_rank_test(values) <= ALPHA / len(judgements)
            for values in own
        )
        middles = [median(values) for values in own]
        if says_slower and judgement.outcome == "not slower":
            heard[case] = replace(judgement, outcome="inconclusive")
        if says_slower and min(middles) < log:
            told = ", ".join(
                f"{to_percent(middle):+.1f} % on part {part.shard.number} ({part.machine})"
                for part, middle in zip(parts, middles, strict=False)
            )
            notes.append(f"the machines disagree on {case.title}: {told}")
    return heard, notes
