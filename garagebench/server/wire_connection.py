"""One client of `wire`: what has come is answered as far as it goes, and what the client cannot hear of is given back."""

from __future__ import annotations

import asyncio
import os
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, cast

from garagebench.server import problems
from garagebench.server.chunks import ChunkReader, Malformed, TooLarge
from garagebench.server.raw import CONTINUE, render_reply
from garagebench.server.service import Reply
from garagebench.server.wire_head import (
    CHUNKED,
    UNKNOWN,
    Head,
    body_too_large,
    malformed,
    too_large,
)

if TYPE_CHECKING:
    from garagebench.server.limits import Limits
    from garagebench.server.raw import Replies
    from garagebench.server.service import Service


class Waits(IntEnum):
    """What a connection waits for; the time of each is limited."""

    IDLE = 0
    HEADER = 1
    BODY = 2
    WRITE = 3  # the client takes no replies
    LINGER = 4


class Shared(Protocol):
    """What all connections of a server share."""

    service: Service
    limits: Limits
    heads: dict[bytes, Head]
    replies: Replies
    connections: set[Connection]
    now_s: float

    def learn(self, data: bytes) -> Head:
        """Read a head that is not known, and know it from now on."""


#: Looked up once: an attribute of an enumeration takes longer than what it is compared with.
_IDLE = Waits.IDLE


