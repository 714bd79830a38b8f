"""Result files: what is saved comes back, pyperf reads it, and a bad file is one clear error."""

from __future__ import annotations

import errno
import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyperf
import pytest
from hand_made import CASE, contestant, steady

from garagebench.engine.contestant import Contestant, Problem, RowTerms
from garagebench.engine.files import ResultError, check_path
from garagebench.engine.result import Result

PEAK = RowTerms("start/peak_memory", {"start/peak_memory": 1}, {}, "bytes")
IN_CONTEXT = RowTerms(
    "in context", {"case": 0.5}, {"case (step)": 1, "case (clock)": -1.5}, single=False
)

#: Times with all three decimals, from a picosecond to minutes.
AWKWARD = [[0.001, 0.1 + 0.2, 123.457], [98765.432, 60e9 + 0.123, 1 / 3]]
AWKWARD = [[round(value, 3) for value in rounds] for rounds in AWKWARD]


def measured(name: str, value: float, problem: Problem | None = None) -> Contestant:
    """One with an empty loop that a file can hold."""
    return contestant(name, steady(value), steady(0.5), problem=problem)


@pytest.fixture
def result() -> Result:
    """One with everything that a result can have."""
    first = Contestant(
        "lists@cpython3.11/seed/fill",
        (CASE, IN_CONTEXT, PEAK),
        {
            "case": AWKWARD,
            "case (empty loop)": [[0.25, 0.125, 7.0], [1.0, 2.0, 0.001]],
            "case (step)": [[1.5, 2.5, 3.5], [4.5, 5.5, 6.5]],
            "case (clock)": [[40.0] * 3, [41.0] * 3],
            "start/peak_memory": [[12_345_678], [12_345_679], [12_349_440]],
        },
        caveats=("mind this",),
        environment={"python_version": "3.11.7", "python_implementation": "CPython"},
        row_names=("case",),
        answers={"case": "c0ffee"},
    )
    second = measured("numpy@cpython3.11/seed/fill", 7.125, Problem("invalid", "it died"))
    absent = Contestant(
        "pypy@pypy3/seed/fill", problem=Problem("unavailable", "not found"), row_names=("case",)
    )
    return Result(
        (first, second, absent),
        {"budget_s": 30.0, "impls": ["lists"], "spaces": None},
        {"cpu_count": 2, "hostname": "here"},
        ("one core",),
        interrupted=True,
    )


