"""Validate: a request's body in, a vehicle or a location out; all else is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from garagebench.core.layout import LARGEST_NUMBER, SPACES_LIMIT, Location
from garagebench.errors import BadRequest, UnknownVehicle

if TYPE_CHECKING:
    from garagebench.core.layout import Layout

T = TypeVar("T")
UnparkFactory = Callable[["Layout"], Callable[[bytes], Location]]

#: Largest body that is looked at, in bytes.
BODY_LIMIT = 4096


def json_park(layout: Layout) -> Callable[[bytes], str]:
    """Validate park requests with the standard library's json."""
    vehicles = frozenset(layout.tiers)

    def validate(body: bytes) -> str:
        request = _parse_object(body)
        if len(request) != 1 or "vehicle" not in request:
            raise BadRequest("not a request", 'expected {"vehicle": NAME} and nothing else')
        vehicle = request["vehicle"]
        if type(vehicle) is not str:
            raise BadRequest("not a request", "vehicle must be a string")
        if vehicle not in vehicles:
            raise UnknownVehicle(
                f"unknown vehicle {vehicle[:40]!r}; there is: {', '.join(layout.tiers)}"
            )
        return vehicle

    return validate


class _Bodies(dict[bytes, T]):
    """Bodies that are known, and a function that decides on all others."""

    def __init__(self, known: Mapping[bytes, T], decide: Callable[[bytes], T]) -> None:
        super().__init__(known)
        self._decide = decide

    def __missing__(self, body: bytes) -> T:
        return self._decide(body)


def table_park(layout: Layout) -> Callable[[bytes], str]:
    """Know the compact body of each vehicle by heart; the standard variant decides on all others.

    It makes no call into Python where the body is known. Replayed bodies have been hashed before: one that comes from
    a socket costs some 10 ns more.
    """
    standard = json_park(layout)
    bodies = {
        json.dumps({"vehicle": vehicle}, separators=(",", ":")).encode(): vehicle
        for vehicle in layout.tiers
    }
    known = {body: vehicle for body, vehicle in bodies.items() if len(body) <= BODY_LIMIT}
    return _Bodies(known, standard).__getitem__


def json_unpark(layout: Layout) -> Callable[[bytes], Location]:
    """Validate unpark requests with the standard library's json."""
    del layout  # which spaces exist is the space look-up's to say

    def validate(body: bytes) -> Location:
        request = _parse_object(body)
        if len(request) != len(Location._fields):
            raise BadRequest(
                "not a request", 'expected {"floor": N, "row": N, "space": N} and nothing else'
            )
        try:
            location = Location(request["floor"], request["row"], request["space"])
        except KeyError as error:
            raise BadRequest("not a request", f"{error} is missing") from None
        for number in location:
            # bool is a subclass of int: its exact type is asked for.
            if type(number) is not int or not 1 <= number <= LARGEST_NUMBER:
                raise BadRequest(
                    "not a request",
                    f"floor, row and space must be whole numbers from 1 to {LARGEST_NUMBER}",
                )
        return location

    return validate


def table_unpark(
    layout: Layout, others: UnparkFactory = json_unpark
) -> Callable[[bytes], Location]:
    """Know by heart the compact body of each space, which is what its park answered; `others` decides on all others.

    In a large garage it decides alone.
    """
    decide = others(layout)
    if sum(layout.capacities) > SPACES_LIMIT:
        return decide
    known = {
        b'{"floor":%d,"row":%d,"space":%d}' % location: location
        for locations in layout.locations
        for location in locations
    }
    return _Bodies(known, decide).__getitem__


def _parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that the body is, or raise BadRequest."""
    if len(body) > BODY_LIMIT:
        raise BadRequest(
            "too large", f"the body has {len(body)} bytes, at most {BODY_LIMIT} are read"
        )
    try:
        # Decoded here: json.loads would also take UTF-16 and UTF-32, which RFC 8259 does not allow.
        request = json.loads(body.decode())
    except ValueError as error:
        raise BadRequest("not JSON", str(error)) from None
    except RecursionError:
        raise BadRequest("not JSON", "nested too deeply") from None
    if type(request) is not dict:
        raise BadRequest("not a request", "a JSON object was expected")
    return request
