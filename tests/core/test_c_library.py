"""The C library is built once for a source, an interpreter and a cffi, and every way in which that fails."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from interpreters import ROOT

LOAD = "from garagebench import load_impl; print(load_impl('c').pool(100).take_many(3))"
TRY = f"""
from garagebench.errors import Unavailable
try:
    {LOAD}
except Unavailable as error:
    print(error)
"""
WORKS = "[0, 1, 2]\n"

pytestmark = pytest.mark.parametrize("impl", ["c"], indirect=True)


def start(cache: Path, source: str = TRY, **environment: str) -> subprocess.Popen[str]:
    """Start a process that loads `c` with this cache directory."""
    paths = [path for path in (environment.pop("PYTHONPATH", ""), str(ROOT)) if path]
    return subprocess.Popen(
        [sys.executable, "-c", source],
        env={
            **os.environ,
            "XDG_CACHE_HOME": str(cache),
            "PYTHONPATH": os.pathsep.join(paths),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """What it printed, tracebacks included."""
    return process.communicate(timeout=60)[0]


def find_built(cache: Path) -> list[Path]:
    """Everything that is left in the cache."""
    return sorted((cache / "garagebench").iterdir())


@pytest.fixture
def compiler(tmp_path: Path) -> Path:
    """A C compiler that notes each time it runs."""
    path = tmp_path / "noting-cc"
    path.write_text('#!/bin/sh\necho ran >>"$0.log"\nexec cc "$@"\n')
    path.chmod(0o755)
    return path


def count_runs(compiler: Path) -> int:
    """How often that compiler ran."""
    log = compiler.with_name("noting-cc.log")
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_it_is_built_once(impl: object, tmp_path: Path, compiler: Path) -> None:
    """The second process finds what the first has built, and nothing but that is in the cache."""
    assert finish(start(tmp_path, CC=str(compiler))) == WORKS
    (built,) = find_built(tmp_path)
    assert finish(start(tmp_path, CC=str(compiler))) == WORKS
    assert find_built(tmp_path) == [built]
    assert count_runs(compiler) == 1


def test_several_processes_may_build_at_once(impl: object, tmp_path: Path, compiler: Path) -> None:
    """All of them work, whoever is first, and one library is left."""
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    # No compiler goes on before the other has begun.
    compiler.write_text(
        compiler.read_text().replace(
            "exec",
            f"touch {meeting}/$$; for _ in $(seq 200); do "
            f'[ "$(ls {meeting} | wc -l)" = 2 ] && break; sleep 0.01; done; exec',
        )
    )
    processes = [start(tmp_path, CC=str(compiler)) for _ in range(2)]
    assert [finish(process) for process in processes] == [WORKS] * 2
    assert count_runs(compiler) == 2
    assert len(find_built(tmp_path)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "c_library.DECLARATIONS += '\\n'",
        "c_library.cffi = types.SimpleNamespace(__version__='9', FFI=c_library.cffi.FFI)",
        "c_library.sys.version += ' '",
        "c_library.SOURCE = changed",
    ],
    ids=["declarations", "cffi", "interpreter", "source"],
)
def test_a_change_builds_anew(impl: object, tmp_path: Path, compiler: Path, change: str) -> None:
    """Another source, interpreter or cffi has a library of its own; the older one stays for whom it fits."""
    assert finish(start(tmp_path, CC=str(compiler))) == WORKS
    (before,) = find_built(tmp_path)
    changed = tmp_path / "changed.c"
    changed.write_text((ROOT / "garagebench/impls/c_tree.c").read_text() + "\n")
    source = f"import types\nfrom garagebench.impls import c_library\nchanged = {str(changed)!r}\n{change}\n{LOAD}"
    assert finish(start(tmp_path, source, CC=str(compiler))) == WORKS
    assert count_runs(compiler) == 2
    assert before in find_built(tmp_path)
    assert len(find_built(tmp_path)) == 2


@pytest.mark.parametrize("share", [0, 0.2, 0.5, 0.99])
def test_what_was_cut_off_is_built_anew(
    impl: object, tmp_path: Path, compiler: Path, share: float
) -> None:
    """It is not even tried: to load a library of which a part is missing ends the process."""
    finish(start(tmp_path))
    (built,) = find_built(tmp_path)
    whole = built.read_bytes()
    built.write_bytes(whole[: int(share * len(whole))])
    assert finish(start(tmp_path, CC=str(compiler))) == WORKS
    assert count_runs(compiler) == 1
    assert find_built(tmp_path) == [built]


def test_what_does_not_load_is_built_anew(impl: object, tmp_path: Path, compiler: Path) -> None:
    """A library that is whole, but for another machine, stays for that one."""
    finish(start(tmp_path))
    (built,) = find_built(tmp_path)
    content = b"no library at all"
    hashes = [importlib.util.source_hash(one).hex() for one in (built.read_bytes(), content)]
    other = built.with_name(built.name.replace(*hashes))
    built.unlink()
    other.write_bytes(content)
    assert finish(start(tmp_path, CC=str(compiler))) == WORKS
    assert count_runs(compiler) == 1
    assert find_built(tmp_path) == sorted([built, other])


def test_what_a_killed_build_left_is_removed(impl: object, tmp_path: Path) -> None:
    """Not at once: another process may be at it."""
    cache = tmp_path / "garagebench"
    for name, age_s in (("c_tree-build-old", 4000), ("c_tree-build-new", 0), ("other", 4000)):
        (cache / name).mkdir(parents=True)
        os.utime(cache / name, (time.time() - age_s,) * 2)
    assert finish(start(tmp_path)) == WORKS
    names = {path.name for path in find_built(tmp_path) if path.is_dir()}
    assert names == {"c_tree-build-new", "other"}


FAILS = "c cannot run on this interpreter: "


def test_no_compiler(impl: object, tmp_path: Path) -> None:
    """Without a compiler it says so, and what installs one."""
    told = finish(start(tmp_path, PATH=str(tmp_path), CC=""))
    assert told == (
        f"{FAILS}the C compiler 'cc' does not start (No such file or directory):"
        " apt-get install gcc, or set CC\n"
    )


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo first >&2; echo last >&2; exit 1", "last"),
        (
            "echo 'x.c:1: error: no' >&2; echo compilation terminated. >&2; exit 1",
            "x.c:1: error: no",
        ),
        ("echo 'x.c:1: error: no' >&2; echo 'x.c:2: error: so' >&2; exit 1", "x.c:1: error: no"),
        ("exit 3", "exit code 3"),
    ],
    ids=["says why", "says more", "says much", "says nothing"],
)
def test_a_compiler_that_fails(
    impl: object, tmp_path: Path, compiler: Path, script: str, reason: str
) -> None:
    """It is one sentence, with the first error or else the compiler's last line, and nothing is left."""
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    told = finish(start(tmp_path, CC=f"{compiler} -Wall"))
    assert told == (
        f"{FAILS}the C compiler {str(compiler)!r} fails: {reason}: set CC to one that works\n"
    )
    assert find_built(tmp_path) == []


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "exit 0",
            "the C compiler 'CC' ends well, but has built nothing: set CC to one that works",
        ),
        (
            'while [ "$1" != -o ]; do shift; done; echo ELF >"$2"',
            "the C library does not load, just built (FILE: file too short): set CC to a compiler for this machine",
        ),
    ],
    ids=["nothing", "no library"],
)
def test_a_compiler_that_is_none(
    impl: object, tmp_path: Path, compiler: Path, script: str, reason: str
) -> None:
    """What ends well and has built nothing, or nothing that loads, is told as such."""
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    told = finish(start(tmp_path, CC=str(compiler)))
    told = re.sub(rf"{tmp_path}/garagebench/[^:]*", "FILE", told.replace(str(compiler), "CC"))
    assert told == f"{FAILS}{reason}\n"


