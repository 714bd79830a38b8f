"""The other interpreters of this machine, and how to run code of the core on one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CORE_TESTS = Path(__file__).parent
ROOT = CORE_TESTS.parents[1]

#: CPythons that the core is for, besides the one that runs the tests.
OTHER_CPYTHONS = [f"python3.{minor}" for minor in range(9, 15) if minor != sys.version_info.minor]


def find_cpython(command: str) -> str | None:
    """The path of a CPython that starts: on the PATH, or installed by pyenv.

    pyenv's stand-ins on the PATH do not start unless their version is the chosen one.
    """
    version = command.removeprefix("python")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for path in (shutil.which(command), *pyenv.glob(f"versions/{version}.*/bin/python")):
        if (
            path
            and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            return str(path)
    return None


def run_python(interpreter: str, source: str, *arguments: str) -> str:
    """What the source prints; the core and the modules beside this one are importable."""
    run = subprocess.run(
        [interpreter, "-c", source, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, CORE_TESTS)))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout
