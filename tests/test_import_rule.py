"""Imports go downwards only, and a third-party package has one home."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "garagebench"

#: What knows garages, without anything around it.
GARAGES = {"errors", "core", "stages", "impls"}

#: Folder or module -> the ones that it may import besides itself, from low to high. A new folder takes its place here.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "exit_codes": set(),
    "interface": set(),
    # It is imported before everything else, also in the workers: what it re-exports, it loads when asked (see LAZILY).
    "__init__": {"errors"},
    "stats": set(),
    "system": set(),
    # What runs in a worker.
    "core": {"errors"},
    "stages": {"errors", "core"},
    "impls": {"errors", "core", "stages", "system"},
    "conformance": GARAGES,
    "subjects": GARAGES | {"interface", "conformance"},
    "subject": {"subjects"},
    # What measures knows nothing of garages, and what runs in a worker nothing of its conductor.
    "engine.worker": {"errors", "interface"},
    "engine": {"errors", "interface", "stats", "system", "engine.worker"},
    "gate": {"errors", "stats", "system", "engine"},
    # What each command measures.
    "server": GARAGES | {"__init__", "system"},
    "run": GARAGES
    | {"__init__", "exit_codes", "stats", "system", "engine", "subjects", "conformance", "server"},
    "sharing": GARAGES | {"exit_codes", "stats", "engine", "run"},
    "check": GARAGES
    | {"__init__", "exit_codes", "stats", "system", "engine", "gate", "subjects", "run"},
    "scale": GARAGES | {"exit_codes", "stats", "system", "engine", "subjects", "run"},
    "probe": {"errors", "system", "engine", "server"},
    "load": GARAGES | {"exit_codes", "system", "engine", "probe"},
    "http": GARAGES | {"interface", "engine", "subjects", "run", "probe", "load", "server"},
    "history": {"errors", "exit_codes", "stats", "engine", "gate", "run", "check"},
    # Renderers only.
    "report": {"errors", "stats", "run", "check", "scale", "load", "history"},
    "forge": {"errors"},
    "commands": GARAGES
    | {"__init__", "engine", "gate", "report", "run", "sharing", "check", "scale", "subjects"}
    | {"server", "probe", "load", "http", "forge", "history"},
    "cli": {"__init__", "errors", "exit_codes", "commands"},
    "__main__": {"exit_codes", "cli"},
}

#: Part -> what it may import besides, inside a function or for the type checker only.
LAZILY = {"__init__": set(MAY_IMPORT)}

#: Third-party package -> the parts that may import it.
HOMES = {
    "aspectlib": {"subjects"},
    # Of the interpreter that runs the suite, which is not ours.
    "asv_runner": {"subjects"},
    "cffi": {"impls"},
    "click": {"cli", "commands"},
    "falcon": {"server"},
    "flask": {"server"},
    "gevent": {"load"},
    "granian": {"server"},
    "gunicorn": {"server"},
    "hdrh": {"load"},
    "httptools": {"server"},
    "locust": {"load"},
    "matplotlib": {"report"},
    "msgspec": {"stages"},
    "numba": {"impls"},
    # The search for changes is in an extra of its own.
    "numpy": {"impls", "history"},
    "orjson": {"stages"},
    "prometheus_client": {"server"},
    "pyperf": {"engine", "subjects"},
    # Of the interpreter that runs the suite, which is not ours.
    "pytest": {"subjects"},
    "jinja2": {"report"},
    "rich": {"commands", "report"},
    "ruptures": {"history"},
    "tornado": {"server"},
    "twisted": {"server"},
    "uvloop": {"server"},
    "werkzeug": {"server"},
    "zope": {"server"},
}

#: Parts that start on Python 3.9, and what its standard library lacks.
ON_39 = {
    "__init__",
    "__main__",
    "conformance",
    "core",
    "engine.worker",
    "errors",
    "exit_codes",
    "impls",
    "interface",
    "stages",
    "subject",
    "subjects",
    "system",
}
NOT_ON_39 = {"tomllib"}


class Import(NamedTuple):
    """One imported name, dotted and absolute; `eager` unless in a function or for the type checker only."""

    line: int
    target: str
    eager: bool


def find_imports(source: str, package: list[str]) -> Iterator[Import]:
    """Every import in `source`, wherever it stands; relative ones start from `package`."""

    def visit(node: ast.AST, eager: bool) -> Iterator[Import]:
        match node:
            case ast.Import():
                for alias in node.names:
                    yield Import(node.lineno, alias.name, eager)
            case ast.ImportFrom():
                start = package[: len(package) + 1 - node.level] if node.level else []
                path = [*start, node.module] if node.module else start
                for alias in node.names:
                    yield Import(node.lineno, ".".join([*path, alias.name]), eager)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                eager = False
            case ast.If(test=ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                eager = False
        for child in ast.iter_child_nodes(node):
            yield from visit(child, eager)

    return visit(ast.parse(source), eager=True)


def find_part(name: str) -> str | None:
    """The part that a dotted name below garagebench is in; None where the table has none."""
    words = name.split(".")[1:] or ["__init__"]
    starts = (".".join(words[:end]) for end in range(len(words), 0, -1))
    return next((start for start in starts if start in MAY_IMPORT), None)


def objection(part: str, found: Import) -> str | None:
    """What speaks against this import in this part; None where nothing does."""
    top = found.target.partition(".")[0]
    if top == PACKAGE:
        # What is no part is a name of the package itself, such as __version__.
        target = find_part(found.target) or "__init__"
        allowed = MAY_IMPORT[part] | (set() if found.eager else LAZILY.get(part, set()))
        return None if target in allowed | {part} else f"{part} may not import {target}"
    if top in sys.stdlib_module_names:
        if top in NOT_ON_39 and part in ON_39 and found.eager:
            return f"{top} is not in Python 3.9: import it in a function"
        return None
    homes = HOMES.get(top, set())
    return None if part in homes else f"{part} is not a home of {top}, but {sorted(homes)}"


def find_violations(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """One sentence for each import of a module that the rule forbids."""
    part = find_part(module)
    if part is None:
        return [f"{module} has no place in MAY_IMPORT of {Path(__file__).name}: give it one"]
    words = module.split(".")
    return [
        f"{module}, line {found.line}: {reason}"
        for found in find_imports(source, words if is_package else words[:-1])
        if (reason := objection(part, found))
    ]


def find_modules() -> dict[str, Path]:
    """Every module of garagebench by its dotted name."""
    paths = (path.relative_to(ROOT) for path in sorted((ROOT / PACKAGE).rglob("*.py")))
    return {".".join(path.with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def test_every_module_keeps_the_import_rule() -> None:
    """No module of garagebench imports upwards, or a third-party package away from its home."""
    violations = [
        violation
        for module, path in find_modules().items()
        for violation in find_violations(
            (ROOT / path).read_text(), module, is_package=path.stem == "__init__"
        )
    ]
    assert not violations, "\n".join(violations)


def test_no_modules_import_each_other() -> None:
    """Not by a detour either, nor in a function or for the type checker: the imports of all modules have an order."""
    modules = find_modules()
    needs = {}
    for module, path in modules.items():
        words = module.split(".")
        package = words if path.stem == "__init__" else words[:-1]
        targets = (found.target for found in find_imports((ROOT / path).read_text(), package))
        found = {
            next((name for name in (target, target.rpartition(".")[0]) if name in modules), module)
            for target in targets
        }
        # The package's own module stands before all others, and re-exports them when asked.
        needs[module] = set() if module == PACKAGE else found - {module}
    list(TopologicalSorter(needs).static_order())


def test_what_runs_in_a_worker_is_held_to_39(core_files: list[Path]) -> None:
    """The parts that start on Python 3.9 are those that pyproject.toml lists for ruff."""
    ours = {path for module, path in find_modules().items() if find_part(module) in ON_39}
    assert ours == {path.relative_to(ROOT) for path in core_files}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core.layout", "from garagebench.errors import LayoutError"),
        ("core.layout", "from ..errors import LayoutError"),
        ("core.layout", "def load():\n    import tomllib"),
        ("stages.encode", "from garagebench.core import layout"),
        ("stages.encode", "from . import decode"),
        ("impls.compiled", "import numba, numpy as np"),
        ("stages.encode", "import msgspec, orjson"),
        ("engine.conductor", "from garagebench.engine.worker import PROTOCOL"),
        ("engine.suite", "def save():\n    import pyperf"),
        ("report.table", "from rich.table import Table\nfrom .rows import Row"),
        ("report.text", "from garagebench.run import report"),
        ("cli", "import click\nfrom garagebench import __version__"),
        ("__main__", "from garagebench.cli import main"),
    ],
)
def test_a_downward_import_is_allowed(module: str, source: str) -> None:
    """What stands lower may be imported, and a package in its home."""
    assert find_violations(source, f"garagebench.{module}") == []


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("errors", "import garagebench.core.layout", "errors may not import core"),
        ("core.garage", "from garagebench import stages", "core may not import stages"),
        ("core.garage", "from ..impls import lists", "core may not import impls"),
        ("core.garage", "from garagebench import Garage", "core may not import __init__"),
        ("stages.encode", "from ..impls.lists import Pool", "stages may not import impls"),
        (
            "subjects.requests",
            "from garagebench.engine import Result",
            "subjects may not import engine",
        ),
        ("engine.worker", "from .schedule import draw", "engine.worker may not import engine"),
        ("engine.schedule", "import garagebench.core.garage", "engine may not import core"),
        ("check.files", "from garagebench import report", "check may not import report"),
        ("run.rows", "from garagebench.report.table import x", "run may not import report"),
        ("core.layout", "import tomllib", "tomllib is not in Python 3.9: import it in a function"),
        ("core.garage", "import orjson", "core is not a home of orjson, but ['stages']"),
        (
            "engine.worker",
            "import pyperf",
            "engine.worker is not a home of pyperf, but ['engine', 'subjects']",
        ),
        (
            "run.rows",
            "import rich",
            "run is not a home of rich, but ['commands', 'report']",
        ),
    ],
)
def test_an_upward_import_is_reported(module: str, source: str, reason: str) -> None:
    """What stands higher may not be imported, nor a package away from its home."""
    assert find_violations(source, f"garagebench.{module}") == [
        f"garagebench.{module}, line 1: {reason}"
    ]


@pytest.mark.parametrize(
    "place",
    [
        "def f():\n    {}",
        "async def f():\n    {}",
        "class C:\n    def f(self):\n        {}",
        "if TYPE_CHECKING:\n    {}",
        "try:\n    {}\nexcept ImportError:\n    pass",
    ],
)
@pytest.mark.parametrize("statement", ["from ..cli import main", "import numpy"])
def test_an_import_is_seen_wherever_it_stands(place: str, statement: str) -> None:
    """An import in a function, a class, a condition or a block for the type checker is an import."""
    assert len(find_violations(place.format(statement), "garagebench.core.garage")) == 1


@pytest.mark.parametrize("place", ["def f():\n    {}", "if TYPE_CHECKING:\n    {}"])
def test_the_package_may_import_anything_lazily(place: str) -> None:
    """The package's own module loads what it re-exports when asked, and says so to the type checker."""
    source = place.format("from garagebench.engine import Result")
    assert find_violations(source, "garagebench", is_package=True) == []


def test_the_package_imports_little_at_once() -> None:
    """Importing garagebench loads nothing that the workers do not need."""
    source = "from .core.garage import Garage"
    assert find_violations(source, "garagebench", is_package=True) == [
        "garagebench, line 1: __init__ may not import core"
    ]


def test_a_relative_import_starts_from_the_package() -> None:
    """One dot means the package that a module is in, and for a package itself."""
    source = "from .worker import main"
    assert find_violations(source, "garagebench.engine", is_package=True) == []
    assert find_violations(source, "garagebench.impls.lists") == []
    assert find_violations("from .engine import x", "garagebench.impls") != []


def test_a_module_without_a_place_is_reported() -> None:
    """A new module fails until the table says where it belongs."""
    assert find_violations("", "garagebench.newcomer.sub") == [
        "garagebench.newcomer.sub has no place in MAY_IMPORT of test_import_rule.py: give it one"
    ]
