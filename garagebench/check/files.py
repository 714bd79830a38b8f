"""Result files as a side of a comparison: two of them, or a committed one against a run of now."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from garagebench.check.revisions import (
    CheckSettings,
    WrongHead,
    load_head,
    make_refusal,
)
from garagebench.check.verdict import (
    CODES,
    CaseVerdict,
    Verdict,
    make_verdict,
    round_percent,
    stage_of,
)
from garagebench.engine import Contestant, Progress, Result
from garagebench.gate.case import (
    CaseKey,
    GateResult,
    Rule,
    Thresholds,
    attribute,
    make_rule,
)
from garagebench.gate.changes import measure_size
from garagebench.gate.files import compare_files, judge_independent
from garagebench.gate.formats import load_samples
from garagebench.gate.samples import pool
from garagebench.gate.trees.git import NotComparable
from garagebench.run import experiment
from garagebench.run.recipes import Recipe
from garagebench.run.recorded import SettingsError, read_settings
from garagebench.run.rules import complete
from garagebench.stats.judge import Judgement, overall, settle
from garagebench.stats.ranks import Change

#: What of a machine the ratio of two implementations depends on, in the file and in a contestant's environment.
MACHINE = "cpu_model_name"
INTERPRETER = ("python_implementation", "python_version", "pypy_version")

HEAD = "a run of now"

ANEW = "make it anew, `garagebench run --impl NAME --output FILE`"


def check_against_file(
    settings: CheckSettings, *, on_progress: Callable[[Progress], None] = lambda _: None
) -> Verdict:
    """Measure as the file `settings.base` was, and judge each case's ratio to the reference of the same run."""
    path = Path(settings.base)
    begin = time.monotonic()
    base = complete(Result.load(path))
    try:
        wanted = make_settings(base, settings)
        for entrant in experiment.Experiment(wanted).enter()[0]:
            load_head(entrant.python, entrant.target, f"{entrant.name}:")
        found = judge_ratios(base, experiment.run(wanted, on_progress=on_progress), settings)
    except (NotComparable, WrongHead) as error:
        return make_refusal(error, str(path), HEAD)
    found = replace(found, seconds=time.monotonic() - begin)
    return make_verdict(found, str(path), HEAD, thresholds=settings.thresholds)


def make_settings(base: Result, settings: CheckSettings) -> experiment.RunSettings:
    """Return the settings of the base's run, with the implementations and the budget of this one; no cold starts."""
    try:
        recorded = read_settings(base)
    except SettingsError:
        raise NotComparable(
            f"{settings.base} is of garagebench.measure: make one with `garagebench run --output`"
        ) from None
    if "processes" in recorded:
        raise NotComparable(
            f"{settings.base} is of run --processes, which has no stages to measure again: make one without it"
        )
    variants = recorded.get("variants", {})
    spaces = recorded["spaces"]
    is_scaled = recorded["layout_label"].endswith(f"-{spaces}")
    served = recorded.get("served", {})  # of servers nothing is judged
    stages = {
        stage
        for one in base.contestants
        if one.name not in served
        for operation, _, stage in (row.name.partition("/") for row in one.rows)
        if operation != "start"
    }
    if served and not stages:
        raise NotComparable(
            f"{settings.base} has figures over HTTP alone, which are not judged: make one without --stage http"
        )
    impls = settings.impls or tuple(
        impl for impl in recorded["impls"] if variants or impl != experiment.REFERENCE
    )
    if not impls:
        raise NotComparable(
            f"{settings.base} has the reference alone: a ratio takes another implementation"
        )
    labels = {impl for impl, _ in recorded["contestants"].values()}
    for label in (Recipe(impl, variants).label for impl in impls):
        if label not in labels:
            raise NotComparable(f"{settings.base} has no figures of {label}: {ANEW}")
    return experiment.RunSettings(
        impls,
        tuple(recorded["runtimes"]),
        recorded["layout"],
        stages=tuple(sorted(stages)),
        budget_s=settings.limit.seconds,
        generations=settings.limit.generations,
        workload=recorded["workload"],
        operation=recorded["operation"],
        seed=recorded["seed"],
        spaces=spaces if is_scaled else None,
        variants=variants,
    )


