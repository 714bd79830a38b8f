"""From an outcome to a row: the books, the counts of both sides, and the reasons."""

from __future__ import annotations

import dataclasses
import json

import pytest
from rich.console import Console
from toy_servers import toy_garage

from garagebench.load.books import Reported, Site, check_books
from garagebench.load.endpoint import Endpoint
from garagebench.load.meter import Meter
from garagebench.load.outcome import LoadOutcome, LoadSettings
from garagebench.load.row import (
    Capacity,
    LoadReport,
    LoadReportError,
    LoadRow,
    exit_code,
    from_json,
    to_json,
)
from garagebench.load.session import describe_place, measure_row
from garagebench.load.stop import Stop
from garagebench.load.summary import make_row
from garagebench.probe.process import Books
from garagebench.report.load import describe_capacity, render_load

ENDPOINT = Endpoint("127.0.0.1", 8000)


def make_outcome(**changes: object) -> LoadOutcome:
    """Return what came of a run without a fault: 1000 replies in 2 s, 10 cars before and after."""
    whole = {
        "seconds": 2.0,
        "sent": 1000,
        "replies": {200: 1000},
        "errors": {},
        "refused": 0,
        "untimed": 20,
        "percentiles_us": {50.0: 100, 90.0: 200, 99.0: 1234, 99.9: 5000},
        "max_us": 6000,
        "generator_share": 0.25,
        "parked": 510,
        "unparked": 510,
        **changes,
    }
    return LoadOutcome(**whole)  # type: ignore[arg-type]


class FakeServer:
    """Stands for a server that was started; nobody asks it for anything here."""

    pid = 1


def row_of(
    outcome: LoadOutcome, accounts: Reported, *, is_own: bool = True, driver: str = "open"
) -> LoadRow:
    """Return the row of a server on a core of its own, or on a URL."""
    site = Site(ENDPOINT, FakeServer() if is_own else None, None, False if is_own else None)  # type: ignore[arg-type]
    return make_row(LoadSettings(driver=driver), site, outcome, accounts, Meter(None, None), [])


GOOD = Reported(Books(510, 510, 0, 0), 1020, 0)


def test_a_run_without_a_fault_is_ok() -> None:
    """All figures are those of the outcome, the rate is replies by seconds, and nothing speaks against them."""
    row = row_of(make_outcome(), GOOD)
    assert (row.status, row.reasons, row.balanced) == ("ok", (), True)
    assert (row.requests_per_s, row.p50_us, row.p99_us, row.max_us) == (500.0, 100, 1234, 6000)
    assert (row.replies, row.errors, row.generator_cpu) == ({"200": 1000}, {}, 0.25)


@pytest.mark.parametrize(
    ("changes", "accounts", "reason"),
    [
        ({}, Reported(Books(510, 510, 0, 0), 1021, 0), "client counted 1000 replies, the server 1001"),
        ({}, Reported(Books(510, 509, 0, 0), 1020, 0), "the server's books do not balance"),
        ({}, Reported(Books(512, 510, 0, 2), 1020, 2), "by its replies 0 spaces are taken, in"),
        ({"errors": {"gone": 2}}, GOOD, "2 requests got no reply"),
        ({"refused": 1}, GOOD, "1 connection was refused"),
        ({"replies": {200: 980, 409: 20}}, GOOD, "of 1000 replies 980 were 200"),
        ({"generator_share": 0.95}, GOOD, "the generator was busy"),
        ({"exit_code": 1}, GOOD, "open ended with exit code 1"),
    ],
)  # fmt: skip
def test_a_fault_makes_the_row_invalid(
    changes: dict[str, object], accounts: Reported, reason: str
) -> None:
    """Each thing that makes the figures worthless is named, and the row is invalid."""
    row = row_of(make_outcome(**changes), accounts)
    assert row.status == "invalid"
    assert len(row.reasons) == 1
    assert reason in row.reasons[0]


def test_what_wrk_did_not_wait_for_is_no_fault() -> None:
    """Replies on their way when wrk stopped: as many as there are connections differ, and no more."""
    astray = make_outcome(astray=8, exit_code=0)
    for more, status in ((0, "ok"), (8, "ok"), (9, "invalid")):
        accounts = Reported(Books(510 + more, 510, 0, more), 1020 + more, more)
        row = row_of(astray, accounts, driver="wrk")
        assert row.status == status, row.reasons
    assert any("8 replies were on their way" in caveat for caveat in row_of(
        astray, Reported(Books(518, 510, 0, 8), 1028, 8), driver="wrk").caveats)  # fmt: skip


def test_on_a_url_others_may_have_asked_too() -> None:
    """Another count of replies is a caveat on a URL, for others may use the server; another garage is a fault."""
    row = row_of(make_outcome(), Reported(Books(515, 515, 0, 0), 1030, 0), is_own=False)
    assert row.status == "ok"
    assert any("others use it" in caveat for caveat in row.caveats)
    row = row_of(make_outcome(), Reported(None, None, 3), is_own=False)
    assert row.balanced is False
    assert row.status == "invalid"


