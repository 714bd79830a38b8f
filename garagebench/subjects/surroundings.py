"""Where the process of a subject finds modules and programs: in a tree, or in an environment that the tree was installed in."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Optional


def use_tree(root: str, environment: Optional[str]) -> None:  # noqa: UP045  3.9
    """Let modules be found in the tree and its `src`: first, as `python -m pytest` does, or after those of the environment."""
    own = [path for path in (os.path.join(root, "src"), root) if os.path.isdir(path)]
    others = [path for path in sys.path if path not in own]
    if environment is not None:
        sys.path[:] = [*others, *own]
        os.environ.update(activate(environment))
        return
    sys.path[:] = [*own, *others]
    # For the processes that a benchmark starts.
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*own, *([before] if before else [])])


def activate(environment: str) -> dict[str, str]:
    """Return the variables by which the programs of an environment are found."""
    before = os.environ.get("PATH", os.defpath)
    return {
        "PATH": os.pathsep.join([os.path.join(environment, "bin"), before]),
        "VIRTUAL_ENV": environment,
    }


def find_missing(package: str, environment: Optional[str]) -> Optional[str]:  # noqa: UP045  3.9
    """Return what is to be done about a package that is not installed; None: it is."""
    if importlib.util.find_spec(package) is not None:
        return None
    if environment is not None:
        return f"{package} is not installed in the environment of this side: --install 'pip install {package}'"
    return f"{package} is not installed for {sys.executable}: {sys.executable} -m pip install {package}"
