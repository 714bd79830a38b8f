"""`garagebench run --server` on the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from garagebench.cli import main
from garagebench.errors import GarageError
from garagebench.http import stage
from garagebench.run.experiment import RunSettings

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Return a function that calls the command in this process, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("GARAGEBENCH_"):
            monkeypatch.delenv(name)
    return lambda *arguments: CliRunner().invoke(main, list(map(str, arguments)))


def test_the_rows_over_http_are_in_the_json(invoke: Invoke) -> None:
    """Rows with a server have its name, and the fields of every other row; those without have null."""
    stages = ("--stage", "http", "--stage", "total", "--operation", "park")
    result = invoke(
        "run", "--impl", "lists", "--server", "wire", *stages, "--budget", 1, "--format", "json"
    )
    assert result.exit_code in (0, 1), result.stderr  # 1 where this machine is too busy
    report = json.loads(result.stdout)
    rows = [(row["stage"], row["server"], row["unit"]) for row in report["rows"]]
    assert rows == [("total", None, "ns"), ("http", "wire", "ns")]
    if result.exit_code == 0:
        assert [row["ratio"] for row in report["rows"]] == [1, 1]
    assert report["settings"]["servers"] == ["wire"]


def test_options_reach_the_settings(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several servers in their order, and whether there is to be a ladder."""
    taken: list[RunSettings] = []

    def take(settings: RunSettings, **_: object) -> None:
        taken.append(settings)
        raise GarageError("enough")

    monkeypatch.setattr(stage, "run", take)
    invoke("run", "--server", "wire", "--server", "flask", "--ladder")
    assert (taken[0].servers, taken[0].ladder) == (("wire", "flask"), True)


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["--server", "nope"], 2, "unknown server 'nope'"),
        (["--server", "wire", "--stage", "nope"], 2, "unknown stage 'nope'; there is: validate, "),
        (["--server", "wire", "--stage", "nope", "--stage", "http"], 2, "http_cpu, http, "),
        (["--ladder"], 2, "--ladder is of servers: name one with --server"),
        (["--stage", "http"], 2, "stage http is of servers: name one with --server"),
        (
            ["--processes", "2", "--server", "wire"],
            2,
            "--processes cannot be combined with --server",
        ),
        (
            ["--server", "wire", "--stage", "total"],
            1,
            "--stage leaves out all that --server measures",
        ),
    ],
)
def test_what_has_no_sense_is_refused(
    invoke: Invoke, arguments: list[str], code: int, reason: str
) -> None:
    """A mistake ends with one sentence, and the exit code that says whose it is."""
    result = invoke("run", *arguments)
    assert result.exit_code == code
    assert reason in result.stderr
