"""Programs that run until a signal comes or one of them dies, and that shut down gracefully."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from garagebench.server.closing import LOOK_S, MOST_S, count_waiting, turn_away
from garagebench.server.front.ledger import Ledger
from garagebench.server.limits import Limits
from garagebench.server.stopping import ECHO_S

#: How long a program gets beyond its own deadline before it is killed.
PATIENCE_S = 5.0

#: How often it is looked whether all live, should the system not say so.
WATCH_S = 0.5

#: From when nobody waits at the door until nginx ends: time for a busy client to get one more reply, its last.
LEAVE_S = 0.2

_ENDING = (signal.SIGTERM, signal.SIGINT)
_HELD = {*_ENDING, signal.SIGCHLD}


class Program(Protocol):
    """What is watched. code: how it ended, an exit code or a signal as a negative number; None while it runs."""

    @property
    def name(self) -> str: ...

    @property
    def code(self) -> int | None: ...

    def drain(self) -> None:
        """Let it answer what it has, and end."""


class FrontProgram(Program, Protocol):
    """The one that clients talk to."""

    def let_go(self) -> None:
        """Let it end each connection with its next reply."""


class Hurried(Exception):
    """A second signal came: nobody wants to wait any more."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def restored_signals() -> Iterator[None]:
    """Let the block hold signals; when it has ended, none is held that was not before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hold_signals() -> None:
    """From now on, the signals that matter here wait until they are asked for."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)


class Watch:
    """What is done while signals are held. nginx ends first, so that no server is asked any more when it ends.

    listener: this process's copy of nginx's, for the door; closed with it.
    """

    def __init__(
        self,
        listener: socket.socket,
        nginx: FrontProgram,
        servers: Sequence[Program],
        ledger: Ledger,
        limits: Limits,
    ) -> None:
        self._listener = listener
        self._nginx = nginx
        self._servers = servers
        self._ledger = ledger
        self._limits = limits
        self._deaf_until_s = 0.0

    def wait_for_signal(self) -> int:
        """Return the number of SIGTERM or SIGINT; 0 if a program has ended, though nobody asked it to."""
        while True:
            if any(one.code is not None for one in (self._nginx, *self._servers)):
                return 0
            number = _next_signal(WATCH_S)
            if number:
                self._deaf_until_s = time.monotonic() + ECHO_S
                return number

    def end(self, number: int) -> list[str]:
        """End all programs and return a sentence for each that did not end well. number: the signal, or 0.

        Raises Hurried.
        """
        died = [one.name for one in (self._nginx, *self._servers) if one.code is not None]
        self._ledger.ready = False
        if number:
            self._wait(lambda: False, self._limits.grace_s)
            self._take_leave()
        self._listener.close()
        for group in ([self._nginx], self._servers):
            self._drain(group)
        return [
            _describe(one, by_itself=one.name in died)
            for one in (self._nginx, *self._servers)
            if one.code != 0 or one.name in died
        ]

    def _take_leave(self) -> None:
        """Turn new clients away, take in those before the door, and let go of the others with their next reply."""
        self._nginx.let_go()
        if turn_away(self._listener):
            self._wait(lambda: count_waiting(self._listener) == 0, MOST_S)
        self._wait(lambda: False, LEAVE_S)

    def _drain(self, programs: Sequence[Program]) -> None:
        """Let the programs end, as far as they have not, and wait for it."""
        for one in programs:
            if one.code is None:
                one.drain()
        self._wait(
            lambda: all(one.code is not None for one in programs),
            self._limits.drain_s + PATIENCE_S,
        )

    def _wait(self, is_over: Callable[[], bool], deadline_s: float) -> None:
        """Return when it is over, or at the deadline. Raises Hurried."""
        end = time.monotonic() + deadline_s
        while not is_over():
            left_s = end - time.monotonic()
            if left_s <= 0:
                return
            number = _next_signal(min(left_s, LOOK_S))
            if number and time.monotonic() > self._deaf_until_s:
                raise Hurried(number)


def _next_signal(timeout_s: float) -> int:
    """Return the signal to end that came, or 0: the time is over, or a process ended."""
    came = signal.sigtimedwait(_HELD, timeout_s)
    return came.si_signo if came is not None and came.si_signo in _ENDING else 0


def _describe(program: Program, *, by_itself: bool) -> str:
    code = program.code
    if code is None:
        return f"{program.name} did not end in time and was killed"
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    if by_itself:
        return f"{program.name} died ({how}), so all was ended"
    return f"{program.name} did not end well ({how})"
