"""Independent samples: one value for each process, so that runs are what is counted.

Values within one process share its memory layout, hash seed and hour; pooled as if they were independent, they
make an interval that covers 0.73 to 0.81 instead of 0.95.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from garagebench.errors import GarageError
from garagebench.gate.case import CaseKey

ONE_PROCESS = "all rounds are of one process and not independent: they count as one run"


class SamplesError(GarageError):
    """A file holds no results that can be compared; the text names it."""


@dataclass(frozen=True)
class Sample:
    """One case: a value above 0 for each independent run (process or generation), the median within it.

    key: what it is a case of; None: another tool's, which has only its name. is_judged: whether it says anything of a change.
    """

    unit: str
    values: tuple[float, ...]
    caveats: tuple[str, ...] = ()
    key: CaseKey | None = None
    is_judged: bool = True


@dataclass(frozen=True)
class Samples:
    """One file of results, or several that count as one. kind: the tool that wrote them.

    left_out: case -> why it is not in `cases`. caveats: what a reader of any case should know. digests: of each file.
    """

    path: str
    kind: str
    environment: Mapping[str, str]
    cases: Mapping[str, Sample]
    left_out: Mapping[str, str]
    caveats: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()


def pool(files: Sequence[Samples]) -> Samples:
    """Return the files of one side as one: each case has the runs of all. Raises SamplesError.

    A case that one of them lacks has fewer runs, and one that is in different units is left out.
    """
    first = files[0]
    digests = _check_files(files)
    cases: dict[str, Sample] = {}
    left_out: dict[str, str] = {}
    environment: dict[str, dict[str, None]] = {}
    for one in files:
        for feature, value in one.environment.items():
            environment.setdefault(feature, {})[value] = None
        for name, sample in one.cases.items():
            before = cases.setdefault(name, replace(sample, values=()))
            if before.unit != sample.unit:
                left_out[name] = f"it is in {before.unit} and in {sample.unit}"
            cases[name] = replace(before, values=before.values + sample.values)
    for one in files:
        left_out = {**one.left_out, **left_out}
    more = f" and {len(files) - 1} more" * (len(files) > 1)
    return Samples(
        f"{first.path}{more}",
        first.kind,
        {feature: ", ".join(values) for feature, values in environment.items()},
        {name: one for name, one in cases.items() if name not in left_out},
        left_out,
        tuple(dict.fromkeys(caveat for one in files for caveat in one.caveats)),
        digests,
    )


def _check_files(files: Sequence[Samples]) -> tuple[str, ...]:
    """Return the digests of files that may be pooled: of one tool, none of them twice. Raises SamplesError."""
    first = files[0]
    known: dict[str, str] = {}
    for one in files:
        if one.kind != first.kind:
            raise SamplesError(
                f"{first.path} is of {first.kind}, {one.path} of {one.kind}: the files of one side are of one tool"
            )
        for digest in one.digests:
            if digest in known:
                raise SamplesError(
                    f"{known[digest]} and {one.path} are the same file: a run counts once"
                )
            known[digest] = one.path
    return tuple(known)


def match_cases(base: Samples, head: Samples) -> list[str]:
    """Return the cases that both files have, in the same unit, in the order of base."""
    return [
        name
        for name, sample in base.cases.items()
        if name in head.cases and head.cases[name].unit == sample.unit
    ]


def describe_differences(base: Mapping[str, str], head: Mapping[str, str]) -> list[str]:
    """Return a sentence for each part of two environments that differs; what one of them lacks is unknown there."""
    return [
        f"{feature} differs: {base.get(feature, 'unknown')} in the base, {head.get(feature, 'unknown')} in the head"
        for feature in {**base, **head}
        if base.get(feature) != head.get(feature)
    ]


def middle(values: Sequence[float]) -> float:
    """Return the median; nan, which no case may have, where a value is no number."""
    return median(values) if values and all(map(math.isfinite, values)) else math.nan
