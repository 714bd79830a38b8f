"""`GET /metrics`: the books of the service, read when they are asked for, at no cost to a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class HasBooks(Protocol):
    """A service, of which only the counts matter here."""

    parked: int
    unparked: int
    given_back: int

    @property
    def refused(self) -> Mapping[tuple[str, int], int]:
        """Operation and status -> replies."""

    @property
    def spaces(self) -> Mapping[str, Mapping[str, int]]:
        """Kind -> state -> spaces."""

    @property
    def ready(self) -> bool:
        """Whether it takes requests."""


def render_metrics(service: HasBooks) -> bytes | None:
    """Return the metrics in Prometheus' text format; None where prometheus_client is not installed."""
    try:
        from prometheus_client import CollectorRegistry, generate_latest
    except ImportError:
        return None
    registry = CollectorRegistry()
    registry.register(_Books(service))
    return generate_latest(registry)


class _Books:
    """A collector, as prometheus_client calls what it asks for metrics."""

    def __init__(self, service: HasBooks) -> None:
        self._service = service

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        service = self._service
        replies = CounterMetricFamily(
            "garagebench_replies",
            "Replies by operation and status.",
            labels=("operation", "status"),
        )
        replies.add_metric(("park", "200"), service.parked)
        replies.add_metric(("unpark", "200"), service.unparked)
        for (operation, status), count in sorted(service.refused.items()):
            replies.add_metric((operation, str(status)), count)
        yield replies
        yield CounterMetricFamily(
            "garagebench_given_back",
            "Spaces given back because the reply could not be written.",
            value=service.given_back,
        )
        spaces = GaugeMetricFamily("garagebench_spaces", "Spaces.", labels=("kind", "state"))
        for kind, states in service.spaces.items():
            for state, count in states.items():
                spaces.add_metric((kind, state), count)
        yield spaces
        yield GaugeMetricFamily("garagebench_ready", "1 while ready.", value=float(service.ready))
