"""Git, asked so that it only reads: no hook, no daemon, and what it writes goes into a directory of ours."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from garagebench.errors import GarageError

#: What of the caller's environment reaches git. The rest of GIT_* (a hook has GIT_DIR, say) would lead it elsewhere.
HANDED_ON = re.compile(r"(?!GIT_)|GIT_(CONFIG_|SSH|SSL|HTTP|ASKPASS|EXEC_PATH|LFS|ALLOW_PROTOCOL)")
QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
#: No hook, no daemon, nothing done on the side. A split index would be written into .git, submodules moved.
HARMLESS = f"core.hooksPath={os.devnull} core.fsmonitor=false core.splitIndex=false submodule.recurse=false gc.auto=0"

#: What git says of a repository that belongs to another user than the one who asks.
OWNED_BY_ANOTHER = "dubious ownership"

UNSHALLOW = (
    "fetch its history (git fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*',"
    " or fetch-depth: 0 for actions/checkout)"
)


class RevisionError(GarageError):
    """What is asked for cannot be: no such revision, no repository, no git."""


class NotComparable(GarageError):
    """The repository has not what it takes to compare: the result is inconclusive."""


@dataclass(frozen=True)
class Git:
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

    def for_tree(self, tree: Path) -> Git:
        """Return one whose work tree and index are ours."""
        ours = {
            "GIT_DIR": self.text("rev-parse", "--absolute-git-dir"),
            "GIT_WORK_TREE": str(tree),
            "GIT_INDEX_FILE": str(tree.parent / "git" / tree.name),
        }
        return replace(self, directory=tree, environment={**self.environment, **ours})


def _complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join(done.stderr.decode(errors="replace").split()) or f"exit {done.returncode}"


def find_repository(repository: Path, environment: Mapping[str, str]) -> Git:
    """Return git at the top of the repository that a directory is in; RevisionError where there is none."""
    program = shutil.which("git", path=environment.get("PATH"))
    if program is None:
        raise RevisionError("git: not found: install it (apt-get install git)")
    if not repository.is_dir():
        raise RevisionError(f"{repository}: no such directory: name one in a git repository")
    kept = {name: value for name, value in environment.items() if HANDED_ON.match(name)}
    git = Git(program, repository, {**kept, **QUIET})
    done = git.run("rev-parse", "--show-toplevel")
    if done.returncode:
        complaint = _complaint(done)
        if OWNED_BY_ANOTHER in complaint:
            raise RevisionError(
                f"{repository}: git refuses a repository of another user: if you trust it, "
                f"git config --global --add safe.directory {repository.resolve()}"
            )
        problem = f"not in the working tree of a git repository ({complaint})"
        raise RevisionError(f"{repository}: {problem}: name a directory in one")
    return replace(git, directory=Path(os.fsdecode(done.stdout).removesuffix("\n")).resolve())


def isolate(git: Git, directory: Path, owner: int) -> Git:
    """Make git keep new objects here, and the directory in use for as long as it runs."""
    objects = directory / "git" / "objects"
    objects.mkdir(parents=True)
    theirs = str(git.directory / git.text("rev-parse", "--git-path", "objects"))
    added = {
        "GIT_OBJECT_DIRECTORY": str(objects),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": json.dumps(theirs, ensure_ascii=False),
    }
    return replace(git, environment={**git.environment, **added}, keep=(owner,))


def _is_shallow(git: Git) -> bool:
    return git.text("rev-parse", "--is-shallow-repository") == "true"


def resolve(git: Git, name: str) -> str:
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
    fix = f"did you mean {' or '.join(found.split())}?" if found else "see `git log --all`"
    raise RevisionError(f"{name!r}: no such revision in {git.directory}: {fix}")


def resolve_base(git: Git, base: str, head: str, head_commit: str) -> tuple[str, str]:
    """Return the commit to compare with and its label; for a branch, its merge base with head."""
    commit = resolve(git, base)
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
        fix = UNSHALLOW if shallow else "name the commit to compare with, as in HEAD~1"
        where = " in this shallow clone" * shallow
        raise NotComparable(f"{base} and {head} have no common commit{where}: {fix}")
    # The true one may be hidden behind the end of a shallow history; this one is common all the same.
    return merge_base, f"{base} (merge base {merge_base[:7]}{' in a shallow clone' * shallow})"


#: Settings of the repository by which git tells whether a file was changed.
OF_FILES = ("core.autocrlf", "core.eol", "core.fileMode", "core.symlinks", "core.ignoreCase")


def give_history(git: Git, tree: Path, commit: str) -> str:
    """Let a tree have a `.git` of ours, for tools that read a version from tags: all objects are the repository's own.

    Returns the nearest tag and how far it is.
    """
    ours = tree.parent / "git" / f"{tree.name}.git"
    hashes = git.text("rev-parse", "--show-object-format")
    known = {name: value for name in OF_FILES if (value := git.text("config", "--get", name))}
    objects = [git.environment["GIT_OBJECT_DIRECTORY"]]
    objects.append(json.loads(git.environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"]))
    tags = git.text("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags")
    shallow = git.directory / git.text("rev-parse", "--git-path", "shallow")
    plain = {name: value for name, value in git.environment.items() if "OBJECT_DIR" not in name}
    new = replace(git, directory=tree, environment={**plain, "GIT_DEFAULT_REF_FORMAT": "files"})
    new.items("init", "--template=", f"--object-format={hashes}", f"--separate-git-dir={ours}")
    (ours / "objects/info").mkdir(parents=True, exist_ok=True)
    (ours / "objects/info/alternates").write_text("".join(f"{path}\n" for path in objects))
    (ours / "packed-refs").write_text(f"{tags}\n" if tags else "")
    (ours / "HEAD").write_text(f"{commit}\n")
    if shallow.is_file():
        shutil.copy(shallow, ours / "shallow")
    for name, value in known.items():
        new.items("config", name, value)
    new.items("read-tree", commit)
    return git.text("describe", "--tags", "--long", "--always", commit)


def list_index(git: Git) -> list[tuple[str, str, str]]:
    """Tag ("S": a sparse checkout leaves it out), mode and path of each entry."""
    pairs = (item.split("\t", 1) for item in git.items("ls-files", "-z", "-t", "--stage"))
    return [(start[0], start.split(" ")[1], path) for start, path in pairs]
