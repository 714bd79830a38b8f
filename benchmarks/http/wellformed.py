"""Requests with nothing wrong, and the garage that they are for."""

from __future__ import annotations

import random

#: A floor for each kind. Vehicles of the kind `away` are those of clients of which nobody will know what they were told.
LAYOUT = """
name = "streams"
[vehicles]
small = [["small"], ["large"]]
large = [["large"]]
away = [["away"]]
[[floors]]
rows = [{ kind = "small", spaces = 10, repeat = 4 }]
[[floors]]
rows = [{ kind = "large", spaces = 10, repeat = 4 }]
[[floors]]
rows = [{ kind = "away", spaces = 10, repeat = 4 }]
"""
KINDS = ("small", "large", "away")


class Random(random.Random):
    """Draws what a stream is made of. is_away: it keeps to the spaces of the kind `away`."""

    is_away = False


def make_post(path: str, body: bytes, *fields: str, length: bool = True) -> bytes:
    """Return a request with a body."""
    lines = [f"POST {path} HTTP/1.1", "Host: garage", "Content-Type: application/json"]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, *fields]).encode() + b"\r\n\r\n" + body


def make_body(draw: Random) -> tuple[str, bytes]:
    """Return a path and a body that it takes."""
    number = 2 if draw.is_away else draw.randrange(2)
    if draw.random() < 0.5:
        return "/park", b'{"vehicle":"%s"}' % KINDS[number].encode()
    place = (number + 1, draw.randint(1, 4), draw.randint(1, 10))
    return "/unpark", b'{"floor":%d,"row":%d,"space":%d}' % place


def make_get(draw: Random, *fields: str) -> bytes:
    """Return a request without a body."""
    method = draw.choice(("GET", "GET", "GET", "HEAD", "OPTIONS", "DELETE"))
    path = draw.choice(("/garage", "/healthz", "/readyz?a=b", "/park", "/nosuch", "/metrics"))
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: garage", *fields, "", ""]).encode()


def make_chunked(draw: Random, body: bytes) -> bytes:
    """Return the body in chunks."""
    parts = cut(draw, body, draw.randint(0, 4))
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part]
    return b"".join(chunks) + b"0\r\n\r\n"


def make_request(draw: Random) -> bytes:
    """Return a request with nothing wrong."""
    kind = draw.randrange(10)
    if kind < 2:
        return make_get(draw)
    path, body = make_body(draw)
    if kind == 2:
        chunked = make_chunked(draw, body)
        return make_post(path, b"", "Transfer-Encoding: chunked", length=False) + chunked
    if kind == 3:
        return make_post(path, draw.choice((b"{", b"", b"[]", b'{"vehicle":1}', body[:-1])))
    fields = {4: ("X-Server-Timing: 1",), 5: ("Connection: keep-alive",)}.get(kind, ())
    return make_post(path, body, *fields)


def cut(draw: Random, data: bytes, times: int) -> list[bytes]:
    """Cut at random places; a piece may be empty."""
    places = sorted(draw.randint(0, len(data)) for _ in range(times))
    return [data[begin:end] for begin, end in zip([0, *places], [*places, len(data)], strict=True)]
