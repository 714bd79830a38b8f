"""Build the C library of `c` at its first use, into the user's cache, and load it.

cffi only writes the module's source: its own way to the compiler needs setuptools from Python 3.12 on.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from typing import Any

import cffi

from garagebench.errors import Unavailable
from garagebench.impls.built_libraries import build, find_whole, make_key
from garagebench.system.cache import find_cache

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "c_tree.c")

DECLARATIONS = """
int64_t tree_nearest(const uint64_t *words);
int64_t tree_take(uint64_t *words);
_Bool tree_release(uint64_t *words, int64_t space);
void tree_take_many(uint64_t *words, int64_t *indices, int64_t count);
int64_t tree_release_many(uint64_t *words, const int64_t *indices, _Bool *freed, int64_t count);
"""

_NAME = "_garagebench_c_tree"
_FLAGS = ("-O2", "-std=c11")


def load() -> Any:
    """Return the module, with `lib` and `ffi`. Raises Unavailable.

    What does not load (another machine shares the home directory) is built anew.
    """
    with open(SOURCE, encoding="utf-8") as file:
        source = file.read()
    key = make_key(source, DECLARATIONS, " ".join(_FLAGS), cffi.__version__, sys.version)
    stem = os.path.join(find_cache(os.environ), f"c_tree-{key}-")
    for path in find_whole(stem, _suffix()):
        try:
            return _import(path)
        except ImportError:
            continue

    def make(workplace: str, target: str) -> None:
        generated = os.path.join(workplace, f"{_NAME}.c")
        _write_source(source, generated)
        _compile(generated, target)

    try:
        return _import(build(stem, _suffix(), "the C library", make))
    except ImportError as error:
        raise Unavailable(
            f"the C library does not load, just built ({error}): set CC to a compiler for this machine"
        ) from None


def _suffix() -> str:
    return importlib.machinery.EXTENSION_SUFFIXES[0]


def _import(path: str) -> Any:
    spec = importlib.util.spec_from_file_location(_NAME, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no extension module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _write_source(source: str, path: str) -> None:
    import contextlib
    import io

    builder = cffi.FFI()
    builder.cdef(DECLARATIONS)
    builder.set_source(_NAME, source)
    with contextlib.redirect_stdout(io.StringIO()):  # it tells what it writes
        builder.emit_c_code(path)


def _compile(source: str, target: str) -> None:
    import shlex
    import subprocess
    import sysconfig

    include = sysconfig.get_paths()["include"]
    if not os.path.isfile(os.path.join(include, "Python.h")):
        package = "pypy3-dev" if sys.implementation.name == "pypy" else "python3-dev"
        raise Unavailable(f"there is no Python.h in {include}: apt-get install {package}")
    compiler = os.environ.get("CC", "").split() or ["cc"]
    # How to link an extension differs between systems; the first word is the compiler that Python was built with.
    link = shlex.split(sysconfig.get_config_var("LDSHARED") or "cc -shared")[1:]
    # Without the path of the source in it, two builds come to the same content and name.
    source_flags = ("-x", "c", "-")
    command = [*compiler, *_FLAGS, "-fPIC", *link, f"-I{include}", *source_flags, "-o", target]
    try:
        with open(source, "rb") as file:
            ran = subprocess.run(command, stdin=file, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Unavailable(
            f"the C compiler {compiler[0]!r} does not start ({error.strerror}): apt-get install gcc, or set CC"
        ) from None
    if ran.returncode:
        lines = ran.stderr.split("\n")
        # The first error leads to others, and gcc ends with "compilation terminated."
        told = [line for line in lines if "error" in line][:1] or [line for line in lines if line]
        reason = told[-1].strip() if told else f"exit code {ran.returncode}"
        raise Unavailable(
            f"the C compiler {compiler[0]!r} fails: {reason}: set CC to one that works"
        )
    if not os.path.isfile(target):
        raise Unavailable(
            f"the C compiler {compiler[0]!r} ends well, but has built nothing: set CC to one that works"
        )
