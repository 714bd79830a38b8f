"""The command in a process of its own, or in this one where little is measured."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from command_line import (
    FOREIGN,
    AssertGolden,
    Finished,
    Garagebench,
    Invoke,
    SettingsOf,
    WholeRun,
    WritePool,
    make_command,
    make_environment,
)

from garagebench.cli import main
from garagebench.errors import GarageError
from garagebench.run import experiment

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def garagebench(tmp_path_factory: pytest.TempPathFactory) -> Garagebench:
    """Return a function that runs the command in a process, outside of any project."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def run(*arguments: object, cwd: Path = elsewhere, **environment: str) -> Finished:
        return subprocess.run(
            make_command(*arguments),
            cwd=cwd,
            env=make_environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Return a function that calls the command in this process, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(FOREIGN):
            monkeypatch.delenv(name)

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(main, list(map(str, arguments)), prog_name="garagebench")

    return call


@pytest.fixture
def settings_of(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> SettingsOf:
    """Return a function that tells what `run` would measure, without doing so."""
    taken: list[experiment.RunSettings] = []

    def take(settings: experiment.RunSettings, **_: object) -> None:
        taken.append(settings)
        raise GarageError("enough")

    monkeypatch.setattr(experiment, "run", take)

    def call(*arguments: object) -> experiment.RunSettings:
        result = invoke("run", *arguments)
        assert result.stderr == "Error: enough\n", result.output
        return taken.pop()

    return call


@pytest.fixture(scope="session")
def whole(garagebench: Garagebench, tmp_path_factory: pytest.TempPathFactory) -> WholeRun:
    """Return a run of the four classic implementations with all stages, shared by all that only look at it."""
    file = tmp_path_factory.mktemp("whole") / "whole.json.gz"
    finished = garagebench("run", "--generations", "6", "--format", "json", "--output", file)
    assert finished.returncode == 0, finished.stderr
    return WholeRun(finished, file)


@pytest.fixture
def write_pool(tmp_path: Path) -> WritePool:
    """Return a function that makes a file whose code defines `Pool`, with `ListPool` at hand, and names it."""

    def write(code: str) -> str:
        path = tmp_path / "one_pool.py"
        path.write_text(f"from garagebench.impls.lists import ListPool\n{code}")
        return f"{path}:Pool"

    return write


@pytest.fixture
def assert_golden() -> AssertGolden:
    """Return the comparison of a text with a golden file, which is never overwritten."""

    def compare(name: str, text: str) -> None:
        golden, new = GOLDEN / name, GOLDEN / f"{name}.new"
        if golden.exists() and golden.read_text() == text:
            new.unlink(missing_ok=True)
            return
        new.write_text(text)
        pytest.fail(
            f"not as in {golden}: see {new}, and move it there if it is right", pytrace=False
        )

    return compare
