"""Files of three tools, really written by them, as independent samples."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyperf
import pytest

from garagebench.engine.contestant import Contestant, Problem, RowTerms
from garagebench.engine.result import Result
from garagebench.gate.formats import load_samples
from garagebench.gate.samples import (
    ONE_PROCESS,
    Sample,
    Samples,
    SamplesError,
    describe_differences,
    match_cases,
)

MACHINE = {
    "cpu_model_name": "Fast 9000",
    "platform": "Linux-6.1-x86_64",
    "python_compiler": "GCC 12.2.0",
    "python_implementation": "cpython",
    "python_version": "3.11.7 (64-bit)",
    "perf_version": "2.10.0",
}


def make_benchmark(name: str, *runs: list[float], **metadata: Any) -> pyperf.Benchmark:
    """A benchmark of pyperf; a run without values is one that calibrated."""
    about = {"name": name, **MACHINE, **metadata}
    return pyperf.Benchmark(
        [pyperf.Run(run, [(1, 1.0)], metadata=about, collect_metadata=False) for run in runs]
    )


def save_suite(path: Path, *benchmarks: pyperf.Benchmark) -> Path:
    """A file as pyperf writes it."""
    pyperf.BenchmarkSuite(benchmarks).dump(str(path))
    return path


def make_result() -> Result:
    """Two contestants: the reference with a row that is a difference, and one that gave wrong answers."""
    rows = (
        RowTerms("park/total", {"total": 1, "total (empty loop)": -1}, {}),
        RowTerms("park/unattributed", {"total": 1, "validate": -2}, {}, single=False),
        RowTerms("start/peak_memory", {"start/peak_memory": 1}, {}, "bytes"),
    )
    series = {
        "total": [[110.0, 130.0, 120.0], [210.0, 260.0, 220.0]],
        "total (empty loop)": [[10.0, 10.0, 10.0], [10.0, 10.0, 10.0]],
        "validate": [[55.0, 60.0, 60.0], [150.0, 150.0, 150.0]],
        "start/peak_memory": [[4096.0], [8192.0]],
    }
    lists = Contestant(
        "lists@cpython3.11/seed/fill",
        rows,
        series,
        Problem("invalid", "its worker ended"),
        ("left out: too slow",),
        {
            "python_implementation": "CPython",
            "python_version": "3.11.7",
            "python_compiler": "GCC 12.2.0",
        },
    )
    numpy = Contestant(
        "numpy@pypy3.9/seed/fill",
        rows,
        series,
        Problem("wrong", "park 1 differs"),
        environment={
            "python_implementation": "PyPy",
            "python_version": "3.9.16",
            "numpy_version": "2.4.6",
        },
        row_names=("park/total",),
    )
    return Result(
        (lists, numpy),
        {"seed": 0},
        {"cpu_model_name": "Fast 9000", "perf_version": "2.10.0"},
        ("a note",),
        interrupted=True,
    )


def make_rounds(**changes: Any) -> dict[str, Any]:
    """JSON as pytest-benchmark writes it, with one benchmark, all but what is of no interest here."""
    return {
        "machine_info": {
            "system": "Linux",
            "release": "6.1",
            "machine": "x86_64",
            "python_implementation": "CPython",
            "python_implementation_version": "3.11.7",
            "python_version": "3.11.7",
            "python_compiler": "GCC 12.2.0",
            "cpu": {"brand_raw": "Fast 9000"},
        },
        "benchmarks": [
            {"fullname": "test_a.py::test_a", "stats": {"median": 2e-9, "data": [1e-9, 4e-9, 3e-9]}}
        ],
        "version": "5.3.1",
        **changes,
    }


def save_json(path: Path, document: Any) -> Path:
    """A file that holds the document."""
    path.write_text(json.dumps(document))
    return path


def make_samples(**cases: str) -> Samples:
    """Samples of which only the units of the cases are of interest."""
    found = {name: Sample(unit, (1.0,)) for name, unit in cases.items()}
    return Samples("x.json", "pyperf", {}, found, {})


@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_a_pyperf_suite_gives_one_value_a_run(tmp_path: Path, name: str) -> None:
    """Each run counts once, with the median of its values in ns; a calibrating run does not count."""
    loads = make_benchmark("loads", [], [2e-9, 9e-9, 3e-9], [5e-9, 7e-9])
    samples = load_samples(save_suite(tmp_path / name, loads, make_benchmark("dumps", [1e-6])))
    assert (samples.path, samples.kind) == (str(tmp_path / name), "pyperf")
    assert samples.cases == {
        "loads": Sample("ns", (pytest.approx(3), pytest.approx(6))),
        "dumps": Sample("ns", (pytest.approx(1000),)),
    }
    assert samples.left_out == {}


def test_a_pyperf_suite_keeps_its_units(tmp_path: Path) -> None:
    """Bytes are bytes, and what is neither time nor memory keeps pyperf's word for it."""
    memory = make_benchmark("memory", [4096], unit="byte")
    count = make_benchmark("count", [7], unit="integer")
    samples = load_samples(save_suite(tmp_path / "a.json", memory, count))
    assert samples.cases == {
        "memory": Sample("bytes", (4096,)),
        "count": Sample("integer", (7,)),
    }


