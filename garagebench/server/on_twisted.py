"""The API on twisted.web.

Twisted does not say whether a reply was written: what is promised here is that it was handed to an open connection.
"""

from __future__ import annotations

import signal
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.task import LoopingCall
from twisted.web.http import HTTPChannel, Request, datetimeToString
from twisted.web.http import HTTPFactory as Factory

from garagebench.server import problems
from garagebench.server.limits import DISCARD_BYTES
from garagebench.server.raw import render_reply
from garagebench.server.registry import Job
from garagebench.server.service import TIMING_HEADER, Reply

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

    def process(self) -> None:
        if self.too_large or self._disconnected:
            return
        job = self.channel.factory.job
        if self.size > job.limits.body_bytes:
            self._send(job.service.too_large(job.limits.body_bytes))
            return
        content_type = self.getHeader(b"content-type")
        self._send(
            job.service.answer(
                self.method.decode("latin-1"),
                self.path.decode("latin-1"),
                None if content_type is None else content_type.decode("latin-1"),
                self.content.read(),
                self.getHeader(TIMING_HEADER.lower().encode()) is not None,
            )
        )

    def _refuse(self) -> None:
        """Answer before the body has come, and end the connection."""
        job = self.channel.factory.job
        self.channel.transport.write(render_reply(job.service.too_large(job.limits.body_bytes)))
        self.channel.loseConnection()

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
        self.write(reply.body)  # nothing, for HEAD: Twisted sees to it
        self.finish()


class _Channel(HTTPChannel):
    """Limits the time of a whole request: Twisted's own time-out begins anew with every byte."""

    requestFactory = _Request  # noqa: N815  Twisted's name
    factory: _Factory
    began_s: float | None = None

    def connectionMade(self) -> None:  # noqa: N802
        channels, limits = self.factory.channels, self.factory.job.limits
        if len(channels) >= limits.connections:
            service = self.factory.job.service
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

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self.factory.channels.discard(self)
        super().connectionLost(reason)


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
        for known in (signal.SIGTERM, signal.SIGINT):
            signal.signal(known, signal.SIG_DFL)
        self.number = number
        reactor.callFromThread(self._begin)

    def _begin(self) -> None:
        limits = self._factory.job.limits
        self._factory.job.service.ready = False
        reactor.callLater(limits.grace_s, self._close)
        reactor.callLater(limits.grace_s + limits.drain_s, reactor.stop)

    def _close(self) -> None:
        self._port.stopListening()
        self._factory.is_open = False
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
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ending.note)
    LoopingCall(factory.keep_time).start(1)
    reactor.callWhenRunning(job.started)
    reactor.run(installSignalHandlers=False)
    job.ended()
    return ending.number