def test_a_cache_that_cannot_be_written(impl: object, tmp_path: Path) -> None:
    """It names the directory, the reason, and the variable that chooses another."""
    cache = tmp_path / "file"
    cache.touch()
    assert finish(start(cache)) == (
        f"{FAILS}the C library cannot be written below {cache}/garagebench (Not a directory):"
        " set XDG_CACHE_HOME to a directory that can be written\n"
    )


def test_python_without_headers(impl: object, tmp_path: Path) -> None:
    """Without Python.h it says where it should be, and what installs it."""
    source = (
        "import sysconfig\npaths = sysconfig.get_paths\n"
        f"sysconfig.get_paths = lambda *chosen: {{**paths(*chosen), 'include': {str(tmp_path)!r}}}\n{TRY}"
    )
    told = finish(start(tmp_path, source))
    assert told == f"{FAILS}there is no Python.h in {tmp_path}: apt-get install python3-dev\n"


def test_no_cffi(impl: object, tmp_path: Path) -> None:
    """Without cffi it says so, and how to install it."""
    (tmp_path / "cffi.py").write_text("raise ImportError('no cffi here')\n")
    told = finish(start(tmp_path, PYTHONPATH=str(tmp_path)))
    assert told == f"{FAILS}no cffi here: pip install 'garagebench[c]'\n"


@pytest.mark.parametrize("chosen", ["", "relative/cache"])
def test_the_cache_of_the_home_directory(impl: object, tmp_path: Path, chosen: str) -> None:
    """Without an absolute XDG_CACHE_HOME the library is in ~/.cache."""
    told = finish(start(tmp_path, XDG_CACHE_HOME=chosen, HOME=str(tmp_path)))
    assert told == WORKS
    assert len(find_built(tmp_path / ".cache")) == 1