def test_a_benchmark_that_only_calibrated_is_left_out(tmp_path: Path) -> None:
    """A case without a value is listed with the reason."""
    suite = save_suite(tmp_path / "a.json", make_benchmark("a", []), make_benchmark("b", [1.0]))
    samples = load_samples(suite)
    assert list(samples.cases) == ["b"]
    assert samples.left_out == {"a": "it has no values"}


def test_an_endless_value_is_left_out(tmp_path: Path) -> None:
    """A value that is no number makes no case."""
    suite = save_suite(tmp_path / "a.json", make_benchmark("a", [1.0, 1.0, float("inf")]))
    assert list(load_samples(suite).left_out) == ["a"]


def test_a_pyperf_suite_of_format_6_is_read(tmp_path: Path) -> None:
    """Older files of pyperf are read as well."""
    benchmark = {"metadata": {"name": "old"}, "runs": [{"values": [1e-9]}, {"values": [2e-9]}]}
    path = save_json(tmp_path / "a.json", {"version": 6, "benchmarks": [benchmark]})
    assert load_samples(path).cases == {"old": Sample("ns", (pytest.approx(1), pytest.approx(2)))}


def test_a_real_run_of_pyperf_is_read(tmp_path: Path) -> None:
    """`python -m pyperf timeit` in three processes gives three values, and says on what they were measured."""
    path = tmp_path / "a.json"
    options = ["-p", "3", "-n", "2", "-w", "1", "-l", "10", "-q", "-o", str(path)]
    command = [sys.executable, "-m", "pyperf", "timeit", *options, "sum([1])"]
    subprocess.run(command, check=True, capture_output=True)
    samples = load_samples(path)
    assert samples.cases["timeit"].unit == "ns"
    assert len(samples.cases["timeit"].values) == 3
    assert samples.environment["pyperf"] == pyperf.__version__
    assert samples.environment["python"].startswith(f"{sys.implementation.name} 3.")


@pytest.mark.parametrize("saves_rounds", [True, False])
def test_a_real_run_of_pytest_benchmark_is_read(tmp_path: Path, saves_rounds: bool) -> None:
    """`pytest --benchmark-json` or `--benchmark-save-data` gives one value, however many rounds it made."""
    (tmp_path / "test_a.py").write_text("def test_a(benchmark):\n    benchmark(sum, [1])\n")
    options = ["--benchmark-max-time=0.001", "--benchmark-min-rounds=3", "--benchmark-warmup=off"]
    if saves_rounds:
        options += ["--benchmark-save-data", "--benchmark-autosave"]
    else:
        options += ["--benchmark-save=plain"]
    options += ["--benchmark-storage=file://saved", "-p", "no:cacheprovider", "test_a.py"]
    command = [sys.executable, "-m", "pytest", *options]
    # A worker of pytest-xdist would make no benchmark.
    environment = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env=environment)
    (path,) = tmp_path.glob("saved/*/*.json")
    assert ("data" in json.loads(path.read_text())["benchmarks"][0]["stats"]) is saves_rounds
    samples = load_samples(path)
    assert samples.kind == "pytest-benchmark"
    (sample,) = samples.cases.values()
    assert list(samples.cases) == ["test_a.py::test_a"]
    assert (sample.unit, len(sample.values), sample.caveats) == ("ns", 1, (ONE_PROCESS,))
    assert samples.environment["python"].startswith(f"{sys.implementation.name} 3.")


