"""What the tests of the core share: every implementation, and every other interpreter."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from interpreters import OTHER_CPYTHONS, find_cpython

from garagebench import Impl, Layout, load_impl
from garagebench.errors import Unavailable
from garagebench.impls.registry import BUILTIN

# A slow machine is no failure.
settings.register_profile(
    "unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")


@pytest.fixture(scope="session", params=BUILTIN)
def impl(request: pytest.FixtureRequest) -> Impl:
    """Every implementation that this interpreter can run. The others are skipped; where CI is set, they fail."""
    try:
        return load_impl(request.param)
    except Unavailable as error:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(str(error))


@pytest.fixture(scope="session", params=["pypy3", *OTHER_CPYTHONS])
def other_python(request: pytest.FixtureRequest) -> str:
    """The path of every other interpreter that the core is for; one that is not here is skipped."""
    if request.param == "pypy3":
        path: str = request.getfixturevalue("pypy")
        return path
    return find_cpython(request.param) or pytest.skip(f"{request.param} not found")


@pytest.fixture(scope="session")
def seed() -> Layout:
    """The built-in layout."""
    return Layout.builtin("seed")
