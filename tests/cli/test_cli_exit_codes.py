"""The exit codes of `garagebench run`: 0 good, 1 error, 2 usage, 3 wrong answers."""

from __future__ import annotations

import signal
from pathlib import Path

import click
import pytest
from command_line import (
    MUTANTS,
    QUICK,
    Finished,
    Garagebench,
    Invoke,
    WritePool,
    assert_one_sentence,
    rows_of,
)

from garagebench.cli import main
from garagebench.run import conduct
from garagebench.run.recipes import may_have

#: Command, and each option of it that is a number.
FLOATS = [
    (name, parameter.opts[0])
    for name, command in main.commands.items()
    for parameter in command.params
    if isinstance(parameter.type, click.types.FloatParamType)
]

BROKEN_NUMPY = "raise ImportError('numpy is broken here')\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--impl", "nosuch"), ["nosuch", "lists, numpy, numba, pypy"]),
        (("--impl", "nosuch.py:Pool"), ["nosuch.py:Pool", "no file nosuch.py"]),
        (("--stage", "nosuch"), ["nosuch", "validate"]),
        (("--stage", "release", "--operation", "park"), ["release", "park", "sequence"]),
        (("--layout", "nosuch"), ["nosuch", "seed", "TOML"]),
        (("--workload", "nosuch"), ["nosuch", "fill, mixed, churn"]),
        (("--operation", "nosuch"), ["nosuch", "'park', 'unpark', 'both'", "'many'"]),
        (("--operation", "park_many", "--stage", "encode"), ["encode", "park_many", "total"]),
        (("--with", "nosuch=json"), ["nosuch", "validate, sequence, space_lookup, encode"]),
        (("--with", "encode=nosuch"), ["nosuch", "json, msgspec, orjson, rendered"]),
        (("--with", "encode"), ["'encode'", "STAGE=VARIANT"]),
        (("--with", "encode=json", "--with", "encode=rendered"), ["json and rendered"]),
        (("--processes", "0"), ["0", "--processes"]),
        (("--processes", "2", "--impl", "lists"), ["'lists'", "only 'shared' and 'blocks'"]),
        (("--processes", "2", "--operation", "many"), ["many", "park, unpark, both"]),
        (("--processes", "2", "--runtime", "pypy3"), ["--processes", "--runtime"]),
        (("--processes", "2", "--stage", "total"), ["--processes", "--stage"]),
        (("--processes", "2", "--workload", "fill"), ["--processes", "--workload"]),
        (("--format", "nosuch"), ["nosuch", "'table', 'markdown', 'json', 'csv'"]),
        (("--nosuch",), ["--nosuch"]),
        (("--spaces", "0"), ["0", "--spaces"]),
        (("--spaces", "many"), ["many", "--spaces"]),
        (("--budget", "0"), ["0", "--budget"]),
        (("--budget", "nan"), ["nan", "--budget"]),
        (("--budget", "inf"), ["inf", "--budget"]),
        (("--seed", "1.5"), ["1.5", "--seed"]),
        (("surplus",), ["surplus"]),
    ],
)
def test_what_cannot_be_asked_for_is_2(
    invoke: Invoke, arguments: tuple[str, ...], words: list[str]
) -> None:
    """An unknown name or a senseless value is told at once, with what there is instead."""
    assert_one_sentence(invoke("run", *arguments), 2, *words)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(("command", "option"), FLOATS)
def test_what_is_no_number_is_2(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, command: str, option: str, text: str
) -> None:
    """No option of any command takes what compares with nothing, or never ends."""
    monkeypatch.setattr(main.commands[command], "callback", lambda **_: None)
    assert_one_sentence(invoke(command, option, text), 2, option, text)


def test_an_unknown_command_is_2(invoke: Invoke) -> None:
    """So is a command that there is not."""
    assert_one_sentence(invoke("nosuch"), 2, "nosuch")


def test_no_command_is_2(invoke: Invoke) -> None:
    """The bare command shows the help, as an error."""
    result = invoke()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Commands:" in result.stderr


def test_measured_is_0(garagebench: Garagebench) -> None:
    """A named implementation that was measured is good; nothing but progress is on standard error."""
    ran = garagebench("run", "--impl", "numpy", *QUICK)
    assert ran.returncode == 0
    assert [line for line in ran.stderr.splitlines() if not line.startswith("measuring")] == []


