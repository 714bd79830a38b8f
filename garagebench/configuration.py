"""Defaults of the command line from `[tool.garagebench]` in pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from garagebench.errors import GarageError

TEXT, TEXTS, COUNT, NUMBER = "a text", "a list of texts", "a whole number", "a number"

#: Keys of the table, as the options of `garagebench run` are called, and what each takes.
KEYS = {
    "impl": TEXTS,
    "runtime": TEXTS,
    "layout": TEXT,
    "spaces": COUNT,
    "workload": TEXT,
    "operation": TEXT,
    "stage": TEXTS,
    "budget": NUMBER,
    "seed": COUNT,
    "format": TEXT,
}

#: Exact types: True is no whole number.
_TYPES = {TEXT: (str,), TEXTS: (list,), COUNT: (int,), NUMBER: (int, float)}

#: Keys that may name a file, which is then looked for beside pyproject.toml.
_PATHS = ("impl", "runtime", "layout", "workload")


class ConfigurationError(GarageError):
    """The table `[tool.garagebench]` has something that it cannot have."""


def load_configuration(directory: Path) -> dict[str, Any]:
    """Return the table of the nearest pyproject.toml at or above the directory; empty without one."""
    for folder in (directory, *directory.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return {key: _locate(key, value, folder) for key, value in _parse(path).items()}
    return {}


def _parse(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not TOML, or not UTF-8
        raise ConfigurationError(f"{path}: not TOML: {error}") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    table: dict[str, Any] = data
    for key in ("tool", "garagebench"):
        table = table.get(key, {})
        if not isinstance(table, dict):
            raise ConfigurationError(f"{path}: {key} must be a table, not {table!r}")
    for key, value in table.items():
        if key not in KEYS:
            raise ConfigurationError(
                f"{path}: tool.garagebench.{key}: unknown key; known are {', '.join(KEYS)}"
            )
        if type(value) not in _TYPES[KEYS[key]] or not _holds_texts(value):
            raise ConfigurationError(
                f"{path}: tool.garagebench.{key}: {KEYS[key]} was expected, not {value!r}"
            )
    return table


def _holds_texts(value: object) -> bool:
    return not isinstance(value, list) or all(type(item) is str for item in value)


def _locate(key: str, value: Any, folder: Path) -> Any:
    """Return the value, with the names of files that are there as paths from the folder, wherever one works."""
    if isinstance(value, list):
        return [_locate(key, item, folder) for item in value]
    if key not in _PATHS:
        return value
    path, colon, name = value.rpartition(":") if key == "impl" else (value, "", "")
    return f"{folder / path}{colon}{name}" if path and (folder / path).is_file() else value
