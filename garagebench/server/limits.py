"""What a client may ask of the server: every limit with its default; `serve` repeats those that are options."""

from __future__ import annotations

from dataclasses import dataclass

from garagebench.stages.validate import BODY_LIMIT

#: Largest body that is read to its end to be refused with a reply on a connection that lives on. Beyond it, the reply
#: comes at once and the connection is closed.
DISCARD_BYTES = 65_536


@dataclass(frozen=True)
class Limits:
    """Sizes, time-outs and numbers, for all servers. Where a framework can keep one only in part, its module says so.

    header_timeout_s: from a request's first byte to the end of its headers. body_timeout_s: from there to the end of
    the body. idle_timeout_s: between two requests. drain_s: from the signal to the end, whatever is left.
    grace_s: how long new connections are still taken after the signal, while /readyz already says no.
    """

    body_bytes: int = BODY_LIMIT
    header_bytes: int = 8192
    header_timeout_s: float = 10.0
    body_timeout_s: float = 10.0
    idle_timeout_s: float = 60.0
    connections: int = 1000
    drain_s: float = 10.0
    grace_s: float = 0.0
    backlog: int = 1024