@pytest.mark.parametrize(
    ("impl", "runtime", "words"),
    [
        ("lists", "pypy9", ["pypy9 not found", "name an interpreter on the PATH"]),
        ("lists", "python3.99", ["python3.99 not found: apt-get install python3.99"]),
        ("lists", "/bin/true", ["/bin/true does not run as a Python 3.9 or later"]),
        ("numba", "pypy3", ["No module named", "pip install 'garagebench[numba]'"]),
    ],
)
def test_a_named_implementation_that_cannot_run_is_1(
    garagebench: Garagebench,
    request: pytest.FixtureRequest,
    impl: str,
    runtime: str,
    words: list[str],
) -> None:
    """Its rows are unavailable with reason and fix, as is said on standard error; the reference is measured."""
    if runtime == "pypy3":
        request.getfixturevalue("pypy")
    ran = garagebench("run", "--impl", impl, "--runtime", runtime, *QUICK, "--format", "json")
    assert ran.returncode == 1
    assert [row["status"] for row in rows_of(ran, "lists")][:2] == ["ok", "ok"]
    assert_failed([row for row in rows_of(ran, impl) if row["status"] != "ok"], "unavailable")
    reason = " ".join(rows_of(ran, impl)[-1]["caveats"])
    for word in words:
        assert word in reason
        assert word in ran.stderr


def assert_failed(rows: list[dict[str, object]], status: str) -> None:
    """Fail unless these are the rows of both operations, of that status and without a number."""
    assert [row["operation"] for row in rows] == ["park", "unpark"]
    assert {row["status"] for row in rows} == {status}
    assert {row["median"] for row in rows} == {row["ratio"] for row in rows} == {None}


def run_without_numpy(garagebench: Garagebench, directory: Path, *arguments: str) -> Finished:
    """Run with a numpy in the way that cannot be imported."""
    (directory / "numpy.py").write_text(BROKEN_NUMPY)
    return garagebench("run", *arguments, *QUICK, "--format", "json", PYTHONPATH=str(directory))


def test_a_named_implementation_without_its_package_is_1(
    garagebench: Garagebench, tmp_path: Path
) -> None:
    """A package that cannot be imported: the row has the error and the command that installs it."""
    ran = run_without_numpy(garagebench, tmp_path, "--impl", "numpy")
    assert ran.returncode == 1
    assert_failed(rows_of(ran, "numpy"), "unavailable")
    for text in (rows_of(ran, "numpy")[0]["caveats"][0], ran.stderr):
        assert "numpy is broken here" in text
        assert "pip install 'garagebench[numpy]'" in text


def test_a_default_implementation_that_cannot_run_is_0(
    garagebench: Garagebench, tmp_path: Path
) -> None:
    """Nobody named it: its row and standard error say so, and that is all."""
    ran = run_without_numpy(garagebench, tmp_path)
    assert ran.returncode == 0
    assert_failed(rows_of(ran, "numpy"), "unavailable")
    assert "numpy@" in ran.stderr
    assert [row["status"] for row in rows_of(ran, "lists")] == ["ok", "ok"]


def test_a_named_interpreter_that_is_not_there_is_1(garagebench: Garagebench) -> None:
    """Nothing runs on it, so that what the user asked for was not measured, whoever should have run on it."""
    ran = garagebench("run", "--runtime", "pypy9", *QUICK, "--format", "json")
    assert ran.returncode == 1
    assert_failed(rows_of(ran, "pypy"), "unavailable")


def test_a_default_implementation_that_a_named_interpreter_lacks_is_0(
    garagebench: Garagebench, pypy: str
) -> None:
    """PyPy has no numba: where only the interpreter is named, that is a row and no error."""
    ran = garagebench("run", "--runtime", pypy, *QUICK, "--format", "json")
    assert ran.returncode == 0, ran.stderr
    assert_failed(rows_of(ran, "numba"), "unavailable")


@pytest.mark.parametrize(
    ("mutant", "words"),
    [
        ("GivesOutTheLastSpaceTwice", ["take()", "answers 0", "expected -1"]),
        ("IgnoresTheNearestRule", ["nearest()", "answers 1", "expected 0"]),
        ("SaysThatItFreedAFreeSpace", ["release(0)", "answers True", "expected False"]),
    ],
)
def test_wrong_answers_are_3(garagebench: Garagebench, mutant: str, words: list[str]) -> None:
    """One wrong answer: rows of status wrong that have no time and show the call; the reference is measured."""
    ran = garagebench("run", "--impl", f"{MUTANTS}:{mutant}", *QUICK, "--format", "json")
    assert ran.returncode == 3
    assert_failed(rows_of(ran, mutant), "wrong")
    assert [row["status"] for row in rows_of(ran, "lists")] == ["ok", "ok"]
    for word in words:
        assert word in rows_of(ran, mutant)[0]["caveats"][0]
        assert word in ran.stderr


