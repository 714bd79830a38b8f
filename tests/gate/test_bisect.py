"""`bisect` on real repositories, with a gate that knows the answer."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from verdicts import make_case, make_verdict

from garagebench.check.bisect import BisectError, Notebook, Search
from garagebench.check.verdict import Verdict
from garagebench.errors import GarageError
from garagebench.exit_codes import INTERRUPTED
from garagebench.gate.trees.git import Git, find_repository
from garagebench.report.bisect import render_bisect

COMMITS = 20


def git(place: Path, *words: str) -> str:
    """Let git do something that must not fail."""
    identity = ("-c", "user.name=A B", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *identity, *words], cwd=place, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Twenty commits in a row; each says in the file `n` which one it is."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    for number in range(COMMITS):
        (tmp_path / "n").write_text(str(number))
        git(tmp_path, "add", "n")
        git(tmp_path, "commit", "--quiet", f"--message=number {number}")
    return tmp_path


class Knows:
    """A gate that calls a commit slower than another one where the slow one lies between them. asked: pairs of numbers."""

    def __init__(self, place: Path, slow: int, broken: tuple[int, ...] = ()) -> None:
        self._place = place
        self._slow = slow
        self._broken = broken
        self.asked: list[tuple[int, int]] = []
        self.only: list[frozenset[str] | None] = []

    def __call__(self, base: str, head: str, only: frozenset[str] | None) -> Verdict:
        """Judge."""
        first, second = (int(git(self._place, "show", f"{one}:n")) for one in (base, head))
        self.asked.append((first, second))
        self.only.append(only)
        if second in self._broken:
            raise GarageError("cannot be installed")
        is_slower = first < self._slow <= second
        case = make_case("parse", 12 if is_slower else 0, "slower" if is_slower else "not slower")
        return make_verdict(case, make_case("other", 0, "not slower"))


def search(place: Path, gate: Callable[..., Verdict], notebook: Notebook | None = None) -> Search:
    """A search over all commits."""
    ours: Git = find_repository(place, os.environ)
    return Search(ours, "HEAD~19", "HEAD", gate, notebook or Notebook(None))


@pytest.mark.parametrize("slow", range(1, COMMITS))
def test_the_commit_is_found_wherever_it_is(repository: Path, slow: int) -> None:
    """In about as many gates as there are halvings, and the last one is against its parent."""
    gate = Knows(repository, slow)
    found = search(repository, gate).run()
    assert found.status == "found"
    assert [one.subject for one in found.commits] == [f"number {slow}"]
    assert found.commits[0].author == "A B"
    assert gate.asked[0] == (0, COMMITS - 1)
    assert gate.asked[-1] == (slow - 1, slow) or slow == 1
    assert len(gate.asked) <= 7
    assert found.cases == {"parse": (12, 11.5, 12.5)}


def test_every_candidate_is_judged_against_the_good_one(repository: Path) -> None:
    """And only the cases that are slower between the ends are measured."""
    gate = Knows(repository, 7)
    search(repository, gate).run()
    assert {first for first, _ in gate.asked[:-1]} == {0}
    assert gate.only == [None, *[frozenset({"parse"})] * (len(gate.asked) - 1)]


def test_where_nothing_is_slower_nothing_is_accused(repository: Path) -> None:
    """One gate is enough to say so."""
    gate = Knows(repository, 99)
    found = search(repository, gate).run()
    assert (found.status, found.commits[0].subject) == ("nothing", "number 19")
    assert (len(gate.asked), found.gates, found.error_percent) == (1, 1, 2.5)
    assert render_bisect(found, "text").startswith("nothing found: ")


def test_commits_that_cannot_be_judged_leave_a_range(repository: Path) -> None:
    """The commits before the slow one cannot be built: it is one of them, and all are named, oldest first."""
    gate = Knows(repository, 7, broken=(5, 6))
    found = search(repository, gate).run()
    assert found.status == "range"
    assert [one.subject for one in found.commits] == ["number 5", "number 6", "number 7"]
    assert {step.outcome for step in found.steps} == {"good", "bad", "skipped"}
    assert "one of 3 commits" in render_bisect(found, "text")


def test_commits_that_cannot_be_judged_and_are_not_needed_do_no_harm(repository: Path) -> None:
    """Those far from the slow one are skipped, and it is found."""
    found = search(repository, Knows(repository, 7, broken=(9, 10, 12))).run()
    assert (found.status, found.commits[0].subject) == ("found", "number 7")


def test_a_slow_commit_on_a_side_branch_is_found(repository: Path) -> None:
    """Git halves the graph, not a line: a commit that came with a merge is named, and not the merge."""
    git(repository, "checkout", "--quiet", "-b", "side", "HEAD~4")
    for number in (101, 102):
        (repository / "side").write_text(str(number))
        git(repository, "add", "side")
        git(repository, "commit", "--quiet", f"--message=side {number}")
    slow = git(repository, "rev-parse", "HEAD~1")
    git(repository, "checkout", "--quiet", "main")
    git(repository, "merge", "--quiet", "--no-ff", "--message=merge", "side")

    def gate(base: str, head: str, _only: frozenset[str] | None) -> Verdict:
        def has(commit: str) -> bool:
            command = ["git", "merge-base", "--is-ancestor", slow, commit]
            return not subprocess.run(command, cwd=repository, check=False).returncode

        is_slower = has(head) and not has(base)
        return make_verdict(
            make_case("a", 9 if is_slower else 0, "slower" if is_slower else "not slower")
        )

    found = Search(
        find_repository(repository, os.environ), "HEAD~10", "HEAD", gate, Notebook(None)
    ).run()
    assert found.status == "found"
    assert found.commits[0].commit == slow


def test_a_change_that_its_parent_does_not_show_is_not_confirmed(repository: Path) -> None:
    """Where small changes add up to the threshold, no commit is accused by itself."""

    def gate(base: str, head: str, _only: frozenset[str] | None) -> Verdict:
        first, second = (int(git(repository, "show", f"{one}:n")) for one in (base, head))
        is_slower = second - first >= 5
        return make_verdict(make_case("a", second - first, "slower" if is_slower else "not slower"))

    found = search(repository, gate).run()
    assert found.status == "range"
    assert "not confirmed" in render_bisect(found, "text")


def test_an_interrupted_search_goes_on(repository: Path, tmp_path: Path) -> None:
    """What was judged is not judged again, and at the end nothing is left."""
    path = tmp_path / "cache" / "notes.json"
    whole = Knows(repository, 13)

    def interrupted(base: str, head: str, only: frozenset[str] | None) -> Verdict:
        if len(whole.asked) == 3:
            return replace(make_verdict(), exit_code=INTERRUPTED)
        return whole(base, head, only)

    with pytest.raises(KeyboardInterrupt):
        search(repository, interrupted, Notebook(path)).run()
    notebook = Notebook(path)
    assert len(notebook.known) == 3
    again = Knows(repository, 13)
    found = search(repository, again, notebook).run()
    assert (found.status, found.commits[0].subject) == ("found", "number 13")
    assert not {*again.asked} & {*whole.asked}
    notebook.forget()
    assert not path.exists()


def test_a_damaged_notebook_is_begun_anew(tmp_path: Path) -> None:
    """A file that is not ours is no reason to fail."""
    (tmp_path / "notes").write_text("{]")
    assert Notebook(tmp_path / "notes").known == {}


def test_a_good_revision_that_is_no_ancestor_is_told(repository: Path) -> None:
    """The ends are named the wrong way round."""
    ours = find_repository(repository, os.environ)
    with pytest.raises(BisectError, match="is not an ancestor"):
        Search(ours, "HEAD", "HEAD~3", Knows(repository, 5), Notebook(None)).run()


def test_what_cannot_be_judged_at_all_is_an_error(repository: Path) -> None:
    """Where the ends themselves fail, what was asked for is wrong, and nothing is skipped."""
    with pytest.raises(GarageError, match="cannot be installed"):
        search(repository, Knows(repository, 5, broken=(19,))).run()


def test_the_error_of_the_whole_search_is_told(repository: Path) -> None:
    """It is at most the sum of those of its gates."""
    found = search(repository, Knows(repository, 7)).run()
    goods = sum(step.outcome == "good" for step in found.steps)
    assert found.gates == len(found.steps) + 2
    assert found.error_percent == pytest.approx(0.5 * (found.gates - goods) + 2.5 * goods)
    assert f"at most {found.error_percent:g} %" in render_bisect(found, "text")
