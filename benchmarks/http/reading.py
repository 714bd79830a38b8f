"""A reading of HTTP/1.1 that is obviously right: what a server may make of a stream of bytes, by RFC 9112.

It reads the whole stream at once and knows nothing of any server. Where the RFC leaves a choice, between refusing and
making the best of it, the reading goes on with the best, and says that from here on a server need not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

#: The limits of `garagebench serve`.
HEAD_BYTES, BODY_BYTES, DISCARD_BYTES = 8192, 4096, 65_536

#: Servers count the end of the headers differently.
HEAD_MARGIN = 16

KNOWN_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
GETS = ("/garage", "/healthz", "/readyz", "/metrics", "/openapi.json")

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LINE = re.compile(rb"(" + _TOKEN + rb") ([!-~\x80-\xff]+) HTTP/(\d\.\d)")
_LOOSE_LINE = re.compile(
    rb"[ \t\v\f\r]*(" + _TOKEN + rb")[ \t\v\f\r]+(\S+)[ \t\v\f\r]+HTTP/(\d\.\d)[ \t\v\f\r]*"
)
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*(.*?)[ \t]*", re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_HOST = re.compile(rb"[0-9A-Za-z.:\[\]_-]*")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,16})")
_LOOSE_CHUNK = re.compile(rb"(0*[0-9a-fA-F]{1,15})[ \t]*(?:;[^\x00\r\n]*)?")


class Item(NamedTuple):
    """One request. sure: it must be answered. may_succeed: 2xx is possible. expects: 100 Continue may come before."""

    operation: str
    method: str
    sure: bool
    may_succeed: bool
    expects: bool


class Reading(NamedTuple):
    """The requests of a stream, and how it ends.

    end: `clean` between two requests; `incomplete` within one; `closed` after one that ends the connection; `malformed`
    with what must be refused, so that nothing after it is a request. sure: that this end must be seen so.
    """

    items: tuple[Item, ...]
    end: str
    sure: bool

    @property
    def owed(self) -> int:
        """How many requests must be answered."""
        return sum(item.sure for item in self.items)


class Malformed(Exception):
    """What must be refused."""


class Incomplete(Exception):
    """What has not come to its end."""


class _Head(NamedTuple):
    method: str
    target: str
    version: str
    fields: Mapping[bytes, list[bytes]]

    def one(self, name: bytes) -> bytes:
        return b", ".join(self.fields.get(name, []))


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._sure = True

    def read(self) -> Reading:
        items: list[Item] = []
        end = "clean"
        try:
            while self._skip_empty_lines():
                item, is_last = self._read_request()
                items.append(item)
                if is_last:
                    end = "closed"
                    break
        except Malformed:
            end = "malformed"
        except Incomplete:
            end = "incomplete"
        return Reading(tuple(items), end, self._sure)

    def _allow(self, condition: object) -> None:
        """A server may refuse where this holds."""
        if condition:
            self._sure = False

    def _skip_empty_lines(self) -> bool:
        begin = self._position
        while self._data[self._position : self._position + 1] in (b"\r", b"\n"):
            self._position += 1
        if begin != self._position:
            self._sure = False
            if self._position == len(self._data):
                raise Incomplete
        return self._position < len(self._data)

    def _read_request(self) -> tuple[Item, bool]:
        head = self._read_head()
        chunked, length = self._find_length(head)
        body = self._read_chunks() if chunked else self._take(length)
        item = self._make_item(head, body)
        # These are answered in any case, but the connection may end then.
        self._allow(len(body) > BODY_BYTES or head.method not in KNOWN_METHODS or item.expects)
        connection = re.split(rb"[ \t]*,[ \t]*", head.one(b"connection").lower())
        is_last = b"close" in connection or (
            head.version == "1.0" and b"keep-alive" not in connection
        )
        self._allow(head.version == "1.0" and not is_last)
        return item, is_last

    def _make_item(self, head: _Head, body: bytes) -> Item:
        path = re.sub(r"(?i)^https?://[^/?]*", "", head.target).partition("?")[0]
        operation = path[1:] if path in ("/park", "/unpark") and head.method == "POST" else "other"
        if operation == "other":
            may_succeed = path in GETS and head.method in ("GET", "HEAD")
        else:
            may_succeed = _is_json(body)
        expects = b"expect" in head.fields
        return Item(operation, head.method, self._sure, may_succeed, expects)

    def _read_head(self) -> _Head:
        begin = self._position
        lines = []
        while line := self._read_line(begin):
            lines.append(line)
        size = self._position - begin
        if size > HEAD_BYTES + HEAD_MARGIN:
            raise Malformed
        self._allow(size > HEAD_BYTES - HEAD_MARGIN)
        method, target, version = self._read_request_line(lines[0])
        head = _Head(method, target, version, self._read_fields(lines[1:]))
        hosts = head.fields.get(b"host", [])
        if version == "1.1" and len(hosts) != 1:
            raise Malformed
        self._allow(len(hosts) > 1 or any(not _HOST.fullmatch(host) for host in hosts))
        return head

    def _read_line(self, begin: int) -> bytes:
        end = self._data.find(b"\n", self._position)
        if end < 0:
            if len(self._data) - begin > HEAD_BYTES + HEAD_MARGIN:
                raise Malformed
            raise Incomplete
        line = self._data[self._position : end]
        self._position = end + 1
        self._allow(not line.endswith(b"\r"))
        return line.removesuffix(b"\r")

    def _read_request_line(self, line: bytes) -> tuple[str, str, str]:
        match = _LINE.fullmatch(line)
        if match is None:
            self._sure = False
            match = _LOOSE_LINE.fullmatch(line)
        if match is None or not match[3].startswith(b"1."):
            raise Malformed
        method, target, version = (part.decode("latin-1") for part in match.groups())
        self._allow(version not in ("1.0", "1.1") or not target.startswith("/"))
        self._allow(not target.isascii() or "#" in target)
        return method, target, version

    def _read_fields(self, lines: list[bytes]) -> dict[bytes, list[bytes]]:
        fields: dict[bytes, list[bytes]] = {}
        last: list[bytes] = [b""]
        for line in lines:
            self._allow(_CONTROL.search(line))
            if line[:1] in (b" ", b"\t"):
                self._sure = False
                last[-1] = (last[-1] + b" " + line.strip(b" \t")).strip()
                continue
            match = _FIELD.fullmatch(line)
            if match is None:
                raise Malformed
            # A blank behind the name of the coding is allowed, but httptools does not take it.
            self._allow(match[1].lower() == b"transfer-encoding" and line[-1:] in b" \t")
            last = fields.setdefault(match[1].lower(), [])
            last.append(match[2])
        return fields

    def _find_length(self, head: _Head) -> tuple[bool, int]:
        """Return whether the body is chunked, and its length."""
        codings, lengths = (
            head.fields.get(name, []) for name in (b"transfer-encoding", b"content-length")
        )
        if codings:
            if lengths or len(codings) > 1 or codings[0].lower() != b"chunked":
                raise Malformed
            if head.version == "1.0":
                raise Malformed
            return True, 0
        values = [value.strip(b" \t") for text in lengths for value in text.split(b",")]
        if any(not re.fullmatch(rb"[0-9]+", value) for value in values) or len(set(values)) > 1:
            raise Malformed
        self._allow(len(values) > 1 or any(len(value) > 15 for value in values))
        length = int(values[0]) if values else 0
        if length > DISCARD_BYTES:
            raise Malformed
        return False, length

    def _take(self, length: int) -> bytes:
        body = self._data[self._position : self._position + length]
        if len(body) < length:
            raise Incomplete
        self._position += length
        return body

    def _read_chunks(self) -> bytes:
        body = b""
        while length := self._read_chunk_size():
            if len(body) + length > DISCARD_BYTES:
                raise Malformed
            body += self._take(length)
            if self._take(2) != b"\r\n":
                raise Malformed
        trailers = []
        begin = self._position
        while line := self._read_line(begin):
            self._sure = False
            trailers.append(line)
        self._read_fields(trailers)
        return body

    def _read_chunk_size(self) -> int:
        end = self._data.find(b"\r\n", self._position)
        if end < 0:
            if b"\n" in self._data[self._position :]:
                self._sure = False
            raise Incomplete
        line = self._data[self._position : end]
        self._position = end + 2
        match = _CHUNK.fullmatch(line)
        if match is None:
            self._sure = False
            match = _LOOSE_CHUNK.fullmatch(line)
        if match is None:
            raise Malformed
        return int(match[1], 16)


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body.decode()), dict)
    except (ValueError, RecursionError):
        return False


def read_stream(data: bytes) -> Reading:
    """Return what a server may make of all that a client sends on one connection."""
    return _Reader(data).read()
