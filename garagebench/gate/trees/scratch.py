"""A directory of ours for as long as a block runs, and the removal of those whose owners were killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

#: The file that marks a directory as in use.
OWNER = "owner"

#: The two places that the sides of a gate have, at paths of equal length, and one for the moment in which they change.
PLACES = ("a", "b")
BETWEEN = "c"

#: Where what is measured has its temporary files.
TEMPORARY = "tmp"

#: What is made in it: the places, what git and valgrind write, and what the places were called once. Nothing else is removed.
CONTENTS = (*PLACES, BETWEEN, TEMPORARY, "git", "count", "base", "head")


def exchange(directory: Path) -> None:
    """Let what is in the two places change them."""
    first, second, between = (directory / name for name in (*PLACES, BETWEEN))
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
        directory = Path(tempfile.mkdtemp(prefix="pair-", dir=place))
        mark = os.open(directory / OWNER, os.O_CREAT | os.O_WRONLY, 0o600)
        fcntl.flock(mark, fcntl.LOCK_EX)
        os.write(mark, f"{owner} {start_of(owner)}\n".encode())
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
