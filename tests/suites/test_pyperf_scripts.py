"""Benchmark scripts of pyperf, in real workers and through the command: `--pyperf SCRIPT`."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_asv import garagebench, write
from test_trials import git

SCRIPT = """
import sys
import time

import pyperf
from words import count

def timed(loops, text):
    begin = time.perf_counter()
    for _ in range(loops):
        count(text)
        count(text)
    return time.perf_counter() - begin

async def wait():
    count("a b")

def broken():
    raise ValueError("no data")

runner = pyperf.Runner(values=3)
runner.argparser.add_argument("--size", type=int, default=10)
size = runner.parse_args().size
runner.metadata["description"] = "words"
runner.bench_func("func", count, "a b " * size)
runner.bench_time_func("time_func", timed, "a b", inner_loops=2)
runner.bench_async_func("async", wait)
runner.timeit("timeit", "count('a b')", setup="from words import count")
runner.bench_func("broken", broken)
runner.bench_func("other", sorted, [3, 1, 2])
runner.bench_command("command", [sys.executable, "-S", "-E", "-c", "pass"])
"""

NAMES = ["func", "time_func", "async", "timeit", "broken", "other", "command"]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a package that is not installed, and a script."""
    place = tmp_path / "repository"
    (place / "src").mkdir(parents=True)
    write(place, 4)
    (place / "bench_words.py").write_text(SCRIPT)
    git(place, "init", "--initial-branch", "main")
    git(place, "add", "--all")
    git(place, "commit", "--message", "one")
    return place


def test_every_form_of_a_benchmark_is_measured(repository: Path) -> None:
    """Functions, self-timed ones, coroutines, statements and commands; one that fails is left out, the others are measured."""
    done, report = garagebench(
        repository, "run", "--pyperf", "bench_words.py", "--generations", "1"
    )
    assert done.returncode == 1, done.stderr
    rows = {row["case"]: row for row in report["rows"]}
    assert sorted(rows) == sorted(NAMES)
    assert {name for name, row in rows.items() if row["status"] != "ok"} == {"broken"}
    assert rows["broken"]["caveats"] == ["failed: ValueError: no data"]
    # The clock is that of the function itself, and there are two calls in its loop.
    assert 0.2 < rows["time_func"]["median"] / rows["timeit"]["median"] < 5
    assert rows["command"]["median"] > 1e6


def test_a_slower_function_is_named_by_its_benchmarks(repository: Path) -> None:
    """Exactly those that use it, by whichever clock; each side imports from its own copy."""
    write(repository, 16)
    more = ("--generations", "15", "--max-slowdown", "60")
    done, verdict = garagebench(
        repository, "check", "--base", "HEAD", "--pyperf", "bench_words.py", *more
    )
    assert done.returncode == 3, done.stderr
    slower = {case["case"] for case in verdict["cases"] if case["verdict"] == "slower"}
    assert slower == {"func", "time_func", "timeit", "async"} & slower
    assert {"func", "time_func", "timeit"} <= slower
    assert verdict["sources"] == {"words": ["src/words.py", "src/words.py"]}
    assert [one["case"] for one in verdict["one_sided"]] == ["broken"]


def test_scripts_without_names_of_their_own_are_refused(repository: Path) -> None:
    """Without any benchmark, and with one that is there twice."""
    (repository / "none.py").write_text("import pyperf\n")
    done, _ = garagebench(repository, "run", "--pyperf", "none.py")
    assert done.returncode == 1
    assert "none.py: no benchmarks: a script calls bench_func of a pyperf.Runner" in done.stderr
    (repository / "other.py").write_text(
        "import pyperf\npyperf.Runner().bench_func('func', sorted, [])\n"
    )
    done, _ = garagebench(repository, "run", "--pyperf", "bench_words.py", "--pyperf", "other.py")
    assert done.returncode == 1
    assert "two benchmarks are called func: check the scripts one by one" in done.stderr


def test_what_seems_to_be_there_is_listed(repository: Path) -> None:
    """A script of pyperf, and the directory that the configuration of asv names, which has comments."""
    (repository / "benchmarks" / "asv").mkdir(parents=True)
    (repository / "benchmarks" / "asv.conf.json").write_text(
        '{\n  // of this project\n  "benchmark_dir": "asv",\n}\n'
    )
    done, _ = garagebench(repository, "check", "--base", "HEAD")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-2:] == [
        "  garagebench check --base HEAD --asv benchmarks/asv",
        "  garagebench check --base HEAD --pyperf bench_words.py",
    ]
