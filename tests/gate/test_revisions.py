from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from garagebench.gate.trees import scratch
from garagebench.gate.trees.git import NotComparable, RevisionError, find_repository
from garagebench.gate.trees.revisions import APART_NS, MODIFIED_NS, Trees, two_trees
from garagebench.gate.trees.scratch import start_of

ROOT = Path(__file__).parents[2]
Write = Callable[[str, str], None]


def git(directory: Path, *arguments: str) -> str:
    """What git answers, without so much as refreshing an index that it only reads."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    options = ["-c", "protocol.file.allow=always", "-c", "core.fsmonitor=false"]
    command = ["git", *options, *arguments]
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(directory: Path, **files: str | None) -> str:
    """Write files (None removes one; _ in a name is a dot), commit all, and return the hash."""
    for name, content in files.items():
        path = directory / name.replace("_", ".")
        if content is None:
            path.unlink()
        else:
            path.write_text(content)
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--allow-empty", "--message", "x")
    return git(directory, "rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = A\nemail = a@example.org\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the copies live by default."""
    return tmp_path / "cache" / "garagebench" / "trees"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits on main, the first of them tagged v1; a_py is "1" in the first and "2" in the second."""
    path = tmp_path / "repository"
    path.mkdir()
    git(path, "init", "--quiet")
    commit(path, a_py="1", b_py="b")
    git(path, "tag", "v1")
    commit(path, a_py="2")
    return path


def contents(tree: Path) -> dict[str, str]:
    """Every file and link below a directory, links as "-> aim", executable files with a leading "*"."""
    found = {}
    for folder, directories, files in os.walk(tree):
        for name in (*directories, *files):
            path = Path(folder, name)
            key = str(path.relative_to(tree))
            if path.is_symlink():
                found[key] = f"-> {path.readlink()}"
            elif path.is_file():
                mark = "*" if os.access(path, os.X_OK) else ""
                found[key] = mark + path.read_bytes().decode()
    return found


def fingerprint(repository: Path) -> dict[str, str]:
    """Every byte below the repository, .git included, with mode and time; status, stashes, worktrees."""
    found = {
        words: git(repository, *words.split())
        for words in ("status --porcelain=v2 --branch", "stash list", "worktree list", "show-ref")
    }
    for folder, directories, files in os.walk(repository):
        for name in (*directories, *files):
            path = Path(folder, name)
            status = path.lstat()
            text = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            when = status.st_mtime_ns
            found[str(path)] = f"{status.st_mode} {when} {hashlib.sha256(text).hexdigest()}"
    return found


@contextmanager
def left_alone(repository: Path) -> Iterator[None]:
    """The block must leave the repository byte for byte as it was, also when it fails."""
    before = fingerprint(repository)
    try:
        yield
    finally:
        assert fingerprint(repository) == before


def pairs(place: Path) -> list[Path]:
    """The directories that hold trees now."""
    return sorted(place.glob("pair-*"))


# What is in the trees


def test_base_is_the_commit_and_head_the_working_tree(repository: Path) -> None:
    """Head has staged, unstaged and untracked changes, base the files of its commit."""
    (repository / "a.py").write_text("3")
    (repository / "staged.py").write_text("s")
    git(repository, "add", "staged.py")
    (repository / "untracked.py").write_text("u")
    with left_alone(repository), two_trees(repository, "HEAD~1") as trees:
        assert contents(trees.base.path) == {"a.py": "1", "b.py": "b"}
        assert contents(trees.head.path) == {
            "a.py": "3",
            "b.py": "b",
            "staged.py": "s",
            "untracked.py": "u",
        }


def test_a_file_staged_and_changed_again_is_as_it_is_on_disk(repository: Path) -> None:
    """What counts is the working tree, not the index."""
    (repository / "a.py").write_text("staged")
    git(repository, "add", "a.py")
    (repository / "a.py").write_text("later")
    with two_trees(repository, "HEAD") as trees:
        assert contents(trees.head.path)["a.py"] == "later"


def test_deleted_and_renamed_files_are_absent(repository: Path) -> None:
    """A file that is gone from the working tree is not in head, staged or not."""
    (repository / "a.py").unlink()
    git(repository, "mv", "b.py", "c.py")
    with left_alone(repository), two_trees(repository, "HEAD") as trees:
        assert contents(trees.base.path) == {"a.py": "2", "b.py": "b"}
        assert contents(trees.head.path) == {"c.py": "b"}


def test_ignored_files_are_absent(repository: Path) -> None:
    """What is ignored is not in head, unless it is tracked all the same."""
    commit(repository, _gitignore="*.log\n")
    (repository / "noise.log").write_text("n")
    (repository / "kept.log").write_text("k")
    git(repository, "add", "--force", "kept.log")
    with two_trees(repository, "HEAD") as trees:
        assert contents(trees.head.path) == {
            ".gitignore": "*.log\n",
            "a.py": "2",
            "b.py": "b",
            "kept.log": "k",
        }


def test_executable_bits_and_links_are_kept(repository: Path) -> None:
    """Both trees have links as links, and the executable bit of each file."""
    (repository / "tool").write_text("t")
    (repository / "tool").chmod(0o755)
    (repository / "link").symlink_to("a.py")
    (repository / "dangling").symlink_to("/nowhere/at/all")
    commit(repository)
    (repository / "b.py").chmod(0o755)
    with left_alone(repository), two_trees(repository, "HEAD") as trees:
        expected = {"tool": "*t", "link": "-> a.py", "dangling": "-> /nowhere/at/all", "a.py": "2"}
        assert contents(trees.base.path) == {**expected, "b.py": "b"}
        assert contents(trees.head.path) == {**expected, "b.py": "*b"}


def test_odd_names_are_kept(repository: Path) -> None:
    """Spaces, newlines, tabs, quotes, letters of any script and bytes that are no text."""
    names = ["a b", "new\nline", "tab\t'\"", "größe/日本", "-dash", ":colon", "\udcff.bin", "*"]
    for name in names:
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text("x")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "odd")
    (repository / "more\n odd").write_text("y")
    with left_alone(repository), two_trees(repository, "HEAD") as trees:
        committed = {"a.py": "2", "b.py": "b", **dict.fromkeys(names, "x")}
        assert contents(trees.base.path) == committed
        assert contents(trees.head.path) == {**committed, "more\n odd": "y"}


def test_base_is_what_a_checkout_gives(repository: Path) -> None:
    """Line ends and filters are applied by the commit's own attributes; export-ignore and -subst are not."""
    git(repository, "config", "filter.shout.smudge", "tr a-z A-Z")
    git(repository, "config", "filter.shout.clean", "tr A-Z a-z")
    attributes = "c.txt eol=crlf\nd.txt filter=shout\nb.py export-ignore\na.py export-subst\n"
    (repository / "c.txt").write_bytes(b"1\r\n2\r\n")
    commit(repository, _gitattributes=attributes, d_txt="loud", a_py="$Format:%H$")
    git(repository, "config", "filter.shout.required", "true")
    commit(repository, _gitattributes="", c_txt="other", d_txt="other")
    with left_alone(repository), two_trees(repository, "HEAD~1") as trees:
        assert contents(trees.base.path) == {
            ".gitattributes": attributes,
            "a.py": "$Format:%H$",
            "b.py": "b",
            "c.txt": "1\r\n2\r\n",
            "d.txt": "LOUD",
        }


