"""Ctrl-C while there is load: what is on its way is answered, the cars leave, and what was measured is kept."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Stop:
    """Whether the load is to end before its time."""

    asked = False

    def ask(self) -> None:
        """End the load as soon as what is on its way has been answered."""
        self.asked = True


@contextmanager
def stop_on_interrupt() -> Iterator[Stop]:
    """Yield what the first Ctrl-C asks to stop; the second raises KeyboardInterrupt wherever that is."""
    stop = Stop()

    def handle(*_: object) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.ask()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
