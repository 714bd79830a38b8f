"""What is not a request: the one table that every variant of `validate` is held to."""

from __future__ import annotations

from typing import NamedTuple

from garagebench.core.workload import encode_body, park_body
from garagebench.errors import BadRequest, GarageError, UnknownVehicle

ANY = ""
TOO_LARGE = "too large"
NOT_JSON = "not JSON"
NOT_A_REQUEST = "not a request"


class Refusal(NamedTuple):
    """A body, the error that it must be refused with, and a BadRequest's `problem` (ANY where two are right)."""

    body: bytes
    error: type[GarageError]
    problem: str = ANY


_LOCATION = {"floor": 1, "row": 1, "space": 1}

#: What is no whole number from 1 to 2^31 - 1.
_NO_NUMBER: tuple[object, ...] = (None, True, False, "1", 1.0, 0.5, 0, -1, 2**31, 10**30, [1], {})

#: Refused by both operations.
BOTH = (
    *(
        Refusal(body, BadRequest, NOT_JSON)
        for body in (
            b"",
            b"   ",
            b"{",
            b"park",
            b'{"vehicle":"small"',
            b'{"vehicle":"small"}x',
            b"{'vehicle':'small'}",
            b'{"vehicle":"small",}',
            b'{"vehicle":"sm\xff"}',
            b'\xef\xbb\xbf{"vehicle":"small"}',
            b'{"vehicle":"small"}\x00',
            '{"vehicle":"small"}'.encode("utf-16"),
            '{"vehicle":"small"}'.encode("utf-32-be"),
        )
    ),
    *(
        Refusal(body, BadRequest, NOT_A_REQUEST)
        for body in (b"null", b"true", b"1", b'"small"', b"[]", b'["small"]', b"{}")
    ),
    *(
        Refusal(body, BadRequest, TOO_LARGE)
        for body in (
            b"[" * 10_000 + b"]" * 10_000,
            b'{"vehicle":"small"}'.ljust(4097),
            b'{"floor":1,"row":1,"space":1}'.ljust(4097),
        )
    ),
    # Within the size limit and deeper than a recursive parser reaches.
    Refusal(b"[" * 2000 + b"]" * 2000, BadRequest),
    Refusal(b'{"vehicle":' * 300 + b"1" + b"}" * 300, BadRequest),
)

PARK = (
    *BOTH,
    *(
        Refusal(encode_body(value), BadRequest, NOT_A_REQUEST)
        for value in (
            {"car": "small"},
            {"Vehicle": "small"},
            {"vehicle": None},
            {"vehicle": True},
            {"vehicle": 1},
            {"vehicle": 1.5},
            {"vehicle": ["small"]},
            {"vehicle": {"vehicle": "small"}},
            {"vehicle": "small", "colour": "red"},
            _LOCATION,
        )
    ),
    *(
        Refusal(park_body(name), UnknownVehicle)
        for name in ("", "Small", "small ", "bus", "caf\u00e9", "\ud800", "small\x00")
    ),
)

UNPARK = (
    *BOTH,
    *(
        Refusal(encode_body({**_LOCATION, key: value}), BadRequest, NOT_A_REQUEST)
        for key in _LOCATION
        for value in _NO_NUMBER
    ),
    *(
        Refusal(encode_body(value), BadRequest, NOT_A_REQUEST)
        for value in (
            {"vehicle": "small"},
            {"floor": 1, "row": 1},
            {"floor": 1, "row": 1, "Space": 1},
            {**_LOCATION, "level": 1},
        )
    ),
    Refusal(b'{"floor":1,"row":1,"space":1e0}', BadRequest, NOT_A_REQUEST),
    Refusal(b'{"floor":1,"row":1,"space":01}', BadRequest, NOT_JSON),
    # Strict parsers call these no JSON, the standard library's reads a float.
    Refusal(b'{"floor":1,"row":1,"space":NaN}', BadRequest),
    Refusal(b'{"floor":1,"row":1,"space":1e400}', BadRequest),
)