def test_rounds_of_pytest_benchmark_count_once(tmp_path: Path) -> None:
    """Of the rounds, the median is the one value, in ns."""
    samples = load_samples(save_json(tmp_path / "a.json", make_rounds()))
    assert samples.cases == {"test_a.py::test_a": Sample("ns", (pytest.approx(3),), (ONE_PROCESS,))}


def test_without_rounds_the_median_of_pytest_benchmark_is_taken(tmp_path: Path) -> None:
    """A file that holds no rounds says what their median was."""
    document = make_rounds(benchmarks=[{"fullname": "a", "stats": {"median": 2e-9}}])
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(json.dumps(document).encode()))
    assert load_samples(path).cases["a"].values == (pytest.approx(2),)


def test_a_time_of_zero_is_left_out(tmp_path: Path) -> None:
    """A clock too coarse for the benchmark makes no ratio."""
    document = make_rounds(benchmarks=[{"fullname": "a", "stats": {"median": 0.0}}])
    samples = load_samples(save_json(tmp_path / "a.json", document))
    assert samples.cases == {}
    assert samples.left_out == {
        "a": "its values are not all above 0, so that there is no change in percent"
    }


@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_our_own_file_gives_one_value_a_generation(tmp_path: Path, name: str) -> None:
    """A row's value is the median over the rounds of its sum of series: 110-10, 130-10, 120-10 is 110."""
    make_result().save(tmp_path / name)
    samples = load_samples(tmp_path / name)
    caveats = ("left out: too slow", "its worker ended")
    assert samples.kind == "garagebench"
    assert samples.cases == {
        "lists@cpython3.11/seed/fill/park/total": Sample("ns", (110.0, 210.0), caveats),
        "lists@cpython3.11/seed/fill/start/peak_memory": Sample("bytes", (4096, 8192), caveats),
    }


def test_rows_of_our_own_file_without_a_ratio_are_left_out(tmp_path: Path) -> None:
    """A difference that falls below 0 (260 - 2 * 150), and a row with wrong answers, are listed with the reason."""
    make_result().save(tmp_path / "a.json")
    assert load_samples(tmp_path / "a.json").left_out == {
        "lists@cpython3.11/seed/fill/park/unattributed": "its values are not all above 0, so that there is no "
        "change in percent",
        "numpy@pypy3.9/seed/fill/park/total": "wrong: park 1 differs",
    }


def test_caveats_of_our_own_file_are_kept(tmp_path: Path) -> None:
    """What a reader should know of the whole file goes along."""
    make_result().save(tmp_path / "a.json")
    caveats = load_samples(tmp_path / "a.json").caveats
    assert caveats[0] == "a note"
    assert caveats[-1].startswith("interrupted")


def test_our_own_environment_names_every_interpreter(tmp_path: Path) -> None:
    """Several interpreters in one file are all named, and the packages that they had loaded."""
    make_result().save(tmp_path / "a.json")
    assert load_samples(tmp_path / "a.json").environment == {
        "processor": "Fast 9000",
        "python": "cpython 3.11.7, pypy 3.9.16",
        "python compiler": "GCC 12.2.0",
        "pyperf": "2.10.0",
        "numpy": "2.4.6",
    }


def test_environments_of_different_tools_are_in_the_same_words(tmp_path: Path) -> None:
    """The same machine and interpreter, written by pyperf and by pytest-benchmark, differ in the tool alone."""
    suite = load_samples(save_suite(tmp_path / "a.json", make_benchmark("a", [1.0])))
    rounds = load_samples(save_json(tmp_path / "b.json", make_rounds()))
    assert describe_differences(suite.environment, rounds.environment) == [
        "pyperf differs: 2.10.0 in the base, unknown in the head",
        "pytest-benchmark differs: unknown in the base, 5.3.1 in the head",
    ]


