"""`garagebench check --pytest`, from the command to the verdict, with real workers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_cli_check import git

WORDS = """
def count(text):
    total = 0
    for _ in range({turns}):
        total = len(text.split())
    return total


def upper(text):
    return [word.upper() for word in text.split()]
"""

BENCH = """
import pytest
from words import count, upper

TEXT = "one two three " * 100


@pytest.mark.parametrize("size", ["1-2", "2"])
def test_count(benchmark, size):
    assert benchmark(count, TEXT) == 300


def test_upper(benchmark):
    benchmark(upper, TEXT)
"""

Check = Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, Any]]]

#: As much as a test needs; a threshold that no machine's noise comes near.
LITTLE = ("--generations", "15", "--max-slowdown", "60")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a package that is not installed, and its benchmarks."""
    place = tmp_path / "repository"
    for folder in ("src", "bench"):
        (place / folder).mkdir(parents=True)
    write(place, 4)
    (place / "bench" / "test_words.py").write_text(BENCH)
    git(place, "init", "--initial-branch", "main")
    git(place, "add", "--all")
    git(place, "commit", "--message", "one")
    return place


def write(place: Path, turns: int) -> None:
    """Write the package; turns: how often `count` does its work."""
    (place / "src" / "words.py").write_text(WORDS.format(turns=turns))


