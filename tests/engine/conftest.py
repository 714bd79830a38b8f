"""What the tests of the engine share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import garagebench

# A slow machine is no failure.
settings.register_profile(
    "unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")

HERE = Path(__file__).parent

#: Where workers find the toys, and what these need.
PACKAGES = {"garagebench": str(Path(garagebench.__file__).parent), "toys": str(HERE / "toys")}


@pytest.fixture(scope="session")
def packages() -> dict[str, str]:
    """The packages that a worker is told to import, with their directories."""
    return PACKAGES


@pytest.fixture
def make_program(tmp_path: Path) -> Callable[[str], str]:
    """Write a program that may pass for an interpreter, and return its path; it begins with a `#!` line."""

    def make(text: str) -> str:
        path = tmp_path / f"program{len(list(tmp_path.iterdir()))}"
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    return make


@pytest.fixture(params=["this interpreter", "pypy3"])
def any_python(request: pytest.FixtureRequest) -> str:
    """The interpreter that runs the tests, and PyPy."""
    if request.param == "this interpreter":
        return sys.executable
    path: str = request.getfixturevalue("pypy")
    return path