def test_a_directory_that_became_a_link_is_a_link(repository: Path, tmp_path: Path) -> None:
    """Nothing is copied from behind a link, and nothing written through one."""
    (repository / "package").mkdir()
    (repository / "package" / "m.py").write_text("old")
    commit(repository)
    outside = tmp_path / "outside"
    shutil.move(repository / "package", outside)
    (repository / "package").symlink_to(outside)
    before = outside.joinpath("m.py").stat().st_mtime_ns
    with left_alone(repository), two_trees(repository, "HEAD") as trees:
        assert contents(trees.base.path)["package/m.py"] == "old"
        assert contents(trees.head.path) == {"a.py": "2", "b.py": "b", "package": f"-> {outside}"}
    assert outside.joinpath("m.py").stat().st_mtime_ns == before


def test_a_file_that_became_a_directory_is_a_directory(repository: Path) -> None:
    """And a directory that became a file is a file."""
    (repository / "d").mkdir()
    (repository / "d" / "f").write_text("f")
    commit(repository)
    shutil.rmtree(repository / "d")
    (repository / "d").write_text("now a file")
    (repository / "a.py").unlink()
    (repository / "a.py").mkdir()
    (repository / "a.py" / "g").write_text("g")
    with left_alone(repository), two_trees(repository, "HEAD") as trees:
        assert contents(trees.head.path) == {"b.py": "b", "d": "now a file", "a.py/g": "g"}


def test_called_from_a_subdirectory(repository: Path) -> None:
    """The whole repository is copied, wherever in it one stands."""
    (repository / "sub").mkdir()
    (repository / "sub" / "s.py").write_text("s")
    with two_trees(repository / "sub", "HEAD") as trees:
        assert contents(trees.base.path) == {"a.py": "2", "b.py": "b"}
        assert contents(trees.head.path) == {"a.py": "2", "b.py": "b", "sub/s.py": "s"}


def test_head_can_be_a_revision(repository: Path) -> None:
    """With a revision as head, the working tree does not count."""
    (repository / "a.py").write_text("3")
    with left_alone(repository), two_trees(repository, "main~0", "v1") as trees:
        assert contents(trees.base.path)["a.py"] == "2"
        assert contents(trees.head.path)["a.py"] == "1"
        assert trees.head.commit == git(repository, "rev-parse", "v1")
        assert trees.head.label == f"v1 ({trees.head.commit[:7]})"


def test_a_conflict_is_copied_as_it_stands(repository: Path) -> None:
    """A file in conflict is in head once, as it is on disk."""
    git(repository, "switch", "--quiet", "--create", "side", "v1")
    commit(repository, a_py="3")
    merge = ["git", "merge", "--quiet", "main"]
    subprocess.run(merge, cwd=repository, check=False, capture_output=True)
    with left_alone(repository), two_trees(repository, "main") as trees:
        assert "<<<<<<<" in contents(trees.head.path)["a.py"]


