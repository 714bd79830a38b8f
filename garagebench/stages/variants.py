"""The table of variants: for each stage their names and import paths, loaded when used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Callable, TypeVar

from garagebench.errors import Unavailable, UnknownName

ImplT = TypeVar("ImplT")

#: Stage -> variant -> the factories that it puts in: field of an Impl -> "module:NAME", below garagebench.stages.
#: What is encoded is what the floor lookup gives: a variant of `encode` brings the floor lookup that goes with it.
VARIANTS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "validate": {
        "json": {
            "validate_park": "validate:json_park",
            "validate_unpark": "validate:json_unpark",
        },
        "msgspec": {
            "validate_park": "by_msgspec:validate_park",
            "validate_unpark": "by_msgspec:validate_unpark",
        },
        "orjson": {
            "validate_park": "by_orjson:validate_park",
            "validate_unpark": "by_orjson:validate_unpark",
        },
        "table": {
            "validate_park": "validate:table_park",
            "validate_unpark": "validate:table_unpark",
        },
    },
    "sequence": {
        "tiers": {"sequence": "sequence:tiers"},
        "unrolled": {"sequence": "sequence:unrolled"},
    },
    "space_lookup": {
        "table": {"space_lookup": "space_lookup:table"},
        "spaces": {"space_lookup": "space_lookup:spaces"},
    },
    "encode": {
        "json": {
            "floor_lookup": "floor_lookup:table",
            "encode_park": "encode:json_park",
            "encode_unpark": "encode:json_unpark",
        },
        "msgspec": {
            "floor_lookup": "floor_lookup:table",
            "encode_park": "by_msgspec:encode_park",
            "encode_unpark": "by_msgspec:encode_unpark",
        },
        "orjson": {
            "floor_lookup": "floor_lookup:table",
            "encode_park": "by_orjson:encode_park",
            "encode_unpark": "by_orjson:encode_unpark",
        },
        "rendered": {
            "floor_lookup": "floor_lookup:rendered",
            "encode_park": "encode:rendered_park",
            "encode_unpark": "encode:rendered_unpark",
        },
    },
}

#: What installs the packages that a variant may need.
FIX = "pip install 'garagebench[fast]'"


def with_variants(impl: ImplT, chosen: Mapping[str, str]) -> ImplT:
    """Return the implementation with the variants `chosen`, stage -> variant, of both operations where there are two.

    Raises UnknownName (an unknown stage or variant), Unavailable (its package is missing).
    """
    factories = {
        field: factory
        for stage, variant in chosen.items()
        for field, factory in load_variant(stage, variant).items()
    }
    replaced: ImplT = impl._replace(**factories)  # type: ignore[attr-defined]  # an Impl, which stands higher
    return replaced


def load_variant(stage: str, variant: str) -> dict[str, Callable[..., Any]]:
    """Return the factories of a variant by their fields of an Impl. Raises UnknownName, Unavailable."""
    check_variant(stage, variant)
    try:
        return {field: _load(path) for field, path in VARIANTS[stage][variant].items()}
    except ImportError as error:
        raise Unavailable(
            f"{stage}={variant} cannot run on this interpreter: {error}: {FIX}"
        ) from None


def check_variant(stage: str, variant: str) -> None:
    """Raise UnknownName where the table has no such stage or variant; nothing is loaded."""
    if stage not in VARIANTS:
        raise UnknownName(f"the stage {stage!r} has no variants; these have: {', '.join(VARIANTS)}")
    if variant not in VARIANTS[stage]:
        raise UnknownName(
            f"unknown variant {variant!r} of {stage}; there is: {', '.join(VARIANTS[stage])}"
        )


def _load(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    factory: Callable[..., Any] = getattr(
        importlib.import_module(f"garagebench.stages.{module}"), name
    )
    return factory
