"""`garagebench bisect`, from the command to the commit, with real workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli_check import git

CODE = """
def count():
    total = 0
    for number in range({turns}):
        total += number
    return {turns}
"""

#: What each commit has; the fourth is four times slower, the third cannot be loaded.
TURNS = (1000, 1000, None, 4000, 4000, 4000)

#: As much as a test needs; a threshold that no machine's noise comes near.
LITTLE = ("--generations", "15", "--max-slowdown", "60", "--allow-different-answers")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with these commits."""
    place = tmp_path / "repository"
    place.mkdir()
    git(place, "init", "--initial-branch", "main")
    for number, turns in enumerate(TURNS):
        code = "def count(:" if turns is None else CODE.format(turns=turns)
        (place / "words.py").write_text(code)
        (place / "n").write_text(str(number))
        git(place, "add", "--all")
        git(place, "commit", "--message", f"number {number}")
    return place


def bisect(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the repository."""
    return subprocess.run(
        [sys.executable, "-m", "garagebench", "bisect", *arguments, "--subject", "words.py:count"],
        cwd=place,
        env={**os.environ, "XDG_CACHE_HOME": str(place.parent / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commit_that_made_it_slower_is_found(repository: Path) -> None:
    """The commit before it cannot be loaded: the answer is one of the two, and the repository is as it was."""
    before = git(repository, "status", "--porcelain", "--ignored")
    done = bisect(repository, "--good", "HEAD~5", *LITTLE, "--format", "json")
    assert done.returncode == 4, done.stderr
    found = json.loads(done.stdout)
    assert found["status"] == "range"
    assert [one["subject"] for one in found["commits"]] == ["number 2", "number 3"]
    assert git(repository, "status", "--porcelain", "--ignored") == before
    assert "skipped" in done.stderr
    assert not [*(repository.parent / "cache" / "garagebench" / "bisect").glob("*")]


def test_a_commit_is_found_and_measured_against_its_parent(repository: Path) -> None:
    """From the broken commit on, there is one answer."""
    git(repository, "checkout", "--quiet", "-b", "short", "HEAD~5")
    for number, turns in enumerate((1000, 4000, 4000)):
        (repository / "words.py").write_text(CODE.format(turns=turns))
        (repository / "n").write_text(str(10 + number))
        git(repository, "commit", "--all", "--message", f"short {number}")
    done = bisect(repository, "--good", "HEAD~3", *LITTLE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("first slower commit: ")
    assert "short 1" in done.stdout
    assert "count: +" in done.stdout


def test_what_is_not_there_is_told(repository: Path) -> None:
    """A revision that does not exist, and a subject that does not: one sentence each."""
    done = bisect(repository, "--good", "nowhere")
    assert done.returncode == 1
    assert "'nowhere': no such revision" in done.stderr
    done = bisect(repository, "--good", "HEAD", "--bad", "HEAD~1", *LITTLE)
    assert done.returncode == 1
    assert "is not an ancestor" in done.stderr
