"""Result files of three tools as independent samples: one value for each process, so that runs are what is counted.

Values within one process share its memory layout, hash seed and hour; pooled as if they were independent, they
make an interval that covers 0.73 to 0.81 instead of 0.95.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from garagebench.engine.contestant import combine
from garagebench.engine.files import KEY
from garagebench.engine.result import Result
from garagebench.engine.suites import describe_features, load_benchmarks
from garagebench.errors import GarageError
from garagebench.gate.case import CaseKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

#: pyperf's units -> ours, and the factor; any other unit stays as it is.
UNITS = {"second": ("ns", 1e9), "byte": ("bytes", 1)}

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
    """A file of results. kind: "garagebench", "pyperf" or "pytest-benchmark".

    left_out: case -> why it is not in `cases`. caveats: what a reader of any case should know.
    """

    path: str
    kind: str
    environment: Mapping[str, str]
    cases: Mapping[str, Sample]
    left_out: Mapping[str, str]
    caveats: tuple[str, ...] = ()


Found = dict[str, "Sample | str"]  # a case, or why there is none


def load_samples(
    path: str | Path, complete: Callable[[Result], Result] = lambda result: result
) -> Samples:
    """Read a file of garagebench, pyperf or pytest-benchmark, plain or `.gz`. Raises SamplesError.

    complete: adds to a result what files of before do not say.
    """
    document = _read(path)
    kind = _kind(document)
    if kind is None:
        raise SamplesError(
            f"{path}: neither a pyperf suite (garagebench writes them, too) nor JSON of pytest-benchmark"
        )
    if not document["benchmarks"]:
        raise SamplesError(f"{path}: holds no benchmarks")
    try:
        if kind == "pytest-benchmark":
            return _load_rounds(str(path), document)
        benchmarks = load_benchmarks(str(path))
        if any(KEY in one.metadata for one in benchmarks):
            return _load_result(str(path), complete(Result.load(path)))
        return _load_suite(str(path), benchmarks)
    except GarageError as error:
        raise SamplesError(str(error)) from None
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise SamplesError(f"{path}: damaged: {type(error).__name__}: {error}") from None


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


def _read(path: str | Path) -> Any:
    opened = gzip.open if str(path).endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            return json.load(file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SamplesError(f"{path}: damaged: {error}") from None
    except OSError as error:
        raise SamplesError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise SamplesError(f"{path}: not JSON: {error}") from None


def _kind(document: Any) -> str | None:
    """Tell a pyperf suite from pytest-benchmark's JSON: both are lists of benchmarks and a version."""
    if not isinstance(document, dict) or not isinstance(document.get("benchmarks"), list):
        return None
    benchmarks = [one for one in document["benchmarks"] if isinstance(one, dict)]
    if any("stats" in one for one in benchmarks):
        return "pytest-benchmark"
    if not document["benchmarks"] or any("runs" in one for one in benchmarks):
        return "pyperf"
    return None


def _load_suite(path: str, benchmarks: Sequence[Any]) -> Samples:
    found: Found = {}
    for one in benchmarks:
        unit, factor = UNITS.get(one.unit, (one.unit, 1))
        found[one.name] = Sample(unit, tuple(factor * _middle(run) for run in one.runs))
    return _sort_out(path, "pyperf", describe_features(one.metadata for one in benchmarks), found)


def _load_result(path: str, result: Result) -> Samples:
    contestants = {one.name: one for one in result.contestants}
    found: Found = {}
    for row in result.rows():
        name = f"{row.contestant}/{row.name}"
        if row.status != "ok":
            found[name] = f"{row.status}: {'; '.join(row.caveats)}"
            continue
        one = contestants[row.contestant]
        terms = next(terms for terms in one.rows if terms.name == row.name)
        values = tuple(_middle(rounds) for rounds in combine(one.series, terms.isolated))
        reasons = () if one.problem is None else (one.problem.reason,)
        key = CaseKey(one.subject, one.runtime, row.name) if one.subject else None
        found[name] = Sample(row.unit, values, (*one.caveats, *reasons), key, terms.is_judged)
    known = describe_features(
        {**result.environment, **one.environment} for one in result.contestants
    )
    return _sort_out(path, "garagebench", known, found, *result.caveats)


def _load_rounds(path: str, document: Any) -> Samples:
    found: Found = {}
    for one in document["benchmarks"]:
        name = one["fullname"]
        if name in found:
            raise SamplesError(f"{path}: damaged: it has two benchmarks {name}")
        stats = one["stats"]
        # Rounds are there only if they were saved with --benchmark-save-data; their median always is.
        rounds_s = stats.get("data") or [stats["median"]]
        found[name] = Sample("ns", (1e9 * _middle(rounds_s),), (ONE_PROCESS,))
    # A hook may put anything there, and leave anything out.
    machine = document.get("machine_info") or {}
    system = [machine[key] for key in ("system", "release", "machine") if machine.get(key)]
    metadata = {
        **{key: value for key, value in machine.items() if key.startswith("python_")},
        "cpu_model_name": machine.get("cpu", {}).get("brand_raw"),
        "platform": "-".join(system),
        "pytest-benchmark_version": document.get("version"),
    }
    return _sort_out(path, "pytest-benchmark", describe_features([metadata]), found)


def _sort_out(path: str, kind: str, known: dict[str, str], found: Found, *caveats: str) -> Samples:
    """Part what can be compared from what cannot."""
    left_out = {name: reason for name, one in found.items() if (reason := _objection(one))}
    cases = {
        name: one for name, one in found.items() if isinstance(one, Sample) and name not in left_out
    }
    return Samples(path, kind, known, cases, left_out, caveats)


def _objection(one: Sample | str) -> str | None:
    if isinstance(one, str):
        return one
    if not one.values:
        return "it has no values"
    if not all(0 < value < math.inf for value in one.values):
        return "its values are not all above 0, so that there is no change in percent"
    return None


def _middle(values: Sequence[float]) -> float:
    """Return the median; nan, which no case may have, where a value is no number."""
    return median(values) if all(map(math.isfinite, values)) else math.nan
