"""`garagebench compare` with files of other tools, from the command to the verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Compare = Callable[..., subprocess.CompletedProcess[str]]

#: As many files of a side as a verdict takes.
ENOUGH = range(8)


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    """Run the command in the directory of the files."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "garagebench", "compare", *arguments],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def save(place: Path, name: str, **medians: float) -> str:
    """Write JSON of pytest-benchmark; return its name."""
    benchmarks = [{"fullname": case, "stats": {"median": one}} for case, one in medians.items()]
    (place / name).write_text(json.dumps({"machine_info": {}, "benchmarks": benchmarks}))
    return name


@pytest.fixture
def sides(tmp_path: Path) -> tuple[list[str], list[str]]:
    """Files of base and of head; in head, one of two benchmarks is 50 % slower."""
    base = [save(tmp_path, f"base-{n}.json", a=1 + n / 1e3, b=2 + n / 1e3) for n in ENOUGH]
    head = [save(tmp_path, f"head-{n}.json", a=1.5 + n / 1e3, b=2 + n / 1e3) for n in ENOUGH]
    return base, head


def test_several_files_of_a_side_give_a_verdict(
    compare: Compare, sides: tuple[list[str], list[str]]
) -> None:
    """Each is a run, so that a slowdown is confirmed, and what is level is not slower; options may follow."""
    base, head = sides
    done = compare(*head, "--against", *base, "--max-slowdown", "10", "--format", "json")
    assert done.returncode == 3, done.stderr
    verdict = json.loads(done.stdout)
    assert {case["case"]: case["verdict"] for case in verdict["cases"]} == {
        "a": "slower",
        "b": "not slower",
    }
    assert (verdict["base"], verdict["head"]) == (
        "base-0.json and 7 more",
        "head-0.json and 7 more",
    )


def test_one_file_a_side_says_that_more_would_do(
    compare: Compare, sides: tuple[list[str], list[str]]
) -> None:
    """Two files stand without --against, and the note names what decides it."""
    base, head = sides
    done = compare(base[0], head[0], "--format", "markdown")
    assert done.returncode == 4
    assert "compare several, FILE... --against FILE..." in done.stdout
    assert "| benchmark | change | verdict |" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("head-0.json",), 2, "1 arguments: BASE and HEAD, or FILE... --against FILE..."),
        (("head-0.json", "base-0.json", "--", "-k", "x"), 2, "name a suite with --pytest PATH"),
        (("--against", "base-0.json"), 2, "name the files that are compared with them"),
        (("head-0.json", "--against", "gone.json"), 1, "gone.json: no such file"),
        (
            ("head-0.json", "--against", "base-0.json", "base-0.json"),
            1,
            "base-0.json and base-0.json are the same file: a run counts once",
        ),
        (
            ("head-0.json", "--against", "base-0.json", "--impl", "lists"),
            2,
            "--impl does not apply here",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(
    compare: Compare,
    sides: tuple[list[str], list[str]],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    """One sentence, the right exit code, and no verdict."""
    assert sides
    done = compare(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in " ".join(done.stderr.split())


def test_names_are_whole_on_a_narrow_terminal(compare: Compare, tmp_path: Path) -> None:
    """At 40 columns names differ in what is shown, the verdict is whole, and no line is wider."""
    long = "test_" + "長" * 60
    name = save(tmp_path, "a.json", **{f"{long}1": 1.0, f"{long}2": 1.0, "x\n\x1b[31my": 1.0})
    done = compare(name, name, "--format", "table", COLUMNS="40")
    assert done.returncode == 4
    assert done.stdout.count("inconclusive") == 4
    assert "\x1b" not in done.stdout
    assert "x\\n\\x1b[31my" in done.stdout
    table = done.stdout.split("files from different runs")[0]
    # What is folded stands in the first column, line by line.
    names = "".join(line.split()[0] for line in table.splitlines() if line.strip())
    assert f"{long}1" in names
    assert f"{long}2" in names
    assert all(len(line) + line.count("長") <= 40 for line in done.stdout.splitlines())


@pytest.mark.parametrize("figure", ["1e999", "true", '"1"', "null", "[1]", "1" + "0" * 5000])
def test_no_figure_ends_in_a_traceback(compare: Compare, tmp_path: Path, figure: str) -> None:
    """Whatever stands in a file's place of a number, the case is left out, and no exception is named."""
    text = '{"machine_info": {}, "benchmarks": [{"fullname": "a", "stats": {"median": %s}}]}'
    (tmp_path / "a.json").write_text(text % figure)
    done = compare("a.json", "a.json", "--format", "markdown")
    assert done.returncode == 4, done.stderr
    assert "a left out: one of its values is no number" in done.stdout
    assert "Error" not in done.stdout + done.stderr


def test_a_large_file_takes_less_than_five_times_its_size(tmp_path: Path) -> None:
    """Of memory, though names have letters outside ASCII and there are many short runs."""
    run = {"values": [0.1234567890123] * 3, "warmups": [[1, 0.5]], "metadata": {"date": "2026"}}
    benchmarks = [
        {"metadata": {"name": f"長 {number}"}, "runs": [run] * 40} for number in range(5_000)
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"version": "1.0", "benchmarks": benchmarks}, ensure_ascii=False))
    peak = """
import sys
from garagebench.gate.formats import load_samples
if len(sys.argv) > 1:
    assert len(load_samples(sys.argv[1]).cases) == 5000
with open("/proc/self/status") as file:
    print([1024 * int(line.split()[1]) for line in file if line.startswith("VmHWM")][0])
"""
    before, after = (
        int(subprocess.check_output([sys.executable, "-c", peak, *arguments]))
        for arguments in ((), (str(path),))
    )
    assert after - before < 5 * path.stat().st_size
