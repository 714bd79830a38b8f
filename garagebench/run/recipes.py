"""Who takes part in a run: implementations, with the variants that were chosen for them, each on an interpreter."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from garagebench.engine.channel import WorkerFailed
from garagebench.engine.interpreter import Interpreter, find_interpreter
from garagebench.errors import UnknownName
from garagebench.impls.registry import find_entry, is_file
from garagebench.stages.variants import VARIANTS, check_variant

REFERENCE = "lists"

#: Statements that neither fail on purpose, nor take long, nor end the process.
_DEFINES = (
    ast.AnnAssign,
    ast.Assign,
    ast.ClassDef,
    ast.FunctionDef,
    ast.Import,
    ast.ImportFrom,
)

#: What a file has that may give it names which are not written there.
_MAKES_ANY_NAME = ("*", "__getattr__", "exec", "globals", "locals", "setattr", "vars")


@dataclass(frozen=True)
class Recipe:
    """An implementation as it was asked for. variants: stage -> the variant that takes the place of its own."""

    impl: str
    variants: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name in tables and result files: "lists+validate=msgspec"."""
        return "+".join((impl_label(self.impl), *map("=".join, self.variants.items())))

    @property
    def arguments(self) -> dict[str, Any]:
        """What a worker takes to load it."""
        return {"impl": impl_reference(self.impl), "variants": dict(self.variants)}


class Interpreters:
    """Interpreters by name, each looked for once."""

    def __init__(self) -> None:
        self._found: dict[str, Interpreter | WorkerFailed] = {}

    def find(self, name: str) -> Interpreter | WorkerFailed:
        """Return the interpreter, or why there is none; "" is this one."""
        if name not in self._found:
            try:
                self._found[name] = find_interpreter(name)
            except WorkerFailed as failure:
                self._found[name] = failure
        return self._found[name]


def pair(
    impls: Iterable[str], variants: Mapping[str, str], runtimes: Sequence[str]
) -> Iterator[tuple[Recipe, str]]:
    """Yield each implementation with each interpreter, the reference, which is always plain, first.

    runtimes: empty for each implementation's own; "" is this interpreter.
    """
    yield Recipe(REFERENCE), ""
    for impl in impls:
        for runtime in runtimes or (find_entry(impl).runtime or "",):
            yield Recipe(impl, variants), runtime


def parse_variants(texts: Iterable[str]) -> dict[str, str]:
    """Return stage -> variant of texts like "validate=msgspec", in the order of the stages. Raises UnknownName."""
    chosen: dict[str, str] = {}
    for text in texts:
        stage, equals, variant = text.partition("=")
        if not equals:
            raise UnknownName(
                f"{text!r} is not STAGE=VARIANT, as in validate=json; stages with variants: {', '.join(VARIANTS)}"
            )
        check_variant(stage, variant)
        if chosen.setdefault(stage, variant) != variant:
            raise UnknownName(
                f"two variants of {stage}, {chosen[stage]} and {variant}: choose one of them"
            )
    return {stage: chosen[stage] for stage in VARIANTS if stage in chosen}


def check_impl(impl: str) -> None:
    """Raise UnknownName where there is no such implementation, file or name in it, before anything is measured."""
    find_entry(impl)
    if not is_file(impl):
        return
    path, name = Path(impl.rpartition(":")[0]), impl.rpartition(":")[2]
    if not path.is_file():
        raise UnknownName(f"unknown implementation {impl!r}: there is no file {path}")
    if not name or not may_have(path, name):
        what = f"no {name!r} in it" if name else "no name behind the colon, as in file.py:MyPool"
        raise UnknownName(f"unknown implementation {impl!r}: there is {what}")


def may_have(path: Path, name: str) -> bool:
    """Tell, without running the file, whether it may have that name.

    So may one that cannot be read, or does more than to define: what becomes of it, only a worker can tell.
    """
    try:
        module = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return True
    if not all(isinstance(one, _DEFINES) or _is_docstring(one) for one in module.body):
        return True
    nodes = list(ast.walk(module))
    bound = {getattr(node, "name", None) for node in nodes}
    bound |= {node.id for node in nodes if isinstance(node, ast.Name)}
    bound |= {
        (alias.asname or alias.name).partition(".")[0]
        for node in nodes
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    return not bound.isdisjoint({name, *_MAKES_ANY_NAME})


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def impl_label(impl: str) -> str:
    """Return the name in tables: of `path/to/file.py:NAME` only NAME."""
    return impl.rpartition(":")[2] if is_file(impl) else impl


def impl_reference(impl: str) -> str:
    """Return the name by which a worker, in whatever directory, finds the implementation."""
    if not is_file(impl):
        return impl
    path, _, name = impl.rpartition(":")
    return f"{Path(path).resolve()}:{name}"
