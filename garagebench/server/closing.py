"""Closing time: no new connection is begun, and all that have been are taken in.

The kernel opens connections on behalf of a listening socket before the server takes them. Whoever closes the socket
resets those that still wait, with the requests that came on them. So the new ones are turned away first.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from contextlib import suppress

#: How long it takes at most to take in who waits.
MOST_S = 1.0

#: From when nobody waits any more until the requests of the last ones have been read.
SETTLE_S = 0.05

LOOK_S = 0.01

# <linux/filter.h>: a program of one instruction, "return 0": keep nothing of the packet.
_SO_ATTACH_FILTER = 26
_DROP = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
_PROGRAM = struct.pack("HP", 1, ctypes.addressof(_DROP))

# <linux/tcp.h>: where struct tcp_info has tcpi_unacked, on a listening socket those who wait.
_WAITING = 24


def turn_away(listener: socket.socket) -> bool:
    """Let the socket hear no new client any more; False where that cannot be had.

    A client that is turned away asks again after a second, and finds the socket closed. Open connections go on.
    """
    if sys.platform != "linux":
        return False
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _PROGRAM)
        return True
    return False


def count_waiting(listener: socket.socket) -> int:
    """Return how many connections wait to be taken in, after `turn_away` has returned True."""
    state = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int(struct.unpack_from("I", state, _WAITING)[0])
