"""A verdict that was written as JSON, read again: for other formats, a comment or a history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from garagebench.check.commands import Process
from garagebench.check.suites import OneSided
from garagebench.check.verdict import CODES, SCHEMA, CaseCount, CaseVerdict, Verdict
from garagebench.errors import GarageError
from garagebench.gate.trees.environments import Dependency

#: Key -> what its list holds.
PARTS = {
    "cases": CaseVerdict,
    "instructions": CaseCount,
    "one_sided": OneSided,
    "dependencies": Dependency,
    "processes": Process,
}


class VerdictError(GarageError):
    """A file is no verdict that this version can read; the text names it."""


def find_verdict(path: Path) -> Verdict | None:
    """Return the verdict in a file of `check --format json`; None: it is another kind of file. Raises VerdictError."""
    if path.suffix != ".json":
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None  # whoever reads other kinds says what is wrong with it
    if not isinstance(document, dict) or not {"verdict", "exit_code", "cases"} <= document.keys():
        return None
    if document.get("schema") != SCHEMA:
        raise VerdictError(
            f"{path}: written by another version of garagebench (schema {document.get('schema')}, this one reads {SCHEMA})"
        )
    try:
        return _make_verdict(document)
    except (TypeError, KeyError, ValueError, AttributeError):
        raise VerdictError(
            f"{path}: damaged: a part of it is missing or is not what it should be"
        ) from None


def _make_verdict(document: Mapping[str, Any]) -> Verdict:
    if document["verdict"] not in CODES:
        raise ValueError
    parts = {key: tuple(_make(kind, one) for one in document[key]) for key, kind in PARTS.items()}
    sources = {name: (str(files[0]), str(files[1])) for name, files in document["sources"].items()}
    verdict: Verdict = _make(Verdict, {**document, **parts, "sources": sources})
    return verdict


def _make(kind: type[Any], found: Mapping[str, Any]) -> Any:
    """Return a dataclass with those fields. Raises ValueError where one is missing, unknown, or not of its type."""
    types = get_type_hints(kind)
    if found.keys() != types.keys():
        raise ValueError
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in found.items()
    }
    if not all(_is_of(values[key], expected) for key, expected in types.items()):
        raise ValueError
    return kind(**values)


def _is_of(value: object, expected: Any) -> bool:
    """Tell whether a value is of a type, as annotations have it; a whole number is a float, too, and True is no number."""
    origin, inner = get_origin(expected), get_args(expected)
    if origin in (Union, UnionType):
        return any(_is_of(value, one) for one in inner)
    if origin is tuple:
        return isinstance(value, tuple) and all(_is_of(one, inner[0]) for one in value)
    if origin is not None:
        return isinstance(value, Mapping)
    if expected in (int, float):
        return type(value) is int or (expected is float and type(value) is float)
    return isinstance(value, expected)
