"""Tornado's server as it drains, in this process: a reply must not depend on when it is looked."""

from __future__ import annotations

import asyncio
import socket

import pytest

from garagebench import Garage, Layout, load_impl
from garagebench.server import on_tornado, stopping
from garagebench.server.limits import Limits
from garagebench.server.service import Service

HEAD = b"POST /park HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n"
BODY = b'{"vehicle":"small"}'


def test_a_request_is_in_flight_until_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at in every turn of the loop, the server does not close a connection whose reply is still to come."""
    monkeypatch.setattr(stopping, "LOOK_S", 0)

    async def serve() -> bytes:
        service = Service(Garage(Layout.builtin("seed"), load_impl("lists")))
        server = on_tornado.make_server(service, Limits())
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        server.add_sockets([listener])
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(HEAD)
        while not server.in_flight:  # noqa: ASYNC110
            await asyncio.sleep(0)
        draining = asyncio.create_task(server.drain(30.0))
        await asyncio.sleep(0)
        writer.write(BODY)
        reply = await reader.read()
        await draining
        writer.close()
        await writer.wait_closed()
        return reply

    assert asyncio.run(serve()).endswith(b'{"floor":1,"row":3,"space":1}')
