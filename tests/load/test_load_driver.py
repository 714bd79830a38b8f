"""The drivers on toy garages: who is sent when, what comes back, and that nobody stays parked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from toy_servers import Misbehave, ToyGarage, make_reply, toy_garage

from garagebench.load import connections as of_connections
from garagebench.load import own_drivers
from garagebench.load.cars import Cars
from garagebench.load.connections import Connections
from garagebench.load.driver import Driver
from garagebench.load.endpoint import LoadError, parse_url
from garagebench.load.meter import Meter
from garagebench.load.outcome import LoadOutcome, LoadSettings, choose_parked
from garagebench.load.stop import Stop


def drive(toy: ToyGarage, stop: Stop | None = None, **changes: object) -> LoadOutcome:
    """Return what came of a short run."""
    settings = {"driver": "closed", "connections": 4, "duration_s": 0.2, **changes}
    return own_drivers.drive(
        LoadSettings(**settings),  # type: ignore[arg-type]
        toy.endpoint,
        Meter(None, None),
        stop or Stop(),
        lambda _: None,
    )


@pytest.mark.parametrize("driver", ["open", "closed"])
def test_every_car_leaves_in_the_end(driver: str) -> None:
    """After the load, what was parked has been unparked, and both sides have counted the same."""
    with toy_garage() as toy:
        outcome = drive(toy, driver=driver, rate=500)
        assert len(toy.free) == 20
    assert (outcome.parked, outcome.unparked) == (toy.parked, toy.unparked)
    assert outcome.parked == outcome.unparked > 0
    assert sum(outcome.replies.values()) + outcome.untimed == toy.requests
    assert set(outcome.replies) == {200}
    assert outcome.errors == {}


def test_the_garage_is_half_full_under_load() -> None:
    """With 20 spaces and 4 connections, never more than 10 cars and those on their way are in it."""
    with toy_garage() as toy:
        drive(toy)
    assert 10 <= toy.most_taken <= 14


def test_parks_and_unparks_take_turns() -> None:
    """On one connection, the load is park, unpark, park, and so on."""
    seen: list[str] = []

    def note(operation: str, _: int) -> None:
        seen.append(operation)

    with toy_garage(4, note) as toy:
        drive(toy, connections=1)
    assert seen[:2] == ["park", "park"]  # half of four
    timed = seen[2:-2]
    assert len(timed) > 10
    assert timed[: len(timed) // 2 * 2] == ["park", "unpark"] * (len(timed) // 2)


def test_a_garage_that_takes_fewer_is_filled_to_half_of_those() -> None:
    """Where cars are refused while the garage is filled, half of those that fitted stay, and all is 200 under load."""
    with toy_garage(6) as toy:
        toy.says["/garage"] = lambda: b'{"kinds":{"small":{"free":60,"taken":0}}}'
        outcome = drive(toy, connections=1)
    assert set(outcome.replies) == {200}
    assert outcome.unparked == outcome.parked


def test_requests_are_sent_on_schedule_whatever_the_replies_take() -> None:
    """At 200 a second for half a second, 100 requests are due, also where the first reply is as late as the end."""
    gate = threading.Event()

    def hold(_: str, number: int) -> None:
        if number == 0:
            gate.wait(0.4)

    with toy_garage(0, hold) as toy:
        outcome = drive(
            toy, driver="open", rate=200, arrivals="uniform", connections=1, duration_s=0.5
        )
    assert outcome.sent == sum(outcome.replies.values()) == 100
    # Those that waited behind the first are timed from their moment: half of them have waited for long.
    assert outcome.percentiles_us[50.0] is not None
    assert outcome.percentiles_us[50.0] > 50_000
    assert outcome.max_us is not None
    assert outcome.max_us >= 399_000


def test_what_cannot_be_sent_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that found every connection waiting until long after the end are errors, and not forgotten."""
    monkeypatch.setattr("garagebench.load.driver.GRACE_NS", 50_000_000)
    monkeypatch.setattr(of_connections, "REPLY_NS", 400_000_000)
    with toy_garage(20, lambda *_: b"") as toy:
        toy.says.clear()
        outcome = drive(
            toy, driver="open", rate=100, arrivals="uniform", connections=1, duration_s=0.1
        )
    assert outcome.replies == {}
    assert outcome.errors == {
        "no reply within 0.4 s": 1,
        "not sent: every connection waited for a reply": 9,
    }
    assert outcome.sent == 10
    assert outcome.percentiles_us[99.0] is None


def broken(reply: bytes) -> Misbehave:
    """Return a misbehaviour: this reply to every tenth request."""
    return lambda _, number: reply if number % 10 == 9 else None


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"", "connection closed"),
        (b"rubbish\r\n\r\n", "broken reply: it does not begin like a reply"),
    ],
)
def test_a_request_without_a_reply_is_an_error(reply: bytes, error: str) -> None:
    """A connection that is closed, or on which rubbish comes, costs one request; the next goes over a new one."""
    with toy_garage(20, broken(reply), hang_up=True) as toy:
        outcome = drive(toy, connections=2)
    assert set(outcome.errors) == {error}
    assert outcome.errors[error] >= 1
    assert outcome.replies[200] >= 9
    assert sum(outcome.replies.values()) + sum(outcome.errors.values()) <= toy.requests


def test_a_server_may_close_after_each_reply() -> None:
    """`Connection: close` is no error: the next request goes over a new connection."""
    refused = make_reply(409, b"{}", "Connection: close")
    with toy_garage(0, lambda *_: refused) as toy:
        outcome = drive(toy, connections=2)
    assert set(outcome.replies) == {409}
    assert outcome.replies[409] > 2
    assert (outcome.errors, outcome.refused) == ({}, 0)


