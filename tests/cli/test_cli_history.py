"""`garagebench history` on real repositories."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from command_line import Garagebench
from verdicts import make_case, make_verdict

from garagebench.check.verdict import Verdict
from garagebench.gate.trees.git import find_repository
from garagebench.history.commits import find_commit
from garagebench.history.places import Branch, File
from garagebench.history.points import find_head, from_verdict
from garagebench.history.store import History

RESULTS = Path(__file__).parents[2] / "results"
COMMITS = 12


def git(place: Path, *words: str) -> str:
    """Let git do something that must not fail."""
    identity = ("-c", "user.name=A B", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *identity, *words], cwd=place, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Twelve commits, a day each."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    for number in range(COMMITS):
        day = f"2026-01-{number + 1:02}T10:00:00+00:00"
        subprocess.run(
            ["git", "commit", "--quiet", "--allow-empty", f"--message=number {number}"],
            cwd=tmp_path,
            check=True,
            env={
                **os.environ,
                **{f"GIT_{who}_NAME": "A" for who in ("AUTHOR", "COMMITTER")},
                **{f"GIT_{who}_EMAIL": "a@example.org" for who in ("AUTHOR", "COMMITTER")},
                "GIT_COMMITTER_DATE": day,
            },
        )
    return tmp_path


def make_head(place: Path, number: int, percent: float) -> Verdict:
    """A verdict on one of the commits, against the first one."""
    commits = git(place, "rev-list", "--reverse", "main").split()
    made = make_verdict(make_case("f", percent), make_case("g", 0.1 * (number % 3)))
    return replace(made, base_commit=commits[0], head_commit=commits[number])


def write_verdict(place: Path, number: int) -> Path:
    """What `check --format json` would print of one of the commits."""
    path = place / "verdict.json"
    path.write_text(json.dumps(asdict(make_head(place, number, 0))))
    return path


def fill(place: Path, branch: str | None = None, report: str | None = None) -> None:
    """A history of all commits; from the seventh on, `f` takes a fifth longer."""
    ours = find_repository(place, os.environ)
    history = History(Branch(ours, branch) if branch else File(place / "garagebench-history.jsonl"))
    for number in range(COMMITS):
        percent = (20.0 if number >= 6 else 0.0) + 0.2 * (number % 2)
        verdict = make_head(place, number, percent)
        point = from_verdict(verdict, find_commit(ours, find_head(verdict)))
        history.add(replace(point, report=report))
    history.save("all commits")


@pytest.mark.parametrize("options", [(), ("--branch", "speed")])
def test_a_change_is_told_once(
    garagebench: Garagebench, repository: Path, options: tuple[str, ...]
) -> None:
    """In a file or in a branch: slower is 3, and the next time there is nothing new."""
    fill(repository, *options[1:])
    first, second = (garagebench("history", "check", *options, cwd=repository) for _ in range(2))
    assert first.returncode == 3, first.stderr
    assert "2026-01-07 number 6" in first.stdout
    assert "slower: f +2" in first.stdout
    assert (second.returncode, second.stdout) == (0, "no new change\n")
    again = garagebench("history", "check", "--all", "--format", "json", *options, cwd=repository)
    assert [one["case"] for one in json.loads(again.stdout)] == ["f"]


def test_a_branch_leaves_the_repository_as_it_is(
    garagebench: Garagebench, repository: Path
) -> None:
    """Nothing is checked out, added or written; the branch shares no commit with others, and each result is one of its."""
    write_verdict(repository, 3)
    before = git(repository, "status", "--porcelain", "--branch")
    for number in (3, 4):
        path = write_verdict(repository, number)
        done = garagebench("history", "add", path, "--branch", "speed", cwd=repository)
        assert done.returncode == 0, done.stderr
    assert git(repository, "status", "--porcelain", "--branch") == before
    assert git(repository, "ls-tree", "--name-only", "speed") == "history.jsonl"
    assert len(git(repository, "rev-list", "speed").split()) == 2
    refused = subprocess.run(
        ["git", "merge-base", "main", "speed"], cwd=repository, check=False, capture_output=True
    )
    assert refused.returncode == 1


def test_the_branch_of_a_remote_is_gone_on_with(
    garagebench: Garagebench, tmp_path: Path, repository: Path
) -> None:
    """As in a job of a CI, whose clone has no branches of its own, and nobody's name."""
    path = write_verdict(repository, 3)
    garagebench("history", "add", path, "--branch", "speed", cwd=repository)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(repository), str(clone))
    done = garagebench(
        *("history", "add", write_verdict(repository, 4), "--branch", "speed"),
        cwd=clone,
        HOME=str(tmp_path / "nobody"),
        GIT_CONFIG_NOSYSTEM="1",
    )
    assert done.returncode == 0, done.stderr
    assert len(git(clone, "rev-list", "speed").split()) == 2
    git(clone, "push", "--quiet", "origin", "speed")
    shown = garagebench("history", "show", "--branch", "speed", "--format", "json", cwd=repository)
    assert len(json.loads(shown.stdout)["commits"]) == 2


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json", "html"])
def test_it_is_shown_in_every_format(garagebench: Garagebench, repository: Path, form: str) -> None:
    """With the case that changed, and where."""
    fill(repository)
    page = repository / "page.html"
    done = garagebench("history", "show", "--format", form, "--report", page, cwd=repository)
    assert done.returncode == 0, done.stderr
    assert git(repository, "rev-parse", "main~5")[:7] in done.stdout
    assert page.read_text().startswith("<!doctype html>")


