"""When a figure of a load run says nothing: what was seen, and what speaks against it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: From this share of a core on, the generator may be what is measured.
GENERATOR_BUSY = 0.9

#: Below this share, a server's core had time left: what was measured is not its ceiling.
SERVER_BUSY = 0.9

#: From this share of the time that a server was ready to run on, it ran too little because others had its core.
RUN_QUEUE_WAIT = 0.1

#: Below this share of good replies, it is mostly refusals that are measured.
GOOD_REPLIES = 0.99


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What was seen in one run of load; None where it is not known. Shares are of 1.

    requests: what the client sent; replies, ok: what came back, and how many 200s of it; errors: requests without a
    reply (a reset, a time-out, rubbish); refused: connections that were refused; served: replies that the server
    counted in the same time.
    generator_share: of the busiest core of the generator (a generator of one thread: its CPU time by the wall).
    server_core_share: busy share of the core that the server is kept on. wait_share: of the time that the server was
    ready to run, the part that it waited for the core. core_shared: generator and server had a core in common.
    saturates: whether the run means to keep the server's core busy.
    """

    requests: int | None = None
    replies: int | None = None
    ok: int | None = None
    errors: int | None = None
    refused: int | None = None
    served: int | None = None
    generator_share: float | None = None
    server_core_share: float | None = None
    wait_share: float | None = None
    core_shared: bool | None = None
    saturates: bool = False


def find_reasons(observed: Observed) -> list[str]:
    """Return a sentence for each thing that makes the run's figures invalid; empty where they hold."""
    return [*_about_cores(observed), *_about_replies(observed)]


def _about_cores(seen: Observed) -> Iterator[str]:
    if seen.generator_share is not None and seen.generator_share >= GENERATOR_BUSY:
        yield (
            f"the generator was busy for {seen.generator_share:.0%} of the time: "
            f"from {GENERATOR_BUSY:.0%} on, it may be what is measured"
        )
    share = seen.server_core_share
    if seen.saturates and share is not None and share < SERVER_BUSY:
        yield (
            f"the server's core was busy for {share:.0%} of the time only: below {SERVER_BUSY:.0%}, "
            "what is measured is not its ceiling"
        )
    if seen.core_shared:
        yield "the generator and the server shared a core: each has slowed the other down"
    if seen.wait_share is not None and seen.wait_share >= RUN_QUEUE_WAIT:
        yield (
            f"the server waited for its core for {seen.wait_share:.0%} of the time that it could have run: "
            f"from {RUN_QUEUE_WAIT:.0%} on, something else runs there"
        )


def _about_replies(seen: Observed) -> Iterator[str]:
    if seen.refused:
        yield f"{_count(seen.refused, 'connection was', 'connections were')} refused"
    if seen.errors:
        yield f"{_count(seen.errors, 'request', 'requests')} got no reply"
    if seen.replies is not None and seen.served is not None and seen.replies != seen.served:
        yield (
            f"the client counted {_count(seen.replies, 'reply', 'replies')}, the server {seen.served}"
        )
    if seen.replies == 0:
        yield "there was no reply at all"
    elif seen.replies and seen.ok is not None and seen.ok < GOOD_REPLIES * seen.replies:
        yield (
            f"of {_count(seen.replies, 'reply', 'replies')} {seen.ok} were 200: "
            f"less than {GOOD_REPLIES:.0%}"
        )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