def test_what_a_sparse_checkout_leaves_out_is_in_both(repository: Path) -> None:
    """A tracked file that a sparse checkout skips is not deleted: head has it as committed."""
    for name in ("in", "out"):
        (repository / name).mkdir()
        (repository / name / "f").write_text(name)
    commit(repository)
    git(repository, "sparse-checkout", "set", "in")
    assert not (repository / "out").exists()
    (repository / "in" / "f").write_text("changed")
    with left_alone(repository), two_trees(repository, "HEAD") as trees:
        assert contents(trees.base.path)["out/f"] == "out"
        assert contents(trees.head.path)["out/f"] == "out"
        assert contents(trees.head.path)["in/f"] == "changed"


def test_repositories_within_are_left_out_and_said(repository: Path, tmp_path: Path) -> None:
    """Neither submodules nor nested clones are copied; a caveat names them."""
    shutil.copytree(repository, tmp_path / "other")
    git(repository, "submodule", "--quiet", "add", str(tmp_path / "other"), "sub")
    commit(repository)
    git(repository, "config", "submodule.recurse", "true")
    shutil.copytree(tmp_path / "other", repository / "nested")
    with left_alone(repository), two_trees(repository, "HEAD") as trees:
        assert set(contents(trees.base.path)) == {".gitmodules", "a.py", "b.py"}
        assert set(contents(trees.head.path)) == {".gitmodules", "a.py", "b.py"}
        assert trees.caveats == ("left out, being repositories of their own: nested, sub",)
        # As after a checkout without them: the submodule's directory is there, and empty.
        assert [tree.path.joinpath("sub").exists() for tree in (trees.base, trees.head)] == [
            True
        ] * 2
    with two_trees(repository, "HEAD", "v1") as trees:
        assert trees.caveats == ("left out, being repositories of their own: sub",)


def test_changes_within_a_submodule_are_no_changes(repository: Path, tmp_path: Path) -> None:
    """What is left out of the trees does not make head differ from its commit."""
    shutil.copytree(repository, tmp_path / "other")
    git(repository, "submodule", "--quiet", "add", str(tmp_path / "other"), "sub")
    commit(repository)
    (repository / "sub" / "a.py").write_text("changed")
    with left_alone(repository), two_trees(repository, "HEAD") as trees:
        assert trees.head.label == f"working tree ({trees.head.commit[:7]})"


def test_without_repositories_within_there_is_no_caveat(repository: Path) -> None:
    """A plain repository is copied whole."""
    with two_trees(repository, "HEAD") as trees:
        assert trees.caveats == ()


def test_paths_are_of_equal_length_and_each_side_has_one_time(repository: Path) -> None:
    """So that caches behave alike; the sides have times of their own, so that none takes one side's file for the other's."""
    (repository / "d").mkdir()
    (repository / "d" / "link").symlink_to("../a.py")
    (repository / "d" / "way").symlink_to("..")
    with two_trees(repository, "HEAD~1") as trees:
        assert len(str(trees.base.path)) == len(str(trees.head.path))
        for side, modified_ns in (
            (trees.base.path, MODIFIED_NS),
            (trees.head.path, MODIFIED_NS + APART_NS),
        ):
            paths = [side, *side.rglob("*")]
            assert {path.lstat().st_mtime_ns for path in paths} == {modified_ns}
            assert len(paths) >= 3


def test_the_sides_change_places_and_back(repository: Path) -> None:
    """What was at one path is at the other; twice, and all is as it was."""
    (repository / "a.py").write_text("changed")
    with two_trees(repository, "HEAD") as trees:
        texts = [(side.path / "a.py").read_text() for side in (trees.base, trees.head)]
        assert texts[0] != texts[1]
        for _ in range(2):
            trees.exchange()
            texts.reverse()
            assert texts == [(side.path / "a.py").read_text() for side in (trees.base, trees.head)]
        assert sorted(path.name for path in trees.base.path.parent.iterdir()) == [
            "a",
            "b",
            "git",
            "owner",
        ]


def test_a_file_of_a_repository_within_is_told_from_others(repository: Path) -> None:
    """It is in no copy, and the name of its repository says why."""
    within = repository / "within"
    within.mkdir()
    for command in ("init --quiet", "commit --quiet --allow-empty --message=x"):
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", *identity, *command.split()], cwd=within, check=True)
    (within / "mine.py").write_text("x")
    with two_trees(repository, "HEAD") as trees:
        assert trees.find_left_out(within / "mine.py") == "within"
        assert trees.find_left_out(repository / "a.py") is None


def test_a_repository_of_another_user_is_told_with_what_trusts_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git refuses it; it is there all the same, and the command that adds the exception is named."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setattr("garagebench.gate.trees.git.HANDED_ON", re.compile(""))
    with pytest.raises(RevisionError, match=r"another user: .*--add safe\.directory") as caught:
        find_repository(repository, os.environ)
    assert "name a directory in one" not in str(caught.value)


# Which commit is base


def branch_off(repository: Path) -> str:
    """From v1 on, a branch `feature`, checked out, with a commit of its own; returns the hash of v1."""
    git(repository, "switch", "--quiet", "--create", "feature", "v1")
    commit(repository, c_py="c")
    return git(repository, "rev-parse", "v1")