class Connection(asyncio.Protocol):
    """One client. Requests are answered in the order in which they came, before more is read.

    A reply counts as written when the operating system has all of it. The fast path therefore writes to the socket itself;
    what does not fit is handed to the transport one reply at a time, and a space of which the client cannot have heard is
    given back when the connection is lost.
    """

    transport: asyncio.Transport

    #: The heads of the last request and of the one before, which is the one that comes next where a client parks and
    #: unparks in turn: to compare it is quicker than to look it up.
    last: Head
    guess: Head

    def __init__(self, wire: Shared) -> None:
        self.wire = wire
        self.heads = wire.heads
        self.replies = wire.replies
        self.buffer = b""
        self.waits = Waits.IDLE
        self.since_s = wire.now_s
        self.continued = False
        self.chunks: ChunkReader | None = None
        self.unsent: list[tuple[bytes, bytes | None]] = []
        self.ends = False
        self.forget()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a client, or say that there are too many."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=0)
        wire = self.wire
        self.fd = self.transport.get_extra_info("socket").fileno()
        if len(wire.connections) >= wire.limits.connections:
            reply = wire.service.problem(problems.UNAVAILABLE, "too many connections")
            self.transport.write(render_reply(reply))
            self.transport.close()
            return
        wire.connections.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """Give back what the client cannot have heard of."""
        self.wire.connections.discard(self)
        for _, parked in self.unsent:
            if parked is not None:
                self.wire.service.take_back(parked)
        self.unsent = []

    def data_received(self, data: bytes) -> None:
        """Answer what has come: mostly one whole request, for which nothing needs to be kept or put together."""
        if self.waits is not _IDLE:
            self._answer_all(data)
            return
        # So the buffer is empty.
        head = self.guess
        if len(data) != head.whole or not data.startswith(head.text):
            head = self.heads.get(data[: data.find(b"\r\n\r\n") + 4], UNKNOWN)
            if len(data) != head.whole:
                self._answer_all(data)
                return
        self.guess = self.last
        self.last = head
        self.since_s = self.wire.now_s
        handle = head.handle  # into a variable: see Garage.handle_park
        try:
            body = handle(data[head.start :])
        except Exception as error:  # noqa: BLE001  a broken implementation must not end the server
            self._write([self._refuse(head, error)], [])
            return
        reply = self.replies[body]
        try:
            sent = os.write(self.fd, reply)
        except OSError:
            sent = 0
        if sent < len(reply):
            self._carry_on(reply, body if head.parks else None, sent)

    def forget(self) -> None:
        """Read the next head anew, also if it has come before."""
        self.guess = self.last = UNKNOWN

    def _carry_on(self, reply: bytes, parked: bytes | None, sent: int) -> None:
        """Write the rest of a reply. parked: the space of which the client is to hear."""
        spaces = [] if parked is None else [(0, parked)]
        if sent:
            self._write_later([reply], dict(spaces), sent)
        else:
            self._write([reply], spaces)  # which finds out why

    def _answer_all(self, data: bytes) -> None:
        """Answer every request that is whole, and keep the rest."""
        if self.waits is Waits.LINGER:
            return
        if self.buffer:
            data = self.buffer + data
        out: list[bytes] = []
        parked: list[tuple[int, bytes]] = []
        heads = self.heads
        position = 0
        end_of_data = len(data)
        while position < end_of_data:
            end = data.find(b"\r\n\r\n", position) + 4
            if end == 3:  # noqa: PLR2004  not found
                self._await_header(data, position, out)
                break
            line = data[position:end]
            head = heads.get(line)
            if head is None:
                head = self.wire.learn(line)
            stop = end + head.length
            if not head.plain or stop > end_of_data:
                stop = self._answer_special(head, data, end, out, parked)
                if stop < 0:
                    break
            else:
                self._answer_plain(head, data[end:stop], out, parked)
            position = stop
        else:
            self.buffer = b""
            self.waits = Waits.IDLE
            self.since_s = self.wire.now_s
            self._write(out, parked)
            return
        self.buffer = data[position:]
        self._write(out, parked)

    def _answer_plain(
        self, head: Head, body: bytes, out: list[bytes], parked: list[tuple[int, bytes]]
    ) -> None:
        try:
            answer = head.handle(body)
        except Exception as error:  # noqa: BLE001  a broken implementation must not end the server
            out.append(self._refuse(head, error))
            return
        if head.parks:
            parked.append((len(out), answer))
        out.append(self.replies[answer])

    def eof_received(self) -> bool:
        """Keep the way to a client open that has said its last word and is still being answered."""
        return bool(self.unsent)

    def resume_writing(self) -> None:
        """Hand the next reply to the transport: the system has all before it."""
        if self.unsent:
            self.unsent.pop(0)
            self._write_next()

    def time_out(self) -> None:
        """End a connection that has kept us waiting."""
        if self.waits in (Waits.HEADER, Waits.BODY):
            what = self.waits.name.lower()
            reply = self.wire.service.problem(problems.TOO_SLOW, f"the {what} did not come in time")
            self.transport.write(render_reply(reply))
            self.transport.close()
        elif self.waits is Waits.IDLE:
            self.transport.close()
        else:
            self.transport.abort()

    def end(self) -> None:
        """Say that no more comes, and read on for a moment what the client had sent before it knew."""
        self.buffer = b""
        self.waits = Waits.LINGER
        self.since_s = self.wire.now_s
        self.transport.write_eof()

    def _wait(self, waits: Waits) -> None:
        """Wait for the rest of something; its time runs from its beginning, not from its last byte."""
        if self.waits is not waits:
            self.waits = waits
            self.since_s = self.wire.now_s

    def _await_header(self, data: bytes, position: int, out: list[bytes]) -> None:
        if len(data) - position > self.wire.limits.header_bytes:
            self._end_with(too_large(self.wire.service, self.wire.limits), out)
            return
        if position:  # a request further on than the one that was waited for
            self.waits = Waits.IDLE
        self._wait(Waits.HEADER)

    def _answer_special(
        self, head: Head, data: bytes, start: int, out: list[bytes], parked: list[tuple[int, bytes]]
    ) -> int:
        """Answer what is not plain. Return where the next request begins; -1 to wait, or to end the connection."""
        wire = self.wire
        if head.last_word is not None:
            return self._end_with(head, out)
        try:
            stop = self._find_end(head, data, start)
        except Malformed as error:
            return self._end_with(malformed(wire.service, str(error)), out)
        except TooLarge:
            return self._end_with(body_too_large(wire.service, wire.limits, head.method), out)
        if stop is None:
            self._await_body(head, out)
            return -1
        body = self.chunks.body if self.chunks else data[start:stop]
        self.continued = False
        self.chunks = None
        service = wire.service
        reply = service.answer(head.method, head.path, head.content_type, body, head.timing)
        if reply.parked:
            parked.append((len(out), reply.body))
        out.append(self._render(reply, head.connection, head_only=head.method == "HEAD"))
        self.ends = head.connection == "close"
        return -1 if self.ends else stop

    def _find_end(self, head: Head, data: bytes, start: int) -> int | None:
        """Return where the body ends that begins at `start`; None where more must come. Raises Malformed, TooLarge."""
        if head.length == CHUNKED:
            self.chunks = self.chunks or ChunkReader(self.wire.limits.body_bytes)
            return self.chunks.read(data, start)
        stop = start + head.length
        return None if stop > len(data) else stop

    def _await_body(self, head: Head, out: list[bytes]) -> None:
        if out:  # a request further on than the one that was waited for
            self.waits = Waits.IDLE
        self._wait(Waits.BODY)
        if head.expects and not self.continued:
            self.continued = True
            out.append(CONTINUE)

    def _end_with(self, head: Head, out: list[bytes]) -> int:
        assert head.last_word is not None  # noqa: S101  for the type checker
        is_bare = head.method == "HEAD"
        out.append(self._render(head.last_word(), head.connection, head_only=is_bare))
        self.ends = True
        return -1

    def _refuse(self, head: Head, error: Exception) -> bytes:
        operation = "park" if head.parks else "unpark"
        return self._render(self.wire.service.refuse(operation, error), "")

    def _render(self, reply: Reply, connection: str, *, head_only: bool = False) -> bytes:
        return render_reply(reply, connection, head_only=head_only, date=self.replies.date)

    def _write(self, out: list[bytes], parked: list[tuple[int, bytes]]) -> None:
        """Write the replies; give the spaces back of which the client cannot hear any more."""
        if not out:
            return
        data = out[0] if len(out) == 1 else b"".join(out)
        try:
            sent = os.write(self.fd, data)
        except BlockingIOError:
            sent = 0
        except OSError:
            for _, body in parked:
                self.wire.service.take_back(body)
            self.transport.abort()
            return
        if sent < len(data):
            self._write_later(out, dict(parked), sent)
        elif self.ends:
            self.end()

    def _write_later(self, out: list[bytes], parked: dict[int, bytes], sent: int) -> None:
        """Keep what the system did not take, and read nothing more until it has."""
        for number, reply in enumerate(out):
            if sent < len(reply):
                self.unsent.append((reply[max(sent, 0) :], parked.get(number)))
            sent -= len(reply)
        self.waits = Waits.WRITE
        self.since_s = self.wire.now_s
        self.transport.pause_reading()
        self._write_next()

    def _write_next(self) -> None:
        while self.unsent and not self.transport.is_closing():
            self.since_s = self.wire.now_s
            self.transport.write(self.unsent[0][0])
            if self.transport.get_write_buffer_size():
                return  # to be resumed
            self.unsent.pop(0)
        if self.unsent or self.transport.is_closing():
            return
        if self.ends:
            self.end()
            return
        self.waits = Waits.HEADER if self.buffer else Waits.IDLE
        self.transport.resume_reading()
