"""Limits other than the defaults are kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from serving import PARK

from garagebench import Garage, Layout, load_impl
from garagebench.commands.serve import serve
from garagebench.server import on_tornado, on_tornado_delegate
from garagebench.server.limits import Limits
from garagebench.server.service import Service
from garagebench.server.tornado_http import Server


def make_delegate_server(service: Service, limits: Limits) -> Server:
    """Return the other of Tornado's servers."""
    return Server(on_tornado_delegate.Api(service, limits), service, limits)


@pytest.mark.parametrize("make", [on_tornado.make_server, make_delegate_server])
@pytest.mark.parametrize(("limit_bytes", "status"), [(len(PARK) - 1, 413), (len(PARK), 200)])
def test_the_limit_of_a_body_is_the_one_that_was_set(
    make: Any, limit_bytes: int, status: int
) -> None:
    """One byte less than a body has, and it is refused; the class's default is not what counts."""
    service = Service(Garage(Layout.builtin("seed"), load_impl("lists")))

    async def ask() -> bytes:
        server = make(service, Limits(body_bytes=limit_bytes))
        server.listen(0, "127.0.0.1")
        (sock,) = server._sockets.values()
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        head = f"POST /park HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(PARK)}\r\n\r\n"
        writer.write(head.encode() + PARK)
        line = await reader.readline()
        writer.close()
        server.stop()
        await server.close_all_connections()
        return line

    assert int(asyncio.run(ask()).split()[1]) == status


def test_the_options_of_serve_have_the_same_defaults() -> None:
    """They are written again in the command, so that its help need not load a server."""
    usual = Limits()
    options = {option.name: option.default for option in serve.params}
    known = {
        "header_timeout": usual.header_timeout_s,
        "body_timeout": usual.body_timeout_s,
        "idle_timeout": usual.idle_timeout_s,
        "grace": usual.grace_s,
        "drain": usual.drain_s,
        "connections": usual.connections,
    }
    assert {name: options[name] for name in known} == known
