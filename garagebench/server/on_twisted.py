"""The API on twisted.web.

Twisted does not say when a reply was written, but it can be seen what its transport still has to write, in attributes
that are not public: what is there of a reply when the connection is lost, the system has not taken.
"""

from __future__ import annotations

import signal
from collections import deque
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.task import LoopingCall
from twisted.web.http import HTTPChannel, Request, datetimeToString
from twisted.web.http import HTTPFactory as Factory
from zope.interface import implementer

from garagebench.server import problems
from garagebench.server.closing import LOOK_S, MOST_S, SETTLE_S, count_waiting, turn_away
from garagebench.server.limits import DISCARD_BYTES
from garagebench.server.openapi import TIMING_HEADER
from garagebench.server.raw import render_reply
from garagebench.server.registry import Job
from garagebench.server.service import Reply, Service, find_path
from garagebench.server.stopping import ECHO_S, SIGNALS

reactor: Any = _reactor  # its type depends on the platform


class _Request(Request):
    channel: _Channel

    def gotLength(self, length: int | None) -> None:  # noqa: N802  Twisted's name
        self.too_large = bool(length and length > DISCARD_BYTES)
        self.size = 0
        super().gotLength(0 if self.too_large else length)
        if self.too_large:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        self.size += len(data)
        if self.size <= DISCARD_BYTES:
            super().handleContentChunk(data)
        elif not self.too_large:
            self.too_large = True
            self._refuse()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802
        """Hand the request on. Twisted would first read the body as a form, and answer what is none itself."""
        self.content.seek(0)
        self.method, self.uri, self.clientproto = command, path, version
        self.path, _, _ = path.partition(b"?")
        self.process()

    def process(self) -> None:
        if self.too_large or self._disconnected:
            return
        job = self.channel.factory.job
        objection = self._object_to()
        if objection:
            self._end_with(job.service.problem(problems.MALFORMED, objection))
            return
        if self.size > job.limits.body_bytes:
            self._send(job.service.too_large(job.limits.body_bytes))
            return
        content_type = self.getHeader(b"content-type")
        self._send(
            job.service.answer(
                self.method.decode("latin-1"),
                find_path(self.path.decode("latin-1")),
                None if content_type is None else content_type.decode("latin-1"),
                self.content.read(),
                self.getHeader(TIMING_HEADER.lower().encode()) is not None,
            )
        )

    def _object_to(self) -> str:
        """Return what is wrong with headers that Twisted lets pass, or an empty text."""
        headers = self.requestHeaders
        is_old = self.clientproto == b"HTTP/1.0"
        hosts = len(headers.getRawHeaders(b"host", ()))
        if hosts > 1 or not (hosts or is_old):
            return "HTTP/1.1 wants one Host"
        codings = headers.getRawHeaders(b"transfer-encoding", ())
        if codings and (is_old or [coding.lower() for coding in codings] != [b"chunked"]):
            return "Transfer-Encoding must be chunked, once, in HTTP/1.1"
        return ""

    def _refuse(self) -> None:
        """Answer before the body has come, and end the connection."""
        job = self.channel.factory.job
        self._end_with(job.service.too_large(job.limits.body_bytes))

    def _end_with(self, reply: Reply) -> None:
        self.channel.end_with(reply)

    def _send(self, reply: Reply) -> None:
        self.setResponseCode(reply.status)
        headers = self.responseHeaders
        headers.setRawHeaders(b"date", [datetimeToString()])
        headers.setRawHeaders(b"content-type", [reply.content_type.encode()])
        headers.setRawHeaders(b"content-length", [b"%d" % len(reply.body)])
        for name, value in reply.headers:
            headers.setRawHeaders(name.encode(), [value.encode()])
        if not self.channel.factory.is_open:
            headers.setRawHeaders(b"connection", [b"close"])
        ledger = self.channel.ledger
        before = ledger.count_unsent()
        self.write(reply.body)  # nothing, for HEAD: Twisted sees to it
        ledger.note(before, reply)
        self.finish()  # and begin the next request, where it has come


class _Ledger:
    """What was handed to a transport, as far as the system has not taken it yet."""

    def __init__(self, transport: Any, service: Service) -> None:
        self._transport = transport
        self._service = service
        self._written: deque[tuple[int, Reply | None]] = deque()
        self._size = 0  # of what is in there

    def count_unsent(self) -> int:
        """Return how many bytes the system has not taken."""
        transport = self._transport
        unsent: int = len(transport.dataBuffer) - transport.offset + transport._tempDataLen  # noqa: SLF001
        return unsent

    def note(self, before: int, reply: Reply | None = None) -> None:
        """Enter what has been written since there were so many bytes unsent. reply: what that is, if it is one."""
        while self._written and self._size - self._written[0][0] >= before:
            self._size -= self._written.popleft()[0]
        length = self.count_unsent() - before
        if length:
            self._written.append((length, reply))
            self._size += length
        elif reply is not None:  # the connection was lost before
            self._take_back(reply)

    def close(self) -> None:
        """Take back what the system will not take any more."""
        unsent = self.count_unsent()
        while self._written and unsent > 0:
            length, reply = self._written.pop()
            unsent -= length
            if reply is not None:
                self._take_back(reply)

    def _take_back(self, reply: Reply) -> None:
        if reply.parked:
            self._service.take_back(reply.body)


