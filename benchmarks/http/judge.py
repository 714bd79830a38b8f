"""What is wrong with the replies to a stream: more of them than requests, a reply to another request, a server error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reading import Item, Reading

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*")
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ \t]*[^\r\n]*")
CONTINUE = 100


class Reply(NamedTuple):
    """One reply. is_whole: its body has come."""

    status: int
    body: bytes
    is_whole: bool = True

    @property
    def operation(self) -> str:
        """What was done: `park`, `unpark`, or `other`."""
        if self.status == 200 and self.body.startswith(b'{"floor":'):
            return "park"
        return "unpark" if self.status == 200 and self.body.startswith(b'{"kind":') else "other"


class Unreadable(Exception):
    """What came is no HTTP."""


def split_replies(data: bytes, items: Sequence[Item]) -> tuple[int, list[Reply]]:
    """Return how many replies of 100 there are, and all others. Raises Unreadable."""
    replies: list[Reply] = []
    continues = position = 0
    while 0 <= position < len(data):
        end = data.find(b"\r\n\r\n", position)
        if end < 0:
            if not b"HTTP/1.1 ".startswith(data[position : position + 9]):
                raise Unreadable(data[position : position + 80])
            break
        status, length = _read_head(data[position:end])
        position = end + 4
        if status == CONTINUE:
            continues += 1
            continue
        if len(replies) < len(items) and items[len(replies)].method == "HEAD":
            # Who could not read the request did not know that it was one.
            is_bare = data[position : position + 1] in (b"", b"H")
            length = 0 if is_bare else length
        body = data[position:] if length is None else data[position : position + length]
        replies.append(Reply(status, body, length is None or len(body) == length))
        position = -1 if length is None else position + length
    return continues, replies


def _read_head(head: bytes) -> tuple[int, int | None]:
    """Return the status and the length of the body, or None where the end of the connection is its end."""
    first, *lines = head.split(b"\r\n")
    match = _STATUS.fullmatch(first)
    if match is None or any(not _FIELD.fullmatch(line) for line in lines):
        raise Unreadable(head[:200])
    names = [line.partition(b":")[0].lower() for line in lines]
    if names.count(b"content-length") > 1 or b"transfer-encoding" in names:
        raise Unreadable(head[:200])
    values = dict(zip(names, (line.partition(b":")[2].strip() for line in lines), strict=True))
    length = values.get(b"content-length")
    return int(match[1]), None if length is None else int(length)


class Answers(NamedTuple):
    """What a client was told. closed: the server ended the connection before the client did."""

    continues: int
    replies: Sequence[Reply]
    closed: bool


def find_faults(reading: Reading, answers: Answers, *, waits: bool, stays: bool) -> Iterator[str]:
    """Yield what is wrong. waits: the client gave the server time to end; stays: it went only when it had its due."""
    for number, reply in enumerate(answers.replies):
        yield from _examine(number, reply)
        yield from _compare(number, reply, reading)
    if answers.continues > sum(item.expects for item in reading.items) + 1:
        yield f"{answers.continues} times 100 Continue"
    if stays and len(answers.replies) < reading.owed:
        yield f"{len(answers.replies)} replies, {reading.owed} owed"
    must_close = reading.sure and reading.end in ("malformed", "closed")
    if (must_close or waits) and not answers.closed:
        yield "the connection was not closed"


def _examine(number: int, reply: Reply) -> Iterator[str]:
    """Look at the reply alone."""
    if not 200 <= reply.status < 500:
        yield f"reply {number} has status {reply.status}"
    if not reply.is_whole:
        yield f"reply {number} is not whole"
    elif reply.status >= 400 and reply.body and not _is_problem(reply):
        yield f"reply {number} is no problem document"


def _compare(number: int, reply: Reply, reading: Reading) -> Iterator[str]:
    """Hold the reply against the request that it is to."""
    items = reading.items
    if number > len(items) or (
        number == len(items) and reading.end not in ("malformed", "incomplete")
    ):
        yield f"reply {number} is to no request"
    elif number == len(items):
        if reply.status < 400:
            yield f"what cannot be read was answered with {reply.status}"
    elif reply.status < 400 and not items[number].may_succeed:
        yield f"request {number} cannot succeed and got {reply.status}"
    elif reply.operation not in ("other", items[number].operation):
        yield f"request {number} is {items[number].operation}, and the reply that of {reply.operation}"


def _is_problem(reply: Reply) -> bool:
    try:
        return bool(json.loads(reply.body)["status"] == reply.status)
    except (ValueError, KeyError, TypeError):
        return False
