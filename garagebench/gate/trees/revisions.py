"""Two revisions of a user's git repository side by side, as plain copies of base and head.

Copies, not worktrees: `git worktree add` writes into the user's .git and runs post-checkout, so a SIGKILL would leave
an entry there. Here git only reads the repository: the index that it fills, the objects that a partial clone lacks and
the files that it checks out go into a directory of ours. Not `git archive`: that obeys export-ignore and export-subst.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from garagebench.gate.trees.git import (
    Git,
    RevisionError,
    find_repository,
    give_history,
    isolate,
    list_index,
    resolve,
    resolve_base,
)
from garagebench.gate.trees.scratch import PLACES, exchange, own_directory
from garagebench.system.cache import find_cache

#: When every file of base was last modified (2001-09-09), so that caches behave alike, and how much later those of head:
#: the sides change places, and a cache that goes by path, time and size must not take one side's file for the other's.
MODIFIED_NS = 1_000_000_000 * 10**9
APART_NS = 10 * 10**9

GITLINK = "160000"


@dataclass(frozen=True)
class Tree:
    """One side. commit: full hash, that of HEAD for the working tree; label: for people.

    is_changed: whether it is a working tree that differs from that commit. history: the nearest tag, and how far it is, where tools may ask for that.
    """

    path: Path
    commit: str
    label: str
    is_changed: bool = False
    history: str = ""


@dataclass(frozen=True)
class Trees:
    """Both sides, at paths of equal length. left_out: repositories within this one, which the copies lack.

    mark: the open file without which the copies count as left by somebody who was killed.
    """

    base: Tree
    head: Tree
    working_tree: Path
    left_out: tuple[str, ...]
    mark: int

    @property
    def commits(self) -> tuple[str, str | None]:
        """Full hashes of base and head; None: head is no commit."""
        return self.base.commit, None if self.head.is_changed else self.head.commit

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader of a verdict should know of the copies, one sentence each."""
        if not self.left_out:
            return ()
        return (f"left out, being repositories of their own: {', '.join(self.left_out)}",)

    def find_left_out(self, path: Path) -> str | None:
        """Return the repository within this one that a file of the working tree is in; None: it is a file of this one."""
        head = self.locate(path)[1].relative_to(self.head.path)
        return next((one for one in self.left_out if head.is_relative_to(one)), None)

    def set_times(self) -> None:
        """Let every file of a side have the same time, after what was changed in the copies."""
        for number, tree in enumerate((self.base, self.head)):
            set_times(tree.path, number)

    def exchange(self) -> None:
        """Let the sides change places: what is at base's path then is head's, and the other way round."""
        exchange(self.base.path.parent)

    def locate(self, path: Path) -> tuple[Path, Path]:
        """Return where a file of the working tree is in base and in head, if it is there at all."""
        whole = Path(os.path.abspath(path))
        # A link in the repository is a file of it; a way through a link into the repository is as good as any.
        for way in (whole, whole.parent.resolve() / whole.name, whole.resolve()):
            if way.is_relative_to(self.working_tree):
                inside = way.relative_to(self.working_tree)
                return self.base.path / inside, self.head.path / inside
        raise RevisionError(f"{path}: not in the repository {self.working_tree}: name a file of it")


@contextlib.contextmanager
def two_trees(
    repository: Path,
    base: str,
    head: str | None = None,
    cache: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    has_history: bool = False,
) -> Iterator[Trees]:
    """Copy base and head of the repository around a directory; the copies go when the block ends.

    head: None is the working tree as it is. cache: where our directories are. has_history: whether a copy has a `.git`, for
    what reads its version from tags. RevisionError, NotComparable.
    """
    git = find_repository(repository, environment)
    place = Path(os.path.realpath(cache or find_cache(environment))) / "trees"
    with contextlib.ExitStack() as stack:
        try:
            directory, owner = stack.enter_context(own_directory(place))
            git = isolate(git, directory, owner)
            trees = _make_trees(git, directory, base, head)
            if has_history:
                told = [
                    replace(tree, history=give_history(git, tree.path, tree.commit))
                    for tree in (trees.base, trees.head)
                ]
                trees = replace(trees, base=told[0], head=told[1])
                trees.set_times()
        except OSError as error:
            culprit = os.fsdecode(error.filename or place)
            fix = "fix that, or set XDG_CACHE_HOME to a directory with room"
            raise RevisionError(f"{culprit}: cannot be copied: {error.strerror}: {fix}") from None
        yield trees


