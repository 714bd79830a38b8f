"""garagebench: where the time of a request goes, and whether a change made it slower."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from garagebench.core.garage import Garage
    from garagebench.core.layout import Layout, Location
    from garagebench.engine import Result, measure
    from garagebench.errors import (
        BadRequest,
        GarageError,
        GarageFull,
        LayoutError,
        NoSuchSpace,
        SpaceEmpty,
        UnknownVehicle,
    )
    from garagebench.impls import Impl, load_impl

__version__ = "0.1.0"

# Loaded when used: the command's --help must not wait for them, and PyPy has no pyperf for `measure`.
_HOMES = {
    "BadRequest": "errors",
    "Garage": "core.garage",
    "GarageError": "errors",
    "GarageFull": "errors",
    "Impl": "impls",
    "Layout": "core.layout",
    "LayoutError": "errors",
    "Location": "core.layout",
    "NoSuchSpace": "errors",
    "Result": "engine",
    "SpaceEmpty": "errors",
    "UnknownVehicle": "errors",
    "load_impl": "impls",
    "measure": "engine",
}

__all__ = [
    "BadRequest",
    "Garage",
    "GarageError",
    "GarageFull",
    "Impl",
    "Layout",
    "LayoutError",
    "Location",
    "NoSuchSpace",
    "Result",
    "SpaceEmpty",
    "UnknownVehicle",
    "load_impl",
    "measure",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
