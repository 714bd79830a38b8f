"""The same suite under other versions of pytest and of the plugins that benchmarks are written for, really installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_plugin import FORMS, measure, names_of

from garagebench.engine.runner import Left

if TYPE_CHECKING:
    from conftest import Start, Write

#: Without statistics, which pytest-codspeed does not offer; a suite for either plugin has the rest.
VERSIONS = {
    "pytest 7, pytest-benchmark 4": ("pytest==7.4.4", "pytest-benchmark==4.0.0"),
    "pytest 9, pytest-codspeed and pytest-asyncio": (
        "pytest==9.*",
        "pytest-codspeed",
        "pytest-asyncio",
    ),
}

ASYNC = """
    import asyncio
    import pytest

    @pytest.mark.asyncio
    @pytest.mark.benchmark
    async def test_marker():
        await asyncio.sleep(0)

    @pytest.mark.asyncio
    async def test_fixture(benchmark):
        benchmark(int)
"""


@pytest.fixture(scope="module", params=VERSIONS)
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with those versions."""
    place = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    command = [str(place / "bin" / "pip"), "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*command, *VERSIONS[request.param]], check=True)
    return place / "bin" / "python"


def test_a_suite_has_the_same_benchmarks_under_every_version(
    write: Write, start: Start, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All forms of a benchmark are measured, also where pytest-codspeed is told to take over."""
    monkeypatch.setenv("CODSPEED_ENV", "1")
    write(FORMS)
    runner = start(autoload=True, python=str(python))
    names = names_of(runner)
    assert len(names) == 10
    for name, upcoming in zip(names, [*names[1:], None], strict=True):
        assert measure(runner, name, upcoming) == Left("passed", ""), name


def test_coroutines_of_pytest_asyncio_are_measured(
    write: Write, start: Start, python: Path
) -> None:
    """With the marker the whole coroutine, with the fixture what it calls."""
    if not list(python.parent.parent.glob("lib/*/site-packages/pytest_asyncio")):
        pytest.skip("this environment has no pytest-asyncio")
    write(ASYNC)
    runner = start(autoload=True, python=str(python))
    for name in names_of(runner):
        assert measure(runner, name) == Left("passed", ""), name
