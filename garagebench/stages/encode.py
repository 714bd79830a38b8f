"""Encode: a place or a kind in, the reply's JSON out."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from garagebench.core.layout import Layout, Location

UnparkFactory = Callable[["Layout"], Callable[[int], bytes]]

# json.dumps with separators would make an encoder for each call.
_encode = json.JSONEncoder(separators=(",", ":")).encode


def json_park(layout: Layout) -> Callable[[Location], bytes]:
    """Encode a location with the standard library's json."""
    del layout

    def encode(place: Location) -> bytes:
        floor, row, space = place
        return _encode({"floor": floor, "row": row, "space": space}).encode()

    return encode


def json_unpark(layout: Layout) -> Callable[[int], bytes]:
    """Encode a kind's name with the standard library's json."""
    kinds = layout.kinds

    def encode(kind: int) -> bytes:
        return _encode({"kind": kinds[kind]}).encode()

    return encode


def unless_escaped(factory: UnparkFactory) -> UnparkFactory:
    """Return the factory, with the standard variant for kinds that this one escapes and others write as UTF-8."""

    @functools.wraps(factory)
    def choose(layout: Layout) -> Callable[[int], bytes]:
        return (factory if all(map(str.isascii, layout.kinds)) else json_unpark)(layout)

    return choose


def rendered_park(layout: Layout) -> Callable[[bytes], bytes]:
    """Hand on the reply that the floor lookup `rendered` found."""
    del layout

    def encode(place: bytes) -> bytes:
        return place

    return encode


def rendered_unpark(layout: Layout) -> Callable[[int], bytes]:
    """Look the reply up, which was encoded once for each kind."""
    encode = json_unpark(layout)
    return [encode(kind) for kind in range(len(layout.kinds))].__getitem__
