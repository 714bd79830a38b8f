"""What `load` found, as a table, Markdown, JSON and CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from garagebench.load.row import Capacity, LoadReport, LoadRow, to_json
from garagebench.report.drawing import draw_csv
from garagebench.report.legend import describe_origin
from garagebench.report.page import Page, PlainGrid, draw_markdown, draw_table
from garagebench.report.quantity import EN_DASH

if TYPE_CHECKING:
    from rich.console import Console

#: With room for the thousands of each, it fits a terminal of 80 letters.
HEADER = ("rate/s", "done/s", "p50", "p90", "p99", "p99.9", "max", "client", "server", "status")

#: For a spreadsheet: the histogram is for programs, and they read JSON.
CSV_LEAVES_OUT = ("histogram",)


def render_load(report: LoadReport, form: str, console: Console) -> str:
    """Return the report as a table for the console, Markdown, JSON or CSV."""
    if form == "json":
        return to_json(report)
    if form == "csv":
        return _csv(report)
    page = make_page(report)
    return draw_markdown(page) if form == "markdown" else draw_table(page, console)


def make_page(report: LoadReport) -> Page:
    """Return what a person reads."""
    page = Page()
    lines = [_line(row, page) for row in report.rows]
    drivers = "; ".join(dict.fromkeys(_driver(row) for row in report.rows))
    title = f"{drivers or 'no load'}: latencies in ms, use of CPU in cores"
    page.grids.append(PlainGrid(title, HEADER, tuple(lines)))
    if report.capacity is not None:
        page.notes.append(describe_capacity(report.capacity))
    single = len(report.rows) == 1
    for row in report.rows:
        name = "" if single else f"at {_rate(row)}/s: "
        page.notes += [f"{name}{note}" for note in _describe(row)]
    page.notes += list(report.caveats)
    caveats = (caveat for row in report.rows for caveat in row.caveats)
    page.notes += list(dict.fromkeys(caveats))
    if origin := describe_origin(report):
        page.notes.append(f"Measured: {origin}")
    return page


def describe_capacity(found: Capacity) -> str:
    """Return a sentence: the highest rate that was good, and what was wrong with the next."""
    target = f"p{found.percentile:g} at most {found.target_us / 1e3:g} ms"
    if found.rate is None:
        return f"capacity: none found ({target}): {found.reason}"
    said = f"capacity: {found.rate:,.0f} requests/s ({target})"
    if found.next_rate is None:
        return f"{said}; the search ended before a higher rate failed"
    return f"{said}; at {found.next_rate:,.0f} requests/s {found.reason}"


def _line(row: LoadRow, page: Page) -> tuple[str, ...]:
    latencies = (row.p50_us, row.p90_us, row.p99_us, row.p99_9_us, row.max_us)
    numbers = [page.refer(reason) for reason in row.reasons]
    return (
        _rate(row),
        EN_DASH if row.requests_per_s is None else f"{row.requests_per_s:,.0f}",
        *(EN_DASH if us is None else f"{us / 1e3:,.3f}" for us in latencies),
        *(EN_DASH if use is None else f"{use:.2f}" for use in (row.generator_cpu, row.server_cpu)),
        " ".join([row.status, *numbers]),
    )


def _driver(row: LoadRow) -> str:
    count, what = (row.connections, "connection") if row.users is None else (row.users, "car")
    return f"{row.driver}, {count} {what}{'' if count == 1 else 's'}"


def _rate(row: LoadRow) -> str:
    return EN_DASH if row.rate is None else f"{row.rate:,.0f}"


def _describe(row: LoadRow) -> Iterator[str]:
    yield f"{_list(row.replies) or 'no replies'} in {row.seconds or 0:.1f} s"
    if row.errors:
        yield f"without a reply: {_list(row.errors)}"
    if row.send_delay_p99_us is not None:
        yield f"99 % were sent within {row.send_delay_p99_us / 1e3:,.3f} ms of their moment"
    if row.exit_code is not None and row.exit_code != 0:
        yield f"exit code of {row.driver}: {row.exit_code}"
    if row.balanced is not None:
        known = [
            f"{name} {count}"
            for name, count in (
                ("parked", row.parked),
                ("unparked", row.unparked),
                ("given back", row.given_back),
                ("taken", row.taken),
            )
            if count is not None
        ]
        yield f"the books {'balance' if row.balanced else 'do not balance'}: {', '.join(known)}"


def _list(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in counts.items())


def _csv(report: LoadReport) -> str:
    keys = [key.name for key in fields(LoadRow) if key.name not in CSV_LEAVES_OUT]
    return draw_csv(keys, map(_flatten, report.rows))


def _flatten(row: LoadRow) -> dict[str, Any]:
    """Return the row as a spreadsheet can hold it."""
    return {
        **asdict(row),
        "replies": _list(row.replies),
        "errors": _list(row.errors),
        "reasons": "; ".join(row.reasons),
        "caveats": "; ".join(row.caveats),
    }
