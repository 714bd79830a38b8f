"""Replies as bytes: whole, in part, and broken."""

from __future__ import annotations

import pytest

from garagebench.load.reply import BrokenReply, Reply, parse_reply

PLAIN = b'HTTP/1.1 200 OK\r\nDate: now\r\ncontent-LENGTH: 16\r\n\r\n{"kind":"small"}'
CHUNKED = (
    b"HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4;ignored=yes\r\nfull\r\n2\r\n!!\r\n0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (PLAIN, Reply(200, b'{"kind":"small"}', True)),
        (CHUNKED, Reply(409, b"full!!", True)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Reply(204, b"", True)),
    ],
)
def test_a_reply_is_read_when_it_is_whole(data: bytes, reply: Reply) -> None:
    """A reply is read, and every part of it that lacks the rest says that there is more to come."""
    assert parse_reply(data) == reply
    assert [parse_reply(data[:end]) for end in range(len(data))] == [None] * len(data)


@pytest.mark.parametrize(
    ("version", "connection", "keep"),
    [
        ("HTTP/1.1", "", True),
        ("HTTP/1.1", "Connection: close\r\n", False),
        ("HTTP/1.0", "", False),
        ("HTTP/1.0", "Connection: Keep-Alive\r\n", True),
    ],
)
def test_a_reply_says_whether_the_connection_lives_on(
    version: str, connection: str, keep: bool
) -> None:
    """HTTP/1.1 keeps a connection unless it says otherwise, HTTP/1.0 closes it unless it does."""
    reply = parse_reply(f"{version} 200 OK\r\n{connection}Content-Length: 0\r\n\r\n".encode())
    assert reply == Reply(200, b"", keep)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 what\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nno length",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
)
def test_what_is_no_reply_is_refused(data: bytes) -> None:
    """What is not HTTP, has no length or more than its length, is broken and not waited for."""
    with pytest.raises(BrokenReply):
        parse_reply(data)