def test_a_wrong_answer_under_load_only_is_3(
    garagebench: Garagebench, write_pool: WritePool
) -> None:
    """An answer that is wrong only after many passes is caught while it is timed; the times are dropped."""
    pool = write_pool(
        """
class Pool(ListPool):
    restored = 0
    def restore(self, state):
        Pool.restored += 1
        super().restore(state)
    def take(self):
        return super().take() if Pool.restored < 60 else 0
"""
    )
    ran = garagebench("run", "--impl", pool, *QUICK, "--format", "json")
    assert ran.returncode == 3
    assert_failed(rows_of(ran, "Pool"), "wrong")
    assert "park/total: answer 2 is" in rows_of(ran, "Pool")[0]["caveats"][0]


def test_an_implementation_that_is_none_is_1(
    garagebench: Garagebench, write_pool: WritePool
) -> None:
    """A class that lacks a method is invalid; the row names what it lacks."""
    pool = write_pool("class Pool:\n    def take(self): return 0\n")
    ran = garagebench("run", "--impl", pool, *QUICK, "--format", "json")
    assert ran.returncode == 1
    assert_failed(rows_of(ran, "Pool"), "invalid")
    assert "it lacks nearest, release, save, restore" in rows_of(ran, "Pool")[0]["caveats"][0]


def test_a_file_that_does_not_load_is_1(garagebench: Garagebench, write_pool: WritePool) -> None:
    """An error in the user's file is told with file and line."""
    ran = garagebench("run", "--impl", write_pool("\nraise ValueError('oops')"), *QUICK)
    assert ran.returncode == 1
    assert "one_pool.py:3: ValueError: oops" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("command", [("verify",), ("run", "--impl"), ("scale", "--impl")])
@pytest.mark.parametrize(
    ("name", "words"), [("Nonesuch", "no 'Nonesuch' in it"), ("", "no name behind the colon")]
)
def test_a_name_that_a_file_lacks_is_2(
    invoke: Invoke, write_pool: WritePool, command: tuple[str, ...], name: str, words: str
) -> None:
    """It is an unknown name like any other, and costs no measurement."""
    path = write_pool("class Pool(ListPool): pass\n").rpartition(":")[0]
    assert_one_sentence(invoke(*command, f"{path}:{name}"), 2, words)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("class Pool: pass", True),
        ("from x import y as Pool", True),
        ("import Pool.x", True),
        ("Pool = 1", True),
        ("from x import *", True),
        ("globals()['Po' + 'ol'] = 1", True),
        ("def __getattr__(name): return 1", True),
        ("class", True),
        ("raise ValueError('oops')", True),
        ("import os; os._exit(7)", True),
        ("'Pool'; x = 1", False),
        ("import x.Pool", False),
    ],
)
def test_names_are_found_without_running_the_file(tmp_path: Path, source: str, found: bool) -> None:
    """What may be there is left to the worker."""
    path = tmp_path / "pool.py"
    path.write_text(source)
    assert may_have(path, "Pool") is found


def test_two_of_one_name_are_1(invoke: Invoke, write_pool: WritePool) -> None:
    """Two implementations that would share their rows' name are refused before anything is measured."""
    pool = write_pool("class Pool(ListPool): pass\n")
    other = Path(pool.rpartition(":")[0]).with_name("other.py")
    other.write_text("from garagebench.impls.lists import ListPool as Pool\n")
    result = invoke("run", "--impl", pool, "--impl", f"{other}:Pool")
    assert_one_sentence(result, 1, "two contestants are called Pool@", "other.py", "one_pool.py")


