"""Latencies and schedules, on answers worked out by hand."""

from __future__ import annotations

import itertools
import statistics
import sys

import pytest

from garagebench.errors import Unavailable
from garagebench.load.arrivals import poisson, uniform
from garagebench.load.latencies import Latencies

hdrh = pytest.importorskip("hdrh.histogram")


def test_percentiles_are_exact_to_the_microsecond() -> None:
    """Of 1, 2, ... 1000 us plus 100 ms, the percentiles are those values, none of them rounded."""
    latencies = Latencies((100_000 + us, 1) for us in range(1, 1001))
    found = latencies.percentiles((50.0, 90.0, 99.0, 99.9))
    assert found == {50.0: 100_500, 90.0: 100_900, 99.0: 100_990, 99.9: 100_999}
    assert latencies.max_us == 101_000
    assert len(latencies) == 1000


def test_a_latency_counts_as_often_as_it_was_seen() -> None:
    """One slow reply among a hundred is the maximum and not the 99th percentile; two are."""
    latencies = Latencies()
    for _ in range(99):
        latencies.add(50)
    latencies.add(200_000)
    assert latencies.percentiles([99.0]) == {99.0: 50}
    latencies.add(200_000)
    assert latencies.percentiles([99.0]) == {99.0: 200_000}


def test_no_latency_is_unknown_and_not_zero() -> None:
    """Where nothing was counted, all is None."""
    assert Latencies().percentiles() == dict.fromkeys((50.0, 90.0, 99.0, 99.9))
    assert Latencies().max_us is None
    assert Latencies().encode() is None


def test_the_histogram_can_be_read_elsewhere() -> None:
    """The encoded text is an HdrHistogram, which its library decodes to the same counts."""
    encoded = Latencies([(7, 3), (200_000, 1)]).encode()
    decoded = hdrh.HdrHistogram.decode(encoded)
    assert (decoded.total_count, decoded.get_value_at_percentile(50)) == (4, 7)
    assert decoded.get_value_at_percentile(100) == 200_000


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where hdrhistogram is missing, the error names the command that installs it."""
    monkeypatch.setitem(sys.modules, "hdrh.histogram", None)
    with pytest.raises(Unavailable, match=r"pip install 'garagebench\[load\]'"):
        Latencies().percentiles()


def test_uniform_arrivals_are_equally_far_apart() -> None:
    """At 3000 a second, the moments stay on the grid: no error adds up."""
    moments = list(itertools.islice(uniform(3000, 0), 300_001))
    assert moments[:4] == [0, 333_333, 666_666, 1_000_000]
    assert moments[-1] == 100_000_000_000


def test_poisson_arrivals_have_the_rate_and_the_spread() -> None:
    """The gaps are 1/rate on average, spread as much as that, and the same again with the same seed."""
    moments = list(itertools.islice(poisson(1000, 1), 20_000))
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    assert statistics.mean(gaps) == pytest.approx(1e6, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(1e6, rel=0.03)
    assert moments == list(itertools.islice(poisson(1000, 1), 20_000))
    assert moments != list(itertools.islice(poisson(1000, 2), 20_000))