def test_of_a_branch_the_merge_base_counts(repository: Path) -> None:
    """What happened on main since is no change of this branch."""
    fork = branch_off(repository)
    head = git(repository, "rev-parse", "HEAD")
    with left_alone(repository), two_trees(repository, "main") as trees:
        assert (trees.base.commit, trees.head.commit) == (fork, head)
        assert trees.base.label == f"main (merge base {fork[:7]})"
        assert trees.head.label == f"working tree ({head[:7]})"
        assert contents(trees.base.path) == {"a.py": "1", "b.py": "b"}


@pytest.mark.parametrize("name", ["origin/main", "refs/remotes/origin/main", "origin"])
def test_of_a_remote_branch_the_merge_base_counts(
    repository: Path, tmp_path: Path, name: str
) -> None:
    """A remote-tracking branch is a branch, also by its remote's name."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(repository), str(clone))
    git(clone, "switch", "--quiet", "--create", "feature", "v1")
    with left_alone(clone), two_trees(clone, name) as trees:
        assert trees.base.commit == git(repository, "rev-parse", "v1")


@pytest.mark.parametrize("name", ["main~0", "main^{commit}", "v2", "annotated", ":/second", "HASH"])
def test_a_commit_or_tag_is_itself(repository: Path, name: str) -> None:
    """Only a branch means its merge base: an explicit commit is taken as it is."""
    git(repository, "commit", "--quiet", "--amend", "--message", "second")
    git(repository, "tag", "v2")
    git(repository, "tag", "--annotate", "annotated", "--message", "x")
    latest = git(repository, "rev-parse", "main")
    branch_off(repository)
    name = name.replace("HASH", latest)
    with two_trees(repository, name) as trees:
        assert trees.base.commit == latest
        assert trees.base.label == f"{name} ({latest[:7]})"


def test_head_is_a_commit_although_it_is_on_a_branch(repository: Path) -> None:
    """HEAD as base is the commit itself, without the changes since."""
    (repository / "a.py").write_text("3")
    with two_trees(repository, "HEAD") as trees:
        assert trees.base.label == f"HEAD ({trees.base.commit[:7]})"
        assert trees.head.label == f"working tree ({trees.head.commit[:7]} + changes)"
        assert trees.base.commit == trees.head.commit


@pytest.mark.parametrize(
    "name", ["nonsense", "", "-x", "--all", "^main", "main..v1", "a\0b", "HEAD:"]
)
def test_no_such_revision(repository: Path, place: Path, name: str) -> None:
    """What names no commit is the user's mistake; nothing stays behind."""
    with left_alone(repository):
        with pytest.raises(RevisionError, match="no such revision") as caught:
            two_trees(repository, name).__enter__()
        assert repr(name) in str(caught.value)
        assert pairs(place) == []


def test_a_branch_that_only_the_remote_has_is_suggested(repository: Path, tmp_path: Path) -> None:
    """In CI main is often there as origin/main only: the error says so."""
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    git(tmp_path / "clone", "switch", "--quiet", "--detach")
    git(tmp_path / "clone", "branch", "--quiet", "--delete", "--force", "main")
    with (
        pytest.raises(RevisionError, match=r"'main': .* did you mean origin/main\?"),
        two_trees(tmp_path / "clone", "main"),
    ):
        pass


def test_a_name_of_two_things_is_refused(repository: Path) -> None:
    """Branch or tag: the answer would differ, so nothing is guessed."""
    git(repository, "branch", "v1")
    with (
        pytest.raises(RevisionError, match="refs/heads/v1 or refs/tags/v1"),
        two_trees(repository, "v1"),
    ):
        pass
    with two_trees(repository, "refs/tags/v1") as trees:
        assert trees.base.label.startswith("refs/tags/v1 (")


def test_a_repository_without_commits(tmp_path: Path) -> None:
    """There is nothing to compare with yet, and that is said."""
    git(tmp_path, "init", "--quiet", "empty")
    with (
        pytest.raises(RevisionError, match="'HEAD': no such revision"),
        two_trees(tmp_path / "empty", "HEAD"),
    ):
        pass


def shallow_clone(repository: Path, *options: str) -> Path:
    """A clone with these options, over a protocol that knows depth."""
    clone = repository.parent / "shallow"
    git(repository.parent, "clone", "--quiet", *options, repository.as_uri(), str(clone))
    return clone


@pytest.mark.parametrize("name", ["HEAD~1", "v1", "origin/other"])
def test_a_shallow_clone_without_the_base(repository: Path, name: str) -> None:
    """What the clone was too shallow for is inconclusive, and the error says how to deepen it."""
    clone = shallow_clone(repository, "--depth=1")
    with (
        left_alone(clone),
        pytest.raises(NotComparable, match=f"^{name}: .*--unshallow.*fetch-depth: 0"),
        two_trees(clone, name),
    ):
        pass


def test_a_shallow_clone_without_the_merge_base(repository: Path) -> None:
    """Both tips are there, but where they parted is not: inconclusive."""
    branch_off(repository)
    clone = shallow_clone(repository, "--depth=1", "--no-single-branch")
    with (
        left_alone(clone),
        pytest.raises(NotComparable, match=r"origin/main and HEAD have no common .*--unshallow"),
        two_trees(clone, "origin/main"),
    ):
        pass


