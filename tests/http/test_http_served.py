"""A live server that is measured: what is booked, what is divided by what, and what ends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from garagebench.core.layout import Layout
from garagebench.core.workload import make_workload
from garagebench.engine.channel import WorkerFailed
from garagebench.http import served as module
from garagebench.http.burst import Burst, make_burst
from garagebench.http.served import Order, Served
from garagebench.http.tally import Tally
from garagebench.probe.accounting import CoreTimes, Threads, Usage
from garagebench.probe.process import Counts
from garagebench.server.stages import RUNGS

SEED = Layout.builtin("seed")
BURST = make_burst(SEED, make_workload("fill", SEED, 0), 20)
METERS = {"park": ("park/cpu", "park/latency"), "unpark": ("unpark/cpu", "")}
WIRE = Order(("--server", "wire"), BURST, METERS)

Start = Callable[..., Served]


@pytest.fixture
def start() -> Iterator[Start]:
    """Yield a function that starts a server to be measured, which is gone after the test."""
    started: list[Served] = []

    def make(order: Order = WIRE, tally: Tally | None = None) -> Served:
        started.append(Served(order, None, tally or Tally()))
        return started[-1]

    yield make
    for served in started:
        served.close()


def make_rung(rung: str, burst: Burst, replies: Mapping[str, bytes] | None = None) -> Order:
    """Return the order for a rung that answers with the burst's first replies, or with these."""
    first = {name: bodies[0] for name, bodies in burst.replies.items()}
    said = {name: body.decode() for name, body in (replies or first).items()}
    job = {
        "rung": rung,
        "server": "tornado",
        "impl": "lists",
        "layout": SEED.to_data(),
        "replies": said,
    }
    return Order((json.dumps(job),), burst, METERS, "garagebench.server.ladder")


