"""A verdict that was written as JSON, read again: for other formats, a comment or a history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

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
    if document["verdict"] not in CODES or document.keys() != {one.name for one in fields(Verdict)}:
        raise ValueError
    parts = {key: tuple(make(**_fix(one)) for one in document[key]) for key, make in PARTS.items()}
    sources = {name: (files[0], files[1]) for name, files in document["sources"].items()}
    texts = {key: tuple(document[key]) for key in ("notes", "host_speeds")}
    return Verdict(**{**document, **parts, **texts, "sources": sources})


def _fix(fields_of_one: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with tuples, which JSON has as lists."""
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in fields_of_one.items()
    }