def test_a_shallow_clone_that_is_deep_enough(repository: Path) -> None:
    """Where the merge base is there, a shallow clone will do, and the label says that it is one."""
    fork = git(repository, "rev-parse", "HEAD")
    commit(repository, a_py="3")
    git(repository, "switch", "--quiet", "--create", "feature", fork)
    commit(repository, c_py="c")
    clone = shallow_clone(repository, "--depth=2", "--no-single-branch")
    with left_alone(clone), two_trees(clone, "origin/main") as trees:
        assert trees.caveats == ()
        assert trees.base.label == f"origin/main (merge base {fork[:7]} in a shallow clone)"


def test_the_fix_for_a_shallow_clone_fixes_it(repository: Path) -> None:
    """The command in the error, typed as it stands, makes the comparison possible."""
    branch_off(repository)
    clone = shallow_clone(repository, "--depth=1")
    with pytest.raises(NotComparable) as caught:
        two_trees(clone, "origin/main").__enter__()
    command = str(caught.value).partition("(")[2].partition(", or ")[0]
    subprocess.run(["sh", "-c", command], cwd=clone, check=True, capture_output=True)
    with two_trees(clone, "origin/main") as trees:
        assert trees.base.commit == git(repository, "rev-parse", "v1")


def test_histories_that_have_nothing_in_common(repository: Path) -> None:
    """An unrelated branch has no merge base: inconclusive, and a commit must be named."""
    git(repository, "switch", "--quiet", "--orphan", "alien")
    commit(repository, z_py="z")
    with (
        left_alone(repository),
        pytest.raises(NotComparable, match="main and HEAD have no common commit: name"),
        two_trees(repository, "main"),
    ):
        pass
    with two_trees(repository, "main~0") as trees:
        assert contents(trees.base.path)["a.py"] == "2"


# Where it is called


def test_not_a_repository(tmp_path: Path) -> None:
    """A directory without git, one that is not there, and one that is bare."""
    (tmp_path / "plain").mkdir()
    git(tmp_path, "init", "--quiet", "--bare", "bare")
    for name, reason in [("plain", "git repository"), ("gone", "no such"), ("bare", "work tree")]:
        with pytest.raises(RevisionError, match=reason) as caught:
            two_trees(tmp_path / name, "HEAD").__enter__()
        assert str(tmp_path / name) in str(caught.value)


def test_without_git(repository: Path, tmp_path: Path) -> None:
    """Where git is not installed, the error says how to get it."""
    with (
        pytest.raises(RevisionError, match="git: not found: install"),
        two_trees(repository, "HEAD", environment={"PATH": str(tmp_path)}),
    ):
        pass


