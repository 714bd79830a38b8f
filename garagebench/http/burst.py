"""What a server is asked: some parks in a row, then as many unparks, and what it must answer."""

from __future__ import annotations

import json
from dataclasses import dataclass

from garagebench.core.layout import Layout
from garagebench.core.model import Model
from garagebench.core.workload import Block, Workload, encode_body, unpark_body
from garagebench.errors import BadRequest, GarageError, GarageFull, UnknownVehicle
from garagebench.stages.validate import json_park

#: Parks in a row, and unparks: long beside the moment in which a server goes to sleep at its end.
SIZE = 100


class NothingToAsk(GarageError):
    """The workload has no request that can be put to a server."""


@dataclass(frozen=True)
class Burst:
    """Bodies of requests and of replies, in order. What a park is answered is what its unpark asks."""

    parks: tuple[bytes, ...]
    unparks: tuple[bytes, ...]
    kinds: tuple[bytes, ...]

    @property
    def requests(self) -> dict[str, tuple[bytes, ...]]:
        """Operation -> the bodies that are sent."""
        return {"park": self.parks, "unpark": self.unparks}

    @property
    def replies(self) -> dict[str, tuple[bytes, ...]]:
        """Operation -> the bodies that are expected back."""
        return {"park": self.unparks, "unpark": self.kinds}

    def to_workload(self) -> Workload:
        """Return the same requests for a garage without a server."""
        blocks = tuple(
            Block(operation, tuple((operation, body) for body in bodies))
            for operation, bodies in self.requests.items()
        )
        return Workload("burst", blocks)

    def constant(self) -> Burst:
        """Return the burst as a server without a garage answers it: every reply is the first."""
        many = len(self.parks)
        return Burst(self.parks, self.unparks[:1] * many, self.kinds[:1] * many)


def make_burst(layout: Layout, workload: Workload, size: int = SIZE) -> Burst:
    """Return the workload's first parks that an empty garage grants, and the unparks that undo them.

    Fewer where there is no more room. Raises NothingToAsk.
    """
    model = Model(layout)
    validate = json_park(layout)
    parks: list[bytes] = []
    unparks: list[bytes] = []
    kinds: list[bytes] = []
    for body in _find_parks(workload):
        try:
            kind, index = model.park(validate(body))
        except (BadRequest, UnknownVehicle, GarageFull):
            continue
        parks.append(body)
        unparks.append(unpark_body(layout.locations[kind][index]))
        kinds.append(encode_body({"kind": layout.kinds[kind]}))
        if len(parks) == size:
            break
    if not parks:
        raise NothingToAsk(
            f"the workload {workload.name} has no park request that an empty garage grants, and a server starts "
            "with an empty one: choose another --workload"
        )
    return Burst(tuple(parks), tuple(unparks), tuple(kinds))


def _find_parks(workload: Workload) -> list[bytes]:
    return [
        body
        for block in workload.blocks
        for operation, body in block.requests
        if operation == "park"
    ]


def describe_reply(body: bytes) -> str:
    """Return a reply's body as text for an error; of a problem, only its detail."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return repr(body[:80])
    detail = parsed.get("detail") if isinstance(parsed, dict) else None
    return str(detail) if detail else body[:80].decode(errors="replace")
