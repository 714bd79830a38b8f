"""The page of the garage: what it costs and promises, without a browser."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from serving import PARK, Serve, Served, ask_on, make_post, wait_until

from garagebench.core.garage import Garage
from garagebench.core.layout import Layout
from garagebench.errors import Unavailable
from garagebench.impls.registry import entries, load_impl
from garagebench.server import Service
from garagebench.server.browser.watch import EVERY, MOST_CELLS, MOST_PAGES, Watch

JSON_TYPE = "application/json"


class Page:
    """A page that is open: its events."""

    def __init__(self, server: Served) -> None:
        self.connection = server.connect()
        self.connection.request("GET", "/page/events")
        self.reply = self.connection.getresponse()

    def close(self) -> None:
        """Go away."""
        self.reply.close()
        self.connection.close()

    def read(self) -> Iterator[tuple[str, Any]]:
        """Yield kind and data of each event until the server ends."""
        kind = ""
        while line := self.reply.readline():
            name, _, text = line.decode().strip().partition(": ")
            if name == "event":
                kind = text
            elif name == "data":
                yield kind, json.loads(text)


@pytest.fixture
def server(serve: Serve) -> Served:
    """A Tornado, embedded."""
    return serve("tornado")


def make_watch(impl: str = "lists", layout: Layout | None = None) -> tuple[Service, Watch]:
    """A service that nobody serves, and its watch with a page open."""
    service = Service(Garage(layout or Layout.builtin("seed"), load_impl(impl)))
    watch = Watch(service)
    assert watch.enter()
    return service, watch


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/", "text/html"), ("/page/page.js", "text/javascript"), ("/page/page.css", "text/css")],
)
def test_a_page_is_served(server: Served, path: str, content_type: str) -> None:
    """With a policy that lets nothing in from elsewhere; HEAD has no body, and nothing else is taken."""
    answer = server.ask("GET", path)
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, content_type)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert server.ask("HEAD", path).body == b""
    refused = server.ask("POST", path, b"{}")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


def test_a_body_beyond_the_limit_is_refused(server: Served) -> None:
    """The page keeps the limits of the API."""
    head = make_post("/", b"").replace(b"POST", b"GET").replace(b"Length: 0", b"Length: 99999999")
    assert server.send(head).startswith(b"HTTP/1.1 413 ")


def test_events_tell_what_happens(server: Served) -> None:
    """First the layout, then the state, and again when it has changed."""
    with closing(Page(server)) as page:
        events = page.read()
        assert next(events)[1]["vehicles"] == ["small", "large", "handicap"]
        assert "1" not in next(events)[1]["taken"]
        server.ask("POST", "/park", PARK)
        kind, state = next(event for event in events if "1" in event[1]["taken"])
        assert kind == "state"
        # The third row of the first floor is the first for small vehicles.
        assert state["taken"].index("1") == 20
        assert state["spaces"]["small"] == {"free": 69, "taken": 1}


def test_a_server_that_ends_says_so(server: Served) -> None:
    """A graceful shutdown does not wait for pages, and each of them gets its last event."""
    pages = [Page(server) for _ in range(5)]
    read = [page.read() for page in pages]
    for events in read:
        assert next(events)[0] == "layout"
    server.process.send_signal(signal.SIGTERM)
    for events in read:
        assert list(events)[-1][0] == "end"
    ended = server.wait()
    assert ended.code == 0
    assert ended.books["taken"] == 0
    for page in pages:
        page.close()


def test_too_many_pages_are_refused(serve: Serve) -> None:
    """Further ones get 503, and places of pages that went are free again."""
    server = serve("tornado", "--connections", MOST_PAGES + 10)
    pages = [Page(server) for _ in range(MOST_PAGES)]
    refused = server.ask("GET", "/page/events")
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    pages.pop().close()
    wait_until(lambda: is_let_in(server), "a place")
    for page in pages:
        page.close()


def is_let_in(server: Served) -> bool:
    """Whether another page is let in."""
    with closing(Page(server)) as page:
        return page.reply.status == 200


def test_no_page_where_several_processes_serve(serve: Serve) -> None:
    """Who looks must take all spaces for a moment, which others must not see."""
    try:
        server = serve("tornado", "--nginx")
    except Unavailable as error:
        pytest.skip(str(error))
    assert server.ask("GET", "/").status == 404


@pytest.mark.parametrize("impl", [name for name, entry in entries().items() if not entry.runtime])
def test_looking_changes_nothing(impl: str) -> None:
    """With every implementation: what is taken is seen, and afterwards all is as it was."""
    try:
        service, watch = make_watch(impl)
    except Unavailable as error:
        pytest.skip(str(error))
    for _ in range(3):
        watch.answer("POST", "/park", JSON_TYPE, PARK)
    spaces = service.spaces
    assert json.loads(watch.look())["taken"].count("1") == 3
    assert service.spaces == spaces
    reply = watch.answer("POST", "/park", JSON_TYPE, PARK)
    assert json.loads(reply.body) == {"floor": 1, "row": 3, "space": 4}


def test_stages_are_timed_only_while_somebody_looks() -> None:
    """One of so many requests, and its reply has no header that was not asked for."""
    service, watch = make_watch()
    watch.leave()
    for _ in range(2 * EVERY):
        assert watch.answer("POST", "/park", JSON_TYPE, PARK).headers == ()
    watch.enter()
    assert json.loads(watch.look())["shares"]["park"] == {}
    for _ in range(EVERY):
        assert watch.answer("POST", "/park", JSON_TYPE, PARK).headers == ()
    watch._looked = -1
    shares = json.loads(watch.look())["shares"]["park"]
    assert list(shares) == ["validate", "sequence", "floor_lookup", "encode"]
    assert sum(shares.values()) == pytest.approx(1, abs=0.03)
    asked = watch.answer("POST", "/park", JSON_TYPE, PARK, True)
    assert asked.headers[0][0] == "Server-Timing"
    assert service.parked == 3 * EVERY + 1


def test_a_refusal_is_no_sample() -> None:
    """It has gone through some of the stages only."""
    _, watch = make_watch()
    for _ in range(EVERY):
        assert watch.answer("POST", "/park", JSON_TYPE, b"{}").status == 422
    assert json.loads(watch.look())["shares"]["park"] == {}


def test_a_large_garage_is_shown_by_kind() -> None:
    """To look at each space would keep requests waiting."""
    rows = [("small", 100)] * (MOST_CELLS // 100 + 1)
    _, watch = make_watch(layout=Layout("large", {"small": [["small"]]}, [rows]))
    assert json.loads(watch.describe())["floors"] is None
    state = json.loads(watch.look())
    assert state["taken"] is None
    assert state["spaces"]["small"]["free"] == 1100


def test_pages_share_what_was_looked_at() -> None:
    """A hundred pages make one look, not a hundred."""
    _, watch = make_watch()
    first = watch.look()
    assert watch.look() is first
    watch._looked = -1
    assert watch.look() is first


def test_requests_go_on_beside_pages(server: Served) -> None:
    """A thousand requests, all answered, and the last state is that of the garage."""
    with closing(Page(server)) as page, closing(server.connect()) as client:
        events = page.read()
        for number in range(1000):
            ask_on(client, "POST", "/park", PARK)
            if number % 20 == 19:
                for space in range(1, 11):
                    body = json.dumps({"floor": 1, "row": 3, "space": space}).encode()
                    ask_on(client, "POST", "/unpark", body)
        taken = server.taken()
        assert any(kind == "state" and state["taken"].count("1") == taken for kind, state in events)
