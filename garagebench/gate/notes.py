"""What a gate says beside its verdict: what would decide what is open, and what a reader should know."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from garagebench.gate.case import CaseKey, Thresholds
from garagebench.stats.judge import SOME_PROCESSES, Judgement, generations_needed
from garagebench.stats.looks import plan_looks
from garagebench.stats.percent import to_log

#: What is said to be a sufficient budget is so much more than the figures of this run ask for.
MARGIN = 1.2

#: Cases that are named in one note, at most.
MOST_NAMED = 5

#: A longer budget is not worth naming: nobody waits for it.
MOST_BUDGET_S = 1800.0


def describe_undecided(
    undecided: Mapping[CaseKey, Judgement],
    thresholds: Thresholds,
    elapsed_s: float,
    *,
    by_generations: bool,
) -> str:
    """Return what would decide these cases, or that nothing would. by_generations: the gate was told how many."""
    highs = {
        case: math.inf if judgement.high is None else judgement.high
        for case, judgement in undecided.items()
    }
    worst = sorted(undecided, key=highs.__getitem__, reverse=True)
    more = f" and {len(worst) - MOST_NAMED} more" * (len(worst) > MOST_NAMED)
    listed = f"{list_cases(worst[:MOST_NAMED])}{more}"
    needed = [
        generations_needed(judgement, to_log(thresholds.of(case)))
        for case, judgement in undecided.items()
    ]
    wanted = None if None in needed else max(number or 0 for number in needed)
    looks = plan_looks()
    done = max(1, *(judgement.generations for judgement in undecided.values()))
    enough = next(
        (
            look.generations
            for look in looks
            if wanted is not None and look.generations >= wanted and look.generations > done
        ),
        None,
    )
    budget_s = None if enough is None else math.ceil(MARGIN * elapsed_s * enough / done)
    if budget_s is None or budget_s > MOST_BUDGET_S:
        return (
            f"undecided: {listed}: too close to the threshold for any time to tell; another --max-slowdown would "
            "decide it"
        )
    do = f"--generations {enough}" if by_generations else f"--budget {budget_s}"
    return (
        f"undecided: {listed}: the intervals are too wide after {done} generations; {do} would do"
    )


def describe_too_short(limit_s: float, elapsed_s: float) -> str:
    """Return what time it takes, where after screening there was none for a single look."""
    first = plan_looks()[0].generations
    budget_s = math.ceil(MARGIN * (1 + first) * elapsed_s)
    return (
        f"a budget of {limit_s:g} s is too small: screening took {elapsed_s:.1f} s, and a verdict takes {first} "
        f"generations; --budget {budget_s} would do"
    )


def describe_repeats(repeated: Mapping[str, int], slices: int) -> Iterator[str]:
    """Say how many pairs were measured again because a worker waited for its core, if any. repeated: side -> how many."""
    if any(repeated.values()):
        told = ", ".join(f"{side} {count}" for side, count in repeated.items())
        yield f"measured again because a worker waited for its core: {told} of {slices} pairs of slices"


def describe_some_processes(judgements: Mapping[CaseKey, Judgement]) -> Iterator[str]:
    """Say of a case that is not slower in the middle that it is in some processes, if so."""
    for case, judgement in judgements.items():
        if (
            judgement.outcome == "not slower"
            and judgement.above > SOME_PROCESSES * judgement.generations
        ):
            yield (
                f"{case.row}: in {judgement.above} of {judgement.generations} generations the change is above the "
                "threshold: code can be slow in some processes only (hash seed, memory layout)"
            )


def list_cases(cases: Sequence[CaseKey]) -> str:
    """Return the names of the cases, with the subject where there are several."""
    several = len({(case.subject, case.runtime) for case in cases}) > 1
    return ", ".join(case.title if several else case.row for case in cases)
