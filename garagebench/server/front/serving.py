"""From settings to an nginx and servers that have ended."""

from __future__ import annotations

import http.client
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from garagebench.server.closing import LOOK_S
from garagebench.server.front.ledger import Clerk, Ledger
from garagebench.server.front.nginx import UPSTREAM_IDLE_S, Nginx, find_nginx, find_room
from garagebench.server.front.replicas import Errand, open_garage, start_replicas
from garagebench.server.front.watching import Hurried, Watch, hold_signals, restored_signals
from garagebench.server.limits import Limits
from garagebench.server.listening import Front, ServeError, ServeSettings, format_url, listen
from garagebench.system.interrupts import held_back, temporary_directory

#: How long nginx may take to answer for the first time.
START_S = 20.0

#: How long it is waited for one answer: where nginx has died, none comes, for the socket is open here, too.
ANSWER_S = 1.0

#: Of a server: nginx has limited them already.
CONNECTIONS = 65_535


def serve_behind_nginx(
    settings: ServeSettings,
    front: Front,
    say: Callable[[str], object],
    note: Callable[[str], object],
) -> int:
    """Serve until a signal comes, and return its number. Says nginx's URL, notes the books of all servers together.

    Raises UnknownName, Unavailable, and ServeError: where nothing could be started, also when a server or nginx died,
    and when the books do not balance.
    """
    find_nginx()  # before anything is started
    limits = settings.limits
    with ExitStack() as stack:
        stack.enter_context(restored_signals())
        listener = stack.enter_context(listen(settings.host, settings.port, limits.backlog))
        url = format_url(listener)
        directory = stack.enter_context(temporary_directory("garagebench-", find_room()))
        # What is imported and compiled there calls back from C, where an exception is printed and forgotten.
        with held_back(once=True):
            place = open_garage(settings.layout, settings.impl, note)
        ledger = Ledger(front.park + front.unpark)

        def end(clerk: Clerk) -> None:
            if not place.is_shared:  # then nobody but this one server can count what is taken
                note(clerk.books)

        behind = limits_behind(limits)
        errand = Errand(settings.server, behind, place, ledger, end, directory)
        servers, upstreams = start_replicas(errand, front, listener, stack)
        with held_back():  # or there might be a process, and nobody who knows it
            nginx = Nginx(listener, upstreams, limits, directory)
            stack.callback(nginx.kill)
        _wait_for_answer(listener.getsockname(), nginx)
        hold_signals()
        say(url)
        number, mishaps = _watch(Watch(listener, nginx, servers, ledger, limits))
        if place.is_shared:
            mishaps += close_books(ledger, place.garage, note)
    if mishaps:
        raise ServeError("; ".join(mishaps))
    return number


def limits_behind(limits: Limits) -> Limits:
    """Return the limits of a server that only nginx talks to: slow clients and the grace are not its business."""
    patience_s = 2.0 * UPSTREAM_IDLE_S
    return replace(
        limits,
        idle_timeout_s=patience_s,
        header_timeout_s=patience_s,  # Tornado takes the lesser of the two for both
        connections=CONNECTIONS,
        grace_s=0.0,
    )


def _wait_for_answer(address: Any, nginx: Nginx) -> None:
    """Return when nginx has got a reply from a server. Raises ServeError."""
    end = time.monotonic() + START_S
    while nginx.code is None and time.monotonic() < end:
        connection = http.client.HTTPConnection(address[0], address[1], timeout=ANSWER_S)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == http.client.OK:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(LOOK_S)
        finally:
            connection.close()
    state = "runs" if nginx.code is None else f"ended with exit code {nginx.code}"
    raise ServeError(f"nginx did not start: it {state}, and what it said stands above")


def _watch(watch: Watch) -> tuple[int, list[str]]:
    """Wait for a signal and end all; return its number and what went wrong. A second signal ends all at once."""
    number = watch.wait_for_signal()
    try:
        return number, watch.end(number)
    except Hurried as hurry:
        if hurry.number == signal.SIGINT:
            raise KeyboardInterrupt from None
        raise ServeError("a second signal came: what was in flight has been cut off") from None


def close_books(ledger: Ledger, garage: Any, note: Callable[[str], object]) -> list[str]:
    """Note the books of all servers; return what is wrong with them."""
    whole = ledger.add_up(garage)
    note(whole.books)
    owed = whole.parked - whole.unparked - whole.given_back
    taken = sum(kind["taken"] for kind in whole.spaces.values())
    if owed == taken:
        return []
    return [f"the books do not balance: {taken} spaces are taken, and {owed} were given out"]
