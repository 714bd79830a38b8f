"""A directory of ours for as long as a block runs, and the removal of those whose owners were killed."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

#: The file that marks a directory as in use.
OWNER = "owner"

#: The two places that the sides of a gate have, at paths of equal length, and one for the moment in which they change.
PLACES = ("a", "b")
BETWEEN = "c"

#: Where what is measured has its temporary files.
TEMPORARY = "tmp"

#: Where the environments of the places are, and where there is for each place what it holds while the sides have changed
#: places: with an environment, a side has two copies, each made for its place.
ENVIRONMENTS = "env"
OTHER = "other"

#: Where the benchmark files of a side are that uses those of the other one.
OWN = "own"

#: What is made in it: the places, what git and valgrind write, and what the places were called once. Nothing else is removed.
CONTENTS = (*PLACES, BETWEEN, TEMPORARY, ENVIRONMENTS, OTHER, OWN, "git", "count", "base", "head")


def exchange(directory: Path) -> None:
    """Let the two sides change places: what is in them, or with environments the copies that were made for them."""
    other = directory / OTHER
    if not other.is_dir():
        _swap(directory / PLACES[0], directory / PLACES[1], directory / BETWEEN)
        return
    for folder in (".", ENVIRONMENTS):
        for name in PLACES:
            _swap(directory / folder / name, other / folder / name, directory / BETWEEN)


def _swap(first: Path, second: Path, between: Path) -> None:
    os.rename(first, between)
    os.rename(second, first)
    os.rename(between, second)


@contextlib.contextmanager
def own_directory(place: Path) -> Iterator[tuple[Path, int]]:
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
        directory = _make_numbered(place)
        mark = os.open(directory / OWNER, os.O_CREAT | os.O_WRONLY, 0o600)
        fcntl.flock(mark, fcntl.LOCK_EX)
        os.write(mark, f"{owner} {start_of(owner)}\n".encode())
    try:
        yield directory, mark
    finally:
        if os.getpid() == owner:  # and not a fork of it
            _remove(directory)
        os.close(mark)


def _make_numbered(place: Path) -> Path:
    """Make a directory under the first free number: what is kept for a path is of use to the next check, too."""
    for number in itertools.count(1):
        with contextlib.suppress(FileExistsError):
            (place / f"pair-{number}").mkdir(mode=0o700)
            break
    return place / f"pair-{number}"


def _is_in_use(directory: Path) -> bool:
    try:
        with open(directory / OWNER) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            pid, start = file.read().split()
            # Should the file system's locks do nothing. A recycled pid has another start.
            return start == start_of(int(pid))
    except (FileNotFoundError, ValueError):  # killed before it could write this, or at the very end
        return False
    except OSError:
        return True


def start_of(pid: int) -> str | None:
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
            for name in CONTENTS:
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(directory / name)
            os.unlink(directory / OWNER)
        os.rmdir(directory)
