"""The JSON of a file: plain or `.gz`, in any encoding that JSON has, with a byte order mark or without one."""

from __future__ import annotations

import codecs
import gzip
import json
import math
import zlib
from array import array
from pathlib import Path
from typing import Any

from garagebench.gate.formats.content import show
from garagebench.gate.samples import SamplesError

#: Bytes that are decoded at once.
CHUNK = 1 << 20

#: A byte order mark, escaped.
MARK = "\\ufeff"

#: Keys that no format reads, of objects that a file can have very many of: the runs of pyperf, statistics.
UNREAD = frozenset(
    ("warmups", "options", "extra_info", "iqr", "q1", "q3", "ld15iqr", "hd15iqr", "ops", "stddev")
)

#: The key that only runs of pyperf have.
VALUES = "values"

#: Digits beyond which an integer is no figure of a benchmark.
MOST_DIGITS = 400


def read_bytes(path: str | Path) -> bytes:
    """Return what the file holds, unpacked. Raises SamplesError."""
    name = show(str(path))
    try:
        content = Path(path).read_bytes()
        return gzip.decompress(content) if str(path).endswith(".gz") else content
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise SamplesError(f"{name}: damaged: it ends in .gz and cannot be unpacked") from None
    except OSError as error:
        raise SamplesError(f"{name}: cannot be read: {error.strerror or error}") from None


def read_document(path: str | Path, content: bytes) -> Any:
    """Return the JSON. Raises SamplesError."""
    name = show(str(path))
    if not content.strip():
        raise SamplesError(f"{name}: not JSON: it is empty")
    encoding = json.detect_encoding(content)
    try:
        text = _to_ascii(content, encoding)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise SamplesError(
            f"{name}: not JSON: it has the byte 0x{byte:02x}, which is not {encoding.upper()}: save the file as UTF-8"
        ) from None
    del content
    try:
        return json.loads(text.removeprefix(MARK), parse_int=_parse_int, object_hook=_slim)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SamplesError(f"{name}: not JSON: {error.msg.lower()} at {where}") from None
    except RecursionError:
        raise SamplesError(f"{name}: not JSON of a result: it is nested too deeply") from None


def _to_ascii(content: bytes, encoding: str) -> str:
    """Return the text with all else as escapes of JSON: one letter of another alphabet would make it four times as large."""
    decoder = codecs.getincrementaldecoder(encoding)()
    escaped = bytearray()
    for begin in range(0, len(content), CHUNK):
        chunk = content[begin : begin + CHUNK]
        is_last = begin + CHUNK >= len(content)
        escaped += decoder.decode(chunk, is_last).encode("ascii", "jsonescape")
    return escaped.decode("ascii")


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Escape what is not ASCII, for an encoder."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error("jsonescape", _escape)


def _parse_int(digits: str) -> int | float:
    return int(digits) if len(digits) <= MOST_DIGITS else math.inf


def _slim(found: dict[str, Any]) -> Any:
    """Return an object without what nobody reads, so that a large file does not take many times its size.

    Of a run of pyperf, its values alone.
    """
    values = found.get(VALUES)
    if isinstance(values, list) and all(type(value) is float for value in values):
        return array("d", values)
    if UNREAD.isdisjoint(found):
        return found
    return {key: value for key, value in found.items() if key not in UNREAD}
