"""A reply as the bytes of HTTP/1.1, for those who write to a connection themselves."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate
from http import HTTPStatus

from garagebench.server.service import JSON, Reply

#: Replies that are remembered until the date changes: of locations about 1 MiB.
KNOWN_REPLIES = 4096

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Replies(dict[bytes, bytes]):
    """JSON body -> the whole reply of 200; forgotten when the date changes."""

    def __init__(self) -> None:
        super().__init__()
        self._heads: dict[int, bytes] = {}
        self.date = formatdate(usegmt=True)

    def __missing__(self, body: bytes) -> bytes:
        head = self._heads.get(len(body)) or self._make_head(len(body))
        reply = head + body
        if len(self) < KNOWN_REPLIES:
            self[body] = reply
        return reply

    def refresh(self) -> None:
        """Take today's date and time."""
        self.date = formatdate(usegmt=True)
        self._heads.clear()
        self.clear()

    def _make_head(self, length: int) -> bytes:
        lines = f"HTTP/1.1 200 OK\r\nDate: {self.date}\r\nContent-Type: {JSON}\r\nContent-Length: {length}\r\n\r\n"
        self._heads[length] = lines.encode()
        return self._heads[length]


def render_reply(
    reply: Reply, connection: str = "close", *, head_only: bool = False, date: str | None = None
) -> bytes:
    """Return the whole reply. connection: what that header says, or "" for none."""
    lines = [
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        f"Date: {date or formatdate(usegmt=True)}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body)}",
        *_headers(reply.headers),
        *([f"Connection: {connection}"] if connection else []),
    ]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head if head_only else head + reply.body


def _headers(headers: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{name}: {value}" for name, value in headers]
