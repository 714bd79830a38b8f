"""Result files: pyperf suites, so that `python -m pyperf show` and `stats` read them.

Only what was measured directly is stored (pyperf takes no value at or below zero): one benchmark a series, one
run a generation, one value a round. What pyperf has no place for is JSON text under the metadata key "garagebench".
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyperf

from garagebench.engine.contestant import (
    DIGITS,
    SCHEMA,
    Conditions,
    Contestant,
    Problem,
    RowTerms,
    Series,
)
from garagebench.engine.schedule import Pace
from garagebench.errors import GarageError
from garagebench.system.interrupts import temporary_directory

KEY = "garagebench"


class ResultError(GarageError):
    """A result file cannot be written or read; the text names it."""


def check_path(path: str | Path) -> None:
    """Raise ResultError where a result could not be written there, before anything is measured for it."""
    path = Path(path)
    if not path.name.endswith((".json", ".json.gz")):
        raise ResultError(f"{path}: a result file ends in .json or .json.gz")
    check_place(path)


def check_place(path: Path) -> None:
    """Raise ResultError where no file could be written."""
    if path.is_dir():
        raise ResultError(f"{path}: is a directory")
    if not path.parent.is_dir():
        raise ResultError(f"{path}: there is no directory {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise ResultError(f"{path}: the directory {path.parent} cannot be written to")


def save(result: Mapping[str, Any], path: str | Path) -> None:
    """Write the fields of a Result; an existing file is replaced at once or not at all."""
    check_path(path)
    path = Path(path)
    text = json.dumps(_describe(result))
    benchmarks = [
        _benchmark(result["environment"], contestant, name, series, text)
        for contestant in result["contestants"]
        for name, series in contestant.series.items()
        if series
    ]
    if not benchmarks:
        raise ResultError(f"{path}: nothing was measured, so there is nothing to write")
    write_whole(path, lambda whole: pyperf.BenchmarkSuite(benchmarks).dump(str(whole)))


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside the path, which then takes its place; or leave all as it was. ResultError."""
    try:
        with temporary_directory(f".{path.name}.", path.parent) as directory:
            whole = directory / path.name
            write(whole)
            os.replace(whole, path)
    except OSError as error:
        raise ResultError(f"{path}: cannot be written: {error.strerror or error}") from None


def load(path: str | Path) -> dict[str, Any]:
    """Return the fields of the Result that `save` wrote."""
    try:
        suite = pyperf.BenchmarkSuite.load(str(path))
    except OSError as error:
        raise ResultError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error) as error:
        raise ResultError(f"{path}: cannot be read: {error}") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ResultError(
            f"{path}: not a pyperf suite, as `garagebench run --output` writes"
        ) from None
    text = suite.get_benchmarks()[0].get_metadata().get(KEY)
    if text is None:
        raise ResultError(f"{path}: a pyperf suite, but not written by garagebench")
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            raise ResultError(
                f"{path}: written by another version of garagebench (schema {data['schema']}, this one reads {SCHEMA})"
            )
        return _undescribe(data, suite)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ResultError(
            f"{path}: damaged: what garagebench wrote in it cannot be read: make the file anew"
        ) from None


def _describe(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return all but the series, of which only the names: a benchmark's own does not tell where one begins."""
    contestants = [
        {
            **asdict(contestant),
            "series": [name for name, series in contestant.series.items() if series],
        }
        for contestant in result["contestants"]
    ]
    conditions = result["conditions"]
    return {
        **result,
        "contestants": contestants,
        "conditions": None if conditions is None else asdict(conditions),
    }


def _undescribe(data: dict[str, Any], suite: Any) -> dict[str, Any]:
    benchmarks = {benchmark.get_name(): benchmark for benchmark in suite.get_benchmarks()}
    contestants = tuple(
        Contestant(
            name=one["name"],
            rows=tuple(map(_row, one["rows"])),
            series={name: _series(benchmarks[f"{one['name']}/{name}"]) for name in one["series"]},
            problem=None if one["problem"] is None else Problem(**one["problem"]),
            caveats=tuple(one["caveats"]),
            environment=one["environment"],
            row_names=None if one["row_names"] is None else tuple(one["row_names"]),
            answers=one["answers"],
            left_out=tuple(map(_row, one.get("left_out", ()))),  # files of before had none
            reference=one.get("reference"),  # likewise
            paces={name: Pace(*pace) for name, pace in one.get("paces", {}).items()},
            repeated=one.get("repeated", 0),
            subject=one.get("subject", ""),
            runtime=one.get("runtime", ""),
        )
        for one in data["contestants"]
    )
    return {
        **{name: data[name] for name in ("settings", "environment", "interrupted", "schema")},
        "contestants": contestants,
        "notes": tuple(data["notes"]),
        "conditions": _conditions(data.get("conditions")),
    }


def _row(data: Any) -> RowTerms:
    """Return a row from its fields; of one that was left out, files of before have the name alone."""
    return RowTerms(data, {}) if isinstance(data, str) else RowTerms(**data)


def _conditions(data: dict[str, Any] | None) -> Conditions | None:
    if data is None:
        return None
    return Conditions(
        **{**data, "first": tuple(data["first"]), "exchanged": tuple(data["exchanged"])}
    )


def _series(benchmark: Any) -> Series:
    factor = 1e9 if benchmark.get_unit() == "second" else 1
    return [[round(value * factor, DIGITS) for value in run.values] for run in benchmark.get_runs()]


def _benchmark(
    environment: Mapping[str, Any], contestant: Contestant, name: str, series: Series, text: str
) -> Any:
    in_bytes = any(row.unit == "bytes" and name in row.isolated for row in contestant.rows)
    metadata = {
        **environment,
        **contestant.environment,
        "name": f"{contestant.name}/{name}",
        "unit": "byte" if in_bytes else "second",
        KEY: text,
    }
    if in_bytes:
        metadata["duration"] = 0.0  # or pyperf would add the bytes up as seconds
    factor = 1 if in_bytes else 1e-9
    runs = [
        pyperf.Run([value * factor for value in rounds], metadata=metadata, collect_metadata=False)
        for rounds in series
    ]
    return pyperf.Benchmark(runs)