def test_the_callers_environment_does_not_mislead(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a hook git's own variables are set: the repository is that of the directory all the same."""
    git(tmp_path, "init", "--quiet", "other")
    other = tmp_path / "other"
    commit(other, z_py="z")
    monkeypatch.chdir(other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_DIR", str(other / ".git"))
        patch.setenv("GIT_WORK_TREE", str(other))
        patch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
        patch.setenv("GIT_OBJECT_DIRECTORY", str(other / ".git" / "objects"))
        with two_trees(repository, "v1") as trees:
            assert contents(trees.base.path) == {"a.py": "1", "b.py": "b"}
            assert contents(trees.head.path) == {"a.py": "2", "b.py": "b"}


def test_in_a_directory_with_an_odd_name(repository: Path) -> None:
    """A path may end in a newline."""
    odd = repository.rename(repository.with_name("odd \n"))
    with left_alone(odd), two_trees(odd, "v1") as trees:
        assert contents(trees.base.path)["a.py"] == "1"
        assert contents(trees.head.path)["a.py"] == "2"


def test_in_a_linked_worktree(repository: Path, tmp_path: Path) -> None:
    """The worktree that one stands in is head, and neither it nor the main one changes."""
    git(repository, "worktree", "add", "--quiet", "-b", "feature", str(tmp_path / "linked"), "v1")
    (tmp_path / "linked" / "a.py").write_text("linked")
    with (
        left_alone(repository),
        left_alone(tmp_path / "linked"),
        two_trees(tmp_path / "linked", "main") as trees,
    ):
        assert contents(trees.base.path) == {"a.py": "1", "b.py": "b"}
        assert contents(trees.head.path) == {"a.py": "linked", "b.py": "b"}


def test_with_a_detached_head(repository: Path) -> None:
    """As CI checks out: no branch, and main is the branch to compare with."""
    git(repository, "switch", "--quiet", "--detach", "v1")
    commit(repository, a_py="detached")
    with left_alone(repository), two_trees(repository, "main") as trees:
        assert contents(trees.base.path)["a.py"] == "1"
        assert contents(trees.head.path)["a.py"] == "detached"


def test_in_a_submodule(repository: Path, tmp_path: Path) -> None:
    """A submodule is a repository, though its .git is a file."""
    shutil.copytree(repository, tmp_path / "other")
    git(repository, "submodule", "--quiet", "add", str(tmp_path / "other"), "sub")
    with left_alone(repository), two_trees(repository / "sub", "HEAD~1") as trees:
        assert contents(trees.base.path) == {"a.py": "1", "b.py": "b"}
        assert contents(trees.head.path) == {"a.py": "2", "b.py": "b"}


@pytest.mark.parametrize("options", [["--shared"], ["--filter=blob:none"], ["--filter=tree:0"]])
def test_in_a_clone_that_borrows_its_objects(repository: Path, options: list[str]) -> None:
    """Objects that only the origin has are read or fetched, and not put into the user's repository."""
    git(repository, "config", "uploadpack.allowFilter", "true")
    source = str(repository) if options == ["--shared"] else repository.as_uri()
    clone = repository.parent / 'with:colon and "quote"'
    git(repository.parent, "clone", "--quiet", *options, source, str(clone))
    with left_alone(clone), two_trees(clone, "HEAD~1") as trees:
        assert contents(trees.base.path) == {"a.py": "1", "b.py": "b"}


def test_with_a_cache_in_the_working_tree(repository: Path) -> None:
    """A CI keeps the cache in the working tree: our copies there are not copied."""
    cache = repository / "ours"
    with two_trees(repository, "HEAD", cache=cache) as outer:
        with two_trees(repository, "HEAD", cache=cache) as trees:
            assert contents(trees.head.path) == {"a.py": "2", "b.py": "b"}
        assert trees.head.path.is_relative_to(cache)
        assert contents(outer.head.path) == {"a.py": "2", "b.py": "b"}


# Finding a file in both trees


def test_a_file_is_found_in_both_trees(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative to where one is, absolute, or through a link to the repository; there or not."""
    (repository / "sub").mkdir()
    (tmp_path / "way").symlink_to(repository)
    monkeypatch.chdir(repository / "sub")
    with two_trees(tmp_path / "way", "HEAD") as trees:
        expected = (trees.base.path / "a.py", trees.head.path / "a.py")
        for path in (Path("../a.py"), repository / "a.py", tmp_path / "way" / "a.py"):
            assert trees.locate(path) == expected
        assert trees.locate(Path("new.py"))[1] == trees.head.path / "sub" / "new.py"


def test_a_link_in_the_repository_is_a_file_of_it(repository: Path) -> None:
    """The link may point elsewhere in each tree, so it is not followed."""
    (repository / "link.py").symlink_to("a.py")
    with two_trees(repository, "HEAD") as trees:
        assert trees.locate(repository / "link.py")[1] == trees.head.path / "link.py"


def test_a_file_outside_is_refused(repository: Path, tmp_path: Path) -> None:
    """What the repository does not hold has no revisions."""
    with two_trees(repository, "HEAD") as trees:
        for path in (tmp_path / "x.py", repository / ".." / "x.py"):
            with pytest.raises(RevisionError, match="not in the repository"):
                trees.locate(path)


# The user's repository is left alone, and nothing stays behind


def make_busy(repository: Path) -> None:
    """A repository with all that could be disturbed: stash, index, hooks, worktree, odd settings."""
    (repository / "a.py").write_text("stashed")
    git(repository, "stash", "--quiet")
    (repository / "a.py").write_text("changed")
    (repository / "s.py").write_text("staged")
    git(repository, "add", "s.py")
    (repository / "u.py").write_text("untracked")
    git(repository, "worktree", "add", "--quiet", str(repository.parent / "linked"), "v1")
    git(repository, "config", "core.splitIndex", "true")
    git(repository, "config", "core.untrackedCache", "true")
    git(repository, "config", "core.fsmonitor", f"{repository}/.git/hooks/fsmonitor")
    for name in ("post-checkout", "post-index-change", "reference-transaction", "fsmonitor"):
        hook = repository / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\necho {name} >> {repository}/hook-was-run\n")
        hook.chmod(0o755)
    # Old times make git refresh the index wherever it may.
    os.utime(repository / "b.py", ns=(MODIFIED_NS, MODIFIED_NS))


def test_a_busy_repository_is_left_alone(repository: Path, place: Path) -> None:
    """Not a byte of it changes, no hook runs, and the copies are gone at the end."""
    make_busy(repository)
    with left_alone(repository):
        with two_trees(repository, "v1") as trees:
            assert contents(trees.base.path) == {"a.py": "1", "b.py": "b"}
            assert contents(trees.head.path)["a.py"] == "changed"
        with two_trees(repository, "v1", "main"):
            pass
    assert not (repository / "hook-was-run").exists()
    assert pairs(place) == []


def fail_within(repository: Path, failure: BaseException) -> None:
    """Make the trees and fail with them."""
    with two_trees(repository, "v1") as trees:
        assert trees.head.path.exists()
        raise failure


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit, OSError])
def test_the_copies_go_when_the_block_fails(
    repository: Path, place: Path, failure: type[BaseException]
) -> None:
    """The block's own exception arrives as it was, and nothing stays behind."""
    make_busy(repository)
    with left_alone(repository):
        with pytest.raises(failure, match="my own"):
            fail_within(repository, failure("my own"))
        assert pairs(place) == []


def test_the_copies_go_when_copying_fails(
    repository: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is one sentence with the file and the fix, and nothing stays behind."""

    def fail(_old: str, new: str) -> None:
        raise OSError(28, "No space left on device", new)

    monkeypatch.setattr("shutil.copy", fail)
    with (
        pytest.raises(RevisionError, match=r"\.py: .*No space left on device: .*XDG_CACHE_HOME"),
        two_trees(repository, "v1"),
    ):
        pass
    assert pairs(place) == []


def test_a_base_that_git_cannot_check_out(repository: Path, place: Path) -> None:
    """A filter that fails is inconclusive, with what git says."""
    commit(repository, _gitattributes="a.py filter=broken\n")
    git(repository, "config", "filter.broken.smudge", "exit 3")
    git(repository, "config", "filter.broken.required", "true")
    with (
        pytest.raises(NotComparable, match=r"read-tree failed .* smudge filter broken failed"),
        two_trees(repository, "HEAD"),
    ):
        pass
    assert pairs(place) == []


CHILD = """
import signal, sys, time
from pathlib import Path
from garagebench.gate.trees.revisions import two_trees

signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
print("ready", flush=True)
while True:
    with two_trees(Path(sys.argv[1]), sys.argv[3]) as trees:
        print(trees.base.path.parent.name, flush=True)
        time.sleep(float(sys.argv[2]))
"""


@contextmanager
def child(repository: Path, pause_s: float, base: str = "v1") -> Iterator[subprocess.Popen[str]]:
    """A process that makes trees again and again, holding each for so long; ready to be killed."""
    command = [sys.executable, "-c", CHILD, str(repository), str(pause_s), base]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_in_use(repository: Path, place: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM while the trees are used: they are gone with the process, without another start."""
    with left_alone(repository):
        with child(repository, 60) as process:
            assert process.stdout is not None
            assert (place / process.stdout.readline().strip()).exists()
            process.send_signal(number)
            process.wait(20)
        assert pairs(place) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_at_any_moment(repository: Path, place: Path, number: signal.Signals) -> None:
    """Ctrl-C (to git as well, as a terminal sends it) and SIGTERM leave nothing, anywhere."""
    make_busy(repository)
    moments = random.Random(7)
    with left_alone(repository):
        for _ in range(4):
            with child(repository, 0.02) as process:
                time.sleep(moments.random() * 0.3)
                os.killpg(process.pid, number)
                process.wait(20)
        with two_trees(repository, "v1") as trees:  # the few microseconds that no `finally` covers
            assert pairs(place) == [trees.base.path.parent]


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds, for up to twenty seconds."""
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it never came true")


def test_killed_at_any_moment(repository: Path, place: Path) -> None:
    """SIGKILL leaves the repository as it was, and the next start removes what was left."""
    make_busy(repository)
    moments = random.Random(8)

    def only_ours() -> bool:
        with two_trees(repository, "v1") as trees:
            return pairs(place) == [trees.base.path.parent]

    with left_alone(repository):
        for _ in range(10):
            with child(repository, 0.02) as process:
                time.sleep(moments.random() * 0.3)
                process.kill()
                process.wait(20)
            wait_for(only_ours)  # git may outlive its parent, and its directory with it
    assert pairs(place) == []


def test_what_a_killed_owner_left_is_removed(repository: Path, place: Path) -> None:
    """Killed while it held its trees, it leaves them; the next start removes them."""
    with child(repository, 60) as process:
        assert process.stdout is not None
        left = place / process.stdout.readline().strip()
        process.kill()
        process.wait(20)
    assert (left / "a" / "a.py").exists()
    with two_trees(repository, "v1") as trees:
        assert pairs(place) == [trees.base.path.parent]


def test_what_the_living_use_is_not_removed(repository: Path, place: Path) -> None:
    """Another process's trees stay while it lives."""
    with child(repository, 60) as process:
        assert process.stdout is not None
        theirs = place / process.stdout.readline().strip()
        with two_trees(repository, "v1") as trees:
            assert pairs(place) == sorted([theirs, trees.base.path.parent])
        assert (theirs / "b" / "a.py").exists()


def test_the_lock_tells_too(repository: Path, place: Path) -> None:
    """Where pids say nothing (another container's, say), a living owner's lock does."""
    with two_trees(repository, "v1") as outer:
        (outer.base.path.parent / "owner").write_text("999999999 1\n")
        with two_trees(repository, "v1"):
            assert len(pairs(place)) == 2


def test_git_may_outlive_its_parent(repository: Path, place: Path, tmp_path: Path) -> None:
    """While an orphaned git still writes into a directory, that is in use."""
    slow = repository.with_name("slow")
    shutil.copytree(repository, slow)
    commit(slow, _gitattributes="a.py filter=slow\n")
    wait = f"touch {tmp_path}/begun; while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; cat"
    git(slow, "config", "filter.slow.smudge", wait)
    with child(slow, 0, base="HEAD") as process:
        wait_for((tmp_path / "begun").exists)
        process.kill()
        process.wait(20)
    with two_trees(repository, "v1"):
        assert len(pairs(place)) == 2
    (tmp_path / "go").touch()

    def only_ours() -> bool:
        with two_trees(repository, "v1"):
            return len(pairs(place)) == 1

    wait_for(only_ours)


def test_a_directory_is_made_under_the_lock(
    repository: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may look at a directory between its making and the mark of its owner."""
    make = scratch._make_numbered
    made = []

    def make_under_lock(where: Path) -> Path:
        with (place / "lock").open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made.append(make(where))
        return made[-1]

    monkeypatch.setattr(scratch, "_make_numbered", make_under_lock)
    with two_trees(repository, "v1") as trees:
        assert made == [trees.base.path.parent]


def test_a_zombie_is_dead(repository: Path, place: Path) -> None:
    """A killed owner whose parent never asks for it, as in a container without init, uses nothing."""
    with subprocess.Popen(["sleep", "60"]) as process:
        left = leave(place, "pair-zombie", f"{process.pid} {start_of(process.pid)}\n")
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with two_trees(repository, "v1"):
            assert not left.exists()


def leave(place: Path, name: str, owner: str | None) -> Path:
    """What an owner of such words would have left."""
    left = place / name
    (left / "base").mkdir(parents=True)
    if owner is not None:
        (left / "owner").write_text(owner)
    return left


def test_the_owner_is_told_by_pid_and_start(repository: Path, place: Path) -> None:
    """A recycled pid is not its owner, a living one is, also where the file's lock says nothing."""
    mine = f"{os.getpid()} {start_of(os.getpid())}\n"
    kept = leave(place, "pair-alive", mine)
    gone = [
        leave(place, "pair-recycled", f"{os.getpid()} 1\n"),
        leave(place, "pair-dead", "999999999 1\n"),
        leave(place, "pair-unwritten", ""),
    ]
    with two_trees(repository, "v1"):
        assert kept.exists()
        assert [path for path in gone if path.exists()] == []


def test_an_empty_directory_of_ours_is_removed(repository: Path, place: Path) -> None:
    """Killed before it could say whose it is, it has nothing in it."""
    (place / "pair-new").mkdir(parents=True)
    with two_trees(repository, "v1") as trees:
        assert pairs(place) == [trees.base.path.parent]


def test_nothing_else_is_removed(repository: Path, place: Path, tmp_path: Path) -> None:
    """Not a directory that is not ours, nor what a link points at, nor an unknown file among ours."""
    elsewhere = leave(tmp_path, "elsewhere", "999999999 1\n")
    kept = [
        leave(place, "other", "999999999 1\n"),
        leave(place, "pair-unsigned", None),
        elsewhere / "base",
    ]
    (place / "pair-link").symlink_to(elsewhere)
    strange = leave(place, "pair-strange", "999999999 1\n") / "notes.txt"
    strange.write_text("mine")
    (strange.parent / "more").mkdir()
    kept.append(strange.parent / "more")
    (place.parent / "certificate.json").write_text("{}")
    kept += [strange, place.parent / "certificate.json"]
    with two_trees(repository, "v1"):
        pass
    assert [path for path in kept if not path.exists()] == []


def test_two_at_once_do_not_meet(repository: Path, place: Path) -> None:
    """Two sets of trees are two directories, and one's end is not the other's."""
    with two_trees(repository, "v1") as one:
        with two_trees(repository, "HEAD") as two:
            assert one.base.path != two.base.path
            assert len(pairs(place)) == 2
        assert contents(one.base.path)["a.py"] == "1"


def test_many_processes_at_once(repository: Path) -> None:
    """Several that start and end all the time take nothing from one another."""
    with child(repository, 0.005) as first, child(repository, 0.005) as second:
        for _ in range(8):
            with two_trees(repository, "v1") as trees:
                assert contents(trees.base.path) == {"a.py": "1", "b.py": "b"}
                assert contents(trees.head.path) == {"a.py": "2", "b.py": "b"}
        assert (first.poll(), second.poll()) == (None, None)


def test_a_fork_does_not_remove_its_parents_trees(repository: Path) -> None:
    """A forked child that unwinds leaves the trees to their owner."""
    with two_trees(repository, "v1") as trees:
        assert fork_and_unwind(trees, repository) == 0
        assert contents(trees.base.path)["a.py"] == "1"


def fork_and_unwind(trees: Trees, repository: Path) -> int:
    """Fork within a block of its own, leave that in the child, and return 0 if the files are still there."""
    with two_trees(repository, "v1") as inner:
        pid = os.fork()
        if pid:
            code = os.waitpid(pid, 0)[1]
            return code if (inner.base.path / "a.py").exists() else 1
    os._exit(0)


def test_a_relative_cache_home_is_ignored(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the specification of XDG_CACHE_HOME says: else the working tree would get a directory."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    environment = {**os.environ, "XDG_CACHE_HOME": "relative"}
    with two_trees(repository, "v1", environment=environment) as trees:
        assert trees.base.path.is_relative_to(tmp_path / "home" / ".cache" / "garagebench")


def test_a_cache_that_cannot_be_made(repository: Path, tmp_path: Path) -> None:
    """A file in the way is named, with the fix."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RevisionError, match=r"file.*: cannot be copied: .*XDG_CACHE_HOME"),
        two_trees(repository, "v1", cache=tmp_path / "file"),
    ):
        pass


def test_each_message_is_one_line(repository: Path, tmp_path: Path) -> None:
    """Whatever git says, an error is one sentence for a person."""
    (tmp_path / "plain").mkdir()
    for directory, name in itertools.product((repository, tmp_path / "plain"), ("gone", "a\nb")):
        with pytest.raises(RevisionError) as caught:
            two_trees(directory, name).__enter__()
        assert "\n" not in str(caught.value)