@pytest.fixture(params=["result.json", "result.json.gz"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where a result may be written, plain and packed."""
    return tmp_path / str(request.param)


def test_a_file_gives_back_what_was_saved(result: Result, path: Path) -> None:
    """Contestants, series, settings and notes are the very same, and so are the rows."""
    result.save(path)
    loaded = Result.load(path)
    assert loaded == result
    assert loaded.rows() == result.rows()
    assert loaded.caveats == result.caveats


def test_a_packed_file_is_packed(result: Result, path: Path) -> None:
    """The suffix decides: text, or the same text packed."""
    result.save(path)
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    assert json.loads(text)["benchmarks"]


def test_contestants_whose_names_begin_alike(tmp_path: Path) -> None:
    """One called `a` does not get the series of one called `a/b`."""
    result = Result((measured("a", 1.0), measured("a/b", 2.0)))
    result.save(tmp_path / "r.json")
    assert Result.load(tmp_path / "r.json") == result


def test_a_case_called_as_the_peak_of_memory(tmp_path: Path) -> None:
    """What a row has in bytes is in bytes; a case of that name is in seconds."""
    series = {"peak_memory": steady(250.0), "start/peak_memory": [[4096]]}
    one = Contestant("a", (PEAK,), series)
    Result((one,)).save(tmp_path / "r.json")
    suite = pyperf.BenchmarkSuite.load(str(tmp_path / "r.json"))
    units = {benchmark.get_name(): benchmark.get_unit() for benchmark in suite}
    assert units == {"a/peak_memory": "second", "a/start/peak_memory": "byte"}
    assert Result.load(tmp_path / "r.json") == Result((one,))


@pytest.mark.parametrize("command", ["show", "stats", "hist"])
def test_pyperf_reads_it(result: Result, path: Path, command: str) -> None:
    """The tool itself shows the file, with every case by name."""
    result.save(path)
    run = subprocess.run(
        [sys.executable, "-m", "pyperf", command, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "lists@cpython3.11/seed/fill/case" in run.stdout
    assert "numpy@cpython3.11/seed/fill/case" in run.stdout


def test_pyperf_finds_runs_and_values(result: Result, path: Path) -> None:
    """A benchmark is a series, a run a generation, a value a round: in seconds, or bytes for the peak of memory."""
    result.save(path)
    suite = pyperf.BenchmarkSuite.load(str(path))
    case = suite.get_benchmark("lists@cpython3.11/seed/fill/case (step)")
    assert [list(run.values) for run in case.get_runs()] == [
        pytest.approx([1.5e-9, 2.5e-9, 3.5e-9]),
        pytest.approx([4.5e-9, 5.5e-9, 6.5e-9]),
    ]
    assert case.get_metadata()["python_version"] == "3.11.7"
    assert case.get_metadata()["hostname"] == "here"


def test_bytes_do_not_spoil_durations(result: Result, path: Path) -> None:
    """Twelve million bytes are not taken for so many seconds."""
    result.save(path)
    suite = pyperf.BenchmarkSuite.load(str(path))
    peak = suite.get_benchmark("lists@cpython3.11/seed/fill/start/peak_memory")
    assert (peak.get_unit(), peak.get_values()[0]) == ("byte", 12_345_678)
    # All that was timed: 60 s in one value, microseconds in the others.
    assert suite.get_total_duration() == pytest.approx(60, rel=1e-3)


def test_an_existing_file_is_replaced(result: Result, path: Path) -> None:
    """The new result stands alone in its place."""
    Result((measured("old", 1.0),)).save(path)
    old = path.read_bytes()
    with path.open("rb") as reader:
        result.save(path)
        # Whoever was reading the old one has it whole.
        assert reader.read() == old
    assert Result.load(path) == result
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()]
)
def test_it_is_written_whole_or_not_at_all(
    result: Result, path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Where writing breaks off midway the old file is as it was, and nothing else is left behind."""
    result.save(path)

    def break_off(_: object, file: str) -> None:
        Path(file).write_text('{"version": "1.0", "bench')
        raise error

    monkeypatch.setattr(pyperf.BenchmarkSuite, "dump", break_off)
    other = Result((measured("new", 1.0),))
    with pytest.raises((ResultError, KeyboardInterrupt)) as caught:
        other.save(path)
    if isinstance(error, OSError):
        assert str(caught.value) == f"{path}: cannot be written: No space left on device"
    assert Result.load(path) == result
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_nothing_to_write(tmp_path: Path) -> None:
    """A result in which nothing was measured is no file: pyperf has no place for one without values."""
    nothing = Result((Contestant("a", problem=Problem("unavailable", "why"), row_names=("x",)),))
    with pytest.raises(ResultError, match="nothing was measured"):
        nothing.save(tmp_path / "r.json")
    assert list(tmp_path.iterdir()) == []


def write_not_json(path: Path) -> None:
    """A text that is no JSON."""
    path.write_text("garagebench")


def write_empty(path: Path) -> None:
    """Nothing."""
    path.write_text("")


def write_binary(path: Path) -> None:
    """Bytes that are no text."""
    path.write_bytes(b"\xff\xfe\x00")


def write_list(path: Path) -> None:
    """JSON that is no object."""
    path.write_text("[]")


def write_other_json(path: Path) -> None:
    """JSON that is no suite."""
    path.write_text('{"version": "1.0"}')


def write_nested(path: Path) -> None:
    """JSON that no parser follows to its end."""
    path.write_text("[" * 100_000)


def make_directory(path: Path) -> None:
    """Not a file."""
    path.mkdir()


def write_foreign_suite(path: Path) -> None:
    """What pyperf itself writes."""
    run = pyperf.Run([1.0], metadata={"name": "theirs"}, collect_metadata=False)
    pyperf.BenchmarkSuite([pyperf.Benchmark([run])]).dump(str(path))


def spoil(path: Path, change: Any) -> None:
    """A result of ours whose own part is changed."""
    Result((measured("a", 1.0),)).save(path)
    suite = json.loads(path.read_text())
    data = json.loads(suite["metadata"]["garagebench"])
    suite["metadata"]["garagebench"] = json.dumps(change(data))
    path.write_text(json.dumps(suite))


def write_other_schema(path: Path) -> None:
    """A result of a later version."""
    spoil(path, lambda data: data | {"schema": 99})


def write_without_contestants(path: Path) -> None:
    """A part is missing."""
    spoil(path, lambda data: {key: data[key] for key in data if key != "contestants"})


def write_with_wrong_types(path: Path) -> None:
    """A part is something else."""
    spoil(path, lambda data: data | {"contestants": [7]})


def write_with_missing_series(path: Path) -> None:
    """A series is named that the suite does not have."""
    spoil(
        path, lambda data: data | {"contestants": [data["contestants"][0] | {"series": ["gone"]}]}
    )


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: None, "cannot be read: No such file or directory"),
        (make_directory, "cannot be read: Is a directory"),
        (write_not_json, "not a pyperf suite"),
        (write_empty, "not a pyperf suite"),
        (write_binary, "not a pyperf suite"),
        (write_list, "not a pyperf suite"),
        (write_other_json, "not a pyperf suite"),
        (write_nested, "not a pyperf suite"),
        (write_foreign_suite, "not written by garagebench"),
        (write_other_schema, "another version of garagebench (schema 99, this one reads 1)"),
        (write_without_contestants, "damaged"),
        (write_with_wrong_types, "damaged"),
        (write_with_missing_series, "damaged"),
    ],
)
def test_a_bad_file_is_one_error(tmp_path: Path, write: Any, reason: str) -> None:
    """Whatever is wrong with a file, the error is ours, names it and says what is wrong."""
    path = tmp_path / "bad.json"
    write(path)
    with pytest.raises(ResultError) as caught:
        Result.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)


