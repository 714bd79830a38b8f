"""The JSON stages by orjson: a faster parser for the same dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

import orjson

from garagebench.core.layout import LARGEST_NUMBER, Location
from garagebench.stages import encode as standard_encode
from garagebench.stages import validate

if TYPE_CHECKING:
    from garagebench.core.layout import Layout

_dumps = orjson.dumps
_loads = orjson.loads
_new = tuple.__new__  # Location(...) would go through a Python function


def validate_park(layout: Layout) -> Callable[[bytes], str]:
    """Validate park requests; what is not plainly one, the standard variant decides and words."""
    vehicles = frozenset(layout.tiers)
    standard = validate.json_park(layout)
    limit = validate.BODY_LIMIT

    def accept(body: bytes) -> str:
        if len(body) <= limit:
            try:
                request = _loads(body)
                vehicle = request["vehicle"]
                if len(request) == 1 and vehicle in vehicles:
                    known: str = vehicle
                    return known
            # Not JSON, no object, no such key, or a vehicle that is a list.
            except (ValueError, TypeError, KeyError, RecursionError):
                return standard(body)
        return standard(body)

    return accept


def validate_unpark(layout: Layout) -> Callable[[bytes], Location]:
    """Validate unpark requests; what is not plainly one, the standard variant decides and words."""
    standard = validate.json_unpark(layout)
    limit = validate.BODY_LIMIT

    def accept(body: bytes) -> Location:
        if len(body) <= limit:
            try:
                request = _loads(body)
                floor, row, space = request["floor"], request["row"], request["space"]
            except (ValueError, TypeError, KeyError, RecursionError):
                return standard(body)
            # Types first: True is a whole number to what follows, and a whole number beyond 64 bits a float.
            if (
                type(floor) is type(row) is type(space) is int
                and floor > 0
                and row > 0
                and space > 0
                and (floor | row | space) <= LARGEST_NUMBER
                and len(request) == len(Location._fields)
            ):
                return _new(Location, (floor, row, space))
        return standard(body)

    return accept


def encode_park(layout: Layout) -> Callable[[Location], bytes]:
    """Encode a location."""
    del layout

    def encode(place: Location) -> bytes:
        floor, row, space = place
        return _dumps({"floor": floor, "row": row, "space": space})

    return encode


@standard_encode.unless_escaped
def encode_unpark(layout: Layout) -> Callable[[int], bytes]:
    """Encode a kind's name."""
    kinds = layout.kinds

    def encode(kind: int) -> bytes:
        return _dumps({"kind": kinds[kind]})

    return encode
