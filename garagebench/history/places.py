"""Where a history is kept: a file, or a branch of its own in the repository, which shares nothing with the others."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from garagebench.engine.files import check_place, write_whole
from garagebench.gate.trees.git import Git
from garagebench.history.points import HistoryError

#: The one file of such a branch.
NAME = "history.jsonl"

#: Who writes its commits where the repository names nobody, as in most jobs of a CI.
NOBODY = ("-c", "user.name=garagebench", "-c", "user.email=garagebench@localhost")


class Place(Protocol):
    """Keeps a text."""

    def read(self) -> str | None:
        """Return the text; None: nothing was written yet. Raises HistoryError."""

    def write(self, text: str, message: str) -> None:
        """Replace what was read, whole or not at all. message: what it is for. Raises HistoryError, ResultError."""


class File:
    """A history in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: str | None = None

    def __str__(self) -> str:
        return str(self._path)

    def read(self) -> str | None:
        """Return the text; None: there is no file yet."""
        self._read = self._load()
        return self._read

    def write(self, text: str, message: str) -> None:
        """Replace the file; refused where another command has changed it since it was read."""
        check_place(self._path)
        if self._load() != self._read:
            raise HistoryError(f"{self}: was changed meanwhile: run the command again")
        write_whole(self._path, lambda whole: whole.write_text(text, encoding="utf-8"))
        self._read = text

    def _load(self) -> str | None:
        try:
            return self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise HistoryError(f"{self._path}: cannot be read: {error}") from None


class Branch:
    """A history in an orphan branch: neither the working tree nor the index is touched."""

    def __init__(self, git: Git, name: str) -> None:
        if not git.text("check-ref-format", "--branch", name):
            raise HistoryError(f"--branch {name}: not a name that git allows")
        self._git = git
        self._name = name
        # The commit of our own branch, and the one that the next follows; empty: there is none.
        self._found = self._parent = ""

    def __str__(self) -> str:
        return f"the branch {self._name}"

    @property
    def _ref(self) -> str:
        return f"refs/heads/{self._name}"

    def read(self) -> str | None:
        """Return the text of the branch, or, where only a remote has one, of that."""
        resolve = "rev-parse", "--verify", "--quiet"
        self._found = self._git.text(*resolve, self._ref)
        remote = self._git.text(
            "for-each-ref", "--format=%(refname)", f"refs/remotes/*/{self._name}"
        )
        commit = self._found or (self._git.text(*resolve, remote.splitlines()[0]) if remote else "")
        if not commit:
            return None
        self._parent = commit
        done = self._git.run("cat-file", "blob", f"{commit}:{NAME}")
        if done.returncode:
            raise HistoryError(f"{self}: has no {NAME}: name another branch")
        try:
            return done.stdout.decode("utf-8")
        except UnicodeDecodeError:
            raise HistoryError(f"{self}: {NAME} is not UTF-8") from None

    def write(self, text: str, message: str) -> None:
        """Add a commit to the branch; refused where another one was added since it was read."""
        blob = self._ask("hash-object", "-w", "--stdin", given=text.encode())
        tree = self._ask("mktree", given=f"100644 blob {blob}\t{NAME}\n".encode())
        parents = ("-p", self._parent) if self._parent else ()
        known = self._git.text("config", "user.email")
        commit = self._ask(*(() if known else NOBODY), "commit-tree", tree, *parents, "-m", message)
        # An empty old value: there must be no such branch.
        self._ask("update-ref", "-m", message, self._ref, commit, self._found)
        self._found = self._parent = commit

    def _ask(self, *words: str, given: bytes = b"") -> str:
        done = self._git.run(*words, given=given)
        if done.returncode:
            why = " ".join(done.stderr.decode(errors="replace").split())
            raise HistoryError(f"{self}: git {words[0]}: {why}")
        return done.stdout.decode().strip()
