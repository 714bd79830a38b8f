"""How bodies in chunks are read: in any pieces, up to their limits, and nothing that is not plainly one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import PARK, cut

from garagebench.server.chunks import ENCODED_BYTES, ChunkReader, Malformed, TooLarge

LIMIT = 100
GET = b"GET /garage HTTP/1.1\r\nHost: garage\r\n\r\n"


def read_chunks(data: bytes, places: Sequence[int] = ()) -> tuple[bytes, int | None]:
    """Read a body, whose beginning comes first and whose pieces come after; the body and where it ended."""
    reader = ChunkReader(LIMIT)
    came = b"head"
    end = None
    for piece in cut(data, places):
        assert end is None
        came += piece
        end = reader.read(came, 4)
    return reader.body, None if end is None else end - 4


def make_chunks(parts: Sequence[bytes]) -> bytes:
    """The parts as chunks, with the last one."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part) + b"0\r\n\r\n"


PARTS = st.lists(st.binary(max_size=40), max_size=8).filter(
    lambda parts: sum(map(len, parts)) <= LIMIT
)


@given(PARTS, st.lists(st.integers(0, 400)))
def test_chunks_in_any_pieces(parts: Sequence[bytes], places: Sequence[int]) -> None:
    """However a body in chunks is cut, it is the same body, and ends where it does."""
    data = make_chunks(parts)
    assert read_chunks(data, places) == (b"".join(parts), len(data))


@given(PARTS, st.integers(1, 400))
def test_chunks_that_have_not_all_come(parts: Sequence[bytes], missing: int) -> None:
    """A body that stops anywhere is waited for."""
    data = make_chunks(parts)
    assert read_chunks(data[: max(len(data) - missing, 1)])[1] is None


def test_behind_the_chunks() -> None:
    """What follows the body is left alone."""
    data = make_chunks([PARK])
    assert read_chunks(data + GET) == (PARK, len(data))


@pytest.mark.parametrize("sizes", [[LIMIT], [LIMIT - 1, 1], [1] * LIMIT])
def test_chunks_at_the_limit(sizes: Sequence[int]) -> None:
    """A body of the limit is read, in however many chunks, and one byte more is too large, before it has come."""
    chunks = [b"%x\r\n%s\r\n" % (size, b"x" * size) for size in sizes]
    assert read_chunks(b"".join(chunks) + b"0\r\n\r\n")[0] == b"x" * LIMIT
    with pytest.raises(TooLarge):
        read_chunks(b"".join(chunks) + b"1\r\n")
    with pytest.raises(TooLarge):
        read_chunks(b"".join(chunks[:-1]) + b"%x\r\n" % (sizes[-1] + 1))


@pytest.mark.parametrize("around", ["extensions", "trailers", "no end"])
def test_what_is_around_chunks_has_a_limit(around: str) -> None:
    """Extensions and trailers are read up to a limit, and what has no line end likewise."""
    unit, rest = {
        "extensions": (b"1;" + b"e" * 252 + b"\r\nx\r\n", b""),
        "trailers": (b"X: " + b"y" * 251 + b"\r\n", b"0\r\n"),
        "no end": (b"0" * 16, b""),
    }[around]
    most = (ENCODED_BYTES - len(rest)) // len(unit)
    if around != "extensions":
        assert read_chunks(rest + unit * most)[1] is None
    with pytest.raises(TooLarge):
        read_chunks(rest + unit * (most + 2))


@pytest.mark.parametrize(
    "size",
    [
        *(b"", b"g", b"-1", b"+1", b"0x1", b" 1", b"1 ", b"1 x", b"1\n", b"1\r", b"1_0", b"1;\x00"),
        *(b"0" * 16 + b"1", b"1;" + b"e" * 257, b"\xb2", b";1"),
    ],
)
def test_sizes_that_are_none(size: bytes) -> None:
    """What is no hexadecimal number, with or without an extension, is refused."""
    with pytest.raises(Malformed):
        read_chunks(size + b"\r\nx\r\n0\r\n\r\n")


@pytest.mark.parametrize("size", [b"1", b"0" * 15 + b"1", b"1;", b"1 ;a=b", b"1\t;" + b"e" * 256])
def test_sizes(size: bytes) -> None:
    """A size may have zeros before it, and an extension behind it."""
    assert read_chunks(size + b"\r\nx\r\n0\r\n\r\n")[0] == b"x"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"xx", b"\n\r", b"\r\r\n"])
def test_chunks_that_do_not_end(end: bytes) -> None:
    """A chunk that is longer or shorter than its size is refused."""
    with pytest.raises(Malformed):
        read_chunks(b"1\r\nx" + end + b"0\r\n\r\n")


@pytest.mark.parametrize(
    "line", [b"x", b" X: y", b"X : y", b": y", b"X: \x00", b"X: y\nZ", GET.partition(b"\r")[0]]
)
def test_trailers_that_are_none(line: bytes) -> None:
    """A line behind the last chunk that is no header is refused: it may be the next request."""
    with pytest.raises(Malformed):
        read_chunks(b"0\r\n" + line + b"\r\n\r\n")


def test_trailers() -> None:
    """Headers behind the last chunk are read and thrown away."""
    data = b"1\r\nx\r\n0\r\nX: y\r\nZ:\r\n\r\n"
    assert read_chunks(data) == (b"x", len(data))