def test_points_lead_to_commits_and_reports(garagebench: Garagebench, repository: Path) -> None:
    """The address of a commit comes from the remote, without a token that is in it."""
    git(repository, "remote", "add", "origin", "https://user:secret@example.org/o/r.git")
    fill(repository, report="https://example.org/report.html")
    done = garagebench("history", "show", "--format", "html", cwd=repository)
    commit = git(repository, "rev-parse", "main")
    assert f'<a href="https://example.org/o/r/commit/{commit}">' in done.stdout
    assert '<a href="https://example.org/report.html">' in done.stdout
    assert done.stdout.count('<a href="#c') == COMMITS
    assert "secret" not in done.stdout


def test_a_result_of_run_is_a_point(garagebench: Garagebench, repository: Path) -> None:
    """Its ratios are to the reference of that run, and it is that of HEAD."""
    done = garagebench("history", "add", RESULTS / "seed.json.gz", cwd=repository)
    assert done.returncode == 0, done.stderr
    shown = garagebench("history", "show", "--format", "json", cwd=repository)
    found = json.loads(shown.stdout)
    assert found["source"] == "run"
    assert found["anchor"].startswith("lists@")
    assert found["commits"][0]["title"] == "number 11"
    assert all(value[0] > 0 for value in found["cases"].values())


@pytest.mark.parametrize(
    ("spoil", "options", "code", "told"),
    [
        ({"base_commit": None}, (), 1, "its base is no revision"),
        ({"head_commit": None}, (), 1, "name the commit with --commit"),
        ({"cases": []}, (), 1, "no case in it has a change"),
        ({}, ("--commit", "nowhere"), 1, "no such revision"),
        ({}, ("--branch", "a..b"), 1, "not a name that git allows"),
        ({}, ("--branch", "main"), 1, "has no history.jsonl"),
        ({}, ("--branch", "x", "--file", "y"), 2, "in one of them"),
        ({}, ("--file", "nowhere/x"), 1, "there is no directory"),
        ({}, ("--keep", "0"), 2, "--keep"),
    ],
)
def test_what_cannot_be_added_is_told(
    garagebench: Garagebench,
    repository: Path,
    spoil: dict[str, object],
    options: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    """One sentence, and nothing is written."""
    path = write_verdict(repository, 3)
    path.write_text(json.dumps({**json.loads(path.read_text()), **spoil}))
    done = garagebench("history", "add", path, *options, cwd=repository)
    assert done.returncode == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(repository.glob("*.jsonl"))


def test_too_few_commits_are_inconclusive(garagebench: Garagebench, repository: Path) -> None:
    """Exit code 4, and how many it takes."""
    garagebench("history", "add", write_verdict(repository, 3), cwd=repository)
    done = garagebench("history", "check", cwd=repository)
    assert done.returncode == 4
    assert "a change takes 6" in done.stderr


def test_an_empty_history_says_how_to_begin(garagebench: Garagebench, repository: Path) -> None:
    """Nothing was added yet."""
    done = garagebench("history", "show", cwd=repository)
    assert done.returncode == 1
    assert "garagebench history add" in done.stderr
