"""HTTP replies, as bytes. Pure: no socket here."""

from __future__ import annotations

import functools
from typing import NamedTuple

from garagebench.errors import GarageError

#: Beyond this, what comes is no head of a reply.
HEAD_BYTES = 65_536


class BrokenReply(GarageError, ValueError):
    """What came is not an HTTP reply, or one of a form that is not understood here."""


class Reply(NamedTuple):
    """A whole reply. keep: the connection may be used again."""

    status: int
    body: bytes
    keep: bool


class Head(NamedTuple):
    """What the head of a reply says. length: of the body; None where it comes in chunks."""

    status: int
    length: int | None
    keep: bool


def parse_reply(data: bytes) -> Reply | None:
    """Return the reply that these bytes are; None while some of it is missing. Raises BrokenReply."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) > HEAD_BYTES or not data.startswith(b"HTTP/1."[: len(data)]):
            raise BrokenReply("it does not begin like a reply")
        return None
    status, length, keep = parse_head(data[:end])
    begin = end + 4
    if length is None:
        body = join_chunks(data, begin)
        return None if body is None else Reply(status, body, keep)
    if len(data) < begin + length:
        return None
    if len(data) > begin + length:
        raise BrokenReply("there are bytes after its end")
    return Reply(status, data[begin:], keep)


@functools.lru_cache(
    maxsize=256
)  # a server says the same all the time: its clock ticks by the second
def parse_head(head: bytes) -> Head:
    """Return what the head says. Raises BrokenReply."""
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise BrokenReply("it does not begin like a reply")
    status = int(rest[:3])
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip().lower()
    connection = fields.get("connection", "")
    keep = connection != "close" and (version != "HTTP/1.0" or connection == "keep-alive")
    if fields.get("transfer-encoding") == "chunked":
        return Head(status, None, keep)
    if status in (204, 304):
        return Head(status, 0, keep)
    length = fields.get("content-length", "")
    if not length.isdecimal():
        raise BrokenReply("it says neither how long it is nor that it comes in chunks")
    return Head(status, int(length), keep)


def join_chunks(data: bytes, begin: int) -> bytes | None:
    """Return the body that comes in chunks from there on; None while some of it is missing. Raises BrokenReply."""
    pieces: list[bytes] = []
    while True:
        end = data.find(b"\r\n", begin)
        if end < 0:
            return None
        try:
            size = int(data[begin:end].partition(b";")[0], 16)
        except ValueError:
            raise BrokenReply("a chunk does not begin with its size") from None
        begin = end + 2
        if size == 0:
            return b"".join(pieces) if data.endswith(b"\r\n\r\n") else None
        if len(data) < begin + size + 2:
            return None
        pieces.append(data[begin : begin + size])
        begin += size + 2
