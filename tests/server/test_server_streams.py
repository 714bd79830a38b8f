"""Mutated streams of bytes, in short; the reading and the judge that `benchmarks/http/streams.py` goes by."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import FIRST, PARK, ROOT, each_server, make_post

sys.path.insert(0, str(ROOT / "benchmarks" / "http"))

import judge
import mutations
import reading
import streams

GET = b"GET /healthz HTTP/1.1\r\nHost: garage\r\n\r\n"
CHUNKED = make_post("/park", b"", "Transfer-Encoding: chunked").replace(
    b"Content-Length: 0\r\n", b""
)
PROBLEM = b'{"status":400}'


@pytest.mark.parametrize("name", each_server("tornado", "wire"))
def test_mutated_streams(name: str) -> None:
    """400 streams leave the server alive, no request smuggled, no space lost, no connection and no memory kept."""
    result = streams.attack(name, seed=1, streams=400)
    assert result["faults"] == []
    assert result["level"]
    assert result["told"]["parked"] > 100


def test_a_stream_follows_from_its_number() -> None:
    """The same seed and number give the same bytes, and others give others."""
    assert mutations.make_stream(1, 7) == mutations.make_stream(1, 7)
    assert len({mutations.make_stream(seed, 7).data for seed in range(20)}) == 20


def test_streams_of_every_kind_are_drawn() -> None:
    """In a thousand streams there are all mutations, all endings, single pieces and single bytes."""
    drawn = [mutations.make_stream(1, number) for number in range(1000)]
    assert {stream.mutation for stream in drawn} == set(mutations.MUTATIONS)
    assert {stream.ending for stream in drawn} == {"stay", "half", "reset", "wait"}
    assert any(len(stream.pieces) == 1 for stream in drawn)
    assert any(len(stream.pieces) == len(stream.data) > 20 for stream in drawn)


@pytest.mark.parametrize(
    ("data", "operations", "end", "sure"),
    [
        (GET * 2, ["other", "other"], "clean", True),
        (make_post("/park", PARK) + GET[:-2], ["park"], "incomplete", True),
        (make_post("/unpark", FIRST, "Connection: close") + GET, ["unpark"], "closed", True),
        (make_post("/unpark", FIRST, "Connection: x, Close") + GET, ["unpark"], "closed", True),
        (GET.replace(b"1.1", b"1.0") + GET, ["other"], "closed", True),
        (CHUNKED + b"13\r\n" + PARK + b"\r\n0\r\n\r\n" + GET, ["park", "other"], "clean", True),
        (CHUNKED + b"13;x\r\n" + PARK + b"\r\n0\r\nX: y\r\n\r\n", ["park"], "clean", False),
        (CHUNKED + b"13\r\n" + PARK + b"0\r\n\r\n", [], "malformed", True),
        (CHUNKED + b"g\r\n\r\n", [], "malformed", False),
        (make_post("/park", PARK, "Content-Length: 5") + GET, [], "malformed", True),
        (make_post("/park", PARK, "Content-Length: 19") + GET, ["park", "other"], "clean", False),
        (make_post("/park", PARK, "Transfer-Encoding: chunked"), [], "malformed", True),
        (GET.replace(b"Host: garage\r\n", b""), [], "malformed", True),
        (GET.replace(b"Host", b"Host: a\r\nHost"), [], "malformed", True),
        (GET.replace(b"Host:", b"Host :"), [], "malformed", True),
        (GET.replace(b"HTTP/1.1", b"HTTP/2.0"), [], "malformed", True),
        (GET.replace(b"\r\n", b"\n"), ["other"], "clean", False),
        (GET.replace(b"garage", b"garage\r\n b"), ["other"], "clean", False),
        (b"\r\n" + GET, ["other"], "clean", False),
        (b"GET /" + b"x" * 9000, [], "malformed", True),
        (make_post("/park", PARK.ljust(5000)) + GET, ["park", "other"], "clean", False),
        (b"", [], "clean", True),
    ],
)
def test_the_reading(data: bytes, operations: list[str], end: str, sure: bool) -> None:
    """The reading finds the requests up to what must be refused, and says where a server need not follow."""
    read = reading.read_stream(data)
    assert ([item.operation for item in read.items], read.end, read.sure) == (operations, end, sure)


@given(st.lists(st.integers(0, 10_000)))
def test_a_stream_is_the_sum_of_its_pieces(numbers: Sequence[int]) -> None:
    """However whole requests follow each other, the reading finds as many."""
    requests = [mutations.make_request(mutations.Random(number)) for number in numbers]
    read = reading.read_stream(b"".join(requests))
    assert (len(read.items), read.end, read.owed) == (len(numbers), "clean", len(numbers))


def answer(status: int, body: bytes, length: int | None = None) -> bytes:
    """A reply as bytes."""
    length = len(body) if length is None else length
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, length, body)


def find_faults(stream: bytes, data: bytes, *, closed: bool = True) -> list[str]:
    """What the judge finds."""
    read = reading.read_stream(stream)
    answers = judge.Answers(*judge.split_replies(data, read.items), closed)
    return list(judge.find_faults(read, answers, waits=False, stays=True))


PARKED = answer(200, FIRST)
OK = answer(200, b'{"status":"ok"}')
BARE = b"HTTP/1.1 400 Bad Request\r\n\r\n"


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (make_post("/park", PARK) + GET, PARKED + OK),
        (make_post("/park", PARK), answer(409, b'{"status":409}')),
        (make_post("/park", PARK, "Content-Length: 5") + GET, answer(400, PROBLEM)),
        (make_post("/park", PARK, "Content-Length: 5"), BARE),
        (make_post("/park", PARK, "Content-Length: 5"), b""),
        (GET.replace(b"GET", b"HEAD") + GET, answer(200, b"", 15) + OK),
        (make_post("/park", PARK, "Expect: 100-continue"), b"HTTP/1.1 100 X\r\n\r\n" + PARKED),
    ],
)
def test_right_replies(stream: bytes, data: bytes) -> None:
    """Replies to the requests in their order, and one refusal at what cannot be read, are right."""
    assert find_faults(stream, data) == []


@pytest.mark.parametrize(
    ("stream", "data", "fault"),
    [
        (GET, OK * 2, "reply 1 is to no request"),
        (GET, answer(500, PROBLEM), "reply 0 has status 500"),
        (GET, b"", "0 replies, 1 owed"),
        (GET, OK[:-1], "reply 0 is not whole"),
        (GET, PARKED, "request 0 is other, and the reply that of park"),
        (GET, answer(404, PROBLEM), "reply 0 is no problem document"),
        (make_post("/park", b"{"), OK, "request 0 cannot succeed and got 200"),
        (make_post("/park", PARK, "Content-Length: 5"), OK, "cannot be read was answered with 200"),
        (make_post("/park", PARK, "Content-Length: 5"), BARE + OK, "reply 0 is no problem"),
        (make_post("/park", PARK, "Connection: close") + GET, PARKED + OK, "reply 1 is to no"),
        (GET, b"HTTP/1.1 100 X\r\n\r\n" * 2 + OK, "2 times 100 Continue"),
    ],
)
def test_wrong_replies(stream: bytes, data: bytes, fault: str) -> None:
    """A reply too many, to another request, without its rest, with a server error, or none, is a fault."""
    assert [found for found in find_faults(stream, data) if fault in found]


def test_a_connection_left_open() -> None:
    """After what must be refused the server must close."""
    conflict = make_post("/park", PARK, "Content-Length: 5")
    assert find_faults(conflict, BARE, closed=False) == ["the connection was not closed"]


@pytest.mark.parametrize("data", [b"HTTP/2 200\r\n\r\n", b"noise", b"HTTP/1.1 200 OK\r\nx\r\n\r\n"])
def test_what_is_no_reply(data: bytes) -> None:
    """What is not HTTP is not read as a reply."""
    with pytest.raises(judge.Unreadable):
        judge.split_replies(data, ())


def test_books_that_do_not_balance() -> None:
    """A space that is taken and was told to nobody is a fault, and so is one that is held and not taken."""
    run = streams.Run(None, 1)  # type: ignore[arg-type]
    run.ledger.note("park", FIRST)
    taken = {"small": 1, "large": 0, "away": 0}
    books = {"parked": 1, "unparked": 0, "given back": 0, "taken": 1}
    assert list(streams.find_imbalance(run, taken, books)) == []
    assert list(streams.find_imbalance(run, {**taken, "small": 2}, {**books, "taken": 2}))
    run.ledger.note("unpark", b'{"kind":"small"}')
    assert list(streams.find_imbalance(run, taken, {**books, "unparked": 1}))
