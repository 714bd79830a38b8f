"""For how long the host keeps its speed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

#: The same work is done over and over in pieces of this length, so many times: 0.3 s, or a smaller share of a short time.
CHUNK_NS = 50_000
CHUNKS = 6_000
LEAST_CHUNKS = 200
SHARE_OF_TIME = 0.02

#: Two pieces whose times differ by more than this factor were done at different speeds.
SPEEDS_APART = 1.15

#: Of so many pairs of pieces that lie apart for the patience, no more may be at different speeds.
SHARE = 0.1

#: Pieces apart that are looked at, at most: longer than any slice.
MOST_APART = 128


def find_chunks(limit_s: float) -> int:
    """Return how many pieces there are where all that is measured may take so many seconds."""
    return int(max(LEAST_CHUNKS, min(CHUNKS, SHARE_OF_TIME * limit_s * 1e9 / CHUNK_NS)))


def find_patience_ns(chunks_ns: Sequence[int]) -> int:
    """Return for how long the host keeps its speed, of the times of equal pieces of work in a row.

    It is the longest time apart at which nine pairs of pieces in ten go at the same speed; at least that of one piece.
    """
    piece_ns = median(chunks_ns)
    logs = [math.log(max(ns, 1)) for ns in chunks_ns]
    patience = 1
    apart = 1
    while apart <= min(MOST_APART, len(logs) // 2):
        pairs = len(logs) - apart
        changed = sum(
            abs(later - earlier) > math.log(SPEEDS_APART)
            for earlier, later in zip(logs, logs[apart:], strict=False)
        )
        if changed > SHARE * pairs:
            break
        patience = apart
        apart *= 2
    return int(patience * piece_ns)