@implementer(IHalfCloseableProtocol)
class _Channel(HTTPChannel):
    """Limits the time of a whole request: Twisted's own time-out begins anew with every byte."""

    requestFactory = _Request  # noqa: N815  Twisted's name
    factory: _Factory
    ledger: _Ledger
    began_s: float | None = None

    def connectionMade(self) -> None:  # noqa: N802
        channels, limits = self.factory.channels, self.factory.job.limits
        service = self.factory.job.service
        self.ledger = _Ledger(self.transport, service)
        if len(channels) >= limits.connections:
            full = service.problem(problems.UNAVAILABLE, "too many connections")
            self.transport.write(render_reply(full))
            self.transport.loseConnection()
            return
        self.totalHeadersSize = limits.header_bytes
        channels.add(self)
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if self.began_s is None:
            self.began_s = self.factory.now_s
        super().dataReceived(data)

    def requestDone(self, request: Request) -> None:  # noqa: N802
        self.began_s = None
        super().requestDone(request)

    def end_with(self, reply: Reply) -> None:
        """Write a reply that Twisted has no part in, as the last one."""
        before = self.ledger.count_unsent()
        self.transport.write(render_reply(reply))
        self.ledger.note(before)
        self.loseConnection()

    def readConnectionLost(self) -> None:  # noqa: N802
        """Write what is still to be written, and end: the client sends no more, but may well listen."""
        self.loseConnection()

    def writeConnectionLost(self) -> None:  # noqa: N802
        self.loseConnection()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self.factory.channels.discard(self)
        self.ledger.close()
        super().connectionLost(reason)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        """Refuse what Twisted would hang up on: a line beyond what it can hold."""
        self._receivedHeaderSize += len(line)
        self._respondToBadRequestAndDisconnect()

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        """Refuse what is no HTTP with a problem, where Twisted would write nothing but the status."""
        service = self.factory.job.service
        if self._receivedHeaderSize > self.totalHeadersSize:
            detail = f"of headers at most {self.totalHeadersSize} bytes are read"
            self.end_with(service.problem(problems.HEADERS_TOO_LARGE, detail))
        else:
            self.end_with(service.problem(problems.MALFORMED, "the request cannot be read"))

    def _send100Continue(self) -> None:  # noqa: N802
        before = self.ledger.count_unsent()
        super()._send100Continue()
        self.ledger.note(before)


class _Factory(Factory):
    protocol = _Channel

    def __init__(self, job: Job) -> None:
        super().__init__(timeout=job.limits.idle_timeout_s, reactor=reactor)
        self.job = job
        self.channels: set[_Channel] = set()
        self.is_open = True
        self.now_s = reactor.seconds()

    def log(self, request: Request) -> None:
        """Write no line for each request."""

    def keep_time(self) -> None:
        """End requests that are not whole in time. Called once a second."""
        self.now_s = reactor.seconds()
        limits = self.job.limits
        latest = self.now_s - limits.header_timeout_s - limits.body_timeout_s - 1
        for channel in list(self.channels):
            if channel.began_s is not None and channel.began_s < latest:
                channel.transport.abortConnection()

    @property
    def in_flight(self) -> int:
        """Requests that have begun."""
        return sum(channel.began_s is not None for channel in self.channels)


class _Ending:
    """What happens after a signal."""

    def __init__(self, factory: _Factory, port: Any) -> None:
        self._factory = factory
        self._port = port
        self.number = 0

    def note(self, number: int, _frame: Any) -> None:
        for known in SIGNALS:
            signal.signal(known, signal.SIG_IGN)
        self.number = number
        reactor.callFromThread(self._begin)

    def _begin(self) -> None:
        limits = self._factory.job.limits
        self._factory.job.service.ready = False
        for known in SIGNALS:
            reactor.callLater(ECHO_S, signal.signal, known, signal.SIG_DFL)
        reactor.callLater(limits.grace_s, self._close)
        reactor.callLater(limits.grace_s + limits.drain_s, reactor.stop)

    def _close(self) -> None:
        self._factory.is_open = False
        if turn_away(self._port.socket):
            self._take_in(MOST_S)
        else:
            self._stop_listening()

    def _take_in(self, left_s: float) -> None:
        """Go on when the requests of those before the door have been read."""
        if count_waiting(self._port.socket) and left_s > 0:
            reactor.callLater(LOOK_S, self._take_in, left_s - LOOK_S)
        else:
            reactor.callLater(SETTLE_S, self._stop_listening)

    def _stop_listening(self) -> None:
        self._port.stopListening()
        LoopingCall(self._look).start(0.02)

    def _look(self) -> None:
        for channel in list(self._factory.channels):
            if channel.began_s is None:
                channel.transport.loseConnection()
        if not self._factory.channels and reactor.running:
            reactor.stop()


def run(job: Job) -> int:
    """Serve until a signal comes."""
    factory = _Factory(job)
    port = reactor.adoptStreamPort(job.listener.fileno(), job.listener.family, factory)
    job.listener.close()  # Twisted has its own copy
    ending = _Ending(factory, port)
    for number in SIGNALS:
        signal.signal(number, ending.note)
    LoopingCall(factory.keep_time).start(1)
    reactor.callWhenRunning(job.started)
    reactor.run(installSignalHandlers=False)
    job.ended()
    return ending.number