def _make_trees(git: Git, directory: Path, base: str, head: str | None) -> Trees:
    head_commit = resolve(git, head or "HEAD")
    base_commit, base_label = resolve_base(git, base, head or "HEAD", head_commit)
    ours = directory / PLACES[0], directory / PLACES[1]
    for tree in ours:
        tree.mkdir()
    left_out = _check_out(git, base_commit, ours[0])
    is_changed = False
    if head is None:
        left_out |= _copy_working_tree(git, head_commit, ours[1])
        changed = git.items("status", "--porcelain", "-z", "--ignore-submodules=all")
        is_changed = bool(changed)
        label = f"working tree ({head_commit[:7]}{' + changes' * is_changed})"
    else:
        left_out |= _check_out(git, head_commit, ours[1])
        label = f"{head} ({head_commit[:7]})"
    sides = Tree(ours[0], base_commit, base_label), Tree(ours[1], head_commit, label, is_changed)
    trees = Trees(*sides, git.directory, tuple(sorted(left_out)), *git.keep)
    trees.set_times()
    return trees


def _check_out(git: Git, commit: str, tree: Path) -> set[str]:
    """Write the files of a commit as a checkout would, running no hook; return its submodules."""
    ours = git.for_tree(tree)
    # Not checkout-index: this takes attributes from the commit, and fetches for a partial clone all at once.
    ours.items("read-tree", "-u", "--reset", "--no-sparse-checkout", commit)
    return {path for _, mode, path in list_index(ours) if mode == GITLINK}


def _copy_working_tree(git: Git, commit: str, tree: Path) -> set[str]:
    """Copy what is tracked or not ignored, as it is; return the repositories within, left out."""
    index = list_index(git)
    others = git.items("ls-files", "-z", "--others", "--exclude-standard")
    within = {path for _, mode, path in index if mode == GITLINK}
    within |= {path.rstrip("/") for path in others if path.endswith("/")}
    paths = {path for _, _, path in index}.union(path for path in others if path[-1] != "/")
    _copy_files(git.directory, tree, paths)
    # What a sparse checkout leaves out is not deleted: it is as in the commit.
    sparse = [
        path for tag, _, path in index if tag == "S" and not os.path.lexists(git.directory / path)
    ]
    if sparse:
        ours = git.for_tree(tree)
        ours.items("read-tree", commit)
        names = b"".join(os.fsencode(path) + b"\0" for path in sparse)
        ours.items("checkout-index", "-z", "--stdin", given=names)
    return within


def _copy_files(source: Path, tree: Path, paths: Iterable[str]) -> None:
    """Copy files and links; directories, which are repositories within, are made only."""
    # Ours may be in the user's working tree, and is not of it.
    ours = f"{tree.parent.parent}{os.sep}"
    is_straight = functools.cache(lambda folder: os.path.realpath(folder) == folder)
    links = []
    for path in paths:
        old, new = os.path.join(source, path), os.path.join(tree, path)
        # What is gone is deleted, perhaps just now.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            mode = os.lstat(old).st_mode
            # To git, what lies behind a link is deleted.
            if old.startswith(ours) or not is_straight(os.path.dirname(old)):
                continue
            os.makedirs(os.path.dirname(new), exist_ok=True)
            if stat.S_ISLNK(mode):
                links.append((os.readlink(old), new))
            elif stat.S_ISDIR(mode):
                os.makedirs(new, exist_ok=True)
            elif stat.S_ISREG(mode):
                shutil.copy(old, new)
    # Last, so that nothing is ever written through one, back into the user's files.
    for aim, new in links:
        os.symlink(aim, new)


def find_time_ns(side: int) -> int:
    """Return when every file of a side (0: base, 1: head) was last modified."""
    return MODIFIED_NS + side * APART_NS


def set_times(tree: Path, side: int) -> None:
    """Let every file of a tree have the time of its side."""
    modified_ns = find_time_ns(side)
    for folder, directories, files in os.walk(tree, topdown=False):
        for name in (*directories, *files, "."):
            path = os.path.join(folder, name)
            os.utime(path, ns=(modified_ns, modified_ns), follow_symlinks=False)
