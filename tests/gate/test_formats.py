"""Files of other tools: what they really wrote, and what falls short of it."""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from garagebench.gate.formats import load_samples
from garagebench.gate.formats.content import show
from garagebench.gate.samples import Samples, SamplesError, pool

FILES = Path(__file__).with_name("files")

Save = Callable[[Any], Path]

MACHINE = {"cpu": {"brand_raw": "Fast 9000"}}

NO_NUMBER = "one of its values is no number"
NOT_ABOVE_0 = "its values are not all above 0, so that there is no change in percent"


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write documents of JSON; each is a file of its own."""
    count = iter(range(100))

    def write(document: Any) -> Path:
        path = tmp_path / f"{next(count)}.json"
        path.write_text(json.dumps(document))
        return path

    return write


def rounds(**stats: Any) -> dict[str, Any]:
    """JSON of pytest-benchmark with one case."""
    return {"machine_info": MACHINE, "benchmarks": [{"fullname": "t.py::a", "stats": stats}]}


def test_hyperfine_has_a_value_for_each_process() -> None:
    """Every time counts as a run; a command that failed is left out with its exit code."""
    samples = load_samples(FILES / "hyperfine.json")
    assert samples.kind == "hyperfine"
    assert {name: len(one.values) for name, one in samples.cases.items()} == {
        "true": 6,
        "sleep 0.01": 6,
    }
    assert min(samples.cases["sleep 0.01"].values) > 1e7
    failed = load_samples(FILES / "hyperfine_failed.json")
    assert failed.left_out == {
        'sh -c "exit 1"': "3 of its runs failed: the first of them ended with 1",
        'sh -c "exit 2"': "3 of its runs failed: the first of them ended with 2",
    }


def test_google_benchmark_has_one_value_a_file() -> None:
    """The median of its repetitions, without its aggregates; a benchmark that failed is left out."""
    samples = load_samples(FILES / "google_benchmark.json")
    assert list(samples.cases) == ["BM_Copy/8", "BM_Copy/4096"]
    assert samples.cases["BM_Copy/8"].values == (pytest.approx(9.44, rel=1e-2),)
    assert samples.left_out == {"BM_Err": "it failed: no data"}


def test_codspeed_has_one_value_a_file() -> None:
    """The median of its rounds, under the address of the test."""
    samples = load_samples(FILES / "codspeed.json")
    assert list(samples.cases) == ["test_a.py::test_sum[1]", "test_a.py::test_sum[2]"]
    assert samples.cases["test_a.py::test_sum[1]"].values == (pytest.approx(751.8, rel=1e-3),)
    assert samples.environment == {"python": "cpython 3.11.7", "pytest-codspeed": "5.0.4"}


def test_asv_has_a_case_for_each_parameter() -> None:
    """Times and memory are read; what failed, was skipped, or has no direction is left out."""
    samples = load_samples(FILES / "asv.json")
    times = [name for name, one in samples.cases.items() if one.unit == "ns"]
    assert times == [
        "bench.Sums.time_sum(10, 'a')",
        "bench.Sums.time_sum(1000, 'a')",
        "bench.Sums.time_sum(1000, 'b')",
        "bench.time_plain",
    ]
    assert samples.cases["bench.time_plain"].values == (pytest.approx(3083, rel=1e-3),)
    assert {one.unit for one in samples.cases.values()} == {"ns", "bytes"}
    assert samples.left_out["bench.time_fails"] == "it failed or was skipped"
    assert samples.left_out["bench.Sums.time_sum(10, 'b')"] == "it failed or was skipped"
    assert "less is better" in samples.left_out["bench.track_size"]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (rounds(median=True), NO_NUMBER),
        (rounds(median="0.1"), NO_NUMBER),
        (rounds(median=None), NO_NUMBER),
        (rounds(), NO_NUMBER),
        (rounds(median=10**400), NO_NUMBER),
        (rounds(median=math.nan), NO_NUMBER),
        (rounds(median=math.inf), NO_NUMBER),
        (rounds(median=-1.0), NOT_ABOVE_0),
        (rounds(median=0), NOT_ABOVE_0),
        (rounds(median=1.0, data=[True, True]), NO_NUMBER),
        (rounds(median=1.0, data=[1.0, None]), NO_NUMBER),
        (rounds(median=1.0, data=[[1.0]]), NO_NUMBER),
    ],
)
def test_a_figure_that_is_none_leaves_its_case_out(save: Save, document: Any, reason: str) -> None:
    """With the reason, and the other cases are judged."""
    document["benchmarks"].append({"fullname": "t.py::good", "stats": {"median": 1.0}})
    samples = load_samples(save(document))
    assert samples.left_out == {"t.py::a": reason}
    assert list(samples.cases) == ["t.py::good"]


@pytest.mark.parametrize(
    ("one", "name", "reason"),
    [
        ({"fullname": "b"}, "b", "it has no statistics, as a benchmark that failed"),
        ({"fullname": "b", "stats": None}, "b", "it has no statistics, as a benchmark that failed"),
        (
            {"name": "short", "stats": []},
            "short",
            "it has no statistics, as a benchmark that failed",
        ),
        ({"fullname": 7, "stats": {}}, "benchmark 2", NO_NUMBER),
        ("text", "benchmark 2", "it has no statistics, as a benchmark that failed"),
        (None, "benchmark 2", "it has no statistics, as a benchmark that failed"),
        (
            {"fullname": "t.py::a", "stats": {"median": 2.0}},
            "t.py::a",
            "the file has several of this name",
        ),
    ],
)
def test_a_case_that_is_none_is_listed(save: Save, one: Any, name: str, reason: str) -> None:
    """Whatever stands in its place; a name that is there twice belongs to neither."""
    document = rounds(median=1.0)
    document["benchmarks"].append(one)
    samples = load_samples(save(document))
    assert samples.left_out == {name: reason}


@pytest.mark.parametrize(
    ("machine", "processor"),
    [
        ({"cpu": None}, None),
        ({"cpu": "EPYC"}, "EPYC"),
        ({"cpu": {"brand_raw": "EPYC"}}, "EPYC"),
        ({"cpu": {"brand_raw": 7}}, None),
        ({"cpu": []}, None),
        ([], None),
        ("a machine", None),
    ],
)
def test_a_machine_may_be_anything(save: Save, machine: Any, processor: str | None) -> None:
    """Hooks of pytest-benchmark change it: a processor that is named is known, all else is unknown."""
    samples = load_samples(save({**rounds(median=1.0), "machine_info": machine}))
    assert list(samples.cases) == ["t.py::a"]
    assert samples.environment.get("processor") == processor


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b""),
        ("utf-32-le", codecs.BOM_UTF32_LE),
    ],
)
def test_every_encoding_of_json_is_read(tmp_path: Path, encoding: str, mark: bytes) -> None:
    """With a byte order mark, as a shell writes it, and without one."""
    document = rounds(median=1.0)
    document["benchmarks"][0]["fullname"] = "größe"
    path = tmp_path / "a.json"
    path.write_bytes(mark + json.dumps(document, ensure_ascii=False).encode(encoding))
    assert list(load_samples(path).cases) == ["größe"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b", "a b"),
        ("a\nb", "a\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("right\u202eleft", "right\\u202eleft"),
        ("half \ud83d", "half \\ud83d"),
        ("長い", "長い"),
    ],
)
def test_what_cannot_be_printed_is_shown_as_text(save: Save, text: str, shown: str) -> None:
    """A newline would break a row, and a terminal would obey an escape."""
    assert show(text) == shown
    document = rounds(median=1.0)
    document["benchmarks"][0]["fullname"] = text
    document["machine_info"] = {"cpu": text}
    samples = load_samples(save(document))
    assert list(samples.cases) == [shown]
    assert samples.environment["processor"] == shown


@pytest.mark.parametrize(
    ("document", "left_out"),
    [
        ({"results": [{"command": "x", "times": [1.0, True]}]}, {"x": NO_NUMBER}),
        ({"results": [{"command": "x", "times": []}]}, {"x": "it has no values"}),
        ({"results": [{"command": "x"}]}, {"x": NO_NUMBER}),
        (
            {"results": [{"command": "x", "times": [1.0], "exit_codes": [None]}]},
            {"x": "1 of its runs failed: the first of them was killed by a signal"},
        ),
        ({"results": [{"command": "x", "mean": 1.0}, 7]}, {"command 2": NO_NUMBER}),
        ({"context": {}, "benchmarks": [{"name": "x", "real_time": "1"}]}, {"x": NO_NUMBER}),
        (
            {"context": {}, "benchmarks": [{"name": "x", "real_time": 1, "time_unit": "h"}]},
            {"x": NOT_ABOVE_0},
        ),
        (
            {"instrument": {}, "benchmarks": [{"uri": "x", "stats": {"median_ns": None}}]},
            {"x": NO_NUMBER},
        ),
        (
            {"instrument": {}, "benchmarks": [{"uri": "x"}]},
            {"x": "it has no times: only the mode walltime gives them"},
        ),
        (
            {"commit_hash": "c", "results": {"b.time_x": None}},
            {"b.time_x": "it failed or was skipped"},
        ),
        ({"commit_hash": "c", "results": {"b.time_x": [["1"], []]}}, {"b.time_x": NO_NUMBER}),
        (
            {
                "commit_hash": "c",
                "results": {"b.time_x": {"result": [1.0], "params": [["1", "2"]]}},
            },
            {"b.time_x(2)": "it failed or was skipped"},
        ),
        ({"benchmarks": [{"runs": []}], "metadata": {"name": "x"}}, {"x": "it has no values"}),
        ({"benchmarks": [{"runs": [1]}], "metadata": {"name": "x"}}, {"x": "it has no values"}),
        ({"benchmarks": [{"runs": [{"values": ["1"]}]}]}, {"benchmark 1": NO_NUMBER}),
        ({"benchmarks": [{"runs": [{"values": [1.0]}]}, 7]}, {"benchmark 2": "it has no runs"}),
    ],
)
def test_what_falls_short_in_any_format_is_left_out(
    save: Save, document: Any, left_out: dict[str, str]
) -> None:
    """Of every tool, with a reason in words."""
    assert load_samples(save(document)).left_out == left_out


def test_files_of_one_side_are_pooled(save: Save) -> None:
    """Each is a run; a case that one of them lacks has fewer, and one that is damaged in any is left out."""
    files = [rounds(median=value) for value in (1.0, 2.0, 3.0)]
    files[0]["benchmarks"].append({"fullname": "b", "stats": {"median": 1.0}})
    files[0]["benchmarks"].append({"fullname": "c", "stats": {"median": 1.0}})
    files[1]["benchmarks"].append({"fullname": "c", "stats": {"median": None}})
    side = pool([load_samples(save(one)) for one in files])
    assert {name: len(one.values) for name, one in side.cases.items()} == {"t.py::a": 3, "b": 1}
    assert side.left_out == {"c": NO_NUMBER}
    assert side.path.endswith("0.json and 2 more")


def test_files_that_do_not_belong_together_are_refused(save: Save) -> None:
    """The same run twice, and files of two tools."""

    def load(document: Any) -> Samples:
        return load_samples(save(document))

    with pytest.raises(SamplesError, match=r"are the same file: a run counts once$"):
        pool([load(rounds(median=1.0)), load(rounds(median=1.0))])
    hyperfine = {"results": [{"command": "x", "times": [1.0]}]}
    with pytest.raises(SamplesError, match="the files of one side are of one tool"):
        pool([load(rounds(median=1.0)), load(hyperfine)])
