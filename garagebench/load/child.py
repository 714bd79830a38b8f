"""Waiting for a program that puts the load on, and ending it before its time."""

from __future__ import annotations

import math
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from garagebench.load.driver import Tick
from garagebench.load.stop import Stop

NAP_S = 0.05


def wait_for(
    process: subprocess.Popen[Any],
    stop: Stop,
    tick: Tick,
    again_s: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait for the end of a program. When the load is to stop, it gets SIGINT, and again after that many seconds."""
    begin_s = clock()
    tick_s, interrupt_s = begin_s + 1, begin_s
    while process.poll() is None:
        now_s = clock()
        if stop.asked and now_s >= interrupt_s:
            interrupt_s = now_s + again_s
            process.send_signal(signal.SIGINT)
        if now_s >= tick_s:
            tick_s += 1
            tick(now_s - begin_s)
        time.sleep(NAP_S)
    if stop.asked and process.returncode < 0:
        raise KeyboardInterrupt  # before it could listen to signals: there is nothing to report
