"""What an interpreter is, and what would fix one that is none."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from garagebench.engine import interpreter
from garagebench.engine.channel import WorkerFailed
from garagebench.engine.interpreter import find_interpreter

#: Answers as a worker of that version would, on the pipes whose numbers are its arguments.
PRETENDER = f"""#!{sys.executable}
import os, sys
commands, answers = map(int, sys.argv[2:])
os.read(commands, 1000)
environment = '{{"python_implementation": "CPython", "python_version": "VERSION"}}'
os.write(answers, b'{{"environment": %s}}\\n' % environment.encode())
"""


def failure(name: str) -> str:
    """What is wrong with the interpreter of that name; whatever it is, it is unavailable."""
    with pytest.raises(WorkerFailed) as caught:
        find_interpreter(name)
    assert caught.value.status == "unavailable"
    return str(caught.value)


def test_no_name_is_this_interpreter() -> None:
    """Its path, what it is, and its label in tables."""
    found = find_interpreter("")
    assert found.path == sys.executable
    assert found.environment["python_version"] == platform.python_version()
    implementation = platform.python_implementation().lower()
    assert found.label == f"{implementation}{sys.version_info.major}.{sys.version_info.minor}"


def test_a_whole_path_is_a_name() -> None:
    """It needs not be on the PATH."""
    assert find_interpreter(sys.executable) == find_interpreter("")


def test_pypy_has_a_label_of_its_own(pypy: str) -> None:
    """Its label says which Python it is, its environment which PyPy."""
    found = find_interpreter("pypy3")
    assert found.path == pypy
    assert found.label.startswith("pypy3.")
    assert found.environment["python_implementation"] == "PyPy"
    assert found.environment["pypy_version"][0].isdigit()


@pytest.mark.parametrize("name", ["pypy3.99", "python3.99"])
def test_a_python_that_is_not_installed(name: str) -> None:
    """The command that would install it is given."""
    assert failure(name) == f"{name} not found: apt-get install {name}"


@pytest.mark.parametrize("name", ["no-such-python", "./python3.99", "/no/such/python3.99"])
def test_a_name_that_is_nothing(name: str) -> None:
    """What no package has the name of is not said to be installable."""
    fix = "name an interpreter on the PATH or give its whole path"
    assert failure(name) == f"{name} not found: {fix}"


@pytest.mark.parametrize("name", ["true", "false", "cat"])
def test_a_program_that_is_no_python(name: str) -> None:
    """It says that it does not run as one, and how it ended."""
    path = shutil.which(name)
    assert path is not None
    said = failure(path)
    assert said.startswith(
        f"{path} does not run as a Python 3.9 or later: the worker died (exit code "
    )


def test_a_program_that_says_nothing(
    make_program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that goes on for ever is given up after a while."""
    monkeypatch.setattr(interpreter, "TIMEOUT_S", 0.2)
    path = make_program("#!/bin/sh\nexec sleep 60\n")
    assert failure(path).endswith("no answer within 0.2 s: it hangs")


def test_a_file_that_is_no_program(make_program: Callable[[str], str]) -> None:
    """It is said not to start."""
    path = make_program("just text\n")
    assert failure(path) == f"{path} cannot be started: Exec format error"


@pytest.mark.parametrize(("version", "shown"), [("3.8.18", "3.8"), ("2.7.18", "2.7")])
def test_a_python_that_is_too_old(
    make_program: Callable[[str], str], version: str, shown: str
) -> None:
    """It says what it is, and what is needed."""
    path = make_program(PRETENDER.replace("VERSION", version))
    assert failure(path) == f"{path} is Python {shown}, a worker needs 3.9 or later"


@pytest.mark.parametrize(
    ("version", "label"), [("3.9.0", "cpython3.9"), ("3.14.0rc1", "cpython3.14")]
)
def test_a_python_that_is_new_enough(
    make_program: Callable[[str], str], version: str, label: str
) -> None:
    """The oldest will do, and a version with two digits is none with one."""
    assert find_interpreter(make_program(PRETENDER.replace("VERSION", version))).label == label


def test_a_python_that_cannot_read_the_worker(make_program: Callable[[str], str]) -> None:
    """A real old Python stumbles over the worker's grammar: its last words are passed on."""
    path = make_program(
        "#!/bin/sh\necho '  File worker.py' >&2\necho 'SyntaxError: invalid syntax' >&2\nexit 1\n"
    )
    assert failure(path) == (
        f"{path} does not run as a Python 3.9 or later: the worker died (exit code 1): "
        "SyntaxError: invalid syntax"
    )


def test_a_name_is_looked_up_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a shell would."""
    (tmp_path / "mine").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert find_interpreter("mine").path == str(tmp_path / "mine")
