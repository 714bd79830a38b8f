"""Errors as RFC 9457 problem documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from garagebench.errors import (
    BadRequest,
    GarageError,
    GarageFull,
    NoSuchSpace,
    SpaceEmpty,
    UnknownVehicle,
)

CONTENT_TYPE = "application/problem+json"

#: A name of our own, which nobody needs to resolve.
TYPE = "urn:problem-type:garagebench:"


class HttpProblem(NamedTuple):
    """A kind of problem: the status that it is answered with, and its name."""

    status: int
    title: str

    def document(self, detail: str) -> bytes:
        """Return the problem document of one occurrence."""
        return json.dumps(
            {
                "type": TYPE + self.title.lower().replace(" ", "-"),
                "title": self.title,
                "status": self.status,
                "detail": detail,
            },
            separators=(",", ":"),
        ).encode()


MALFORMED = HttpProblem(400, "Malformed HTTP")
NO_SUCH_PATH = HttpProblem(404, "No such path")
METHOD_NOT_ALLOWED = HttpProblem(405, "Method not allowed")
TOO_SLOW = HttpProblem(408, "Request timeout")
TOO_LARGE = HttpProblem(413, "Too large")
WRONG_TYPE = HttpProblem(415, "Unsupported media type")
HEADERS_TOO_LARGE = HttpProblem(431, "Headers too large")
INTERNAL = HttpProblem(500, "Internal error")
NOT_HERE = HttpProblem(501, "Not installed")
UNAVAILABLE = HttpProblem(503, "Unavailable")

_BAD_REQUESTS: Mapping[str, HttpProblem] = {
    "too large": TOO_LARGE,
    "not JSON": HttpProblem(400, "Not JSON"),
    "not a request": HttpProblem(422, "Not a request"),
}

_ERRORS: Mapping[type[GarageError], HttpProblem] = {
    GarageFull: HttpProblem(409, "Garage full"),
    SpaceEmpty: HttpProblem(409, "Space empty"),
    NoSuchSpace: HttpProblem(404, "No such space"),
    UnknownVehicle: HttpProblem(422, "Unknown vehicle"),
}


def find_problem(error: Exception) -> HttpProblem:
    """Return the kind of problem that an error of the garage is; what is none of its own is internal."""
    if isinstance(error, BadRequest):
        return _BAD_REQUESTS[error.problem]
    return next((known for kind, known in _ERRORS.items() if isinstance(error, kind)), INTERNAL)
