"""When a server ends: the signals, for those that run an asyncio loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from garagebench.server.registry import Job

SIGNALS = (signal.SIGTERM, signal.SIGINT)

#: How often it is looked whether all requests in flight have been answered.
LOOK_S = 0.02


async def wait_for_signal(job: Job) -> int:
    """Say that the server has started, wait for SIGTERM or SIGINT, turn readiness off, let the grace go by.

    A second signal ends the process at once.
    """
    loop = asyncio.get_running_loop()
    came: asyncio.Future[int] = loop.create_future()

    def note(number: int) -> None:
        for known in SIGNALS:
            loop.remove_signal_handler(known)
            signal.signal(known, signal.SIG_DFL)
        came.set_result(number)

    for known in SIGNALS:
        loop.add_signal_handler(known, note, known)
    job.started()
    number = await came
    job.service.ready = False
    await asyncio.sleep(job.limits.grace_s)
    return number


async def wait_until_idle(in_flight: Callable[[], int], deadline_s: float) -> None:
    """Wait until no request is in flight, or until the deadline."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    while in_flight() and loop.time() < end:  # noqa: ASYNC110  an event would cost each request
        await asyncio.sleep(LOOK_S)
