"""The table of implementations: names and import paths, loaded when used."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from garagebench.errors import ImplError, Unavailable, UnknownName
from garagebench.impls.impl import Impl
from garagebench.stages.variants import with_variants

ENTRY_POINTS = "garagebench.impls"

#: What Numba says where it can write neither beside the module nor into the user's cache.
NO_CACHE = "no locator available"
FIX_CACHE = "set NUMBA_CACHE_DIR to a directory that can be written"


class Entry(NamedTuple):
    """Where an implementation is found.

    target: "module:NAME". about: one line for the list. runtime: the interpreter that it is meant for, or None.
    fix: what installs what it needs.
    """

    target: str
    about: str = ""
    runtime: str | None = None
    fix: str | None = None


BUILTIN: Mapping[str, Entry] = {
    "lists": Entry(
        "garagebench.impls.lists:IMPL", "a plain list, searched with list.index; the reference"
    ),
    "numpy": Entry(
        "garagebench.impls.numpy_where:IMPL",
        "an array, searched with np.where",
        fix="pip install 'garagebench[numpy]'",
    ),
    "numba": Entry(
        "garagebench.impls.numba_loop:IMPL",
        "an array, searched by a compiled loop",
        fix="pip install 'garagebench[numba]'",
    ),
    "pypy": Entry(
        "garagebench.impls.pypy:IMPL",
        "plain loops for a tracing JIT, on PyPy by default",
        runtime="pypy3",
    ),
    "heap": Entry("garagebench.impls.heap:IMPL", "a binary heap of what was released, from heapq"),
    "tree": Entry(
        "garagebench.impls.tree:IMPL",
        "a bitmap tree, searched by compiled code",
        fix="pip install 'garagebench[numba]'",
    ),
    "c": Entry(
        "garagebench.impls.c:IMPL",
        "the same tree in C, built at first use",
        fix="pip install 'garagebench[c]'",
    ),
    "go": Entry(
        "garagebench.impls.go:IMPL",
        "the same tree in Go, built at first use",
        fix="pip install 'garagebench[go]'",
    ),
    "shared": Entry(
        "garagebench.impls.shared:IMPL",
        "a lock-free bitmap tree in shared memory, for several processes",
        fix="pip install 'garagebench[numba]'",
    ),
    "blocks": Entry(
        "garagebench.impls.blocks:IMPL",
        "the same, each process in a block of its own for a while",
        fix="pip install 'garagebench[numba]'",
    ),
    "fast": Entry(
        "garagebench.impls.fast:IMPL", "the quickest variant of each stage that runs here"
    ),
}


def entries() -> dict[str, Entry]:
    """Return the built-in implementations and those that installed packages add; a duplicate name is an error."""
    from importlib.metadata import entry_points

    found = dict(BUILTIN)
    plugged: Any = entry_points()
    # Python 3.9 returns a plain dictionary; 3.10 and 3.11 one that warns when it is used as such.
    plugged = (
        plugged.select(group=ENTRY_POINTS)
        if hasattr(plugged, "select")
        else plugged.get(ENTRY_POINTS, ())
    )
    for point in plugged:
        if point.name in found:
            raise ImplError(
                f"two implementations are named {point.name!r}: {found[point.name].target} and {point.value}; rename one entry point in the group {ENTRY_POINTS!r}"
            )
        found[point.name] = Entry(point.value, "from an installed package")
    return found


def find_entry(name: str) -> Entry:
    """Return the entry of that name, or of `path/to/file.py:NAME`; UnknownName says what there is."""
    if is_file(name):
        return Entry(name, "from a file")
    if name in BUILTIN:  # without a look at the installed packages, which takes time
        return BUILTIN[name]
    found = entries()
    if name not in found:
        raise UnknownName(
            f"unknown implementation {name!r}; there is: {', '.join(found)}, or path/to/file.py:NAME"
        )
    return found[name]


def is_file(name: str) -> bool:
    """Tell whether the name has the form `path/to/file.py:NAME`."""
    return name.rpartition(":")[0].endswith(".py")


def load_impl(name: str) -> Impl:
    """Load an implementation by name, or by `path/to/file.py:NAME` where NAME is an Impl or a pool class.

    Raises UnknownName, ImplError (not an implementation), Unavailable (cannot run on this interpreter).
    """
    entry = find_entry(name)
    source, _, attribute = entry.target.rpartition(":")
    module = _load_file(source) if is_file(name) else _load_module(name, source, entry.fix)
    try:
        found = getattr(module, attribute)
    except AttributeError:
        raise ImplError(f"{source} has no {attribute!r}") from None
    return found if isinstance(found, Impl) else _from_pool(found, attribute, entry.target)


def load_recipe(arguments: Mapping[str, Any]) -> Impl:
    """Load `arguments["impl"]` with its `variants`, stage -> variant; without any where there are none given.

    Raises what `load_impl` and `with_variants` raise.
    """
    return with_variants(load_impl(arguments["impl"]), arguments.get("variants", {}))


def _load_module(name: str, module: str, fix: str | None) -> Any:
    try:
        return importlib.import_module(module)
    except Unavailable as error:  # it knows better what would fix it
        raise Unavailable(f"{name} cannot run on this interpreter: {error}") from None
    except ImportError as error:
        reason = f"{error}"
    except (Exception, SystemExit) as error:  # noqa: BLE001  a broken package must not break the run
        reason = f"{type(error).__name__}: {error}"
        fix = FIX_CACHE if NO_CACHE in reason else None  # it is installed
    reason = f"{name} cannot run on this interpreter: {reason}"
    raise Unavailable(f"{reason}: {fix}" if fix else reason)


def _load_file(path: str) -> Any:
    """Run the file as a module, with its directory importable as for a script."""
    path = os.path.abspath(path)
    if not os.path.isfile(path):
        raise ImplError(f"{path}: no such file")
    name = "garagebench_user_" + os.path.splitext(os.path.basename(path))[0]
    if os.path.dirname(path) not in sys.path:
        sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImplError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a script that ends itself is no reason to end, too
        del sys.modules[name]
        line = _line_in(path, error)
        raise ImplError(f"{path}{line}: {type(error).__name__}: {error}") from error
    return module


def _line_in(path: str, error: BaseException) -> str:
    """Return ":LINE" of the last line of that file that the error passed through."""
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == path else None
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return "" if line is None else f":{line}"


def _from_pool(pool: Any, name: str, target: str) -> Impl:
    wanted = ("take", "nearest", "release", "save", "restore")
    missing = [method for method in wanted if not callable(getattr(pool, method, None))]
    if not isinstance(pool, type) or missing:
        lacks = f" (it lacks {', '.join(missing)})" if isinstance(pool, type) else ""
        raise ImplError(f"{target} is neither an Impl nor a pool class{lacks}")
    return Impl(name, pool)


def try_impl(name: str) -> str:
    """Load the implementation and let one pool work; the name that it calls itself. For the list of what runs here."""
    impl = load_impl(name)
    impl.pool(1).take()
    return impl.name
