"""Starts a worker, or what callgrind looks at, in whatever interpreter runs this file.

python .../engine/worker/__main__.py READ_FD WRITE_FD
valgrind ... python .../engine/worker/__main__.py JOB_FD
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

#: What the package is called in a worker, where `garagebench` is the subject's, if it is there at all.
NAME = "_garagebench_worker"


def main() -> None:
    """Import this directory as a package, whatever else is called like its modules, and run what was asked for."""
    here = os.path.dirname(os.path.abspath(__file__))
    # The directory of a script is importable: its modules would shadow others.
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
    spec = importlib.util.spec_from_file_location(
        NAME, os.path.join(here, "__init__.py"), submodule_search_locations=[here]
    )
    package = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]  # the file is there
    sys.modules[NAME] = package
    spec.loader.exec_module(package)  # type: ignore[union-attr]
    descriptors = list(map(int, sys.argv[1:]))
    if len(descriptors) == 1:
        importlib.import_module(f"{NAME}.counted").main(*descriptors)
    else:
        package.main(*descriptors)


if __name__ == "__main__":
    main()
