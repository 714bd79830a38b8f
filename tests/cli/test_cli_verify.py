"""`garagebench verify`: whether the answers are right."""

from __future__ import annotations

import pytest
from command_line import MUTANTS, ROOT, Garagebench, Invoke, WritePool, assert_one_sentence

from garagebench.run import verify


def test_right_answers_are_0(garagebench: Garagebench) -> None:
    """A right implementation: one line that names it and its interpreter, exit code 0."""
    ran = garagebench("verify", f"{ROOT / 'examples' / 'set_pool.py'}:SetPool")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("SetPool on cpython3.")
    assert ran.stdout.endswith(" gives the right answers\n")


@pytest.mark.parametrize(
    ("mutant", "calls", "got", "expected"),
    [
        ("GivesOutTheLastSpaceTwice", ["take()", "take()"], "0, free: 0", "-1, free: 0"),
        ("IgnoresTheNearestRule", ["take()"], "1, free: 1", "0, free: 1"),
        ("SaysThatItFreedAFreeSpace", ["release(0)"], "True, free: 1", "False, free: 1"),
    ],
)
def test_wrong_answers_are_3(
    garagebench: Garagebench, mutant: str, calls: list[str], got: str, expected: str
) -> None:
    """A wrong one: exit code 3, and the shortest calls that show it, one a line, with both answers."""
    ran = garagebench("verify", f"{MUTANTS}:{mutant}")
    assert (ran.returncode, ran.stderr) == (3, "")
    verdict, blank, subject, *shown = ran.stdout.splitlines()
    assert verdict.startswith(f"{mutant} on cpython3.")
    assert verdict.endswith(" gives a wrong answer")
    assert blank == ""
    assert subject.startswith("a pool of ")
    lines = [*calls, f"answers {got}", f"expected {expected}"]
    assert shown == [f"  {line}" for line in lines]


def test_another_interpreter_verifies(garagebench: Garagebench, pypy: str) -> None:
    """--runtime runs the suite there, and the verdict says so."""
    ran = garagebench("verify", f"{MUTANTS}:IgnoresTheNearestRule", "--runtime", pypy)
    assert ran.returncode == 3
    assert ran.stdout.startswith("IgnoresTheNearestRule on pypy3.")


def test_pypy_is_verified_on_pypy(garagebench: Garagebench, pypy: str) -> None:
    """Without --runtime, an implementation is verified on the interpreter that it runs on by default."""
    assert pypy
    ran = garagebench("verify", "pypy")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("pypy on pypy3.")


@pytest.mark.parametrize("impl", ["nosuch", "nosuch.py:Pool"])
def test_an_unknown_implementation_is_2(invoke: Invoke, impl: str) -> None:
    """A name or a file that is not there is a mistake in the call."""
    assert_one_sentence(invoke("verify", impl), 2, impl)


def test_a_file_without_the_class_is_2(invoke: Invoke, write_pool: WritePool) -> None:
    """A file that has no such class is an unknown name, told with both."""
    pool = write_pool("").replace(":Pool", ":Nosuch")
    assert_one_sentence(invoke("verify", pool), 2, "one_pool.py", "'Nosuch'")


def test_an_interpreter_that_is_not_there_is_1(invoke: Invoke) -> None:
    """A runtime that is not found is an error that says what to do."""
    result = invoke("verify", "lists", "--runtime", "pypy9")
    assert_one_sentence(result, 1, "pypy9 not found: name an interpreter on the PATH")


def test_an_interpreter_without_the_package_is_1(invoke: Invoke, pypy: str) -> None:
    """An implementation that cannot run there is an error with the reason and the fix, and no verdict."""
    result = invoke("verify", "numba", "--runtime", pypy)
    assert_one_sentence(result, 1, "numba cannot run on", "pip install 'garagebench[numba]'")


def test_a_worker_that_dies_is_1(invoke: Invoke, write_pool: WritePool) -> None:
    """An implementation that ends its process gets no verdict."""
    pool = write_pool("import os\nclass Pool(ListPool):\n    def take(self): os._exit(7)\n")
    assert_one_sentence(invoke("verify", pool), 1, "the worker died (exit code 7)")


def test_a_worker_that_hangs_is_1(
    invoke: Invoke, write_pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one that does not answer within the time limit."""
    monkeypatch.setattr(verify, "VERIFY_TIMEOUT_S", 1.0)
    pool = write_pool("class Pool(ListPool):\n    def take(self):\n        while True: pass\n")
    assert_one_sentence(invoke("verify", pool), 1, "no answer within 1 s: it hangs")


def test_what_an_implementation_prints_is_not_ours(
    garagebench: Garagebench, write_pool: WritePool
) -> None:
    """The verdict is all that is on standard output."""
    ran = garagebench("verify", write_pool("print('loaded')\nclass Pool(ListPool): pass\n"))
    assert len(ran.stdout.splitlines()) == 1
    assert ran.stderr == ""


def test_something_to_verify_is_needed(invoke: Invoke) -> None:
    """`verify` without a name is a mistake in the call."""
    assert_one_sentence(invoke("verify"), 2, "IMPL")
