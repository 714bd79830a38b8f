"""Two result files, judged. They share no rounds: what the host did between them stands in the figures, too."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from garagebench.gate.case import CaseKey, Thresholds
from garagebench.gate.samples import Samples, describe_differences, match_cases
from garagebench.stats.judge import Outcome
from garagebench.stats.levels import ALPHA, CONFIDENCE, format_level
from garagebench.stats.percent import to_log
from garagebench.stats.ranks import LEAST_RUNS, Change, compare_samples, interval_rank

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NO_SHARED_ROUNDS = (
    "files from different runs share no rounds: a host that changed speed between them looks like a change of the "
    "code; compare two revisions live where you can"
)

SEVERAL_FILES = "; a file of this tool is one run: compare several, FILE... --against FILE..."


@dataclass(frozen=True)
class FilesCompared:
    """Case -> (outcome, change), by its name in the files, of which `keys` says what it is; notes: what a reader should know."""

    cases: Mapping[str, tuple[Outcome, Change]]
    keys: Mapping[str, CaseKey]
    notes: tuple[str, ...]


def compare_files(base: Samples, head: Samples, thresholds: Thresholds) -> FilesCompared:
    """Judge every case that both files have; slower by mistake with at most ALPHA, all cases together."""
    names = [name for name in match_cases(base, head) if head.cases[name].is_judged]
    # The name of another tool's case is all that there is to it.
    keys = {name: head.cases[name].key or CaseKey("", "", name) for name in names}
    cases = {
        name: judge_independent(
            base.cases[name].values, head.cases[name].values, thresholds.of(key), len(names)
        )
        for name, key in keys.items()
    }
    notes = [NO_SHARED_ROUNDS, *describe_differences(base.environment, head.environment)]
    if not names:
        notes.insert(0, f"{base.path} and {head.path} have no case in common")
    notes += _describe_unmatched(base, head)
    few = [name for name in names if not _is_bounded(base, head, name)]
    if few:
        notes.append(
            f"too few runs for an interval: {', '.join(few)}; at {format_level(CONFIDENCE)} it takes "
            f"{_least_runs(CONFIDENCE)} on each side{SEVERAL_FILES * _is_of_one_process(base, few)}"
        )
    notes += _describe_unconfirmable(base, head, cases)
    notes += [
        f"the threshold of {key} concerns no case that is judged"
        for key in thresholds.unused(keys.values())
    ]
    for side in (base, head):
        notes += [f"{side.path}: {caveat}" for caveat in side.caveats]
        notes += [f"{side.path}: {name} left out: {why}" for name, why in side.left_out.items()]
    return FilesCompared(cases, keys, tuple(notes))


def _describe_unmatched(base: Samples, head: Samples) -> Iterator[str]:
    """Yield what is in one file only, or in another unit: it is not judged, and must not be missed in silence."""
    for side, other in ((base, head), (head, base)):
        only = [name for name in side.cases if name not in {**other.cases, **other.left_out}]
        if only:
            yield f"in {side.path} only, and so not judged: {', '.join(only)}"
    for name in base.cases.keys() & head.cases.keys():
        units = base.cases[name].unit, head.cases[name].unit
        if units[0] != units[1]:
            yield f"not judged: {name} is in {units[0]} in the base and in {units[1]} in the head"


def _describe_unconfirmable(
    base: Samples, head: Samples, cases: Mapping[str, tuple[Outcome, Change]]
) -> Iterator[str]:
    """Say how many runs it takes before any of so many cases could be called slower, where there are too few."""
    confidence = _strict(len(cases)) if cases else 0.0
    few = [
        name
        for name, (outcome, _) in cases.items()
        if outcome == "inconclusive"
        and not interval_rank(
            len(base.cases[name].values), len(head.cases[name].values), confidence
        )
    ]
    if few:
        least = _least_runs(confidence)
        yield (
            f"too few runs to call anything slower: {', '.join(few)}; to judge {len(cases)} at once it takes {least} "
            "on each side"
        )


def _least_runs(confidence: float) -> int:
    """Return how many runs it takes on each side."""
    return next(runs for runs in count(LEAST_RUNS) if interval_rank(runs, runs, confidence))


def _strict(cases: int) -> float:
    """Return the confidence of each of so many cases. Bonferroni: no more than ALPHA over all, whichever one looks at."""
    return 1 - 2 * ALPHA / cases


def judge_independent(
    base: Sequence[float], head: Sequence[float], threshold: float, cases: int
) -> tuple[Outcome, Change]:
    """Judge one of so many cases from values above 0, one for each independent run. threshold: in percent."""
    limit = to_log(threshold)
    strict = compare_samples(base, head, _strict(cases))
    if strict.low is not None and strict.low > 0 and strict.change >= limit:
        return "slower", strict
    change = compare_samples(base, head, CONFIDENCE)
    below = change.high is not None and change.high < limit
    return ("not slower" if below else "inconclusive"), change


def _is_of_one_process(base: Samples, names: Sequence[str]) -> bool:
    """Tell whether a file can have only one run of these, so that more runs take more files."""
    return any(base.cases[name].caveats for name in names)


def _is_bounded(base: Samples, head: Samples, name: str) -> bool:
    counts = len(base.cases[name].values), len(head.cases[name].values)
    return min(counts) >= LEAST_RUNS and interval_rank(*counts, CONFIDENCE) > 0