@pytest.mark.parametrize("machine", [None, {}])
def test_a_machine_that_nobody_described_is_unknown(tmp_path: Path, machine: Any) -> None:
    """A hook of pytest-benchmark may leave all of it out: nothing is known, and nothing breaks."""
    samples = load_samples(save_json(tmp_path / "a.json", make_rounds(machine_info=machine)))
    assert samples.environment == {"pytest-benchmark": "5.3.1"}


def test_what_differs_is_said() -> None:
    """One sentence for each difference, none for what is the same."""
    base = {"processor": "Fast 9000", "python": "cpython 3.11.7", "numpy": "2.4.6"}
    head = {"processor": "Slow 1", "python": "cpython 3.11.7", "numba": "0.68.1"}
    assert describe_differences(base, base) == []
    assert describe_differences(base, head) == [
        "processor differs: Fast 9000 in the base, Slow 1 in the head",
        "numpy differs: 2.4.6 in the base, unknown in the head",
        "numba differs: unknown in the base, 0.68.1 in the head",
    ]


def test_cases_match_by_name_and_unit() -> None:
    """A case that only one file has, or that is time here and memory there, is no pair."""
    base = make_samples(b="ns", a="ns", memory="bytes", gone="ns")
    head = make_samples(new="ns", a="ns", b="ns", memory="ns")
    assert match_cases(base, head) == ["b", "a"]
    assert match_cases(base, make_samples(new="ns")) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not JSON: it is empty"),
        ("name,median", "not JSON: expecting value at line 1, column 1"),
        (b"\xff\xfe", "not JSON: expecting value"),
        (
            b'{"name": "\xe9"}',
            "not JSON: it has the byte 0xe9, which is not UTF-8: save the file as UTF-8",
        ),
        ("[" * 100_000, "not JSON of a result: it is nested too deeply"),
        ("[]", "not a result file of garagebench"),
        ("7", "not a result file of garagebench"),
        ('{"benchmarks": 1}', "not a result file of garagebench"),
        ('{"benchmarks": [{"name": "x"}], "version": "1.0"}', "not a result file of garagebench"),
        ('{"benchmarks": [1]}', "not a result file of garagebench"),
        ('{"benchmarks": [], "version": "1.0"}', "holds no benchmarks"),
        ('{"benchmarks": [], "machine_info": {}}', "holds no benchmarks"),
        ('{"results": {}, "commit_hash": "x"}', "holds no benchmarks"),
    ],
)
def test_a_file_that_holds_no_results_is_named(
    tmp_path: Path, content: str | bytes, reason: str
) -> None:
    """What is wrong is said in one line that begins with the file."""
    path = tmp_path / "a.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SamplesError) as caught:
        load_samples(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing file and a directory are errors of one line."""
    for path, reason in ((tmp_path / "no.json", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(SamplesError, match=f"^{path}: cannot be read: {reason}"):
            load_samples(path)


@pytest.mark.parametrize("damage", ["cut", "changed", "not compressed"])
def test_a_damaged_archive_is_named(tmp_path: Path, damage: str) -> None:
    """An archive that ends early, does not decompress, or is none is damaged."""
    whole = gzip.compress(json.dumps(make_rounds()).encode())
    path = tmp_path / "a.json.gz"
    path.write_bytes(
        {
            "cut": whole[:-20],
            "changed": whole[:12] + bytes(20) + whole[32:],
            "not compressed": b"{}",
        }[damage]
    )
    with pytest.raises(SamplesError, match=f"^{path}: damaged: "):
        load_samples(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no JSON", "damaged: "),
        ('{"schema": 99}', "written by another version of garagebench"),
        ('{"schema": 1, "contestants": [[]]}', "damaged: "),
        ('{"schema": 1, "contestants": {"a": []}}', "damaged: "),
    ],
)
def test_our_own_file_that_was_changed_is_named(tmp_path: Path, text: str, reason: str) -> None:
    """A file of garagebench whose description does not fit is not read as one of pyperf's."""
    path = save_suite(tmp_path / "a.json", make_benchmark("a/b", [1.0], garagebench=text))
    with pytest.raises(SamplesError) as caught:
        load_samples(path)
    assert str(caught.value).startswith(f"{path}: {reason}")