def test_a_server_that_ends_does_not_hold_the_load_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the server is gone, the run ends soon, with the connections that were refused."""
    monkeypatch.setattr("garagebench.load.driver.GRACE_NS", 200_000_000)
    with toy_garage() as toy:
        stop_it = threading.Timer(0.2, toy.close)
        stop_it.start()
        outcome = drive(toy, duration_s=30)
        stop_it.join()
    assert outcome.seconds < 10
    assert outcome.refused > 0


@pytest.mark.parametrize("driver", ["open", "closed"])
def test_a_stop_ends_the_load_and_the_cars_leave(driver: str) -> None:
    """When it is asked to stop, what is on its way is answered, and every car leaves."""
    stop = Stop()

    def ask(_: str, number: int) -> None:
        if number == 50:
            stop.ask()

    with toy_garage(20, ask) as toy:
        outcome = drive(toy, stop, driver=driver, duration_s=30)
        assert len(toy.free) == 20
    assert 0 < outcome.seconds < 10
    assert outcome.replies[200] > 0
    assert outcome.errors == {}


def test_no_server_is_one_sentence() -> None:
    """Where nothing listens, the error names the URL and the reason."""
    with toy_garage() as toy:
        endpoint = toy.endpoint
    with pytest.raises(LoadError, match=rf"{endpoint.url}: no connection .*refused"):
        Connections(endpoint, 3)


def test_connections_leave_no_descriptors() -> None:
    """All sockets and the epoll are closed, also after replies that closed some."""
    before = {one.name for one in Path("/proc/self/fd").iterdir()}
    with toy_garage(20, broken(b""), hang_up=True) as toy:
        drive(toy)
        theirs = {str(connection.fileno()) for connection in toy._open}
    after = {one.name for one in Path("/proc/self/fd").iterdir()}
    assert after - before - theirs == set()


@pytest.mark.parametrize(
    ("garage", "parked", "said"),
    [
        (lambda: b'{"kinds":{"a":{"free":60,"taken":0},"b":{"free":40,"taken":0}}}', 50, ""),
        (lambda: b'{"kinds":{"a":{"free":30,"taken":70}}}', 0, ""),
        (lambda: b'{"kinds":{"a":{"free":5,"taken":5}}}', 0, "room for 5 cars more, and 8 connect"),
        (lambda: b'{"kinds":{"a":{"free":1000000,"taken":0}}}', 20_000, "2.0% full, not half"),
        (lambda: b"[]", 0, "as full as it was found"),
    ],
)
def test_how_many_cars_park_first(garage: Callable[[], bytes], parked: int, said: str) -> None:
    """The garage is made half full; what is there counts, and of a very large one only a part is filled, which is said."""
    with toy_garage() as toy:
        toy.says["/garage"] = garage
        found, caveats = choose_parked(toy.endpoint, 8)
    assert found == parked
    assert said in "".join(caveats)
    assert len(caveats) == (1 if said else 0)


def test_the_vehicle_is_one_that_the_server_knows() -> None:
    """It is `small` where that is known or nothing is said, else the first of those that the server names."""
    with toy_garage() as toy:
        assert toy.endpoint.find_vehicle() == "small"
        for enum, vehicle in (('["lorry","small"]', "small"), ('["lorry","bus"]', "lorry")):
            schema = f'{{"Vehicle":{{"properties":{{"vehicle":{{"enum":{enum}}}}}}}}}'
            text = f'{{"components":{{"schemas":{schema}}}}}'.encode()
            toy.says["/openapi.json"] = lambda text=text: text  # type: ignore[misc]
            assert toy.endpoint.find_vehicle() == vehicle


@pytest.mark.parametrize(
    ("url", "shortest"),
    [
        ("http://localhost", "http://localhost:80"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/api/", "http://[::1]:8000/api"),
    ],
)
def test_a_url_is_understood(url: str, shortest: str) -> None:
    """Host, port and a prefix, without the slash at its end."""
    assert parse_url(url).url == shortest


@pytest.mark.parametrize(
    "url", ["localhost:8000", "https://localhost", "http://", "http://h:x", "http://h/?a=b", ""]
)
def test_what_is_no_url_is_said(url: str) -> None:
    """What is no URL of a server over plain HTTP is named in the error."""
    with pytest.raises(LoadError, match=r"no URL|plain HTTP|query"):
        parse_url(url)


def test_the_same_seed_unparks_the_same_cars() -> None:
    """Which car leaves is drawn with the seed."""
    drawn = []
    for seed in (1, 1, 2):
        cars = Cars(parse_url("http://127.0.0.1:8000"), "small", seed)
        cars.held = [b"%02d" % number for number in range(50)]
        drawn.append([cars.choose_unpark() for _ in range(50)])
        assert cars.choose_unpark() is None
    assert drawn[0] == drawn[1] != drawn[2]
    assert sorted(map(str, drawn[0])) == sorted(map(str, drawn[2]))


def test_a_prefix_stands_before_every_path() -> None:
    """A URL with a path has its requests sent below that path."""
    with toy_garage() as toy, Connections(parse_url(f"{toy.endpoint.url}/api"), 1) as connections:
        cars = Cars(parse_url(f"{toy.endpoint.url}/api"), "small", 0)
        cars.most = 3
        driver = Driver(connections, cars, Stop())
        driver.fill()
        driver.drain()
    assert b"POST /api/park HTTP/1.1\r\n" in cars._park.data
    assert (cars.parked, cars.unparked) == (3, 3)
