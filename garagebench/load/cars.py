"""The cars: what is asked next, what is parked where, and the client's own books."""

from __future__ import annotations

import random
from typing import NamedTuple

from garagebench.core.workload import park_body
from garagebench.load.endpoint import Endpoint

OK = 200


class Request(NamedTuple):
    """A request as it goes over the wire."""

    is_park: bool
    data: bytes


class Cars:
    """Parks and unparks in turn, so that about `most` spaces are taken. What park answers is what unpark asks.

    held: the locations of the cars that are parked, as the server wrote them. parked, unparked: replies with a 200;
    refused: other replies to park.
    """

    def __init__(self, endpoint: Endpoint, vehicle: str, seed: int) -> None:
        self.most = 0
        self.held: list[bytes] = []
        self.parked = self.unparked = self.refused = 0
        self._parking = 0
        self._endpoint = endpoint
        self._draw = random.Random(seed).random
        self._park = Request(True, make_post(endpoint, "/park", park_body(vehicle)))
        self._heads: dict[int, bytes] = {}

    def choose_park(self) -> Request | None:
        """Return the next request that fills the garage; None where enough have been sent, or no more fit."""
        if self.refused or len(self.held) + self._parking >= self.most:
            return None
        self._parking += 1
        return self._park

    def choose_in_turn(self) -> Request:
        """Return the next request: to park, or to unpark a car drawn at random."""
        if self.held and len(self.held) + self._parking > self.most:
            return self._unpark()
        self._parking += 1
        return self._park

    def choose_unpark(self) -> Request | None:
        """Return the next request that empties the garage; None where all cars have left."""
        return self._unpark() if self.held else None

    def settle(self, request: Request, status: int, body: bytes) -> None:
        """Take note of the reply to a request; status 0: there was none."""
        if request.is_park:
            self._parking -= 1
            if status == OK:
                self.parked += 1
                self.held.append(body)
            elif status:
                self.refused += 1
        elif status == OK:
            self.unparked += 1

    def _unpark(self) -> Request:
        held = self.held
        place = int(self._draw() * len(held))
        held[place], held[-1] = held[-1], held[place]
        body = held.pop()
        size = len(body)
        if size not in self._heads:
            self._heads[size] = make_post(self._endpoint, "/unpark", body)[:-size]
        return Request(False, self._heads[size] + body)


def make_post(endpoint: Endpoint, path: str, body: bytes) -> bytes:
    """Return the request as bytes."""
    lines = [
        f"POST {endpoint.prefix}{path} HTTP/1.1",
        f"Host: {endpoint.authority}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
