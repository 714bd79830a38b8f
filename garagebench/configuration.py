"""Defaults of the command line from `[tool.garagebench]` in pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from garagebench.errors import GarageError

#: Keys of the table, as the options of `garagebench run` are called.
KEYS = (
    "impl",
    "runtime",
    "layout",
    "spaces",
    "workload",
    "operation",
    "stage",
    "budget",
    "seed",
    "format",
)


class ConfigurationError(GarageError):
    """The table `[tool.garagebench]` has something that it cannot have."""


def load_configuration(directory: Path) -> dict[str, Any]:
    """Return the table of the nearest pyproject.toml at or above the directory; empty without one."""
    for folder in (directory, *directory.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return _parse(path)
    return {}


def _parse(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    table = data.get("tool", {}).get("garagebench", {})
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: tool.garagebench must be a table, not {table!r}")
    for key in table:
        if key not in KEYS:
            raise ConfigurationError(
                f"{path}: tool.garagebench.{key}: unknown key; known are {', '.join(KEYS)}"
            )
    return table