def test_a_server_that_has_gone_is_told(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an idle connection is made anew and cannot be, the rows say so."""
    monkeypatch.setattr("garagebench.http.client.FRESH_S", 0.0)
    served = start()
    served.warm(1)
    served._server.close()
    with pytest.raises(WorkerFailed, match=r"it takes no more connections: .*refused"):
        served.warm(1)


def test_a_burst_gives_a_value_for_each_meter(start: Start) -> None:
    """As many bursts as are asked for, a value of each for what is wanted, and everything is counted."""
    tally = Tally()
    served = start(tally=tally)
    assert served.part == 1
    values = served.measure(lead_in=3, bursts=2)
    assert {name: len(found) for name, found in values.items()} == {
        "park/cpu": 2,
        "park/latency": 2,
        "unpark/cpu": 2,
    }
    assert min(value for found in values.values() for value in found) > 0
    many = 2 * (2 * 20 + 3)
    assert (tally.requests, tally.replies, tally.ok, tally.served) == (many,) * 4
    assert tally.cpu_ns > 0
    assert tally.busy_ticks is None
    assert tally.find_reasons() == []


def test_what_warms_up_is_counted_by_both(start: Start) -> None:
    """Requests between two measurements are in the books of the client and of the server."""
    tally = Tally()
    served = start(tally=tally)
    served.warm(2)
    served.measure(lead_in=0, bursts=1)
    served.warm(1)
    served.measure(lead_in=0, bursts=1)
    assert tally.requests == tally.served == 2 * (3 + 2 * 20)
    served.warm(1)
    assert (tally.served, tally.unbooked) == (tally.requests - 2, 2)
    assert tally.find_reasons() == []


def test_cpu_time_is_divided_by_what_the_server_counted(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by what the client sent: here the server says that it had half of the parks only."""
    served = start()
    usage = iter(range(0, 10_000, 1000))
    monkeypatch.setattr(
        module, "read_at_rest", lambda _: Threads({1: Usage(next(usage), 0)}, at_rest=True)
    )
    counts = iter([Counts(), Counts({("park", 200): 12, ("unpark", 200): 22}, taken=0)])
    monkeypatch.setattr(served, "_read_counts", lambda: next(counts))
    monkeypatch.setattr(served, "_book", lambda counts: None)
    values = served.measure(lead_in=2, bursts=1)
    assert (values["park/cpu"], values["unpark/cpu"]) == ([100.0], [50.0])


def test_a_wrong_answer_ends_it(start: Start) -> None:
    """A server that answers 200 with something else is wrong, and says what it said."""
    served = start(make_rung("socket", BURST))
    with pytest.raises(WorkerFailed, match=r"park is answered .*expected") as failed:
        served.measure(0, 1)
    assert failed.value.status == "wrong"


def test_a_refusal_is_no_wrong_answer(start: Start) -> None:
    """What is answered with anything but 200 is counted, and held against the figures in the end."""
    tally = Tally()
    served = start(tally=tally)
    served._ask("unpark", 20)  # of an empty garage
    served._book(served._read_counts())
    assert (tally.replies, tally.ok) == (20, 0)
    assert tally.find_reasons() == ["of 20 replies 0 were 200: less than 99%"]


def test_books_that_do_not_balance_end_it(start: Start) -> None:
    """After the bursts the garage must be as before, and nothing lost."""
    served = start()
    served._requests["unpark"] = served._requests["unpark"][:-1]
    with pytest.raises(
        WorkerFailed, match="books do not balance: parked 20, unparked 19, given back 0, taken 1"
    ):
        served.measure(0, 1)


def test_a_server_that_goes_away_is_an_error(start: Start) -> None:
    """A request without a reply ends the measurement and is counted."""
    tally = Tally()
    served = start(tally=tally)
    served._server.close()
    with pytest.raises(WorkerFailed, match="a park request got no reply") as failed:
        served.warm(1)
    assert failed.value.status == "invalid"
    assert tally.errors == 1


def test_a_server_that_cannot_start_is_an_error(start: Start) -> None:
    """The server's own sentence is the reason."""
    with pytest.raises(WorkerFailed, match="cannot start: unknown server 'nope'"):
        start(Order(("--server", "nope"), BURST, METERS))


def test_cpu_time_that_cannot_be_told_is_none(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a thread ended, or none came to rest, there is no figure."""
    served = start()
    lost = iter([Threads({1: Usage(0, 0)}, at_rest=True), Threads({}, at_rest=True)])
    monkeypatch.setattr(module, "read_at_rest", lambda _: next(lost))
    with pytest.raises(WorkerFailed, match="a thread of the server ended"):
        served.measure(0, 1)
    monkeypatch.setattr(module, "read_at_rest", lambda _: Threads({}, at_rest=False))
    with pytest.raises(WorkerFailed, match="does not go to sleep"):
        served.measure(0, 1)


@pytest.mark.parametrize("rung", RUNGS)
def test_a_rung_is_measured_like_a_server(start: Start, rung: str) -> None:
    """Each rung answers alike, counts, and its books balance."""
    tally = Tally()
    served = start(make_rung(rung, BURST.constant()), tally)
    values = served.measure(1, 1)
    assert min(values["park/cpu"] + values["unpark/cpu"]) > 0
    assert tally.find_reasons() == []
    books = served._server.stop()
    assert (books.parked, books.unparked, books.taken) == (21, 21, 0)


def test_a_rung_that_decodes_refuses_what_is_no_request(start: Start) -> None:
    """The upper one reads the body, the one below it does not."""
    nonsense = replace(BURST.constant(), parks=(b"{}",) * 20)
    tallies = {rung: Tally() for rung in ("framework", "decode")}
    for rung, tally in tallies.items():
        served = start(make_rung(rung, nonsense), tally)
        served._ask("park", 5)
    assert [tally.ok for tally in tallies.values()] == [5, 0]


def test_a_busy_core_makes_the_figures_invalid() -> None:
    """What the core did besides is held against a server that waited, as far as ticks can tell."""
    tally = Tally(requests=1, replies=1, ok=1, served=1)
    tally.add_usage(Usage(cpu_ns=900_000_000, wait_ns=2_000_000_000))
    assert tally.find_reasons() == []  # on no core of its own, who knows
    tally.add_core(CoreTimes(0, 0), CoreTimes(90, 200))
    assert tally.find_reasons() == []
    tally.add_core(CoreTimes(90, 200), CoreTimes(134, 300))  # 134 - 3 sqrt(134) = 99.3
    assert tally.find_reasons() == []
    tally.add_core(CoreTimes(134, 300), CoreTimes(136, 310))  # 101.0
    (reason,) = tally.find_reasons()
    assert reason.startswith("the server waited for its core for 11% of the time")


def test_a_server_that_did_not_wait_had_its_core() -> None:
    """Whatever else a core did while the server slept is not held against it."""
    tally = Tally(requests=1, replies=1, ok=1, served=1)
    tally.add_usage(Usage(cpu_ns=900_000_000, wait_ns=90_000_000))
    tally.add_core(CoreTimes(0, 0), CoreTimes(300, 300))
    assert tally.find_reasons() == []
