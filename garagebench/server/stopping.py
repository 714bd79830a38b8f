"""When a server ends: the signals, for those that run an asyncio loop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable

from garagebench.server.closing import MOST_S, SETTLE_S, count_waiting, turn_away
from garagebench.server.registry import Job

SIGNALS = (signal.SIGTERM, signal.SIGINT)

#: A signal that comes so soon after the first one is the same wish: `timeout`, for one, sends its own twice.
ECHO_S = 0.3

#: How often it is looked whether all requests in flight have been answered.
LOOK_S = 0.02


async def wait_for_signal(job: Job, let_go: Callable[[], object] = lambda: None) -> int:
    """Say that the server has started, wait for SIGTERM or SIGINT, turn readiness off, let the grace go by, close the door.

    let_go: called before the door is closed; from then on, every reply is the last one on its connection, so that busy
    clients are gone when idle connections are closed. A second signal ends the process at once.
    """
    loop = asyncio.get_running_loop()
    came: asyncio.Future[int] = loop.create_future()

    def note(number: int) -> None:
        for known in SIGNALS:
            loop.remove_signal_handler(known)
            signal.signal(known, signal.SIG_IGN)
            loop.call_later(ECHO_S, signal.signal, known, signal.SIG_DFL)
        came.set_result(number)

    for known in SIGNALS:
        loop.add_signal_handler(known, note, known)
    job.started()
    number = await came
    job.service.ready = False
    await asyncio.sleep(job.limits.grace_s)
    let_go()
    await _take_in(job.listener)
    return number


async def _take_in(listener: socket.socket) -> None:
    """Turn new clients away, and return when the requests of those before the door have been read."""
    if turn_away(listener):
        await wait_until_idle(lambda: count_waiting(listener), MOST_S)
    await asyncio.sleep(SETTLE_S)


async def wait_until_idle(in_flight: Callable[[], int], deadline_s: float) -> None:
    """Wait until nothing is in flight, or until the deadline."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    while in_flight() and loop.time() < end:  # noqa: ASYNC110  an event would cost each request
        await asyncio.sleep(LOOK_S)
