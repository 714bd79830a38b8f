"""From what a driver says of its run to a row: the figures, the books, and whether they hold."""

from __future__ import annotations

from dataclasses import replace

from garagebench.load.books import Reported, Site, check_books, compare_counts
from garagebench.load.meter import Meter
from garagebench.load.outcome import LoadOutcome, LoadSettings
from garagebench.load.row import LoadRow
from garagebench.probe.validity import Observed, find_reasons

#: Drivers that send as much as the server can take.
SATURATING = ("closed", "wrk")


def make_row(
    settings: LoadSettings,
    site: Site,
    outcome: LoadOutcome,
    reported: Reported,
    meter: Meter,
    caveats: list[str],
) -> LoadRow:
    """Return the row: what was asked for, what came of it, the books, and whether the figures hold."""
    served, notes = compare_counts(site, outcome, reported)
    balanced, faults = check_books(outcome, reported)
    if outcome.exit_code:
        faults.append(f"{settings.driver} ended with exit code {outcome.exit_code}")
    reasons = (*find_reasons(observe(settings, site, outcome, meter, served)), *faults)
    row = _add_figures(_start(settings, site), outcome, meter)
    row = _add_books(row, outcome, reported)
    return replace(
        row,
        status="invalid" if reasons else "ok",
        balanced=balanced,
        reasons=reasons,
        caveats=(*caveats, *outcome.caveats, *notes),
    )


def observe(
    settings: LoadSettings, site: Site, outcome: LoadOutcome, meter: Meter, served: int | None
) -> Observed:
    """Return what the reasons are found in."""
    return Observed(
        requests=outcome.sent,
        replies=sum(outcome.replies.values()),
        ok=outcome.replies.get(200, 0),
        errors=sum(outcome.errors.values()),
        refused=outcome.refused,
        served=served,
        generator_share=outcome.generator_share,
        server_core_share=meter.core_share,
        wait_share=meter.wait_share,
        core_shared=site.shared,
        saturates=settings.driver in SATURATING,
    )


def _start(settings: LoadSettings, site: Site) -> LoadRow:
    is_own, is_locust = site.own is not None, settings.driver == "locust"
    return LoadRow(
        driver=settings.driver,
        status="invalid",
        url=site.endpoint.url,
        impl=settings.impl if is_own else None,
        server=settings.server if is_own else None,
        layout=settings.layout if is_own else None,
        connections=None if is_locust else settings.connections,
        users=settings.users if is_locust else None,
        rate=settings.rate if settings.driver == "open" else None,
    )


def _add_figures(row: LoadRow, outcome: LoadOutcome, meter: Meter) -> LoadRow:
    seconds, found = outcome.seconds, outcome.percentiles_us
    replies = sum(outcome.replies.values())
    return replace(
        row,
        seconds=seconds,
        requests=outcome.sent,
        requests_per_s=replies / seconds if seconds else None,
        p50_us=found[50.0],
        p90_us=found[90.0],
        p99_us=found[99.0],
        p99_9_us=found[99.9],
        max_us=outcome.max_us,
        send_delay_p99_us=outcome.send_delay_p99_us,
        replies={str(status): count for status, count in sorted(outcome.replies.items())},
        errors=dict(sorted(outcome.errors.items())),
        refused=outcome.refused,
        generator_cpu=outcome.generator_share,
        server_cpu=None if meter.cpu_s is None or not seconds else meter.cpu_s / seconds,
        exit_code=outcome.exit_code,
        histogram=outcome.histogram,
    )


def _add_books(row: LoadRow, outcome: LoadOutcome, reported: Reported) -> LoadRow:
    books = reported.books
    row = replace(
        row,
        parked_here=outcome.parked,
        unparked_here=outcome.unparked,
        taken=reported.taken,
    )
    if books is None:
        return row
    return replace(row, parked=books.parked, unparked=books.unparked, given_back=books.given_back)