#: A pool that ends its process in one way, in the second generation: the first left a mark in a file.
DIES = """
import os, signal
seen = {seen!r}
with open(seen, "a") as file:
    file.write("x")
late = os.path.getsize(seen) > 1
class Pool(ListPool):
    calls = 0
    def take(self):
        Pool.calls += 1
        if late and Pool.calls > 3_000:
            {how}
        return super().take()
"""


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("os._exit(7)", "died (exit code 7)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", f"died (signal {int(signal.SIGKILL)})"),
        ("raise SystemExit('no more')", "died (exit code 1): no more"),
    ],
)
def test_a_worker_that_dies_is_1(
    garagebench: Garagebench, write_pool: WritePool, tmp_path: Path, how: str, words: str
) -> None:
    """What it gave before it died is kept, and the row says how it died; the others are measured to the end."""
    pool = write_pool(DIES.format(seen=str(tmp_path / "seen"), how=how))
    ran = garagebench(
        *("run", "--impl", pool, "--spaces", "20", "--stage", "total"),
        *("--generations", "2", "--format", "json"),
    )
    assert ran.returncode == 1
    rows = rows_of(ran, "Pool")
    assert [row["operation"] for row in rows] == ["park", "unpark"]
    assert None not in [row["median"] for row in rows]
    assert all(words in " ".join(row["caveats"]) for row in rows)
    assert "Pool@cpython" in ran.stderr
    assert words in ran.stderr
    assert [row["status"] for row in rows_of(ran, "lists")] == ["ok", "ok"]


def test_a_worker_that_dies_at_once_is_1(garagebench: Garagebench, write_pool: WritePool) -> None:
    """Its rows are there without a number, and say how it died."""
    pool = write_pool("import os\nos._exit(7)\n")
    ran = garagebench("run", "--impl", pool, *QUICK, "--format", "json")
    assert ran.returncode == 1
    assert_failed(rows_of(ran, "Pool"), "invalid")
    assert "the worker died (exit code 7)" in rows_of(ran, "Pool")[0]["caveats"][0]
    assert [row["status"] for row in rows_of(ran, "lists")] == ["ok", "ok"]


def test_a_default_implementation_that_fails_is_1(garagebench: Garagebench, tmp_path: Path) -> None:
    """What cannot run may be left out unnoticed; what breaks down while it runs may not."""
    (tmp_path / "numpy.py").write_text("import os\nos._exit(7)\n")
    ran = garagebench("run", *QUICK, "--format", "json", PYTHONPATH=str(tmp_path))
    assert ran.returncode == 1
    assert_failed(rows_of(ran, "numpy"), "invalid")
    assert "the worker died (exit code 7)" in ran.stderr


def test_a_worker_that_hangs_is_1(
    invoke: Invoke, write_pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time limit it counts as hung: its rows say so, and the others are measured."""
    monkeypatch.setattr(conduct, "TIMEOUT_S", 3.0)
    pool = write_pool("import time\ntime.sleep(600)\n")
    ran = invoke("run", "--impl", pool, *QUICK, "--format", "json")
    assert ran.exit_code == 1
    assert_failed(rows_of(ran, "Pool"), "invalid")
    assert "no answer within 3 s: it hangs" in rows_of(ran, "Pool")[0]["caveats"][0]
    assert "no answer within 3 s: it hangs" in ran.stderr
    assert [row["status"] for row in rows_of(ran, "lists")] == ["ok", "ok"]


def test_what_an_implementation_prints_is_not_ours(
    garagebench: Garagebench, write_pool: WritePool
) -> None:
    """However much it prints to wherever, standard output is our JSON and standard error ours."""
    pool = write_pool(
        """
import os, sys
print("x" * 1_000_000)
class Pool(ListPool):
    def nearest(self):
        print("printed")
        sys.stderr.write("complained")
        os.write(1, b"written")
        os.write(2, b"written")
        return super().nearest()
"""
    )
    ran = garagebench("run", "--impl", pool, *QUICK, "--format", "json")
    assert ran.returncode == 0, ran.stderr
    assert [row["status"] for row in rows_of(ran, "Pool")] == ["ok", "ok"]
    assert "measuring" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_a_failure_is_told_once(garagebench: Garagebench, write_pool: WritePool) -> None:
    """The sentence on standard error names the contestant once."""
    ran = garagebench("run", "--impl", write_pool("import os\nos._exit(7)\n"), *QUICK)
    (sentence,) = [line for line in ran.stderr.splitlines() if "died" in line]
    assert sentence.count("Pool@") == 1


def test_the_memory_of_what_cannot_run_is_in_bytes(garagebench: Garagebench) -> None:
    """Rows without a figure have the unit that the figure would have."""
    ran = garagebench(
        *("run", "--impl", "lists", "--runtime", "pypy9", "--generations", "2", "--format", "json"),
        *("--stage", "import", "--stage", "peak_memory"),
    )
    rows = [row for row in rows_of(ran, "lists") if row["status"] == "unavailable"]
    assert [(row["stage"], row["unit"]) for row in rows] == [
        ("import", "ns"),
        ("peak_memory", "bytes"),
    ]
