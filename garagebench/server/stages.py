"""The stages that servers add to a run, by name; what they are is measured by `garagebench.http`."""

from __future__ import annotations

from collections.abc import Mapping

#: The CPU time less `total`, the whole CPU time, and the time from request to reply.
HTTP, CPU, LATENCY = "http", "http_cpu", "http_latency"

#: Servers that leave something out, from the least to nearly all: the system's sockets; a parser of HTTP, too; the server
#: with a service that answers a constant; the same with the body read and checked.
RUNGS = ("socket", "protocol", "framework", "decode")

#: Stage -> the rung of the ladder whose CPU time it is.
RUNG_OF: Mapping[str, str] = {f"http_{rung}": rung for rung in RUNGS}

HTTP_STAGES = (*RUNG_OF, CPU, HTTP, LATENCY)

#: What a server is asked.
SERVED = ("park", "unpark")
