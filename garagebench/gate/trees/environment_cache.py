"""Environments that are kept for a while, each under a key that says all that it was made from.

An entry is a directory: `environment`, while nobody uses it, `added`, the files that came into its tree when it was made, and
`whole`, without which the rest is nothing. Who uses an environment moves it to the path that it was made at, and back.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from garagebench.gate.trees.digest import list_files

#: Seconds for which an environment is kept.
MOST_S = 24 * 3600.0

#: The file in an environment that holds its key. It is written last.
KEY = "made-from"

WHOLE, ENVIRONMENT, ADDED = "whole", "environment", "added"


class EnvironmentCache:
    """The entries of a directory, which is made when there is something to keep."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def take(self, key: str, environment: Path, tree: Path) -> bool:
        """Move what is kept under a key to its place, and add to its tree what belongs there; False: there is nothing."""
        entry = self._directory / key
        with self._locked():
            self._forget_old()
            if not (entry / WHOLE).is_file() or not (entry / ENVIRONMENT).is_dir():
                return False
            shutil.rmtree(environment, ignore_errors=True)
            os.rename(entry / ENVIRONMENT, environment)
            _copy(entry / ADDED, tree, [*list_files(entry / ADDED)])
        return True

    def note(self, key: str, environment: Path, tree: Path, unchanged_ns: int) -> None:
        """Write down that an environment is whole. unchanged_ns: the time of every file that was in the tree before."""
        entry = self._directory / key
        added = [path for path in list_files(tree) if os.lstat(path).st_mtime_ns != unchanged_ns]
        with self._locked():
            _remove(entry)
            (entry / ADDED).mkdir(parents=True)
            _copy(tree, entry / ADDED, added)
            (entry / WHOLE).write_text(f"{int(time.time())}\n", encoding="ascii")
        (environment / KEY).write_text(f"{key}\n", encoding="ascii")

    def put_back(self, environment: Path) -> None:
        """Move an environment back to where it is kept; what is not whole stays, and goes with the directory that it is in."""
        with contextlib.suppress(OSError), self._locked():
            key = (environment / KEY).read_text(encoding="ascii").strip()
            os.rename(environment, self._directory / key / ENVIRONMENT)

    def _forget_old(self) -> None:
        """Remove what is too old, and what is not whole."""
        for entry in self._directory.iterdir():
            try:
                made = float((entry / WHOLE).read_text(encoding="ascii"))
            except (OSError, ValueError):
                made = 0.0
            if entry.is_dir() and not 0 <= time.time() - made < MOST_S:
                _remove(entry)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._directory.mkdir(parents=True, exist_ok=True)
        with open(self._directory / "lock", "w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield


def _remove(entry: Path) -> None:
    """Remove an entry; what is interrupted leaves nothing that would be taken for whole."""
    (entry / WHOLE).unlink(missing_ok=True)
    shutil.rmtree(entry, ignore_errors=True)


def _copy(source: Path, aim: Path, files: list[Path]) -> None:
    for file in files:
        place = aim / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, place, follow_symlinks=False)
