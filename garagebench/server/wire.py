"""The API on an asyncio protocol, httptools and uvloop: the fastest that Python can do.

What makes it so: a head is parsed once and then looked up (`wire_head`), replies are made of ready pieces, all requests
that came in one read are answered in one write, and one sweep a second keeps the time of all connections.
"""

from __future__ import annotations

import asyncio
from typing import Any

import uvloop

from garagebench.server.limits import Limits
from garagebench.server.raw import Replies
from garagebench.server.registry import Job
from garagebench.server.service import Service
from garagebench.server.stopping import wait_for_signal, wait_until_idle
from garagebench.server.wire_connection import Connection, Waits
from garagebench.server.wire_head import KNOWN_BYTES, KNOWN_HEADS, Head, read_head

#: How long what a client still sends is read and thrown away after a reply that ends the connection: were it closed at
#: once, the client's system would be told of a reset and might throw the reply away.
LINGER_S = 2.0

SWEEP_S = 1.0


class Wire:
    """What all connections share."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self.service = service
        self.limits = limits
        self.heads: dict[bytes, Head] = {}
        self.replies = Replies()
        self.connections: set[Connection] = set()
        self.draining = False
        self.now_s = 0.0
        self._timeouts_s = {
            Waits.IDLE: limits.idle_timeout_s,
            Waits.HEADER: limits.header_timeout_s,
            Waits.BODY: limits.body_timeout_s,
            Waits.WRITE: limits.body_timeout_s,
            Waits.LINGER: LINGER_S,
        }

    def learn(self, data: bytes) -> Head:
        """Read a head that is not known, and know it from now on."""
        head = read_head(data, self.service, self.limits, is_last=self.draining)
        if len(data) <= KNOWN_BYTES and head.last_word is None:
            if len(self.heads) >= KNOWN_HEADS:
                self.heads.clear()
            self.heads[data] = head
        return head

    async def keep_time(self) -> None:
        """Once in SWEEP_S, end what has waited too long."""
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep()

    def sweep(self) -> None:
        """End what has waited too long. No time-out comes early, and none more than two sweeps late.

        Time is the number of sweeps: were it read from a clock, a server that had no processor for a while would take
        its own absence for that of its clients.
        """
        self.now_s += SWEEP_S
        self.replies.refresh()
        for connection in list(self.connections):
            waited_s = self.now_s - connection.since_s - SWEEP_S
            if waited_s > self._timeouts_s[connection.waits]:
                connection.time_out()

    def let_go(self) -> None:
        """Let every reply be the last one on its connection."""
        self.draining = True
        self.heads.clear()
        for connection in self.connections:
            connection.forget()

    def drain(self) -> None:
        """End the connections of those who ask nothing."""
        for connection in list(self.connections):
            if connection.waits is Waits.IDLE:
                connection.end()

    @property
    def in_flight(self) -> int:
        """Connections on which a request has begun whose reply has not gone."""
        return sum(connection.waits is not Waits.LINGER for connection in self.connections)


def run(job: Job) -> int:
    """Serve until a signal comes."""
    return uvloop.run(_serve(job))


async def _serve(job: Job) -> int:
    loop = asyncio.get_running_loop()
    wire = Wire(job.service, job.limits)
    time_keeper = asyncio.create_task(wire.keep_time())
    factory: Any = lambda: Connection(wire)  # noqa: E731
    server = await loop.create_server(factory, sock=job.listener, backlog=job.limits.backlog)
    number = await wait_for_signal(job, wire.let_go)
    server.close()
    wire.drain()
    await wait_until_idle(lambda: wire.in_flight, job.limits.drain_s)
    for connection in list(wire.connections):
        connection.transport.abort()
    await asyncio.sleep(0)  # their connection_lost gives spaces back, before the books are closed
    time_keeper.cancel()
    job.ended()
    return number
