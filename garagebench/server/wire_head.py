"""The head of a request, read once by httptools and then known by heart.

What a head means depends on its bytes alone, and a client on a kept connection sends the same ones again and again. So
the protocol looks a head up, and asks httptools only about those that it has not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import httptools

from garagebench.server import problems
from garagebench.server.limits import Limits
from garagebench.server.openapi import TIMING_HEADER
from garagebench.server.service import POSTS, Reply, Service, find_path, find_refusal

CHUNKED = -1

#: Heads that are remembered, and how long one may be: 9 MiB at most, however inventive the clients are.
KNOWN_HEADS = 4096
KNOWN_BYTES = 1024


class Head:
    """What follows from a head.

    plain: a request to park or unpark that needs nothing but its body of `length` and `handle`. Of such a head, `text`
    is what it was read from, and a request with it is `whole` bytes long, of which the body begins at `start`.
    length: of the body in bytes, or CHUNKED. last_word: makes the reply where the connection ends without the body being
    read. connection: what the header of that name says in the reply, or "" for none.
    """

    __slots__ = (
        "connection",
        "content_type",
        "expects",
        "handle",
        "last_word",
        "length",
        "method",
        "parks",
        "path",
        "plain",
        "start",
        "text",
        "timing",
        "whole",
    )

    def __init__(self) -> None:
        self.plain = False
        self.text = b""
        self.start = 0
        self.whole = -1  # no request is as long
        self.parks = False
        self.length = 0
        self.handle: Callable[[bytes], bytes] = bytes  # of plain heads only
        self.last_word: Callable[[], Reply] | None = None
        self.expects = False
        self.timing = False
        self.method = self.path = ""
        self.content_type: str | None = None
        self.connection = ""

    def end_with(self, last_word: Callable[[], Reply]) -> Head:
        """Return the same head, now of a connection that ends with that reply. Never of one that is known by heart."""
        self.last_word = last_word
        self.connection = "close"
        return self


#: Stands for a head that is not known.
UNKNOWN = Head()


class _Parsed:
    """Collects what httptools calls back with."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.repeated: set[bytes] = set()
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in self.headers:
            self.repeated.add(name)
            value = self.headers[name] + b", " + value
        self.headers[name] = value

    def on_headers_complete(self) -> None:
        self.complete = True


def read_head(data: bytes, service: Service, limits: Limits, *, is_last: bool) -> Head:
    """Return what follows from the bytes of a head, up to and with the empty line. is_last: end the connection then."""
    if len(data) > limits.header_bytes:
        return too_large(service, limits)
    parsed = _Parsed()
    parser = httptools.HttpRequestParser(parsed)
    try:
        parser.feed_data(data[:-1])
        early = parsed.complete
        with suppress(httptools.HttpParserUpgrade):  # an offer, which we do not take
            parser.feed_data(data[-1:])
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        return malformed(service, str(error) or type(error).__name__)
    # Where httptools and we do not see the same end, a body could pass as a request.
    if early or not parsed.complete:
        return malformed(service, "the headers do not end with one empty line")
    objection = _object_to(data, parsed)
    if objection:
        return malformed(service, objection)
    head = _interpret(parser, parsed, is_last=is_last)
    if head.length > limits.body_bytes:
        return body_too_large(service, limits, head.method)
    return _route(head, service, data)


def too_large(service: Service, limits: Limits) -> Head:
    """Return the head that stands for one over its limit."""
    detail = f"of the headers at most {limits.header_bytes} bytes are read"
    return Head().end_with(lambda: service.problem(problems.HEADERS_TOO_LARGE, detail))


def body_too_large(service: Service, limits: Limits, method: str) -> Head:
    """Return the head that stands for one whose body is over its limit."""
    head = Head().end_with(lambda: service.too_large(limits.body_bytes))
    head.method = method
    return head


def malformed(service: Service, detail: str) -> Head:
    """Return the head that stands for what cannot be read."""
    return Head().end_with(lambda: service.problem(problems.MALFORMED, detail))


def _object_to(data: bytes, parsed: _Parsed) -> str:
    """Return what is wrong with a head that httptools lets pass, or an empty text."""
    line, _, _ = data.lstrip(b"\r\n").partition(b"\r\n")
    is_old = line.endswith(b" HTTP/1.0")
    if not (is_old or line.endswith(b" HTTP/1.1")):  # it takes HTTP/0.9, HTTP/2.0 and RTSP/1.0
        return "only HTTP/1.1 and HTTP/1.0 are spoken here"
    if b"transfer-encoding" in parsed.headers:
        if parsed.headers[b"transfer-encoding"].lower() != b"chunked":
            return "Transfer-Encoding must be chunked, and once"
        if is_old:
            return "HTTP/1.0 has no Transfer-Encoding"
    if b"host" in parsed.repeated or not (is_old or b"host" in parsed.headers):
        return "HTTP/1.1 wants one Host"
    return ""


def _interpret(parser: httptools.HttpRequestParser, parsed: _Parsed, *, is_last: bool) -> Head:
    headers = parsed.headers
    head = Head()
    head.method = parser.get_method().decode("latin-1")
    head.path = find_path(parsed.url.decode("latin-1"))
    chunked = b"transfer-encoding" in headers
    head.length = CHUNKED if chunked else int(headers.get(b"content-length", b"0"))
    content_type = headers.get(b"content-type")
    head.content_type = None if content_type is None else content_type.decode("latin-1")
    head.expects = b"100-continue" in _split_list(headers.get(b"expect", b""))
    head.timing = TIMING_HEADER.lower().encode() in headers
    is_old = parser.get_http_version() == "1.0"
    # Not `should_keep_alive`: of "x, close" it sees the first word only.
    words = _split_list(headers.get(b"connection", b""))
    if is_last or b"close" in words or (is_old and b"keep-alive" not in words):
        head.connection = "close"
    elif is_old:
        head.connection = "keep-alive"
    return head


def _split_list(value: bytes) -> list[bytes]:
    return [word.strip() for word in value.lower().split(b",")]


def _route(head: Head, service: Service, text: bytes) -> Head:
    """Add what the service has for the head."""
    if find_refusal(head.method, head.path, head.content_type):
        if head.expects:  # who waits to be told to send the body will not
            return head.end_with(
                lambda: service.answer(head.method, head.path, head.content_type, b"")
            )
        return head
    head.parks = head.path == "/park"
    head.handle = service.park if head.parks else service.unpark
    simple = not (head.timing or head.connection or head.expects or head.length == CHUNKED)
    if simple and head.path in POSTS:
        head.plain = True
        head.text = text
        head.start = len(text)
        head.whole = head.start + head.length
    return head
