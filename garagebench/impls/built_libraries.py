"""Libraries that are built at their first use, into the user's cache, and found there from then on.

The name of a library holds what `source_hash` makes of its content: to load what was cut off would end the process. What
is not there or is damaged is built anew.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Iterator
from typing import Callable

from garagebench.errors import Unavailable

#: What a build happens in; where the process is killed meanwhile, it stays, until a build so much later.
_WORKPLACE = "-build-"
_LEFT_OVER_S = 3600


def make_key(*parts: str) -> str:
    """Return what changes with each of the texts.

    hashlib would take 3 ms of a cold start to load; this is what Python keys its own .pyc files with.
    """
    return importlib.util.source_hash("\0".join(parts).encode()).hex()


def find_whole(stem: str, suffix: str) -> Iterator[str]:
    """Yield the built libraries whose name begins so, and remove those that are damaged."""
    directory, beginning = os.path.split(stem)
    try:
        names = sorted(name for name in os.listdir(directory) if name.startswith(beginning))
    except OSError:
        return
    for name in names:
        path = os.path.join(directory, name)
        try:
            if path == _name_by_content(path, stem, suffix):
                yield path
            else:
                os.remove(path)
        except OSError:  # another process was quicker, or it is not ours to read
            continue


def build(stem: str, suffix: str, what: str, make: Callable[[str, str], None]) -> str:
    """Build in a directory of our own and move what is whole: two processes may do so at once. Returns its path.

    what: the library, for people. make: is given a directory for what it needs, and the path of the library. Raises
    Unavailable.
    """
    import tempfile

    directory = os.path.dirname(stem)
    name = os.path.basename(stem).partition("-")[0]
    try:
        os.makedirs(directory, exist_ok=True)
        _remove_left_over(directory, f"{name}{_WORKPLACE}")
        with tempfile.TemporaryDirectory(dir=directory, prefix=f"{name}{_WORKPLACE}") as workplace:
            built = os.path.join(workplace, f"{name}{suffix}")
            make(workplace, built)
            with open(built, "rb") as file:
                # The name must not outlive a crash that the content does not.
                os.fsync(file.fileno())
            path = _name_by_content(built, stem, suffix)
            os.replace(built, path)
            return path
    except OSError as error:
        raise Unavailable(
            f"{what} cannot be written below {directory} ({error.strerror}): set XDG_CACHE_HOME to a directory that can be written"
        ) from None


def _name_by_content(path: str, stem: str, suffix: str) -> str:
    with open(path, "rb") as file:
        return f"{stem}{importlib.util.source_hash(file.read()).hex()}{suffix}"


def _remove_left_over(directory: str, beginning: str) -> None:
    import shutil

    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if name.startswith(beginning) and os.stat(path).st_mtime < time.time() - _LEFT_OVER_S:
            shutil.rmtree(path, ignore_errors=True)
