"""What runs in the workers runs on Python 3.9 and PyPy; which files that is, pyproject.toml says."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

#: Compiles the files that it is given and writes nothing.
COMPILE = """
import sys
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        compile(file.read(), path, "exec", dont_inherit=True)
"""


def compile_with(interpreter: str, files: list[Path]) -> str:
    """What `interpreter` says against `files`; empty when they compile."""
    command = [interpreter, "-I", "-c", COMPILE, *map(str, files)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return run.stderr if run.returncode else ""


@pytest.fixture
def python39() -> str:
    """The path of a CPython 3.9; pyenv's stand-in for one that is not active does not count."""
    path = shutil.which("python3.9")
    if path is None or compile_with(path, []):
        pytest.skip("python3.9 not found")
    return path


def test_the_core_keeps_to_the_grammar_of_39(core_files: list[Path]) -> None:
    """Every core module parses as Python 3.9, as far as this interpreter can tell."""
    assert core_files
    for path in core_files:
        ast.parse(path.read_bytes(), str(path), feature_version=(3, 9))


def test_the_core_compiles_on_pypy(pypy: str, core_files: list[Path]) -> None:
    """PyPy compiles every core module."""
    assert compile_with(pypy, core_files) == ""


def test_the_core_compiles_on_python39(python39: str, core_files: list[Path]) -> None:
    """CPython 3.9 compiles every core module."""
    assert compile_with(python39, core_files) == ""


def test_what_does_not_compile_is_reported(pypy: str, tmp_path: Path) -> None:
    """What no Python accepts is reported with the file's name."""
    broken = tmp_path / "broken.py"
    broken.write_text("match = case x:\n")
    assert "broken.py" in compile_with(pypy, [broken])
