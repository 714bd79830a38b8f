"""The packages that are installed in an environment, and which of them come from a tree."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from garagebench.errors import GarageError

#: Prints the packages of the interpreter that runs it: name, version, the URL that it was installed from if that is
#: written down (PEP 610), and the modules that can be imported.
_LIST = """
import json
from importlib.metadata import distributions
found = []
for one in distributions():
    url = one.read_text("direct_url.json")
    files = [file.parts for file in one.files or () if file.suffix in (".py", ".so", ".pyd")]
    modules = {parts[0].partition(".")[0] for parts in files if parts[0] != ".." and ".dist-info" not in parts[0]}
    found.append([one.metadata["Name"], one.version, json.loads(url)["url"] if url else None, sorted(modules)])
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Package:
    """An installed package. modules: those that it brings. is_own: it was installed from the tree.

    is_public: it came from an index, so that others can ask for the same version.
    """

    name: str
    version: str
    modules: tuple[str, ...]
    is_own: bool
    is_public: bool


def list_packages(python: Path, tree: Path) -> tuple[Package, ...]:
    """Return the packages of an environment. Raises GarageError."""
    done = subprocess.run([python, "-I", "-c", _LIST], capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "it says nothing")
        raise GarageError(f"the packages of an environment cannot be listed: {last}")
    return tuple(
        Package(
            re.sub(r"[-_.]+", "-", name).lower(),
            version,
            tuple(modules),
            url is not None and _is_within(url, tree),
            url is None,
        )
        for name, version, url, modules in json.loads(done.stdout)
    )


def _is_within(url: str, tree: Path) -> bool:
    """Tell whether a URL is that of the tree or of a file in it."""
    parts = urlsplit(url)
    return parts.scheme == "file" and Path(unquote(parts.path)).is_relative_to(tree)
