"""What pages see of a service: at no cost to a request while nobody looks, and at a bounded cost while somebody does."""

from __future__ import annotations

import json
from collections import deque
from itertools import count
from time import monotonic
from typing import Any

from garagebench.server.service import POSTS, Reply, Service

#: Garages with more spaces are shown by kind only: to find out which of them are taken would keep requests waiting.
MOST_CELLS = 1000

#: Pages that are open at the same time, at most.
MOST_PAGES = 128

#: How often the state is looked at, at most.
LOOK_S = 0.25

#: Over how long requests a second are counted, in looks.
RATE_LOOKS = 8

#: While somebody looks, one of so many requests is answered stage by stage; and how many of those are remembered.
EVERY, REMEMBERED = 16, 256


class Watch:
    """Looks at a service for all pages together."""

    def __init__(self, service: Service) -> None:
        self.is_closed = False
        self._service = service
        self._pages = 0
        self._numbers = count()
        self._times: deque[tuple[str, dict[str, float]]] = deque(maxlen=REMEMBERED)
        self._counts: deque[tuple[float, int, int, int]] = deque(maxlen=RATE_LOOKS)
        self._looked = -LOOK_S
        self._state = b""

    def enter(self) -> bool:
        """Count a page in; False: there are too many."""
        if self._pages >= MOST_PAGES:
            return False
        self._pages += 1
        return True

    def leave(self) -> None:
        """Count a page out. With the last one goes what was remembered for them."""
        self._pages -= 1
        if not self._pages:
            self._counts.clear()
            self._times.clear()

    def close(self) -> None:
        """Let every page end."""
        self.is_closed = True

    def answer(
        self, method: str, path: str, content_type: str | None, body: bytes, timing: bool = False
    ) -> Reply:
        """Answer as the service does; some requests stage by stage, where somebody looks."""
        if timing or not self._pages or path not in POSTS or next(self._numbers) % EVERY:
            return self._service.answer(method, path, content_type, body, timing)
        reply = self._service.answer(method, path, content_type, body, True)
        if reply.status != 200:  # noqa: PLR2004  a refusal has gone through no more than some of the stages
            return reply
        self._times.append((path[1:], _read_times(reply.headers[0][1])))
        return reply._replace(headers=())  # nobody has asked for them

    def describe(self) -> bytes:
        """Return what does not change, as JSON: kinds, vehicles, and floors with their rows of spaces."""
        layout = self._service.garage.layout
        floors = [
            [{"kind": row.kind, "spaces": row.spaces} for row in rows] for rows in layout.floors
        ]
        about: dict[str, Any] = {
            "kinds": layout.kinds,
            "vehicles": list(layout.tiers),
            "floors": floors if self._has_cells else None,
        }
        return json.dumps(about, separators=(",", ":")).encode()

    @property
    def _has_cells(self) -> bool:
        return sum(self._service.garage.layout.capacities) <= MOST_CELLS

    def look(self) -> bytes:
        """Return the state as JSON; the same object as before if it was looked at just now, or is the same."""
        now = monotonic()
        if now - self._looked >= LOOK_S:
            self._looked = now
            state = json.dumps(self._find_state(now), separators=(",", ":")).encode()
            if state != self._state:
                self._state = state
        return self._state

    def _find_state(self, now: float) -> dict[str, Any]:
        service = self._service
        refused = sum(service.refused.values())
        self._counts.append((now, service.parked, service.unparked, refused))
        then, *before = self._counts[0]
        passed = (now - then) or 1.0
        numbers = service.parked, service.unparked, refused
        rates = [round((new - old) / passed, 1) for new, old in zip(numbers, before, strict=True)]
        return {
            "spaces": service.spaces,
            "rates": dict(zip(("park", "unpark", "refused"), rates, strict=True)),
            "shares": {operation: self._find_shares(operation) for operation in ("park", "unpark")},
            "taken": self._find_taken() if self._has_cells else None,
        }

    def _find_shares(self, operation: str) -> dict[str, float]:
        """Return stage -> its share of the time of the last requests that were answered stage by stage."""
        sums: dict[str, float] = {}
        for of, times in self._times:
            for stage, time in times.items() if of == operation else ():
                sums[stage] = sums.get(stage, 0.0) + time
        whole = sum(sums.values()) or 1.0
        return {stage: round(time / whole, 2) for stage, time in sums.items()}

    def _find_taken(self) -> str:
        """Return a digit for each space, 1 where it is taken, in the order of floors, rows and spaces.

        A pool only tells which spaces are free by taking them all; then it goes back to where it was.
        """
        garage = self._service.garage
        free = []
        for pool in garage.pools:
            state, taken = pool.save(), set()
            while (index := pool.take()) >= 0:
                taken.add(int(index))
            pool.restore(state)
            free.append(taken)
        return "".join(
            "0" if index in free[row.kind] else "1"
            for rows in garage.layout.floors
            for row in rows
            for index in range(row.first, row.first + row.spaces)
        )


def _read_times(header: str) -> dict[str, float]:
    """Return stage -> milliseconds of a header `Server-Timing`."""
    parts = (part.split(";dur=") for part in header.split(", "))
    return {stage: float(time) for stage, time in parts}
