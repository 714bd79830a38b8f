"""What a tree holds, as a short text that no other tree has."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

#: In every folder: what Python writes by itself. At the top: ours, for tools that ask git.
LEFT_OUT = ("__pycache__", ".git")


def digest_tree(tree: Path) -> str:
    """Return a digest of every file of a tree: the working tree has no commit that would name it."""
    total = hashlib.sha256()
    for path in list_files(tree):
        total.update(os.fsencode(path.relative_to(tree)) + b"\0")
        content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()[:16]


def list_files(tree: Path) -> Iterator[Path]:
    """Yield every file of a tree."""
    for folder, names, files in os.walk(tree):
        # A link to a directory is a directory to `walk`, and a file to git.
        links = [name for name in names if os.path.islink(os.path.join(folder, name))]
        names[:] = sorted(name for name in names if name not in (*LEFT_OUT, *links))
        yield from (
            Path(folder) / name for name in sorted((*files, *links)) if name not in LEFT_OUT
        )