def judge_ratios(base: Result, head: Result, settings: CheckSettings) -> GateResult:
    """Judge every case that both have. Raises NotComparable."""
    day = base.environment.get("date", "an unknown day")[:10]
    notes = [f"compared are ratios to {base.reference.name}, each of its own run; base is of {day}"]
    samples: dict[CaseKey, tuple[list[float], list[float]]] = {}
    sizes_ns: dict[CaseKey, float] = {}
    rules: dict[CaseKey, Rule] = {}
    for before, now in _match(base, head, settings):
        notes += dict.fromkeys(now.caveats)
        heads, bases = head.log_ratios(now), base.log_ratios(before)
        for terms in before.rows:
            if terms.is_judged and bases[terms.name] and heads.get(terms.name):
                case = CaseKey(before.subject, before.runtime, terms.name)
                samples[case] = bases[terms.name], heads[terms.name]
                sizes_ns[case] = measure_size(before, terms)
                rules[case] = make_rule(case, terms)
    others = describe_machines(base, head)
    trusted = settings.trust_other_machine or not others
    judgements = _judge(samples, settings.thresholds, is_trusted=trusted)
    fix = " (--trust-other-machine judges all the same)"
    notes += [f"{other}{'' if settings.trust_other_machine else fix}" for other in others]
    notes += [
        f"the threshold of {key} concerns no case that is judged"
        for key in settings.thresholds.unused(samples)
    ]
    few = [case for case, found in judgements.items() if found.low is None]
    if few:
        notes.append("too few generations for an interval: a larger --budget, here or for the base")
    judgements = settle(judgements, settings.thresholds.find_wholes(rules))
    outcome = (
        overall([judgement.outcome for judgement in judgements.values()])
        if trusted
        else "inconclusive"
    )
    return GateResult(
        outcome,
        judgements,
        attribute(judgements, sizes_ns, rules),
        0.0,
        tuple(notes),
        head.interrupted,
        rules,
    )


def describe_machines(base: Result, head: Result) -> list[str]:
    """Return a sentence for each respect in which the two machines differ so that ratios may, too."""
    pairs = [("the processor", base.environment.get(MACHINE), head.environment.get(MACHINE))]
    known = {one.name: one.environment for one in base.contestants}
    for one in head.contestants:
        before = known.get(one.name, {})
        pairs += [
            (f"{key} of {one.name}", before.get(key), one.environment.get(key))
            for key in INTERPRETER
        ]
    return [
        f"{what} is another one: {before or 'unknown'} in the base, {now or 'unknown'} here"
        for what, before, now in pairs
        if before != now
    ]


def compare_sets_of_files(
    bases: Sequence[Path], heads: Sequence[Path], thresholds: Thresholds
) -> Verdict:
    """Judge the result files of two sides; offline, so that the figures stand under a caveat. Raises SamplesError."""
    base, head = (pool([load_samples(path, complete) for path in side]) for side in (bases, heads))
    compared = compare_files(base, head, thresholds)
    outcome = overall([outcome for outcome, _ in compared.cases.values()])
    return Verdict(
        verdict=outcome,
        exit_code=CODES[outcome],
        attributed_to=None,
        seconds=0.0,
        cases=tuple(
            _make_case(name, compared.keys[name], outcome, change, thresholds)
            for name, (outcome, change) in compared.cases.items()
        ),
        base=base.path,
        head=head.path,
        notes=compared.notes,
    )


def _match(
    base: Result, head: Result, settings: CheckSettings
) -> Iterator[tuple[Contestant, Contestant]]:
    known = {one.name: one for one in base.contestants}
    for one in head.contestants:
        if one.problem is not None:
            raise NotComparable(f"head of {one.name}: {one.problem.reason}")
        before = known.get(one.name)
        if before is None or before.problem is not None:
            raise NotComparable(f"{settings.base} has no figures of {one.name}: {ANEW}")
        shared = before.answers.keys() & one.answers.keys()
        differing = sorted(case for case in shared if before.answers[case] != one.answers[case])
        if differing and not settings.allow_different_answers:
            raise NotComparable(
                f"{one.name} answers differently from when {settings.base} was made, in {', '.join(differing)}; "
                "--allow-different-answers compares them all the same"
            )
        if one.name != head.reference.name:
            yield before, one


def _judge(
    samples: Mapping[CaseKey, tuple[list[float], list[float]]],
    thresholds: Thresholds,
    *,
    is_trusted: bool,
) -> dict[CaseKey, Judgement]:
    judgements = {}
    for case, logs in samples.items():
        base, head = ([math.exp(log) for log in side] for side in logs)
        outcome, change = judge_independent(base, head, thresholds.of(case), len(samples))
        judgements[case] = Judgement(
            outcome if is_trusted else "inconclusive",
            change.change,
            change.low,
            change.high,
            min(map(len, logs)),
        )
    return judgements


def _make_case(
    name: str, case: CaseKey, outcome: str, change: Change, thresholds: Thresholds
) -> CaseVerdict:
    is_garage = bool(case.subject)
    return CaseVerdict(
        case=case.title if is_garage else name,
        impl=case.subject or name,
        runtime=case.runtime or None,
        operation=case.row.partition("/")[0] if is_garage else None,
        stage=stage_of(case) if is_garage else None,
        verdict=outcome,
        change_percent=round_percent(change.change),
        low=round_percent(change.low),
        high=round_percent(change.high),
        threshold_percent=thresholds.of(case),
    )
