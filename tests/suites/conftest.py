"""Suites in a directory of their own, and what drives them."""

from __future__ import annotations

import contextlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import garagebench
from garagebench.engine.runner import Runner, start_runner
from garagebench.engine.target import Target

PACKAGES = {"garagebench": str(Path(garagebench.__file__).parent)}

TIMEOUT_S = 60.0

Start = Callable[..., Runner]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of the suite."""

    def put(text: str, name: str = "test_it.py") -> Path:
        path = tmp_path / "suite" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return put


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Return a runner that has loaded the suite, with the plugins that are named and no others."""
    with contextlib.ExitStack() as stack:

        def run(*options: str, autoload: bool = False, python: str = sys.executable) -> Runner:
            monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "" if autoload else "1")
            runner = start_runner(python)
            stack.callback(runner.close)
            arguments = {
                "root": str(tmp_path / "suite"),
                "paths": ["."],
                "options": list(options),
                "temporary": str(tmp_path / "temporary"),
            }
            factory = "garagebench.subjects.pytest_suites:make_subject"
            runner.begin_load(Target(factory, arguments, PACKAGES), TIMEOUT_S)
            return runner

        yield run