def test_a_packed_file_that_ends_early(result: Result, tmp_path: Path) -> None:
    """Half a packed file, or one that is not packed, is one error, too."""
    path = tmp_path / "r.json.gz"
    result.save(path)
    content = path.read_bytes()
    for bad in (content[: len(content) // 2], b"{}", content[:20] + b"\xff" * 40):
        path.write_bytes(bad)
        with pytest.raises(ResultError, match="cannot be read") as caught:
            Result.load(path)
        assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("result.txt", "a result file ends in .json or .json.gz"),
        ("result.gz", "a result file ends in .json or .json.gz"),
        ("folder.json", "is a directory"),
        ("gone/result.json", "there is no directory"),
    ],
)
def test_a_path_that_cannot_be_written(
    result: Result, tmp_path: Path, name: str, reason: str
) -> None:
    """It is refused before anything is measured for it, and when it is written; the error names it."""
    (tmp_path / "folder.json").mkdir()
    path = tmp_path / name
    for refuse in (lambda: check_path(path), lambda: result.save(path)):
        with pytest.raises(ResultError) as caught:
            refuse()
        assert str(caught.value).startswith(f"{path}: {reason}")


def test_a_directory_that_may_not_be_written_to(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused as well; what the system says is passed in, as root may write anywhere."""
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (tmp_path, os.W_OK))
    with pytest.raises(ResultError) as caught:
        result.save(tmp_path / "r.json")
    reason = f"the directory {tmp_path} cannot be written to"
    assert str(caught.value) == f"{tmp_path / 'r.json'}: {reason}"


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root writes anywhere")
def test_a_real_directory_that_may_not_be_written_to(result: Result, tmp_path: Path) -> None:
    """It is refused by what the system really says."""
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ResultError, match="cannot be written to"):
            result.save(tmp_path / "r.json")
    finally:
        tmp_path.chmod(0o700)


def test_a_path_may_be_text(result: Result, path: Path) -> None:
    """As users write it."""
    check_path(str(path))
    result.save(str(path))
    assert Result.load(str(path)) == result


def test_a_path_that_can_be_written(tmp_path: Path) -> None:
    """A new file in an existing directory is fine, and so is one that is there."""
    (tmp_path / "old.json").write_text("")
    check_path(tmp_path / "old.json")
    check_path(tmp_path / "new.json.gz")


def test_a_contestant_without_series_is_kept(tmp_path: Path) -> None:
    """One that could not be measured comes back beside one that was, also where its rows are not known."""
    absent = Contestant("b", problem=Problem("invalid", "why"))
    result = Result((measured("a", 1.0), replace(absent, row_names=None)))
    result.save(tmp_path / "r.json")
    assert Result.load(tmp_path / "r.json") == result
