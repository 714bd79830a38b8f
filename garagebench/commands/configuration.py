"""Defaults of the command line from `[tool.garagebench]` in pyproject.toml.

A key of the table is the default of every command that has such an option; one of `[tool.garagebench.check]` is that
of `check` alone. `[tool.garagebench.thresholds]` is what `--threshold` says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from garagebench.errors import GarageError

TEXT, TEXTS, COUNT, NUMBER, YES_NO = (
    "a text",
    "a list of texts",
    "a whole number",
    "a number",
    "true or false",
)

#: Keys of the table, as the options are called, and what each takes.
KEYS = {
    "impl": TEXTS,
    "subject": TEXTS,
    "pytest": TEXTS,
    "pytest-options": TEXTS,
    "asv": TEXTS,
    "pyperf": TEXTS,
    "command": TEXTS,
    "setup": TEXT,
    "prepare": TEXT,
    "install": TEXTS,
    "same-dependencies": YES_NO,
    "benchmarks-from": TEXT,
    "require-all": YES_NO,
    "fail-fast": YES_NO,
    "runtime": TEXTS,
    "layout": TEXT,
    "spaces": COUNT,
    "workload": TEXT,
    "operation": TEXT,
    "stage": TEXTS,
    "with": TEXTS,
    "budget": NUMBER,
    "generations": COUNT,
    "seed": COUNT,
    "format": TEXT,
    "max-slowdown": NUMBER,
    "allow-different-answers": YES_NO,
    "count": TEXT,
    "trust-other-machine": YES_NO,
}
THRESHOLDS = "thresholds"

#: Exact types: True is no whole number.
_TYPES = {TEXT: (str,), TEXTS: (list,), COUNT: (int,), NUMBER: (int, float), YES_NO: (bool,)}

#: Keys that may name a file, which is then looked for beside pyproject.toml.
_PATHS = ("impl", "subject", "pytest", "asv", "pyperf", "runtime", "layout", "workload")


class ConfigurationError(GarageError):
    """The table `[tool.garagebench]` has something that it cannot have."""


def load_defaults(
    directory: Path, commands: Mapping[str, Collection[str]]
) -> dict[str, dict[str, Any]]:
    """Return for each command the defaults that the nearest pyproject.toml at or above the directory gives it.

    commands: command -> its options, with underscores. Raises ConfigurationError.
    """
    path = next(
        (
            folder / "pyproject.toml"
            for folder in (directory, *directory.parents)
            if (folder / "pyproject.toml").is_file()
        ),
        None,
    )
    if path is None:
        return {}
    table = _read(path)
    common = {key: value for key, value in table.items() if key not in commands}
    _check(path, "", common, [*KEYS, THRESHOLDS, *commands])
    defaults = {}
    for command, options in commands.items():
        own = _table(path, table, command)
        having = [key for key in [*KEYS, THRESHOLDS] if _option(key) in options]
        _check(path, f"{command}.", own, having)
        chosen = {key: value for key, value in {**common, **own}.items() if key in having}
        defaults[command] = {
            _option(key): _locate(key, value, path.parent) for key, value in chosen.items()
        }
    return defaults


def _option(key: str) -> str:
    return "threshold" if key == THRESHOLDS else key.replace("-", "_")


def _read(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not TOML, or not UTF-8
        raise ConfigurationError(f"{path}: not TOML: {error}") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    tool = _table(path, data, "tool", "")
    return _table(path, tool, "garagebench", "")


def _table(
    path: Path, data: Mapping[str, Any], key: str, within: str = "tool.garagebench."
) -> dict[str, Any]:
    table = data.get(key, {})
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: {within}{key} must be a table, not {table!r}")
    return table


def _check(path: Path, within: str, table: Mapping[str, Any], known: Collection[str]) -> None:
    for key, value in table.items():
        where = f"{path}: tool.garagebench.{within}{key}"
        if key not in known:
            raise ConfigurationError(f"{where}: unknown key; known are {', '.join(known)}")
        if key == THRESHOLDS:
            _check_thresholds(where, value)
        elif type(value) not in _TYPES[KEYS[key]] or not _holds_texts(value):
            raise ConfigurationError(f"{where}: {KEYS[key]} was expected, not {value!r}")


def _check_thresholds(where: str, table: object) -> None:
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where}: must be a table, not {table!r}")
    for key, value in table.items():
        if type(value) not in _TYPES[NUMBER]:
            raise ConfigurationError(f"{where}.{key}: a number was expected, not {value!r}")


def _holds_texts(value: object) -> bool:
    return not isinstance(value, list) or all(type(item) is str for item in value)


def _locate(key: str, value: Any, folder: Path) -> Any:
    """Return the value, with the names of files that are there as paths from the folder, wherever one works."""
    if key == THRESHOLDS:
        return [f"{name}={percent}" for name, percent in value.items()]
    if isinstance(value, list):
        return [_locate(key, item, folder) for item in value]
    if key not in _PATHS:
        return value
    if key == "pytest":
        path, colon, name = value.partition("::")
    else:
        path, colon, name = value.rpartition(":") if key in ("impl", "subject") else (value, "", "")
    is_there = path and (
        (folder / path).is_file() or (key in ("pytest", "asv") and (folder / path).exists())
    )
    return f"{folder / path}{colon}{name}" if is_there else value
