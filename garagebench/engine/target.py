"""What a worker loads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Target:
    """A subject, as a worker makes it: `factory` ("module:name") called with `arguments`, which JSON can carry.

    packages: name -> the directory in which it is found, and nowhere else. path: directories that come first in
    `sys.path`. moved: a tree and its copy: of what lies in the tree the copy is to be used, and nothing else. python: the
    interpreter that it needs, if it must be a certain one.
    """

    factory: str
    arguments: Any
    packages: Mapping[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    moved: tuple[str, str] | None = None
    python: str | None = None

    def move(self, tree: str, copy: str) -> Target:
        """Return the target in a copy of the tree: packages and directories within the tree are the copy's."""

        def lead(path: str) -> str:
            inside = path == tree or path.startswith(os.path.join(tree, ""))
            return (
                os.path.normpath(os.path.join(copy, os.path.relpath(path, tree)))
                if inside
                else path
            )

        packages = {name: lead(directory) for name, directory in self.packages.items()}
        return replace(
            self, packages=packages, path=tuple(map(lead, self.path)), moved=(tree, copy)
        )

    def to_data(self) -> dict[str, Any]:
        """Return what a worker's `load` takes."""
        return asdict(self)
