"""Any pyperf suite, ours or not, as plain values: for whoever compares files and knows nothing of pyperf."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyperf

from garagebench.engine.files import ResultError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: What figures depend on, and pyperf's word for it. The interpreter is put together; packages end in "_version".
FEATURES = {
    "processor": "cpu_model_name",
    "platform": "platform",
    "python compiler": "python_compiler",
    "pyperf": "perf_version",
}


@dataclass(frozen=True)
class Benchmark:
    """One benchmark of a suite. unit: pyperf's ("second", "byte", "integer").

    runs: the values of each process, in that unit; processes that only calibrated have none and are not here.
    """

    name: str
    unit: str
    runs: tuple[tuple[float, ...], ...]
    metadata: Mapping[str, Any]


def load_benchmarks(path: str | Path) -> tuple[Benchmark, ...]:
    """Read a suite, plain or `.gz`, in any format that pyperf knows. Raises ResultError."""
    try:
        suite = pyperf.BenchmarkSuite.load(str(path))
        return tuple(_plain(benchmark) for benchmark in suite.get_benchmarks())
    except (OSError, EOFError, zlib.error) as error:
        raise ResultError(f"{path}: cannot be read: {error}") from None
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ResultError(f"{path}: not a pyperf suite: {error}") from None


def _plain(benchmark: Any) -> Benchmark:
    runs = tuple(tuple(run.values) for run in benchmark.get_runs() if run.values)
    return Benchmark(benchmark.get_name(), benchmark.get_unit(), runs, benchmark.get_metadata())


def describe_features(metadata: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return what figures depend on, with its value; where the parts of a file differ, all that occurs."""
    seen: dict[str, set[str]] = {}
    for one in metadata:
        for feature, value in _features(one):
            seen.setdefault(feature, set()).add(value)
    return {feature: ", ".join(sorted(values)) for feature, values in seen.items()}


def _features(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    implementation, version = (
        metadata.get(f"python_{key}") for key in ("implementation", "version")
    )
    known = {feature: metadata.get(key) for feature, key in FEATURES.items()}
    if implementation and version:
        # pyperf writes "cpython" and "3.11.7 (64-bit)", the others "CPython" and "3.11.7".
        known["python"] = f"{implementation.lower()} {version.removesuffix(' (64-bit)')}"
    for key, value in metadata.items():
        if key.endswith("_version") and not key.startswith(("python_", "perf_")):
            known[key.removesuffix("_version")] = value
    return ((feature, str(value)) for feature, value in known.items() if value)
