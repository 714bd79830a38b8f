"""What several tests need."""

from __future__ import annotations

import os
import shutil
import signal
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Where the tests themselves run in a workflow, the commands under test must not report to it.
for variable in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(variable, None)

# A shell's jobs in the background ignore SIGINT, and so would the commands under test.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def pypy() -> str:
    """The path of PyPy. Without one the test is skipped and says so; where CI is set, it fails."""
    path = shutil.which("pypy3")
    if path is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("pypy3 not found: apt-get install pypy3")
    return path


@pytest.fixture(scope="session")
def core_files() -> list[Path]:
    """Every file that runs in a worker: those that ruff is told to hold to Python 3.9."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    versions = pyproject["tool"]["ruff"]["per-file-target-version"]
    return sorted(path for pattern in versions for path in ROOT.glob(pattern))
