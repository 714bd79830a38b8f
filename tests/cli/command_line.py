"""How the tests call the command, and what they look at in what it printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import Result

from garagebench.run import experiment

ROOT = Path(__file__).parents[2]

#: Implementations that are wrong in one way each.
MUTANTS = ROOT / "tests" / "core" / "mutants.py"

#: Variables of whoever runs the tests that would change what the command does.
FOREIGN = ("GARAGEBENCH_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TERM", "TTY_")

#: A run of about a second that is the same work on every machine.
QUICK = ("--spaces", "20", "--stage", "total", "--generations", "2")

Finished = subprocess.CompletedProcess[str]
Garagebench = Callable[..., Finished]
Invoke = Callable[..., Result]
SettingsOf = Callable[..., experiment.RunSettings]
WritePool = Callable[[str], str]
AssertGolden = Callable[[str, str], None]


def make_environment(**changes: str) -> dict[str, str]:
    """Return the environment of a command: that of the tests, less what would change the output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    paths = [changes.pop("PYTHONPATH", ""), str(ROOT)]
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **changes}


def make_command(*arguments: object) -> list[str]:
    """Return the command line that starts garagebench with this interpreter."""
    return [sys.executable, "-m", "garagebench", *map(str, arguments)]


@dataclass(frozen=True)
class WholeRun:
    """A run of everything, as JSON, and its result file."""

    finished: Finished
    file: Path

    @property
    def report(self) -> dict[str, Any]:
        """The printed JSON."""
        report: dict[str, Any] = json.loads(self.finished.stdout)
        return report

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of it."""
        rows: list[dict[str, Any]] = self.report["rows"]
        return rows


def rows_of(finished: Finished | Result, impl: str) -> list[dict[str, Any]]:
    """Return the rows of an implementation in printed JSON."""
    return [row for row in json.loads(finished.stdout)["rows"] if row["impl"] == impl]


def assert_one_sentence(outcome: Finished | Result, code: int, *words: object) -> None:
    """Fail unless the command ended so, printed nothing, and said what is wrong in one line with these words."""
    ended = outcome.exit_code if isinstance(outcome, Result) else outcome.returncode
    lines = outcome.stderr.splitlines()
    said = lines[-1] if lines else ""
    assert ended == code, outcome.stderr
    assert outcome.stdout == ""
    assert said.startswith("Error: "), outcome.stderr
    # What stands above it is click's hint at the usage.
    hints = ("Usage: ", "Try ", " ")
    assert [line for line in lines[:-1] if line and not line.startswith(hints)] == []
    assert [word for word in words if str(word) not in said] == [], said
