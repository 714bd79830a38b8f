"""Signals that wait until what they would cut in two is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back(*, once: bool = False) -> Iterator[None]:
    """Let SIGINT and SIGTERM wait for the end of the block, then handle them; those that are ignored stay ignored.

    once: for a block that may take long: one that comes again is handled at once, and at the end nevertheless.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are handled in the main thread only
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    handled = [number for number, handler in before.items() if callable(handler)]

    def hold(number: int, frame: FrameType | None) -> None:
        is_again = number in came
        came.append(number)
        handler = before[signal.Signals(number)]
        if once and is_again and callable(handler):
            handler(number, frame)

    for number in handled:
        signal.signal(number, hold)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])
        for held in came:
            signal.raise_signal(held)


@contextmanager
def temporary_directory(prefix: str, place: Path | str | None = None) -> Iterator[Path]:
    """Yield a new directory that is gone at the end, also where a signal comes while it is made."""
    with ExitStack() as stack:
        with held_back():  # or there might be a directory, and nobody who knows it
            path = stack.enter_context(TemporaryDirectory(prefix=prefix, dir=place))
        yield Path(path)
