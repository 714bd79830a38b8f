"""What a repository has that could be checked, for whoever named nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

#: A test that takes the fixture, or has the marker.
BENCHMARK = re.compile(
    r"def test_\w*\([^)]*\bbenchmark\b|pytest\.mark\.(benchmark|codspeed_benchmark)\b"
)

#: A script that lets pyperf measure, and where asv's configuration, JSON with comments, says that its benchmarks are.
SCRIPT = re.compile(r"^[^#\n]*\bpyperf\.Runner\(", re.MULTILINE)
ASV, DIRECTORY = "asv.conf.json", re.compile(r'^\s*"benchmark_dir"\s*:\s*"([^"]+)"', re.MULTILINE)

#: Directories that hold no code of the repository's own.
SKIPPED = ("node_modules", "build", "dist", "site-packages", "__pycache__")

#: Files that are looked at, and the size of one, at most.
MOST_FILES = 5_000
MOST_BYTES = 1_000_000

#: Suites that are suggested, at most.
MOST_SUGGESTED = 5


def suggest(top: Path, base: str) -> str:
    """Return the lines to type for the benchmarks that seem to be there; without any, how to name something."""
    named = [
        *(f"--pytest {path}" for path in find_suites(top)),
        *(f"--asv {path}" for path in find_asv(top)),
        *(f"--pyperf {path}" for path in find_scripts(top)),
    ]
    lines = [f"garagebench check --base {base} {name}" for name in named[:MOST_SUGGESTED]]
    if lines:
        return "name what to compare; this repository seems to have:\n" + "\n".join(
            f"  {line}" for line in lines
        )
    return (
        "name what to compare: --pytest PATH for the benchmarks of a test suite, --asv DIR, --pyperf SCRIPT, --subject "
        "path/to/file.py:NAME for a function, --command CMD, --impl for a garage"
    )


def find_suites(top: Path) -> list[str]:
    """Return files with benchmarks for pytest, relative to the top; a directory where all in it are such files."""
    files = [path for path in _list_files(top) if BENCHMARK.search(_read(path))]
    folders: dict[Path, list[Path]] = {}
    for path in files:
        folders.setdefault(path.parent, []).append(path)
    found = []
    for folder, inside in folders.items():
        tests = set(folder.glob("test_*.py")) | set(folder.glob("*_test.py"))
        is_whole = folder != top and tests <= set(inside) and len(tests) > 0
        found += [folder] if is_whole else inside
    return sorted(str(path.relative_to(top)) for path in found)


def find_scripts(top: Path) -> list[str]:
    """Return scripts of pyperf, relative to the top."""
    found = (path for path in _list_files(top) if SCRIPT.search(_read(path)))
    return sorted(str(path.relative_to(top)) for path in found)


def find_asv(top: Path) -> list[str]:
    """Return directories of benchmarks for asv, relative to the top: those of a configuration there, or one level below."""
    found = []
    for path in sorted((*top.glob(ASV), *top.glob(f"*/{ASV}"))):
        named = DIRECTORY.search(_read(path))
        directory = path.parent / (named[1] if named else "benchmarks")
        if directory.is_dir():
            found.append(os.path.relpath(directory, top))
    return found


def _list_files(top: Path) -> Iterator[Path]:
    count = 0
    for folder, names, files in os.walk(top):
        names[:] = [name for name in names if not name.startswith(".") and name not in SKIPPED]
        if os.path.exists(os.path.join(folder, "pyvenv.cfg")):
            names[:] = []
            continue
        for name in sorted(files):
            if name.endswith(".py"):
                count += 1
                if count > MOST_FILES:
                    return
                yield Path(folder) / name


def _read(path: Path) -> str:
    try:
        if path.stat().st_size <= MOST_BYTES:
            return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # gone, or not ours to read: it is only a suggestion
        pass
    return ""