def test_unknown_books_are_unknown() -> None:
    """Where the server says nothing of its spaces, nobody knows whether the books balance."""
    assert check_books(make_outcome(), Reported()) == (None, [])
    row = row_of(make_outcome(), Reported(), is_own=False)
    assert (row.balanced, row.taken, row.parked) == (None, None, None)


def test_what_was_given_back_or_lost_may_differ() -> None:
    """A reply that was lost on its way left a space taken, or one that the server gave back."""
    lost = make_outcome(errors={"connection closed": 2}, parked=510)
    for books in (Books(512, 510, 0, 2), Books(512, 510, 2, 0), Books(510, 510, 0, 0)):
        assert check_books(lost, Reported(books, None, books.taken)) == (True, [])


@pytest.mark.parametrize(
    ("host", "said"), [("localhost", "on this machine"), ("::1", "on this machine"), ("10.0.0.1", "elsewhere")]
)  # fmt: skip
def test_of_a_url_it_is_said_what_is_not_known(host: str, said: str) -> None:
    """For a server that somebody else has started, its use of CPU is not known."""
    (caveat,) = describe_place(Endpoint(host, 80))
    assert said in caveat
    assert "not known" in caveat


def test_a_toy_on_a_url_is_measured() -> None:
    """On a URL, the garage is asked before and after, and the books balance by what it says."""
    with toy_garage() as toy:
        settings = LoadSettings(
            driver="closed", url=toy.endpoint.url, duration_s=0.2, connections=2
        )
        row = measure_row(settings, Stop(), lambda _: None)
    assert (row.balanced, row.taken) == (True, 0)
    assert row.requests == row.replies["200"] > 0
    assert (row.impl, row.server, row.server_cpu) == (None, None, None)


REPORT = LoadReport(
    environment={"platform": "here"},
    settings={"seed": 3},
    rows=(row_of(make_outcome(), GOOD), row_of(make_outcome(refused=2), GOOD)),
    capacity=Capacity(target_us=10_000, percentile=99.0, rate=4000, next_rate=4400, reason="late"),
    caveats=("a word",),
)


def test_a_report_can_be_read_back() -> None:
    """What is written as JSON is read back as the same report."""
    assert from_json(to_json(REPORT)) == REPORT
    alone = dataclasses.replace(REPORT, capacity=None)
    assert from_json(to_json(alone)) == alone


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 99}', '{"schema": 1}'])
def test_what_is_no_report_is_said(text: str) -> None:
    """Other JSON, and that of another version, is refused in one sentence."""
    with pytest.raises(LoadReportError):
        from_json(text)


def test_a_person_reads_all_of_it() -> None:
    """Table and Markdown have latencies to the microsecond, the status with its reasons, the books and the capacity."""
    console = Console(width=200, force_terminal=False)
    for form in ("table", "markdown"):
        text = render_load(REPORT, form, console)
        for said in (
            "open, 64 connections: latencies in ms",
            " 1,000 ",
            "at 1,000/s: 200: 1,000 in 2.0 s",
            "1.234",
            "0.25",
            "2 connections were refused",
            "the books balance: parked 510, unparked 510, given back 0, taken 0",
            "capacity: 4,000 requests/s (p99 at most 10 ms); at 4,400 requests/s late",
            "a word",
            "here; seed 3",
        ):
            assert said in text, said
        assert "invalid" in text


def test_the_table_fits_a_terminal() -> None:
    """On 80 letters, nothing of the table is cut off."""
    text = render_load(REPORT, "table", Console(width=80, force_terminal=False))
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert " client  server " in text
    assert "invalid [1]" in text


def test_a_spreadsheet_gets_a_line_for_each_row() -> None:
    """CSV has a header and a line for each row, without the histogram."""
    lines = render_load(REPORT, "csv", Console()).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("driver,status,url,")
    assert "histogram" not in lines[0]
    assert "200: 1,000" in lines[1]


def test_json_says_unknown_as_null() -> None:
    """In JSON, what is not known is null."""
    row = json.loads(render_load(REPORT, "json", Console()))["rows"][0]
    assert row["server_cpu"] is None
    assert row["users"] is None
    assert row["p99_us"] == 1234


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"rate": None, "next_rate": 125.0, "reason": "late"}, "none found (p99 at most 1 ms): late"),
        ({"rate": 8.0}, "8 requests/s (p99 at most 1 ms); the search ended before"),
    ],
)  # fmt: skip
def test_a_capacity_says_how_far_it_was_looked_for(found: dict[str, object], said: str) -> None:
    """No capacity, and one without an end, are told as such."""
    capacity = Capacity(target_us=1000, percentile=99.0, **{"rate": None, **found})  # type: ignore[arg-type]
    assert said in describe_capacity(capacity)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),  # a capacity was found: that a row beyond it is invalid is no fault
        ({"capacity": None}, 4),
        ({"capacity": None, "rows": REPORT.rows[:1]}, 0),
        ({"capacity": Capacity(target_us=1, percentile=99.0, rate=None)}, 4),
        ({"interrupted": True}, 130),
    ],
)
def test_the_exit_code_says_whether_the_figures_hold(changes: dict[str, object], code: int) -> None:
    """0 where they do, 4 where they do not, 130 after Ctrl-C."""
    assert exit_code(dataclasses.replace(REPORT, **changes)) == code  # type: ignore[arg-type]
