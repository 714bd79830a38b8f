"""Streams of bytes as clients send them that are broken, hostile or merely odd; each follows from a seed and its number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from oddities import (
    CODINGS,
    CONNECTIONS,
    HOSTS,
    LENGTHS,
    METHODS,
    SIZES,
    TARGETS,
    VERSIONS,
)
from wellformed import Random, cut, make_body, make_chunked, make_post, make_request

#: What becomes of the connection when all has been sent. `stay`: the client waits for what it is owed, and then for the
#: end. `half`: it says that no more comes, and reads. `reset`: it is gone. `wait`: it waits until the server gives up.
ENDINGS = {"stay": 88, "half": 8, "reset": 4}


class Stream(NamedTuple):
    """What one client sends. pieces: each in a write of its own."""

    number: int
    mutation: str
    pieces: tuple[bytes, ...]
    ending: str

    @property
    def data(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces)


def replace(data: bytes, old: bytes, new: bytes) -> bytes:
    """Replace the first occurrence."""
    return data.replace(old, new, 1)


def truncated(draw: Random) -> bytes:
    """A request that stops somewhere."""
    request = make_request(draw)
    return request[: draw.randrange(1, len(request))]


def large_head(draw: Random) -> bytes:
    """Headers over their limit, or just under it."""
    size = draw.choice((7000, 8000, 8300, 9000, 20_000, 70_000, 200_000))
    _, body = make_body(draw)
    many = "\r\n".join(f"X-{n}: {'y' * 90}" for n in range(size // 100))
    return draw.choice(
        (
            make_post("/park", body, "X: " + "x" * size),
            make_post("/park", body, many),
            make_post("/park?" + "q" * size, body),
            make_post("/park", body, "X" * size + ": x"),
            b"G" * size,
        )
    )


def large_body(draw: Random) -> bytes:
    """A body over its limit, or of it, whole or not."""
    path, body = make_body(draw)
    body = body.ljust(draw.choice((4095, 4096, 4097, 5000, 65_536, 65_537, 90_000)))
    if draw.random() < 0.5:
        size = draw.choice((1000, 4096, 100_000))
        chunks = [body[begin : begin + size] for begin in range(0, len(body), size)]
        text = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
        return make_post(path, b"", "Transfer-Encoding: chunked", length=False) + text
    request = make_post(path, body)
    return request if draw.random() < 0.7 else request[:-10]


def lengths(draw: Random) -> bytes:
    """Two ideas of where the body ends, or none that makes sense."""
    path, body = make_body(draw)
    if draw.random() < 0.5:
        text = draw.choice(LENGTHS)
        value = text % ((len(body),) * text.count("%"))
        return make_post(path, b"", f"Content-Length: {value}", length=False) + body
    text = draw.choice(CODINGS)
    value = text % ((len(body),) * text.count("%"))
    name = draw.choice(("Transfer-Encoding", "transfer-encoding", "Transfer-Encoding"))
    data = make_chunked(draw, body) if draw.random() < 0.8 else body
    return make_post(path, b"", f"{name}: {value}", length=False) + data


def chunks(draw: Random) -> bytes:
    """A chunked body with something wrong, or odd."""
    path, body = make_body(draw)
    head = make_post(path, b"", "Transfer-Encoding: chunked", length=False)
    size, data, last = b"%x" % len(body), body, b"0\r\n\r\n"
    end = b"\r\n"
    match draw.randrange(6):
        case 0 | 1:
            text = draw.choice(SIZES)
            size = (text % ((len(body),) * text.count("%"))).encode()
        case 2:
            data = draw.choice((body[:-1], body + b"x", b"", body + body))
        case 3:
            end = draw.choice((b"", b"\n", b"\r", b"xx", b"\r\r\n", b"\n\r"))
        case 4:
            last = draw.choice(
                (
                    b"",
                    b"0",
                    b"0\r\n",
                    b"0\n\n",
                    b"0\r\n\r",
                    b"00\r\n\r\n",
                    b"0;x\r\n\r\n",
                    b"0 \r\n\r\n",
                )
            )
        case _:
            field = draw.choice(
                (
                    b"X: y",
                    b"Content-Length: 5",
                    b"x",
                    b" fold",
                    b"X: \x00",
                    b"X : y",
                    b"X: y\n",
                    b"X" * 9000,
                )
            )
            last = b"0\r\n" + field + b"\r\n\r\n"
    return head + size + b"\r\n" + data + end + last


def control(draw: Random) -> bytes:
    """A character in the headers that has no business there."""
    request = make_request(draw)
    place = draw.randrange(request.find(b"\r\n\r\n") + 4)
    return request[:place] + bytes([draw.choice((*range(32), 127, 128, 255))]) + request[place:]


def line_ends(draw: Random) -> bytes:
    """Lines that end in other ways than CRLF."""
    head, _, body = make_request(draw).partition(b"\r\n\r\n")
    end = draw.choice((b"\n", b"\r", b"\r\r\n", b"\n\r", b"\n\n"))
    if draw.random() < 0.5:
        return head.replace(b"\r\n", end) + end * 2 + body
    lines = head.split(b"\r\n")
    ends = [draw.choice((b"\r\n", b"\r\n", end)) for _ in lines]
    return b"".join(line + last for line, last in zip(lines, ends, strict=True)) + b"\r\n" + body


def folded(draw: Random) -> bytes:
    """A header that goes on in the next line."""
    name = draw.choice((b"X: a", b"Content-Length:", b"Transfer-Encoding:", b"Host:", b"HTTP/1.1"))
    text = draw.choice((b"\r\n b", b"\r\n\tb", b"\r\n chunked", b"\r\n 5", b"\r\n \r\n", b"\n b"))
    request = make_post(*make_body(draw), "X: a")
    return replace(request, name, name + text)


def first_lines(draw: Random) -> bytes:
    """A bad method, version, target or host."""
    request = make_post(*make_body(draw))
    match draw.randrange(4):
        case 0:
            return replace(request, b"POST", draw.choice(METHODS).encode("latin-1"))
        case 1:
            return replace(request, b"HTTP/1.1", draw.choice(VERSIONS).encode())
        case 2:
            path = request.split(b" ")[1]
            return replace(request, path, draw.choice(TARGETS).encode("latin-1"))
        case _:
            return replace(request, b"Host: garage\r\n", draw.choice(HOSTS).encode())


def expecting(draw: Random) -> bytes:
    """A client that expects something before it sends the body, or does not send it."""
    path, body = make_body(draw)
    value = draw.choice(("100-continue", "100-Continue", "200-ok", "", "100-continue, x"))
    path = draw.choice((path, path, "/nosuch"))
    fields = (
        f"Expect: {value}",
        draw.choice(("X: y", "Connection: close", "Expect: 100-continue")),
    )
    request = make_post(path, body.ljust(draw.choice((0, 0, 5000))), *fields)
    return request if draw.random() < 0.7 else request[: request.find(b"\r\n\r\n") + 4]


def connections(draw: Random) -> bytes:
    """A header that says what becomes of the connection."""
    return make_post(*make_body(draw), f"Connection: {draw.choice(CONNECTIONS)}")


def flipped(draw: Random) -> bytes:
    """Bytes changed, lost, doubled and put in anywhere."""
    data = bytearray(make_request(draw))
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(data))
        match draw.randrange(4):
            case 0:
                data[place] ^= 1 << draw.randrange(8)
            case 1:
                del data[place : place + draw.randint(1, 5)]
            case 2:
                data[place:place] = data[place : place + draw.randint(1, 40)]
            case _:
                data[place:place] = draw.randbytes(draw.randint(1, 5))
        data = data or bytearray(b"x")
    return bytes(data)


def noise(draw: Random) -> bytes:
    """No HTTP at all."""
    hello = bytes.fromhex("16030100c8010000c40303") + draw.randbytes(100)
    return draw.choice((draw.randbytes(draw.randint(1, 300)), hello, b"\r\n" * draw.randint(1, 20)))


#: Name -> what makes the odd request, and how often it is drawn.
MUTATIONS: dict[str, tuple[Callable[[Random], bytes], int]] = {
    "whole": (make_request, 6),
    "truncated": (truncated, 8),
    "large_head": (large_head, 3),
    "large_body": (large_body, 3),
    "lengths": (lengths, 16),
    "chunks": (chunks, 16),
    "control": (control, 8),
    "line_ends": (line_ends, 6),
    "folded": (folded, 4),
    "first_lines": (first_lines, 10),
    "expecting": (expecting, 4),
    "connections": (connections, 4),
    "flipped": (flipped, 10),
    "noise": (noise, 2),
}
_NAMES = tuple(MUTATIONS)
_WEIGHTS = tuple(weight for _, weight in MUTATIONS.values())
_ENDINGS, _ENDING_WEIGHTS = tuple(ENDINGS), tuple(ENDINGS.values())

#: Of the streams that stop within a request, one in this many waits until the server gives it up.
WAITING = 100


def make_stream(seed: int, number: int) -> Stream:
    """Return a stream: requests with nothing wrong around an odd one, cut in some way."""
    draw = Random(f"{seed}/{number}")
    (name,) = draw.choices(_NAMES, _WEIGHTS)
    (ending,) = draw.choices(_ENDINGS, _ENDING_WEIGHTS)
    if ending == "reset":
        draw.is_away = True
        name = "whole" if name == "flipped" else name  # a flipped bit may be another floor
    before = [make_request(draw) for _ in range(draw.choice((0, 0, 1, 1, 2, 5)))]
    odd = MUTATIONS[name][0](draw)
    after = [make_request(draw) for _ in range(draw.choice((0, 1, 1, 2)))]
    if name == "truncated":
        after = []
    if ending == "stay" and draw.randrange(WAITING) == 0:
        ending = "wait"
    return Stream(number, name, tuple(_split(draw, (*before, odd, *after))), ending)


def _split(draw: Random, parts: Sequence[bytes]) -> list[bytes]:
    """Return all in one piece, a piece for each part, random pieces, or single bytes."""
    data = b"".join(parts)
    kind = draw.randrange(20)
    if kind < 12:  # pipelined
        return [data]
    if kind < 16:
        return [part for part in parts if part]
    if kind < 19 or len(data) > 1500:
        return [piece for piece in cut(draw, data, draw.randint(1, 8)) if piece]
    return [data[place : place + 1] for place in range(len(data))]
