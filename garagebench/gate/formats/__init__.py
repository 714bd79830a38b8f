"""Result files of garagebench and of other tools as independent samples: a module for each format.

A module has KIND, the tool's name; `recognise(document)`, whether the JSON is of this tool; and `read(document)`, its
content. What is no case has a reason in its place, and the others are judged.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from garagebench.engine.contestant import combine
from garagebench.engine.files import KEY
from garagebench.engine.result import Result
from garagebench.errors import GarageError
from garagebench.gate.case import CaseKey
from garagebench.gate.formats import (
    asv,
    codspeed,
    google_benchmark,
    hyperfine,
    pyperf_suite,
    pytest_benchmark,
)
from garagebench.gate.formats.content import Content, show
from garagebench.gate.formats.environment import describe_features
from garagebench.gate.formats.reading import read_bytes, read_document
from garagebench.gate.samples import Sample, Samples, SamplesError, middle

FORMATS = (asv, hyperfine, codspeed, google_benchmark, pytest_benchmark, pyperf_suite)


def load_samples(
    path: str | Path, complete: Callable[[Result], Result] = lambda result: result
) -> Samples:
    """Read a file, plain or `.gz`. Raises SamplesError.

    complete: adds to a result of garagebench what files of before do not say.
    """
    content = read_bytes(path)
    digest = hashlib.sha256(content).hexdigest()
    document = read_document(path, content)
    del content  # which may be large
    for form in FORMATS:
        if form.recognise(document):
            return _load(path, digest, form, document, complete)
    kinds = ", ".join(form.KIND for form in FORMATS)
    if isinstance(document, dict) and document.get("benchmarks") == []:
        raise SamplesError(f"{show(str(path))}: holds no benchmarks")
    raise SamplesError(
        f"{show(str(path))}: not a result file of garagebench nor of one of these tools: {kinds}"
    )


def _load(
    path: str | Path,
    digest: str,
    form: Any,
    document: Any,
    complete: Callable[[Result], Result],
) -> Samples:
    if form is pyperf_suite and pyperf_suite.holds(document, KEY):
        del document
        try:
            return _load_result(path, digest, complete(Result.load(path)))
        except GarageError as error:
            raise SamplesError(str(error)) from None
    content: Content = form.read(document)
    if not content.found:
        raise SamplesError(f"{show(str(path))}: holds no benchmarks")
    known = describe_features(content.metadata)
    return _sort_out(path, digest, form.KIND, known, content)


def _load_result(path: str | Path, digest: str, result: Result) -> Samples:
    contestants = {one.name: one for one in result.contestants}
    content = Content()
    for row in result.rows():
        name = f"{row.contestant}/{row.name}"
        if row.status != "ok":
            content.add(name, f"{row.status}: {'; '.join(row.caveats)}")
            continue
        one = contestants[row.contestant]
        terms = next(terms for terms in one.rows if terms.name == row.name)
        values = tuple(middle(rounds) for rounds in combine(one.series, terms.isolated))
        reasons = () if one.problem is None else (one.problem.reason,)
        key = CaseKey(one.subject, one.runtime, row.name) if one.subject else None
        content.add(name, Sample(row.unit, values, (*one.caveats, *reasons), key, terms.is_judged))
    known = describe_features(
        {**result.environment, **one.environment} for one in result.contestants
    )
    return _sort_out(path, digest, "garagebench", known, content, *result.caveats)


def _sort_out(
    path: str | Path,
    digest: str,
    kind: str,
    known: dict[str, str],
    content: Content,
    *caveats: str,
) -> Samples:
    """Part what can be compared from what cannot."""
    found = {show(name): one for name, one in content.found.items()}
    left_out = {name: show(reason) for name, one in found.items() if (reason := _object(one))}
    cases = {
        name: one for name, one in found.items() if isinstance(one, Sample) and name not in left_out
    }
    environment = {feature: show(value) for feature, value in known.items()}
    return Samples(show(str(path)), kind, environment, cases, left_out, caveats, (digest,))


def _object(one: Sample | str) -> str | None:
    if isinstance(one, str):
        return one
    if not one.values:
        return "it has no values"
    if not all(map(math.isfinite, one.values)):
        return "one of its values is no number"
    if not all(value > 0 for value in one.values):
        return "its values are not all above 0, so that there is no change in percent"
    return None
