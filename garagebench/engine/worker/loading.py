"""Making the subject: finding what its source names, in the copy that is to be measured."""

from __future__ import annotations

import base64
import importlib
import importlib.machinery
import importlib.util
import os
import pickle
import sys
from collections.abc import Iterable
from typing import Any

#: What a script is called while it is imported for the objects that it pickled.
MAIN = "__garagebench_main__"

#: In a worker, the factory of a pickled object.
UNPICKLE = "_garagebench_worker.loading:unpickle"


class BadSubject(Exception):
    """A subject is not what `garagebench.interface` describes."""

    status = "invalid"


def load_subject(source: dict[str, Any]) -> Any:
    """Make the subject that the source, a target's data, describes."""
    path, moved = source["path"], source["moved"]
    sys.path[:] = [*path, *(known for known in sys.path if known not in path)]
    if moved:
        sys.path[:] = [move_path(known, *moved) for known in sys.path]
    subject = find(source["packages"], source["factory"])(source["arguments"])
    if moved:
        check_origins(moved[0], source["packages"])
    return subject


def unpickle(arguments: dict[str, Any]) -> Any:
    """Return the object that was pickled. main: the script that it was made in, if in one."""
    if arguments["main"] is not None:
        # Objects of the caller's script were pickled as being in __main__.
        sys.modules["__main__"] = import_file(MAIN, arguments["main"])
    return pickle.loads(base64.b64decode(arguments["pickled"]))  # noqa: S301  the conductor made it


def move_path(path: str, tree: str, copy: str) -> str:
    """Return where a directory of the tree is in its copy: PYTHONPATH, or a package installed from the tree, leads there."""
    inside = inside_of(tree, path)
    return path if inside is None else os.path.normpath(os.path.join(copy, inside))


def check_origins(tree: str, packages: Iterable[str]) -> None:
    """Raise BadSubject for a module that was found in the tree all the same: it is not the one to be measured."""
    own = (
        "__main__",
        __name__.partition(".")[0],
    )  # the engine is that which measures, wherever it lies
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in (*own, *packages) or not isinstance(file, str):
            continue
        if inside_of(tree, file) is not None:
            raise BadSubject(
                f"it imports {name} from {file}, the working tree, and not from the copy that is measured: where its "
                "package is installed as editable, use PYTHONPATH or `pip install --config-settings editable_mode=compat`"
            )


def inside_of(tree: str, path: str) -> str | None:
    """Return the path within the tree; None for one outside, and for what an environment in it has installed."""
    import sysconfig  # which takes 3 ms of a cold start

    path = os.path.realpath(path)
    installed = sysconfig.get_paths()
    roots = [os.path.realpath(installed[key]) for key in ("purelib", "platlib", "stdlib")]
    if not within(path, tree) or any(within(path, root) for root in roots):
        return None
    return os.path.relpath(path, tree)


def within(path: str, directory: str) -> bool:
    """Tell whether the path is the directory or lies in it."""
    return path == directory or path.startswith(os.path.join(directory, ""))


def find(packages: dict[str, str], target: str) -> Any:
    """Import "module:name"; the packages are found in their given directories and nowhere else."""
    import_packages(packages)
    module_name, _, name = target.partition(":")
    return getattr(importlib.import_module(module_name), name)


def import_packages(packages: dict[str, str]) -> None:
    """Import each package from its directory."""
    for name, directory in packages.items():
        if name not in sys.modules:
            import_file(name, os.path.join(directory, "__init__.py"), [directory])


def import_file(name: str, path: str, search: list[str] | None = None) -> Any:
    """Run a file as the module of that name; with `search`, as a package whose modules are there."""
    loader = importlib.machinery.SourceFileLoader(name, path)  # a script may have any suffix
    spec = importlib.util.spec_from_file_location(
        name, path, loader=loader, submodule_search_locations=search
    )
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]  # with a loader there is one
    sys.modules[name] = module
    loader.exec_module(module)
    return module
