"""Two revisions of a user's git repository side by side, as plain copies of base and head.

Copies, not worktrees: `git worktree add` writes into the user's .git and runs post-checkout, so a SIGKILL would leave
an entry there. Here git only reads the repository: the index that it fills, the objects that a partial clone lacks and
the files that it checks out go into a directory of ours. Not `git archive`: that obeys export-ignore and export-subst.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from garagebench.cache import find_cache
from garagebench.errors import GarageError

#: When every file of both trees was last modified (2001-09-09), so that caches behave alike.
MODIFIED_NS = 1_000_000_000 * 10**9

#: What of the caller's environment reaches git. The rest of GIT_* (a hook has GIT_DIR, say) would lead it elsewhere.
HANDED_ON = re.compile(r"(?!GIT_)|GIT_(CONFIG_|SSH|SSL|HTTP|ASKPASS|EXEC_PATH|LFS|ALLOW_PROTOCOL)")
QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
#: No hook, no daemon, nothing done on the side. A split index would be written into .git, submodules moved.
HARMLESS = f"core.hooksPath={os.devnull} core.fsmonitor=false core.splitIndex=false submodule.recurse=false gc.auto=0"

GITLINK = "160000"
OWNER = "owner"
UNSHALLOW = (
    "fetch its history (git fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*',"
    " or fetch-depth: 0 for actions/checkout)"
)


class RevisionError(GarageError):
    """What is asked for cannot be: no such revision, no repository, no git."""


class NotComparable(GarageError):
    """The repository has not what it takes to compare: the result is inconclusive."""


@dataclass(frozen=True)
class Tree:
    """One side. commit: full hash, that of HEAD for the working tree; label: for people."""

    path: Path
    commit: str
    label: str


@dataclass(frozen=True)
class Trees:
    """Both sides, at paths of equal length; caveats: what they lack, one sentence each."""

    base: Tree
    head: Tree
    working_tree: Path
    caveats: tuple[str, ...]

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
) -> Iterator[Trees]:
    """Copy base and head of the repository around a directory; the copies go when the block ends.

    head: None is the working tree as it is. cache: where our directories are. RevisionError, NotComparable.
    """
    git = _find_repository(repository, environment)
    place = Path(os.path.realpath(cache or find_cache(environment))) / "trees"
    with contextlib.ExitStack() as stack:
        try:
            directory, owner = stack.enter_context(_own_directory(place))
            trees = _make_trees(_isolate(git, directory, owner), directory, base, head)
        except OSError as error:
            culprit = os.fsdecode(error.filename or place)
            mend = "mend that, or set XDG_CACHE_HOME to a directory with room"
            raise RevisionError(f"{culprit}: cannot be copied: {error.strerror}: {mend}") from None
        yield trees


def _make_trees(git: _Git, directory: Path, base: str, head: str | None) -> Trees:
    head_commit = _resolve(git, head or "HEAD")
    base_commit, base_label = _resolve_base(git, base, head or "HEAD", head_commit)
    ours = directory / "base", directory / "head"
    for tree in ours:
        tree.mkdir()
    left_out = _check_out(git, base_commit, ours[0])
    if head is None:
        left_out |= _copy_working_tree(git, head_commit, ours[1])
        changed = git.items("status", "--porcelain", "-z", "--ignore-submodules=all")
        label = f"working tree ({head_commit[:7]}{' + changes' * bool(changed)})"
    else:
        left_out |= _check_out(git, head_commit, ours[1])
        label = f"{head} ({head_commit[:7]})"
    for tree in ours:
        _set_times(tree)
    caveat = f"left out, being repositories of their own: {', '.join(sorted(left_out))}"
    sides = Tree(ours[0], base_commit, base_label), Tree(ours[1], head_commit, label)
    return Trees(*sides, git.directory, (caveat,) if left_out else ())


@dataclass(frozen=True)
class _Git:
    """How to ask git: where, with which environment, keeping which file of ours open."""

    program: str
    directory: Path
    environment: Mapping[str, str]
    keep: tuple[int, ...] = ()

    def run(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        options = [word for setting in HARMLESS.split() for word in ("-c", setting)]
        return subprocess.run(
            [self.program, *options, *arguments],
            cwd=self.directory,
            env=self.environment,
            pass_fds=self.keep,
            input=given,
            capture_output=True,
            check=False,
        )

    def text(self, *arguments: str) -> str:
        """Return the answer; empty where git says no."""
        done = self.run(*arguments)
        return "" if done.returncode else os.fsdecode(done.stdout).removesuffix("\n")

    def items(self, *arguments: str, given: bytes = b"") -> list[str]:
        """Return the NUL-terminated items of an answer that is needed."""
        done = self.run(*arguments, given=given)
        if done.returncode:
            what = f"git {arguments[0]} failed in {self.directory}"
            raise NotComparable(f"{what}: {_complaint(done)}: try `git status` there")
        return os.fsdecode(done.stdout).split("\0")[:-1]

    def for_tree(self, tree: Path) -> _Git:
        """Return one whose work tree and index are ours."""
        ours = {
            "GIT_DIR": self.text("rev-parse", "--absolute-git-dir"),
            "GIT_WORK_TREE": str(tree),
            "GIT_INDEX_FILE": str(tree.parent / "git" / tree.name),
        }
        return replace(self, directory=tree, environment={**self.environment, **ours})


def _complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join(done.stderr.decode(errors="replace").split()) or f"exit {done.returncode}"


def _find_repository(repository: Path, environment: Mapping[str, str]) -> _Git:
    program = shutil.which("git", path=environment.get("PATH"))
    if program is None:
        raise RevisionError("git: not found: install it (apt-get install git)")
    if not repository.is_dir():
        raise RevisionError(f"{repository}: no such directory: name one in a git repository")
    kept = {name: value for name, value in environment.items() if HANDED_ON.match(name)}
    git = _Git(program, repository, {**kept, **QUIET})
    done = git.run("rev-parse", "--show-toplevel")
    if done.returncode:
        problem = f"not in the working tree of a git repository ({_complaint(done)})"
        raise RevisionError(f"{repository}: {problem}: name a directory in one")
    return replace(git, directory=Path(os.fsdecode(done.stdout).removesuffix("\n")).resolve())


def _isolate(git: _Git, directory: Path, owner: int) -> _Git:
    """Make git keep new objects here, and the directory in use for as long as it runs."""
    objects = directory / "git" / "objects"
    objects.mkdir(parents=True)
    theirs = str(git.directory / git.text("rev-parse", "--git-path", "objects"))
    added = {
        "GIT_OBJECT_DIRECTORY": str(objects),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": json.dumps(theirs, ensure_ascii=False),
    }
    return replace(git, environment={**git.environment, **added}, keep=(owner,))


def _is_shallow(git: _Git) -> bool:
    return git.text("rev-parse", "--is-shallow-repository") == "true"


def _resolve(git: _Git, name: str) -> str:
    """Return the full hash of the commit that a name means."""
    if not re.match(r"[^-^\0][^\0]*\Z", name):  # an option, say, or not this commit but all others
        raise RevisionError(f"{name!r}: no such revision: name a branch, a tag or a commit")
    # In two steps: `:/words^{commit}` would search for other words.
    found = git.text("rev-parse", "--verify", "--quiet", name)
    if commit := found and git.text("rev-parse", "--verify", "--quiet", f"{found}^{{commit}}"):
        return commit
    if _is_shallow(git):
        raise NotComparable(f"{name}: not in this shallow clone: {UNSHALLOW}")
    found = git.text("for-each-ref", "--format=%(refname:short)", f"refs/remotes/*/{name}")
    mend = f"did you mean {' or '.join(found.split())}?" if found else "see `git log --all`"
    raise RevisionError(f"{name!r}: no such revision in {git.directory}: {mend}")


def _resolve_base(git: _Git, base: str, head: str, head_commit: str) -> tuple[str, str]:
    """Return the commit to compare with and its label; for a branch, its merge base with head."""
    commit = _resolve(git, base)
    name = "" if base in {"HEAD", "@"} else git.text("rev-parse", "--symbolic-full-name", base)
    if not name and git.text("show-ref", "--verify", f"refs/heads/{base}"):
        raise RevisionError(
            f"{base}: not only a branch: write refs/heads/{base} or refs/tags/{base}"
        )
    if not name.startswith(("refs/heads/", "refs/remotes/")):
        return commit, f"{base} ({commit[:7]})"
    merge_base = git.text("merge-base", commit, head_commit)
    shallow = _is_shallow(git)
    if not merge_base:
        mend = UNSHALLOW if shallow else "name the commit to compare with, as in HEAD~1"
        where = " in this shallow clone" * shallow
        raise NotComparable(f"{base} and {head} have no common commit{where}: {mend}")
    # The true one may be hidden behind the end of a shallow history; this one is common all the same.
    return merge_base, f"{base} (merge base {merge_base[:7]}{' in a shallow clone' * shallow})"


def _check_out(git: _Git, commit: str, tree: Path) -> set[str]:
    """Write the files of a commit as a checkout would, running no hook; return its submodules."""
    ours = git.for_tree(tree)
    # Not checkout-index: this takes attributes from the commit, and fetches for a partial clone all at once.
    ours.items("read-tree", "-u", "--reset", "--no-sparse-checkout", commit)
    return {path for _, mode, path in _list_index(ours) if mode == GITLINK}


def _list_index(git: _Git) -> list[tuple[str, str, str]]:
    """Tag ("S": a sparse checkout leaves it out), mode and path of each entry."""
    pairs = (item.split("\t", 1) for item in git.items("ls-files", "-z", "-t", "--stage"))
    return [(start[0], start.split(" ")[1], path) for start, path in pairs]


def _copy_working_tree(git: _Git, commit: str, tree: Path) -> set[str]:
    """Copy what is tracked or not ignored, as it is; return the repositories within, left out."""
    index = _list_index(git)
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


def _set_times(tree: Path) -> None:
    for folder, directories, files in os.walk(tree, topdown=False):
        for name in (*directories, *files, "."):
            path = os.path.join(folder, name)
            os.utime(path, ns=(MODIFIED_NS, MODIFIED_NS), follow_symlinks=False)


@contextlib.contextmanager
def _own_directory(place: Path) -> Iterator[tuple[Path, int]]:
    """A new directory and the open file that marks it as in use; those of dead owners are removed first.

    The mark is a lock on that file, which ends with the last process that has it open: git, too, if it outlives us.
    """
    place.mkdir(parents=True, exist_ok=True)
    owner = os.getpid()
    # Under a lock, so that nobody takes a directory whose owner is yet to be written for a dead one's.
    with open(place / "lock", "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for left in place.glob("pair-*"):
            if not left.is_symlink() and not _is_in_use(left):
                _remove(left)
        directory = Path(tempfile.mkdtemp(prefix="pair-", dir=place))
        mark = os.open(directory / OWNER, os.O_CREAT | os.O_WRONLY, 0o600)
        fcntl.flock(mark, fcntl.LOCK_EX)
        os.write(mark, f"{owner} {_start_of(owner)}\n".encode())
    try:
        yield directory, mark
    finally:
        if os.getpid() == owner:  # and not a fork of it
            _remove(directory)
        os.close(mark)


def _is_in_use(directory: Path) -> bool:
    try:
        with open(directory / OWNER) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            pid, start = file.read().split()
            # Should the file system's locks do nothing. A recycled pid has another start.
            return start == _start_of(int(pid))
    except (FileNotFoundError, ValueError):  # killed before it could write this, or at the very end
        return False
    except OSError:
        return True


def _start_of(pid: int) -> str | None:
    """Return when a process started, in ticks since boot; None without it, or without /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] == b"Z" else fields[19].decode()


def _remove(directory: Path) -> None:
    """Remove a directory of ours, its mark last: what is interrupted is done by the next start."""
    with contextlib.suppress(OSError):
        if (directory / OWNER).exists():
            for name in ("base", "head", "git"):
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(directory / name)
            os.unlink(directory / OWNER)
        os.rmdir(directory)
