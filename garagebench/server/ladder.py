"""Servers that leave something out, each a little less: what the time of a request over HTTP is made of.

    python -m garagebench.server.ladder JOB

JOB is JSON: `rung`, `server`, `impl`, `layout` (as data) and `replies` (to a park and to an unpark). Such a server
prints its URL, has /metrics, ends with its books on SIGTERM, and answers every park alike and every unpark alike.
"""

from __future__ import annotations

import json
import selectors
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from garagebench.core.garage import Garage
from garagebench.core.layout import Layout
from garagebench.errors import GarageError
from garagebench.impls.registry import load_impl
from garagebench.server.limits import Limits
from garagebench.server.listening import format_url, listen
from garagebench.server.raw import render_reply
from garagebench.server.registry import Job, load_server
from garagebench.server.service import JSON, Reply, Service
from garagebench.server.stopping import wait_for_signal

#: Where a request line says whether it parks: "POST /park" or "POST /unpark".
_PLACE, _PARKS = 6, ord("p")

_TAKES_BYTES = 65_536


class Constant(Garage):
    """A garage that always says the same."""

    def __init__(self, layout: Layout, impl: str, replies: Mapping[str, bytes]) -> None:
        super().__init__(layout, load_impl(impl))
        self._replies = replies["park"], replies["unpark"]

    def handle_park(self, body: bytes) -> bytes:
        return self._replies[0]

    def handle_unpark(self, body: bytes) -> bytes:
        return self._replies[1]


class Decoding(Constant):
    """One that reads and checks what it is asked before it says so."""

    def handle_park(self, body: bytes) -> bytes:
        self.validate_park(body)
        return self._replies[0]

    def handle_unpark(self, body: bytes) -> bytes:
        self.validate_unpark(body)
        return self._replies[1]


class Canned:
    """The two replies, ready to be sent, and the count of how often they were."""

    def __init__(self, service: Service, replies: Mapping[str, bytes]) -> None:
        self._service = service
        self._park, self._unpark = (
            render_reply(Reply(200, JSON, replies[name]), "") for name in ("park", "unpark")
        )

    def answer(self, *, parks: bool) -> bytes:
        """Return one of them."""
        if parks:
            self._service.parked += 1
            return self._park
        self._service.unparked += 1
        return self._unpark

    def show_metrics(self) -> bytes:
        """Return the only other reply that there is."""
        return render_reply(self._service.answer("GET", "/metrics", None, b""), "")


def serve_sockets(job: Job, canned: Canned) -> int:
    """Answer whatever comes, and look at two of its bytes."""

    def end(number: int, _frame: object) -> NoReturn:
        raise SystemExit(number)

    signal.signal(signal.SIGTERM, end)
    selector = selectors.DefaultSelector()
    selector.register(job.listener, selectors.EVENT_READ)
    job.started()
    try:
        while True:
            for key, _ in selector.select():
                if key.fileobj is job.listener:
                    client, _ = job.listener.accept()
                    client.setblocking(False)
                    selector.register(client, selectors.EVENT_READ)
                else:
                    assert isinstance(key.fileobj, socket.socket)  # noqa: S101  we register no other
                    _answer_on(key.fileobj, selector, canned)
    except SystemExit as ended:
        job.ended()
        return int(ended.code or 0)
    finally:
        selector.close()


def _answer_on(client: socket.socket, selector: selectors.BaseSelector, canned: Canned) -> None:
    data = client.recv(_TAKES_BYTES)
    if not data:
        selector.unregister(client)
        client.close()
    elif data.startswith(b"POST"):
        client.send(canned.answer(parks=data[_PLACE] == _PARKS))
    else:
        client.send(canned.show_metrics())


def serve_protocol(job: Job, canned: Canned) -> int:
    """Parse HTTP with httptools on uvloop, and look at the path."""
    import asyncio

    import httptools
    import uvloop

    class Connection(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            self.parser = httptools.HttpRequestParser(self)

        def data_received(self, data: bytes) -> None:
            self.parser.feed_data(data)

        def on_url(self, url: bytes) -> None:
            self.url = url

        def on_message_complete(self) -> None:
            posts = self.url in (b"/park", b"/unpark")
            self.transport.write(
                canned.answer(parks=self.url == b"/park") if posts else canned.show_metrics()
            )

    async def serve() -> int:
        server = await asyncio.get_running_loop().create_server(Connection, sock=job.listener)
        number = await wait_for_signal(job)
        server.close()
        job.ended()
        return number

    return uvloop.run(serve())


def main(description: str) -> None:
    """Serve until SIGTERM comes."""
    wanted = json.loads(description)
    rung = wanted["rung"]
    replies = {name: body.encode() for name, body in wanted["replies"].items()}
    layout = Layout.from_data(wanted["layout"])
    make_garage = Decoding if rung == "decode" else Constant
    service = Service(make_garage(layout, wanted["impl"], replies))
    limits = Limits()
    canned = Canned(service, replies)
    bare = {"socket": serve_sockets, "protocol": serve_protocol}
    run = None if rung in bare else load_server(wanted["server"])
    with listen("127.0.0.1", 0, limits.backlog) as listener:
        url = format_url(listener)
        job = Job(
            service,
            listener,
            limits,
            lambda: print(url, flush=True),  # noqa: T201  a program of its own
            lambda: print(service.books, file=sys.stderr),  # noqa: T201
        )
        if run is None:
            bare[rung](job, canned)
        else:
            run(job)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (GarageError, ImportError) as error:
        sys.exit(str(error))
