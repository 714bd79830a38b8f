"""The chunked transfer coding."""

from __future__ import annotations

import re

#: Encoded bytes that are looked at: a body of 4 KiB in chunks of one byte takes six times as much.
ENCODED_BYTES = 32_768

_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})(?:[ \t]*;[^\r\n\x00]{0,256})?\Z")


_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\x00]*\Z")


class Malformed(ValueError):
    """What came is no chunked body."""


class TooLarge(ValueError):
    """The body, or what it is wrapped in, is over its limit."""


class ChunkReader:
    """Reads one chunked body. Each call of `read` goes on where the last one ended, however small the pieces are."""

    def __init__(self, limit_bytes: int) -> None:
        self.body = b""
        self._limit_bytes = limit_bytes
        self._offset = 0
        self._in_trailers = False

    def read(self, data: bytes, start: int) -> int | None:
        """Return where the body ends that begins at `start`, or None where more must come.

        data: all that came since, and what came before in front. Raises Malformed, TooLarge.
        """
        while True:
            position = start + self._offset
            end = data.find(b"\r\n", position)
            if (len(data) if end < 0 else end) - start > ENCODED_BYTES:
                raise TooLarge
            if end < 0:
                return None
            line = data[position:end]
            if self._in_trailers:
                self._offset = end + 2 - start
                if not line:
                    return end + 2
                if not _TRAILER.match(line):
                    raise Malformed(f"no header behind the chunks: {line[:20]!r}")
            elif not self._read_chunk(data, line, end + 2, start):
                return None

    def _read_chunk(self, data: bytes, line: bytes, position: int, start: int) -> bool:
        """Read the chunk at `position`, whose size is in the line before; False where it is not whole."""
        match = _SIZE.match(line)
        if match is None:
            raise Malformed(f"no size of a chunk: {line[:20]!r}")
        length = int(match[1], 16)
        if len(self.body) + length > self._limit_bytes:
            raise TooLarge
        end = position + length
        if length == 0:
            self._in_trailers = True
            self._offset = position - start
            return True
        if len(data) < end + 2:
            return False
        if data[end : end + 2] != b"\r\n":
            raise Malformed("a chunk is longer than its size")
        self.body += data[position:end]
        self._offset = end + 2 - start
        return True