def garagebench(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a repository, with pytest's plugins left out: they take long to start."""
    return subprocess.run(
        [sys.executable, "-m", "garagebench", *arguments],
        cwd=place,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "XDG_CACHE_HOME": str(place.parent / "cache"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def check(repository: Path) -> Check:
    """Check the suite against HEAD; what the command did, and its JSON."""

    def run(
        *more: str, suite: str = "bench"
    ) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
        named = ("--base", "HEAD", "--pytest", suite, "--format", "json")
        done = garagebench(repository, "check", *named, *more)
        return done, json.loads(done.stdout) if done.stdout else {}

    return run


def name(test: str) -> str:
    """Return a benchmark's whole name."""
    return f"bench/test_words.py::{test}"


def test_a_slower_function_is_named_by_its_benchmarks(repository: Path, check: Check) -> None:
    """Exactly those that use it are slower, the one that became faster is shown, and the last check is remembered."""
    write(repository, 16)
    done, verdict = check(*LITTLE, "--threshold", "*count[1-2]=1000")
    assert (done.returncode, verdict["verdict"]) == (3, "slower"), done.stderr
    # In a pattern, brackets are no class of characters.
    assert {case["case"]: case["verdict"] for case in verdict["cases"]} == {
        name("test_count[1-2]"): "not slower",
        name("test_count[2]"): "slower",
        name("test_upper"): "not slower",
    }
    case = verdict["cases"][0]
    assert (case["impl"], case["operation"], case["stage"], case["part_of"]) == (None,) * 4
    assert (verdict["schema"], verdict["sources"]) == (
        5,
        {"words": ["src/words.py", "src/words.py"]},
    )
    again = garagebench(
        repository, *("check", "--base", "HEAD", "--pytest", "bench", "--last-slower", "--dry-run")
    )
    assert again.stdout.splitlines()[:-1] == [name("test_count[2]")], again.stderr


def test_identical_code_is_level_and_nothing_is_left(repository: Path, check: Check) -> None:
    """All benchmarks are counted as level, the repository is as it was, and no file of ours is left."""
    before = git(repository, "status", "--porcelain", "--ignored")
    done = garagebench(
        repository, "check", "--base", "HEAD", "--pytest", "bench", *LITTLE, "--format", "markdown"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("**not slower**\n\n- 3 of 3 benchmarks level")
    # Said before anything is measured.
    assert "3 cases: about " in done.stderr
    assert git(repository, "status", "--porcelain", "--ignored") == before
    assert list((repository.parent / "cache" / "garagebench" / "trees").glob("pair-*")) == []
    done, _ = check("--last-slower")
    assert (done.returncode, "nothing was slower or undecided" in done.stderr) == (1, True)


def test_what_is_gone_stands_in_the_headline(repository: Path, check: Check) -> None:
    """A benchmark that head deletes is told, and leaves the check inconclusive where all are required."""
    (repository / "bench" / "test_words.py").write_text(
        BENCH.partition("\n\ndef test_upper")[0] + "\n"
    )
    named = ("--base", "HEAD", "--pytest", "bench", "--require-all", "--format", "markdown")
    done = garagebench(repository, "check", *named, *LITTLE)
    assert done.returncode == 4, done.stderr
    headline, _, _, *notes = done.stdout.splitlines()
    assert headline.startswith("**inconclusive; 1 benchmark of the base not measured in the head: ")
    assert headline.replace("\\", "").endswith("test_upper**")
    assert "- --require-all: not every benchmark could be judged" in notes


def test_a_broken_benchmark_is_an_error(repository: Path, check: Check) -> None:
    """Works in base, fails in head: exit code 1 and one sentence that names it."""
    write(repository, 0)
    done, _ = check(*LITTLE)
    assert (done.returncode, done.stdout) == (1, "")
    assert "works in base and fails in head: bench/test_words.py::test_count[1-2]: " in done.stderr


def test_a_dry_run_lists_the_cases(repository: Path) -> None:
    """Names and seconds; arguments behind -- reach pytest."""
    done = garagebench(
        repository,
        *("check", "--base", "HEAD", "--pytest", "bench", "--dry-run", "--", "-k", "count"),
    )
    assert done.returncode == 0, done.stderr
    *names, total = done.stdout.splitlines()
    assert names == [name("test_count[1-2]"), name("test_count[2]")]
    assert total.startswith("2 cases: about ")


def test_without_a_name_the_benchmarks_that_are_there_are_listed(repository: Path) -> None:
    """The line to type; and what pyproject.toml names is checked without it."""
    done = garagebench(repository, "check", "--base", "HEAD")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "  garagebench check --base HEAD --pytest bench"
    table = '[tool.garagebench]\npytest = ["bench"]\npytest-options = ["-k", "upper"]\n'
    (repository / "pyproject.toml").write_text(table)
    done = garagebench(repository, "check", "--base", "HEAD", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == name("test_upper")


def test_what_is_not_for_pytest_is_refused(repository: Path) -> None:
    """Arguments for pytest without a suite are a usage error."""
    done = garagebench(
        repository, *("check", "--base", "HEAD", "--subject", "src/words.py:count", "--", "-k", "x")
    )
    assert done.returncode == 2
    assert "name a suite with --pytest PATH" in " ".join(done.stderr.split())


#: A threshold below which no number of generations can tell anything, so that a benchmark stays undecided.
NEVER = ("--threshold", "*test_upper=0.0001")

#: Of three cases one is "not slower" by chance now and then, but not all of them.
ALL_OPEN = ("--threshold", "*=0.0001")


def test_fail_fast_ends_at_the_first_confirmed_slowdown(repository: Path, check: Check) -> None:
    """What is undecided then is not measured on."""
    write(repository, 16)
    few = ("--generations", "24", "--max-slowdown", "60", *NEVER)
    done, verdict = check(*few, "--fail-fast")
    assert done.returncode == 3, done.stderr
    generations = {case["case"]: case["generations"] for case in verdict["cases"]}
    assert 0 < generations[name("test_upper")] < 24
    slower = [case["case"] for case in verdict["cases"] if case["verdict"] == "slower"]
    assert name("test_count[2]") in slower


def test_a_check_goes_on_after_sigkill(repository: Path) -> None:
    """From its last look: what was measured up to there is kept, and the copies of the dead one are cleaned up."""
    kept = repository.parent / "kept.json"
    words = ["check", "--base", "HEAD", "--pytest", "bench", *LITTLE, *ALL_OPEN, "--format", "json"]
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "XDG_CACHE_HOME": str(repository.parent / "cache"),
    }
    command = [sys.executable, "-m", "garagebench", *words, "--output", str(kept)]
    first = subprocess.Popen(
        command, cwd=repository, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    with first:
        while not kept.exists() and first.poll() is None:
            time.sleep(0.05)
        first.send_signal(signal.SIGKILL)
    assert first.returncode == -signal.SIGKILL
    before = json.loads(kept.read_text())
    assert (before["is_whole"], before["done"]) == (False, 6)
    done = garagebench(repository, *words, "--resume", str(kept))
    assert done.returncode == 4, done.stderr
    after = json.loads(kept.read_text())
    assert after["is_whole"]
    for old, new in zip(before["cases"], after["cases"], strict=True):
        assert new["changes"][:6] == old["changes"]
    assert max(len(case["changes"]) for case in after["cases"]) == 15
    assert list((repository.parent / "cache" / "garagebench" / "trees").glob("pair-*")) == []


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="apt-get install valgrind")
def test_instructions_of_benchmarks_that_are_not_level_are_counted(
    repository: Path, check: Check
) -> None:
    """Beside the time of what became slower stands its count; what is level is not counted."""
    write(repository, 16)
    done, verdict = check(*LITTLE, "--count", "instructions", suite="bench/test_words.py")
    assert done.returncode == 3, done.stderr
    counts = {one["case"]: one["change_percent"] for one in verdict["instructions"]}
    assert counts.keys() == {name("test_count[1-2]"), name("test_count[2]")}
    assert all(change > 100 for change in counts.values())
