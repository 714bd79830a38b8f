"""One client on a plain socket, which sends a stream and takes what comes."""

from __future__ import annotations

import asyncio
import socket
import struct

from judge import split_replies
from mutations import Stream
from reading import Reading

PATIENCE_S = 30.0

#: After what a server need not answer, this long without a byte means that it has nothing to say.
QUIET_S = 0.1

#: A write of its own for each piece makes a read of its own likely only where the server has a moment for it.
PAUSE_S = 0.001

#: So a connection that the last one left in TIME_WAIT is in nobody's way.
ADDRESSES = 100


class Connection:
    """A client's connection, on a plain socket: what has come stays readable when sending fails, or waiting ends."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._came = asyncio.Event()
        self.data = b""
        self.closed = False
        self.has_ended = False

    async def open(self, port: int, number: int) -> None:
        """Connect."""
        self._socket.bind((f"127.0.0.{2 + number % ADDRESSES}", 0))
        await self._loop.sock_connect(self._socket, ("127.0.0.1", port))

    async def send(self, stream: Stream) -> None:
        """Send all pieces, or as many as the server takes."""
        try:
            for piece in stream.pieces:
                await self._loop.sock_sendall(self._socket, piece)
                await asyncio.sleep(PAUSE_S if len(piece) > 1 else 0)
        except ConnectionError:
            pass
        self._loop.add_reader(self._socket, self._read)

    def _read(self) -> None:
        try:
            piece = self._socket.recv(65_536)
        except BlockingIOError:
            return
        except ConnectionError:
            piece = b""
        self.data += piece
        if not piece:
            self.closed = True
            self._loop.remove_reader(self._socket)
        self._came.set()

    async def receive(self, timeout_s: float) -> bool:
        """Wait for more; False where none comes."""
        if self.closed:
            return False
        self._came.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._came.wait()
        except TimeoutError:
            return False
        return not self.closed

    def end(self) -> None:
        """Say that no more comes."""
        self.has_ended = True
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return  # the server was first

    def close(self, *, reset: bool = False) -> None:
        """Close, or be gone without a word."""
        self._loop.remove_reader(self._socket)
        if reset:
            linger = struct.pack("ii", 1, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._socket.close()


async def play(port: int, stream: Stream, reading: Reading) -> Connection:
    """Send a stream, take what the server has to say, and end as the stream says."""
    connection = Connection()
    try:
        await connection.open(port, stream.number)
        await connection.send(stream)
        if stream.ending == "reset":
            return connection
        if stream.ending != "half":
            await _await_due(connection, stream, reading)
        if not connection.closed:
            connection.end()
        while await connection.receive(PATIENCE_S):
            pass
    finally:
        connection.close(reset=stream.ending == "reset")
    return connection


async def _await_due(connection: Connection, stream: Stream, reading: Reading) -> None:
    """Wait for what the client is owed, and for the server's end where it must or may come."""
    while len(split_replies(connection.data, reading.items)[1]) < reading.owed:
        if not await connection.receive(PATIENCE_S):
            return
    waits = stream.ending == "wait" or reading.end in ("malformed", "closed")
    if waits and (reading.sure or stream.ending == "wait"):
        timeout_s = PATIENCE_S
    elif reading.sure and reading.end in ("clean", "incomplete"):
        return
    else:
        timeout_s = QUIET_S
    while await connection.receive(timeout_s):
        pass
