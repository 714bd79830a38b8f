"""`garagebench check --subject`: a function of any repository, with real workers."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_cli_check import garagebench, git

WORDS = """
def count(text):
    total = 0
    for _ in range({turns}):
        total += len(text.split(","))
    return total


def parse():
    return count("a,b,c") // {turns}


def level():
    return sum(range(200))


both = {{"parse": parse, "level": level}}


def wants(text):
    return text
"""

Check = Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, Any]]]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a file of functions, whose package says nothing of garages."""
    place = tmp_path / "repository"
    (place / "bench").mkdir(parents=True)
    git(place, "init", "--initial-branch", "main")
    write(place, 20)
    git(place, "add", "--all")
    git(place, "commit", "--message", "one")
    return place


def write(place: Path, turns: int) -> None:
    """Write the functions; turns: how often `parse` does its work."""
    (place / "bench" / "words.py").write_text(WORDS.format(turns=turns))


@pytest.fixture
def check(repository: Path) -> Check:
    """Check a subject of the file against HEAD; what the command did, and its JSON."""

    def run(name: str, *more: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
        subject = ("--base", "HEAD", "--subject", f"bench/words.py:{name}")
        done = garagebench(repository, "check", *subject, "--format", "json", *more)
        return done, json.loads(done.stdout) if done.stdout else {}

    return run


def test_a_function_that_did_not_change_has_a_case_of_its_own(check: Check) -> None:
    """It is a whole, and no garage: operation and stage are null."""
    done, verdict = check("parse", "--generations", "6", "--max-slowdown", "60")
    assert done.returncode == 0, done.stderr
    (case,) = verdict["cases"]
    assert (case["case"], case["part_of"], case["impl"]) == ("parse", None, "parse")
    assert (case["operation"], case["stage"]) == (None, None)
    assert verdict["schema"] == 5
    assert verdict["attributed_to"] is None


def test_the_function_that_became_slower_is_named(repository: Path, check: Check) -> None:
    """Of two in a mapping the one that does three times the work, in JSON and in the headline."""
    write(repository, 60)
    done, verdict = check("both", "--generations", "15")
    assert done.returncode == 3, done.stdout
    cases = {case["case"]: case for case in verdict["cases"]}
    assert set(cases) == {"both/parse", "both/level"}
    assert cases["both/parse"]["verdict"] == "slower"
    assert cases["both/parse"]["change_percent"] > 100
    text = garagebench(
        repository,
        *("check", "--base", "HEAD", "--subject", "bench/words.py:both", "--generations", "15"),
        *("--format", "markdown"),
    ).stdout
    assert text.startswith("**slower: both/parse +")
    assert "| function | change | verdict |" in text


def test_a_threshold_takes_the_name_of_a_function(repository: Path, check: Check) -> None:
    """Three times the work is allowed for that one alone."""
    write(repository, 60)
    done, _ = check(
        "both", "--generations", "6", "--max-slowdown", "60", "--threshold", "parse=900"
    )
    assert done.returncode == 0, done.stdout


def test_other_answers_are_no_pass(repository: Path, check: Check) -> None:
    """A function that answers something else is not the same work: inconclusive, with the first difference."""
    path = repository / "bench" / "words.py"
    path.write_text(path.read_text().replace("sum(range(200))", "sum(range(201))"))
    done, verdict = check("level", "--generations", "6")
    assert done.returncode == 4
    assert "level, answer 1 is 19900 in base and 20100 in head" in verdict["notes"][0]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gone", "words.py has no gone"),
        ("wants", "wants needs arguments (text)"),
    ],
)
def test_what_cannot_be_timed_is_an_error(check: Check, name: str, reason: str) -> None:
    """One sentence with the name, and exit code 1."""
    done, _ = check(name)
    assert done.returncode == 1
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_name_that_is_no_function_of_a_file_is_a_usage_error(repository: Path) -> None:
    """As an unknown name is, with what it should be."""
    done = garagebench(repository, "check", "--base", "HEAD", "--subject", "bench.words")
    assert done.returncode == 2
    assert "bench.words is not path/to/file.py:NAME" in done.stderr


def test_a_repository_without_a_name_says_what_to_name(repository: Path) -> None:
    """Functions first: hardly anybody has a garage."""
    done = garagebench(repository, "check", "--base", "HEAD")
    assert done.returncode == 2
    assert "--subject path/to/file.py:NAME" in done.stderr


@pytest.mark.parametrize("folder", ["", "src"])
def test_modules_are_those_of_each_side(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """Of the tree or its `src`, whether installed or not: an installed package would be the same on both sides."""
    package = repository / folder / "mypackage"
    package.mkdir(parents=True)
    work = "def work():\n    return sum(range({}))\n"
    (package / "__init__.py").write_text(work.format(2000))
    (repository / "bench" / "uses.py").write_text(
        "import mypackage\n\n\ndef use():\n    return bool(mypackage.work())\n"
    )
    git(repository, "add", "--all")
    git(repository, "commit", "--message", "two")
    (package / "__init__.py").write_text(work.format(4000))
    for installed in (False, True):
        if installed:
            shutil.copytree(package, tmp_path / "installed" / "mypackage")
            monkeypatch.setenv("PYTHONPATH", str(tmp_path / "installed"))
        subject = ("--base", "HEAD", "--subject", "bench/uses.py:use")
        done = garagebench(
            repository, "check", *subject, "--generations", "9", "--max-slowdown", "20"
        )
        assert done.returncode == 3, done.stderr
