"""Benchmarks for asv, in a real worker and through the command: `--asv DIR`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_trials import git

WORDS = """
def count(text):
    total = 0
    for _ in range({turns}):
        total = len(text.split())
    return total
"""

BENCH = """
from words import count

class Thing:
    pass

class Counting:
    params = [[1, 50], ["one ", "two "]]
    param_names = ["times", "word"]

    def setup(self, times, word):
        if (times, word) == (50, "two "):
            raise NotImplementedError
        self.text = word * times

    def time_count(self, times, word):
        count(self.text)

    def peakmem_count(self, times, word):
        count(self.text)

class Emptied:
    number = 1

    def setup(self):
        self.items = [3, 1, 2]

    def time_pop(self):
        # There is one call for each setup.
        assert self.items.pop(0) == 3
        self.items.clear()

class Cached:
    def setup_cache(self):
        return {"text": "a b c"}

    def time_cached(self, cache):
        assert count(cache["text"]) == 3

class Objects:
    params = [[Thing(), Thing()]]

    def time_object(self, thing):
        count("a b")

def time_plain():
    return count("a b")

def timeraw_count():
    return "count('a b ' * 100)", "from words import count"

timeraw_count.number = 100

def time_broken():
    raise ValueError("no data")

def peakmem_broken():
    raise ValueError("no data")

def track_size():
    return 3
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a package that is not installed, and benchmarks for asv."""
    place = tmp_path / "repository"
    for folder in ("src", "asv_bench"):
        (place / folder).mkdir(parents=True)
    write(place, 4)
    (place / "asv_bench" / "__init__.py").write_text("")
    (place / "asv_bench" / "words_bench.py").write_text(BENCH)
    git(place, "init", "--initial-branch", "main")
    git(place, "add", "--all")
    git(place, "commit", "--message", "one")
    return place


def write(place: Path, turns: int) -> None:
    """Write the package; turns: how often `count` does its work."""
    (place / "src" / "words.py").write_text(WORDS.format(turns=turns))


def garagebench(place: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], Any]:
    """Run the command in the repository; what it did, and its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "garagebench", *arguments, "--format", "json"],
        cwd=place,
        env={**os.environ, "XDG_CACHE_HOME": str(place.parent / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, json.loads(done.stdout) if done.stdout else {}


def test_every_form_of_a_benchmark_is_measured(repository: Path) -> None:
    """Parameters, setup, setup_cache and number work; what fails, is skipped or is no time is left out with its reason."""
    done, report = garagebench(repository, "run", "--asv", "asv_bench", "--generations", "1")
    assert done.returncode == 1, done.stderr
    rows = {row["case"]: row for row in report["rows"]}
    good = {case for case, row in rows.items() if row["status"] == "ok"}
    counting = "words_bench.Counting.time_count"
    assert good == {
        *(f"{counting}({args})" for args in ("1, 'one '", "1, 'two '", "50, 'one '")),
        "words_bench.Emptied.time_pop",
        "words_bench.Cached.time_cached",
        "words_bench.time_plain",
        "words_bench.timeraw_count",
        *(
            f"{counting.replace('time', 'peakmem')}({args})"
            for args in ("1, 'one '", "1, 'two '", "50, 'one '")
        ),
        *(name for name in rows if "Objects" in name),
    }
    assert len([name for name in rows if "Objects.time_object" in name]) == 2
    reasons = {case: row["caveats"][0] for case, row in rows.items() if case not in good}
    assert reasons["words_bench.time_broken"] == "failed: ValueError: no data"
    assert reasons[f"{counting}(50, 'two ')"].startswith("skipped: its setup does not apply")
    assert "type track are not measured" in reasons["words_bench.track_size"]
    assert reasons["words_bench.peakmem_broken"] == "failed: ValueError: no data"
    assert {row["unit"] for case, row in rows.items() if "peakmem" in case} == {"bytes", "ns"}
    # An interpreter without anything has some megabytes.
    assert rows["words_bench.Counting.peakmem_count(1, 'one ')"]["median"] > 4e6


def test_a_slower_function_is_named_by_its_benchmarks(repository: Path) -> None:
    """Each side imports the package from its own copy, and nothing of the repository changes."""
    write(repository, 16)
    before = git(repository, "status", "--porcelain", "--ignored")
    more = ("--generations", "15", "--max-slowdown", "60")
    done, verdict = garagebench(
        repository,
        "check",
        "--base",
        "HEAD",
        "--asv",
        "asv_bench",
        "--benchmarks-from",
        "head",
        *more,
    )
    assert done.returncode == 3, done.stderr
    slower = {case["case"] for case in verdict["cases"] if case["verdict"] == "slower"}
    assert "words_bench.time_plain" in slower
    assert (
        "words_bench.timeraw_count" in slower
    )  # in a process of its own, it imports the copy, too
    assert "words_bench.Emptied.time_pop" not in slower
    assert verdict["sources"] == {"words": ["src/words.py", "src/words.py"]}
    assert git(repository, "status", "--porcelain", "--ignored") == before


def test_a_directory_without_benchmarks_is_named(repository: Path) -> None:
    """An error that says what was looked for; and two suites at once are refused."""
    (repository / "none").mkdir()
    (repository / "none" / "__init__.py").write_text("")
    done, _ = garagebench(repository, "run", "--asv", "none")
    assert done.returncode == 1
    assert "no benchmarks for asv in none" in done.stderr
    done, _ = garagebench(
        repository, "check", "--base", "HEAD", "--asv", "asv_bench", "--pytest", "asv_bench"
    )
    assert done.returncode == 2
    assert "check one suite after the other" in done.stderr


def test_more_memory_is_slower(repository: Path) -> None:
    """The peak of memory of a call, which is the same each time, is judged as a time is."""
    (repository / "memory").mkdir()
    (repository / "memory" / "__init__.py").write_text("")
    (repository / "memory" / "memory_bench.py").write_text(
        "import words\n\ndef peakmem_make():\n    return len(words.make())\n"
        "\ndef peakmem_nothing():\n    return 1\n"
    )
    words = repository / "src" / "words.py"
    words.write_text(words.read_text() + "\ndef make():\n    return bytearray(50_000_000)\n")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=memory")
    words.write_text(words.read_text().replace("50_000_000", "75_000_000"))
    done, verdict = garagebench(
        repository, "check", "--base", "HEAD", "--asv", "memory", "--generations", "9"
    )
    assert done.returncode == 3, done.stderr
    found = {case["case"]: case for case in verdict["cases"]}
    assert found["memory_bench.peakmem_make"]["verdict"] == "slower"
    # 25 MB more, of 50 MB and an interpreter.
    assert 15 < found["memory_bench.peakmem_make"]["change_percent"] < 50
    assert found["memory_bench.peakmem_nothing"]["verdict"] == "not slower"
