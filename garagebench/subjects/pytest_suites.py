"""A test suite whose benchmarks are measured as it runs them: `--pytest PATH`. Nothing in it is changed.

Benchmarks are the tests that use the fixture `benchmark` of pytest-benchmark or pytest-codspeed, and those that have the
marker `benchmark` or `codspeed_benchmark`. Neither plugin has to be installed.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Mapping
from typing import Any, Optional

from garagebench.errors import GarageError
from garagebench.subjects.surroundings import find_missing, use_tree


class NoSuite(GarageError):
    """There is no suite that could be measured; the text says why."""

    status = "invalid"


def make_subject(arguments: Mapping[str, Any]) -> PytestSuite:
    """Return the suite.

    arguments: root, the directory in which pytest is started; paths and options, what it is given; temporary, where files
    for a while are; environment, in which the tree is installed, where it has one of its own; only, the benchmarks that are
    offered, where it is not all.
    """
    environment = arguments.get("environment")
    missing = find_missing("pytest", environment)
    if missing is not None:
        raise NoSuite(missing)
    root = arguments["root"]
    os.chdir(root)
    use_tree(root, environment)
    for name in ("CODSPEED_ENV", "PYTEST_ADDOPTS"):
        os.environ.pop(name, None)
    os.makedirs(arguments["temporary"], exist_ok=True)
    os.environ.update(TMPDIR=arguments["temporary"], PYTEST_DEBUG_TEMPROOT=arguments["temporary"])
    tempfile.tempdir = None  # it may have been asked already
    return PytestSuite(arguments["paths"], arguments["options"], arguments.get("only"))


class PytestSuite:
    """Runs pytest in this process, and lets the holder measure what its benchmarks call."""

    def __init__(
        self,
        paths: list[str],
        options: list[str],
        only: Optional[list[str]],  # noqa: UP045  3.9
    ) -> None:
        self._arguments = [*paths, *options]
        self._only = only

    def run(self, holder: Any) -> Optional[str]:  # noqa: UP045  3.9
        """Run the suite; return why it ended, if before its time."""
        import pytest

        from garagebench.subjects.pytest_plugin import HoldingPlugin

        plugin = HoldingPlugin(holder, self._only)
        said, sys.stderr = sys.stderr, io.StringIO()
        try:
            code = pytest.main(self._arguments, plugins=[plugin])
            complaint = sys.stderr.getvalue()
        finally:
            sys.stderr = said
        ended = f"pytest ended with exit code {int(code)}"
        return plugin.trouble or _find_error(complaint) or ended


def _find_error(complaint: str) -> Optional[str]:  # noqa: UP045  3.9
    """Return why pytest would not run: after its usage, a line with `error:`; else one that begins with ERROR, or the last."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    usage = [line.partition("error: ")[2] for line in lines if "error: " in line]
    errors = [line.partition("ERROR: ")[2] for line in lines if line.startswith("ERROR: ")]
    found = (*usage, *errors, *lines[-1:])
    return f"pytest: {found[0]}" if found else None
