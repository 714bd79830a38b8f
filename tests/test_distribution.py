"""The wheel that `make dist` builds, installed into an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where sdist and wheel are; the wheel is built from the sdist, so that nothing may be missing there."""
    place = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(place), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return place


def test_the_wheel_runs_in_an_empty_environment(built: Path, tmp_path: Path) -> None:
    """Nothing of the checkout is needed: it lists, measures a function and writes a report with its templates."""
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    (wheel,) = built.glob("*.whl")
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True)
    # Only what it depends on comes from here.
    here = Path(pytest.__file__).parents[1]
    (site,) = environment.glob("lib/python*/site-packages")
    for name in (
        "click",
        "rich",
        "markdown_it",
        "mdurl",
        "pygments",
        "pyperf",
        "jinja2",
        "markupsafe",
    ):
        (site / name).symlink_to(here / name)
    (tmp_path / "mine.py").write_text("def f():\n    return sum(range(100))\n")
    command = [environment / "bin" / "garagebench", "run", "--subject", "mine.py:f"]
    done = subprocess.run(
        [*command, "--generations", "1", "--format", "json", "--report", "report.html"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"][0]["status"] == "ok"
    assert "what one call costs" in (tmp_path / "report.html").read_text()


def test_the_sdist_has_the_tests_and_no_results(built: Path) -> None:
    """Who packages it for a distribution can test it; recordings are not part of it."""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        tops = {name.split("/")[1] for name in archive.getnames() if name.count("/")}
    assert {"garagebench", "tests", "pyproject.toml", "README.md", "LICENSE"} <= tops
    assert "results" not in tops
