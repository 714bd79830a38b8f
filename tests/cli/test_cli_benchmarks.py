"""`garagebench run --subject` and `run --pytest`: the user's own code, with real workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FUNCTIONS = """
TEXT = "one two three " * 20

def split():
    return TEXT.split()

def split_twice():
    TEXT.split()
    return TEXT.split()

both = {"once": split, "twice": split_twice}
"""

SUITE = """
import pytest

class Thing:
    pass

@pytest.mark.parametrize("thing", [Thing(), Thing()], ids=repr)
def test_thing(benchmark, thing):
    benchmark(sorted, range(100))

def test_broken(benchmark):
    benchmark(sorted, range(100))
    assert benchmark is None

def test_left_out(benchmark):
    pytest.skip("not today")
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with functions and a suite."""
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    (tmp_path / "test_suite.py").write_text(SUITE)
    return tmp_path


def run(
    place: Path, *arguments: str, generations: int = 6
) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    """Run the command; what it did, and the rows of its JSON."""
    command = ["-m", "garagebench", "run", *arguments]
    done = subprocess.run(
        [sys.executable, *command, "--generations", str(generations), "--format", "json"]
        if "--" not in arguments
        else [sys.executable, *command],
        cwd=place,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, json.loads(done.stdout)["rows"] if done.stdout.startswith("{") else []


def test_functions_are_set_in_a_ratio_to_the_first(place: Path) -> None:
    """Single functions share a case, whatever they are called, and a garage's fields are null."""
    done, rows = run(
        place, "--subject", "functions.py:split", "--subject", "functions.py:split_twice"
    )
    assert done.returncode == 0, done.stderr
    first, second = rows
    assert (first["impl"], second["impl"]) == ("split", "split_twice")
    assert first["case"] == second["case"] == "call"
    assert second["reference"] == f"split@{first['runtime']}"
    assert second["ratio_low"] > 1.2
    assert {first[key] for key in ("layout", "workload", "server", "operation", "stage")} == {None}


def test_a_result_file_gives_back_the_table(place: Path) -> None:
    """A mapping has a line for each of its functions, in the file as on the screen."""
    output = place / "result.json.gz"
    command = ("run", "--subject", "functions.py:both", "--generations", "6", "--format")
    done = subprocess.run(
        [sys.executable, "-m", "garagebench", *command, "markdown", "--output", output.name],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[2] == "| benchmark | time | 95 % interval |"
    assert [line.split(" | ")[0] for line in lines[4:6]] == ["| once", "| twice"]
    again = subprocess.run(
        [sys.executable, "-m", "garagebench", "report", str(output), "--format", "markdown"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.stdout == done.stdout


def test_a_suite_is_measured_where_it_works(place: Path) -> None:
    """What fails or is skipped is listed with its reason, and a failure is exit code 1; addresses in ids do not matter."""
    done, rows = run(place, "--pytest", "test_suite.py")
    assert done.returncode == 1, done.stderr
    thing = "test_suite.py::test_thing[<test_suite.Thing object at 0x...>]"
    status = {row["case"]: (row["status"], row["caveats"][-1:]) for row in rows}
    assert status[f"{thing} 1"][0] == status[f"{thing} 2"][0] == "ok"
    broken, reason = status["test_suite.py::test_broken"]
    assert (broken, reason[0].startswith("failed: ")) == ("invalid", True)
    assert status["test_suite.py::test_left_out"] == ("unavailable", ["skipped: not today"])


def test_functions_and_a_suite_are_measured_together(place: Path) -> None:
    """Each sort with its like: a function has no ratio to a suite."""
    named = ("--subject", "functions.py:split", "--subject", "functions.py:split_twice")
    done, rows = run(
        place, "--pytest", "test_suite.py", "--command", f"{sys.executable} -S -c pass", *named
    )
    assert done.returncode == 1, done.stderr  # a benchmark fails
    measured = {(row["impl"], row["reference"]) for row in rows if row["status"] == "ok"}
    runtime = rows[0]["runtime"]
    assert {impl for impl, _ in measured} >= {"split", "split_twice", "pytest"}
    assert dict(measured)["split_twice"] == f"split@{runtime}"
    assert dict(measured)["pytest"] == f"pytest@{runtime}"
    assert len([row for row in rows if row["status"] == "ok"]) == 5


def test_options_for_pytest_reach_it(place: Path) -> None:
    """What stands behind -- chooses the benchmarks; where none is left, that is said."""
    words = ("--generations", "1", "--format", "csv", "--pytest", "test_suite.py")
    done, _ = run(place, *words, "--", "-k", "no_such_test")
    assert done.returncode == 1
    assert "no benchmarks among its 0 tests" in done.stderr
    done, _ = run(place, *words, "--", "-k", "test_thing")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith(",caveats,case")
    assert len(done.stdout.splitlines()) == 3


def test_what_cannot_run_is_named(place: Path) -> None:
    """A name that is not there, and an interpreter that is not, leave the others measured."""
    done, rows = run(
        place, "--subject", "functions.py:split", "--subject", "functions.py:missing", generations=1
    )
    assert done.returncode == 1
    assert [row["status"] for row in rows] == ["ok", "invalid"]
    assert "functions.py has no missing" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--subject", "functions.py:split", "--impl", "lists"), "--impl is of the worked example"),
        (("--subject", "gone.py:split"), "there is no file gone.py"),
        (("--subject", "functions.py"), "functions.py is not path/to/file.py:NAME"),
        (("--pytest", "gone"), "there is no such file or directory"),
        (("--stage", "total", "--", "-k", "x"), "name a suite with --pytest PATH"),
    ],
)
def test_what_does_not_go_together_is_refused(
    place: Path, arguments: tuple[str, ...], said: str
) -> None:
    """One sentence, exit code 2, and nothing is measured."""
    done, _ = run(place, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())


def test_pyproject_names_what_is_run(place: Path) -> None:
    """What was typed of the worked example goes before it."""
    (place / "pyproject.toml").write_text(
        '[tool.garagebench]\nsubject = ["functions.py:split"]\ngenerations = 1\n'
    )
    done, rows = run(place)
    assert [row["case"] for row in rows] == ["split"], done.stderr
    done, rows = run(place, "--impl", "lists", "--stage", "validate", "--operation", "park")
    assert [row["case"] for row in rows] == ["park/validate"], done.stderr
