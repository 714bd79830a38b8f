"""`garagebench run`: what it prints and writes."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import QUICK, ROOT, Garagebench, SettingsOf, WholeRun, rows_of

from garagebench.run.experiment import Experiment

CLASSIC = ["lists", "numpy", "numba", "pypy"]

#: As DESIGN.md fixes them.
REPORT_KEYS = ["schema", "environment", "settings", "caveats", "rows"]
ROW_KEYS = [
    "impl",
    "runtime",
    "layout",
    "workload",
    "server",
    "operation",
    "stage",
    "unit",
    "status",
    "median",
    "low",
    "high",
    "in_context",
    "reference",
    "ratio",
    "ratio_low",
    "ratio_high",
    "caveats",
    "case",
]
STAGES = {
    "park": [
        "validate",
        "sequence",
        "assignment",
        "floor_lookup",
        "encode",
        "total",
        "unattributed",
    ],
    "unpark": ["validate", "space_lookup", "release", "encode", "total", "unattributed"],
}
NUMBERS = ["median", "low", "high", "in_context", "ratio", "ratio_low", "ratio_high"]


def test_json_is_one_object_with_the_fixed_keys(whole: WholeRun) -> None:
    """JSON on standard output is one object, with these keys in this order and no other."""
    assert list(whole.report) == REPORT_KEYS
    assert whole.report["schema"] == 1


def test_json_rows_have_the_fixed_keys(whole: WholeRun) -> None:
    """Every row has these keys in this order and no other."""
    assert {tuple(row) for row in whole.rows} == {tuple(ROW_KEYS)}


@pytest.mark.parametrize("impl", CLASSIC)
@pytest.mark.parametrize("operation", STAGES)
def test_every_stage_of_every_implementation_is_there(
    whole: WholeRun, request: pytest.FixtureRequest, impl: str, operation: str
) -> None:
    """Each of the four has every stage of both operations, measured, in the order of the request."""
    if impl == "pypy":
        request.getfixturevalue("pypy")
    rows = [row for row in whole.rows if (row["impl"], row["operation"]) == (impl, operation)]
    assert [row["stage"] for row in rows] == STAGES[operation]
    assert [row["stage"] for row in rows if row["status"] != "ok" or row["median"] is None] == []


@pytest.mark.parametrize("impl", CLASSIC)
def test_a_cold_start_is_told_in_parts(
    whole: WholeRun, request: pytest.FixtureRequest, impl: str
) -> None:
    """Operation `start` has import, first request and peak memory in bytes; only numba has something to compile."""
    if impl == "pypy":
        request.getfixturevalue("pypy")
    units = {
        row["stage"]: row["unit"]
        for row in whole.rows
        if (row["impl"], row["operation"]) == (impl, "start")
    }
    assert {"import": "ns", "first_request": "ns", "peak_memory": "bytes"}.items() <= units.items()
    assert ("compile" in units) == (impl == "numba")


def test_ratios_refer_to_lists_on_this_interpreter(whole: WholeRun) -> None:
    """Every row with a ratio names lists on this interpreter as its reference; that of lists itself is 1."""
    runtime = f"cpython{sys.version_info.major}.{sys.version_info.minor}"
    with_ratio = [row for row in whole.rows if row["ratio"] is not None]
    assert {row["reference"] for row in with_ratio} == {f"lists@{runtime}"}
    assert {row["ratio"] for row in with_ratio if row["impl"] == "lists"} == {1.0}


def test_what_is_unknown_is_null(whole: WholeRun) -> None:
    """What is not known is null and never 0; a row without an interval says why it has none."""
    measured = [row for row in whole.rows if row["stage"] != "unattributed"]
    assert [row for row in measured if 0 in [row[key] for key in NUMBERS]] == []
    for row in whole.rows:
        reason = [caveat for caveat in row["caveats"] if "no interval" in caveat]
        assert (row["low"] is None, row["high"] is None) == (bool(reason), bool(reason))


def test_what_was_measured_is_told_with_the_numbers(whole: WholeRun) -> None:
    """The JSON has the settings in full, and the machine with the versions of all that took part."""
    settings, environment = whole.report["settings"], whole.report["environment"]
    assert settings["impls"] == CLASSIC
    assert (settings["layout"], settings["spaces"]) == ("seed", 140)
    assert (settings["workload"], settings["generations"], settings["seed"]) == ("fill", 6, 0)
    assert settings["requests"] == {"park": 120, "unpark": 120}
    own = environment["interpreters"][f"cpython3.{sys.version_info.minor}"]
    assert {"python_version", "numpy_version", "numba_version"} <= set(own)


def test_csv_has_the_rows_of_json(whole: WholeRun, garagebench: Garagebench) -> None:
    """CSV has the same keys as columns and the same rows; null is empty, caveats are joined."""
    text = garagebench("report", whole.file, "--format", "csv").stdout
    header, *lines = csv.reader(io.StringIO(text))
    assert header == ROW_KEYS
    assert lines == [list(map(as_csv, row.values())) for row in whole.rows]


def as_csv(value: Any) -> str:
    """Return a JSON value as it stands in CSV."""
    if isinstance(value, list):
        return "; ".join(value)
    return "" if value is None else str(value)


@pytest.mark.parametrize("form", ["json", "csv", "markdown"])
@pytest.mark.parametrize("ending", ["json", "json.gz"])
def test_report_prints_what_run_printed(
    garagebench: Garagebench, tmp_path: Path, form: str, ending: str
) -> None:
    """`report` of the result file, plain or compressed, is letter by letter what `run` printed."""
    file = tmp_path / f"result.{ending}"
    ran = garagebench("run", "--impl", "numba", *QUICK, "--format", form, "--output", file)
    assert ran.returncode == 0, ran.stderr
    assert garagebench("report", file, "--format", form).stdout == ran.stdout


def test_report_prints_what_run_printed_of_everything(
    whole: WholeRun, garagebench: Garagebench
) -> None:
    """Nothing of a run of all implementations and stages is lost in its file."""
    assert garagebench("report", whole.file, "--format", "json").stdout == whole.finished.stdout


@pytest.mark.parametrize("command", ["show", "stats"])
def test_pyperf_reads_the_result_file(whole: WholeRun, command: str) -> None:
    """The file is read by pyperf, which finds a benchmark for each case by its full name."""
    read = subprocess.run(
        [sys.executable, "-m", "pyperf", command, whole.file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert read.returncode == 0, read.stderr
    name = f"lists@cpython3.{sys.version_info.minor}/seed/fill/park/total"
    assert any(re.match(rf"{re.escape(name)}(:|$)", line) for line in read.stdout.splitlines())


def test_lists_is_measured_unasked(garagebench: Garagebench) -> None:
    """The reference is there when only another implementation is named."""
    ran = garagebench("run", "--impl", "numpy", *QUICK, "--format", "json")
    assert [row["status"] for row in rows_of(ran, "lists")] == ["ok", "ok"]
    assert [row["status"] for row in rows_of(ran, "numpy")] == ["ok", "ok"]


def test_lists_is_measured_once(garagebench: Garagebench) -> None:
    """An implementation that is named twice, or is the reference anyway, has one set of rows."""
    ran = garagebench("run", "--impl", "lists", "--impl", "lists", *QUICK, "--format", "json")
    assert len(rows_of(ran, "lists")) == 2


def test_an_implementation_runs_on_several_interpreters(
    garagebench: Garagebench, pypy: str
) -> None:
    """Each --runtime replaces the default interpreter; lists on this one stays as the reference."""
    ran = garagebench("run", "--impl", "lists", "--runtime", pypy, *QUICK, "--format", "json")
    runtimes = {row["runtime"].rstrip("0123456789.") for row in rows_of(ran, "lists")}
    assert runtimes == {"cpython", "pypy"}


def test_a_pool_class_of_ones_own_runs(garagebench: Garagebench) -> None:
    """A pool class in a file is measured under its own name."""
    pool = f"{ROOT / 'examples' / 'set_pool.py'}:SetPool"
    ran = garagebench("run", "--impl", pool, *QUICK, "--format", "json")
    assert ran.returncode == 0, ran.stderr
    assert [row["status"] for row in rows_of(ran, "SetPool")] == ["ok", "ok"]


def test_operation_chooses_the_rows(garagebench: Garagebench) -> None:
    """--operation leaves the other operation out."""
    ran = garagebench("run", "--impl", "lists", *QUICK, "--operation", "unpark", "--format", "json")
    assert {row["operation"] for row in json.loads(ran.stdout)["rows"]} == {"unpark"}


def test_stage_chooses_the_rows(garagebench: Garagebench) -> None:
    """--stage, repeated, leaves all other stages out, also where a stage is the difference of others."""
    ran = garagebench(
        *("run", "--impl", "lists", "--spaces", "20", "--generations", "2", "--format", "json"),
        *("--stage", "unattributed", "--stage", "space_lookup"),
    )
    assert [(row["operation"], row["stage"]) for row in rows_of(ran, "lists")] == [
        ("park", "unattributed"),
        ("unpark", "space_lookup"),
        ("unpark", "unattributed"),
    ]


def test_a_cold_start_can_be_measured_alone(garagebench: Garagebench) -> None:
    """A stage of operation `start` may be all that is asked for."""
    ran = garagebench(
        *("run", "--impl", "lists", "--stage", "peak_memory"),
        *("--generations", "2", "--format", "json"),
    )
    assert ran.returncode == 0, ran.stderr
    (row,) = rows_of(ran, "lists")
    assert (row["operation"], row["stage"], row["unit"]) == ("start", "peak_memory", "bytes")
    assert row["median"] is not None


def test_the_seed_makes_the_workload(settings_of: SettingsOf) -> None:
    """One seed gives the same requests each time, another one other requests."""

    def requests(seed: int) -> object:
        return Experiment(settings_of("--workload", "mixed", "--seed", seed)).workload

    assert requests(1) == requests(1)
    assert requests(1) != requests(2)


def test_the_defaults_are_those_of_the_design(settings_of: SettingsOf) -> None:
    """Without options: four implementations, their own interpreters, seed, fill, both, all stages, 30 seconds."""
    settings = settings_of()
    assert settings.impls == tuple(CLASSIC)
    assert (settings.runtimes, settings.stages) == ((), ())
    assert (settings.layout, settings.spaces, settings.workload) == ("seed", None, "fill")
    assert (settings.operation, settings.budget_s, settings.seed) == ("both", None, 0)
