"""For how long a host keeps its speed."""

from __future__ import annotations

import random

import pytest

from garagebench.engine.patience import CHUNK_NS, CHUNKS, MOST_APART, find_chunks, find_patience_ns


def make_chunks(dwell: int, factor: float = 1.8, noise: float = 0.01) -> list[int]:
    """Return pieces of work of a host that goes at two speeds, each for so many pieces; 0: at one speed."""
    rng = random.Random(1)
    return [
        int(CHUNK_NS * (factor if dwell and number // dwell % 2 else 1) * rng.gauss(1, noise))
        for number in range(CHUNKS)
    ]


def test_a_steady_host_is_patient() -> None:
    """It keeps its speed for as long as is looked at."""
    assert find_patience_ns(make_chunks(0)) == pytest.approx(MOST_APART * CHUNK_NS, rel=0.02)


@pytest.mark.parametrize(("dwell", "apart"), [(1, 1), (20, 2), (100, 8), (1000, 64)])
def test_patience_is_a_tenth_of_a_speed(dwell: int, apart: int) -> None:
    """Of pieces that far apart a tenth lie at two speeds: a speed of 20 pieces leaves two, to a power of two."""
    found = find_patience_ns(make_chunks(dwell))
    assert apart * CHUNK_NS * 0.95 <= found <= apart * CHUNK_NS * 1.85


def test_a_little_noise_is_no_other_speed() -> None:
    """Ten percent here and there are one speed."""
    assert find_patience_ns(make_chunks(5, factor=1.1)) > 100 * CHUNK_NS


@pytest.mark.parametrize(
    ("limit_s", "chunks"), [(float("inf"), CHUNKS), (30, CHUNKS), (1, 400), (0.01, 200)]
)
def test_a_short_measurement_feels_the_pulse_for_a_short_while(limit_s: float, chunks: int) -> None:
    """For 0.3 s, or two percent of the time, but no less than 10 ms."""
    assert find_chunks(limit_s) == chunks
