"""What every server answers, byte for byte where the design says so."""

from __future__ import annotations

import json

import pytest
from serving import FIRST, JSON, PARK, SECOND, Served, ask_on, make_post, read_until

PROBLEM = "application/problem+json"


@pytest.fixture(autouse=True)
def _empty_garage(served: Served) -> None:
    """Every test begins with an empty garage, so every test must have left one."""
    assert served.taken() == 0


def test_park_and_unpark(served: Served) -> None:
    """Park answers the location, unpark the kind: compact JSON, keys in the order of the design."""
    parked = served.ask("POST", "/park", PARK)
    assert (parked.status, parked.body) == (200, FIRST)
    assert parked.headers["content-type"] == "application/json"
    left = served.ask("POST", "/unpark", FIRST)
    assert (left.status, left.body) == (200, b'{"kind":"small"}')
    assert left.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "title"),
    [
        ("POST", "/park", b"{", 400, "Not JSON"),
        ("POST", "/park", b"", 400, "Not JSON"),
        ("POST", "/unpark", b"nothing", 400, "Not JSON"),
        ("GET", "/nosuch", None, 404, "No such path"),
        ("POST", "/park/", PARK, 404, "No such path"),
        ("GET", "/nowhere", None, 404, "No such path"),
        ("POST", "/unpark", b'{"floor":9,"row":1,"space":1}', 404, "No such space"),
        ("GET", "/park", None, 405, "Method not allowed"),
        ("DELETE", "/unpark", None, 405, "Method not allowed"),
        ("PUT", "/park", PARK, 405, "Method not allowed"),
        ("POST", "/garage", PARK, 405, "Method not allowed"),
        ("OPTIONS", "/park", None, 405, "Method not allowed"),
        ("POST", "/unpark", FIRST, 409, "Space empty"),
        ("POST", "/park", PARK.ljust(4097), 413, "Too large"),
        ("POST", "/unpark", FIRST.ljust(4097), 413, "Too large"),
        ("POST", "/park", b"[]", 422, "Not a request"),
        ("POST", "/park", b'{"vehicle":1}', 422, "Not a request"),
        ("POST", "/park", b'{"vehicle":"bus"}', 422, "Unknown vehicle"),
        ("POST", "/unpark", b'{"floor":0,"row":1,"space":1}', 422, "Not a request"),
        ("POST", "/unpark", b'{"floor":1,"row":1,"space":2147483648}', 422, "Not a request"),
    ],
)
def test_errors_are_problem_documents(
    served: Served, method: str, path: str, body: bytes | None, status: int, title: str
) -> None:
    """What cannot be done is answered with its status, and with a problem document of exactly four fields."""
    answer = served.ask(method, path, body)
    assert (answer.status, answer.headers["content-type"]) == (status, PROBLEM)
    problem = answer.json
    assert list(problem) == ["type", "title", "status", "detail"]
    assert (problem["title"], problem["status"]) == (title, status)
    assert problem["type"].endswith(":" + title.lower().replace(" ", "-"))
    assert problem["detail"]


@pytest.mark.parametrize(
    ("path", "allowed"), [("/park", "POST"), ("/unpark", "POST"), ("/metrics", "GET, HEAD")]
)
def test_what_is_allowed_is_said(served: Served, path: str, allowed: str) -> None:
    """A reply of 405 names the methods that there are."""
    assert served.ask("PATCH", path).headers["allow"] == allowed


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonp", 415),
    ],
)
def test_the_content_type_is_looked_at(served: Served, content_type: str, status: int) -> None:
    """A body is taken as JSON only where it says so, with or without a charset."""
    answer = served.ask("POST", "/park", PARK, content_type=content_type)
    assert answer.status == status
    if status == 200:
        assert served.ask("POST", "/unpark", answer.body).status == 200


def test_a_body_of_the_limit_is_read(served: Served) -> None:
    """4096 bytes are not too many."""
    answer = served.ask("POST", "/park", PARK.ljust(4096))
    assert answer.status == 200
    served.ask("POST", "/unpark", answer.body)


def test_a_full_garage(served: Served) -> None:
    """120 small cars fit, the next is refused with 409, and GET /garage says how many are where."""
    connection = served.connect()
    parked = [ask_on(connection, "POST", "/park", PARK) for _ in range(121)]
    assert [answer.status for answer in parked] == [200] * 120 + [409]
    assert parked[-1].json["title"] == "Garage full"
    garage = served.ask("GET", "/garage")
    assert garage.headers["content-type"] == "application/json"
    assert garage.json == {
        "kinds": {
            "handicap": {"free": 20, "taken": 0},
            "small": {"free": 0, "taken": 70},
            "large": {"free": 0, "taken": 50},
        }
    }
    for answer in parked[:-1]:
        assert ask_on(connection, "POST", "/unpark", answer.body).status == 200
    connection.close()


def test_a_connection_is_kept(served: Served) -> None:
    """Requests follow each other on one connection, refused ones too."""
    connection = served.connect()
    ask_on(connection, "GET", "/healthz")
    first = connection.sock
    for path, body in [("/park", PARK), ("/park", b"{"), ("/unpark", FIRST), ("/nosuch", b"{}")]:
        ask_on(connection, "POST", path, body)
    assert connection.sock is first is not None
    connection.close()


def test_a_connection_is_closed_on_request(served: Served) -> None:
    """`Connection: close` is answered, and then the connection ends."""
    data = served.send(make_post("/unpark", FIRST, "Connection: close"))
    assert data.startswith(b"HTTP/1.1 409 ")
    assert b"connection: close" in data.lower()


def test_replies_are_dated(served: Served) -> None:
    """Every reply has a Date, as HTTP demands of who has a clock."""
    assert served.ask("POST", "/unpark", FIRST).headers["date"].endswith(" GMT")
    assert served.ask("GET", "/garage").headers["date"].endswith(" GMT")


#: What a client may offer to go on with, in the headers of a request.
OFFERS = {
    "HTTP/2, as Java's client does": (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAAB",
    ),
    "a WebSocket": (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ),
}


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
def test_an_offer_to_upgrade_is_ignored(served: Served, offer: tuple[str, ...]) -> None:
    """Who offers to go on in another protocol is answered in HTTP/1.1."""
    with served.dial() as connection:
        connection.sendall(make_post("/unpark", FIRST, *offer))
        assert read_until(connection, b"}").startswith(b"HTTP/1.1 409 ")


def test_options_of_the_server(served: Served) -> None:
    """`OPTIONS *` asks for no path that there is, and is told so as everybody is."""
    answer = served.ask("OPTIONS", "*")
    assert (answer.status, answer.headers["content-type"]) == (404, PROBLEM)
    assert answer.json["title"] == "No such path"


def test_http_1_0(served: Served) -> None:
    """A client of HTTP/1.0 is answered, and then the connection ends."""
    data = served.send(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert data.split()[1] == b"200"
    assert data.endswith(b'{"status":"ok"}')


def test_pipelined_requests(served: Served) -> None:
    """Requests that are sent without waiting are answered in their order."""
    requests = [
        make_post("/park", PARK),
        make_post("/park", PARK),
        make_post("/unpark", FIRST),
        make_post("/unpark", SECOND, "Connection: close"),
    ]
    data = served.send(b"".join(requests))
    kind = b'{"kind":"small"}'
    places = [data.find(FIRST), data.find(SECOND), data.find(kind), data.rfind(kind)]
    assert data.count(b"HTTP/1.1 200 OK") == 4
    assert -1 < places[0] < places[1] < places[2] < places[3]


def test_a_request_in_single_bytes(served: Served) -> None:
    """A request may come in pieces of any size."""
    with served.dial() as connection:
        for byte in make_post("/unpark", FIRST):
            connection.send(bytes([byte]))
        assert read_until(connection, b"}").startswith(b"HTTP/1.1 409 ")


CHUNKED = (
    b"POST /park HTTP/1.1\r\nHost: garage\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)


def test_a_chunked_body(served: Served) -> None:
    """A body may come in chunks."""
    data = served.send(CHUNKED + b"5\r\n" + PARK[:5] + b"\r\ne\r\n" + PARK[5:] + b"\r\n0\r\n\r\n")
    assert data.endswith(FIRST)
    served.ask("POST", "/unpark", FIRST)


def test_a_chunked_body_over_the_limit(served: Served) -> None:
    """A body in chunks is measured, too."""
    data = served.send(CHUNKED + b"1388\r\n" + PARK.ljust(5000) + b"\r\n0\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 413 ")


def test_a_body_is_asked_for(served: Served) -> None:
    """Who expects 100 Continue gets it, and then the reply."""
    with served.dial() as connection:
        head, end, body = make_post("/unpark", FIRST, "Expect: 100-continue").partition(b"\r\n\r\n")
        connection.sendall(head + end)
        assert read_until(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert read_until(connection, b"}").startswith(b"HTTP/1.1 409 ")


def test_head(served: Served) -> None:
    """HEAD answers what GET does, without the body."""
    whole, head = served.ask("GET", "/openapi.json"), served.ask("HEAD", "/openapi.json")
    assert (head.status, head.body) == (200, b"")
    for name in ("content-type", "content-length"):
        assert head.headers[name] == whole.headers[name]
    raw = served.send(b"HEAD /openapi.json HTTP/1.1\r\nHost: garage\r\nConnection: close\r\n\r\n")
    assert raw.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("first", ["Content-Length: 4\r\n", "Transfer-Encoding: chunked\r\n"])
def test_two_lengths_are_refused(served: Served, first: str) -> None:
    """A request with two different ideas of its end is refused with 400, and nothing after it is looked at."""
    other = "Content-Length: 19\r\n"
    data = served.send(
        f"POST /park HTTP/1.1\r\nHost: garage\r\nContent-Type: application/json\r\n{first}{other}\r\n".encode()
        + b"0\r\n\r\n"
        + make_post("/park", PARK, "Connection: close")
    )
    assert data.split()[1] == b"400"
    assert data.count(b"HTTP/1.") == 1


def test_what_is_not_http(served: Served) -> None:
    """Noise ends the connection."""
    assert b" 200 " not in served.send(b"\x16\x03\x01 noise\r\n\r\n")


def test_headers_over_the_limit(served: Served) -> None:
    """Headers without end are not read to their end."""
    with served.dial() as connection:
        try:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: garage\r\nX: " + b"x" * 500_000)
            data = connection.recv(65_536)
        except ConnectionError:
            data = b""
    assert data == b"" or data.split()[1] in (b"400", b"431")


def test_a_huge_body_is_not_waited_for(served: Served) -> None:
    """A body of 100 MiB is refused before it has come, with 413."""
    head = make_post("/park", b"").replace(b"Content-Length: 0", b"Content-Length: 104857600")
    with served.dial() as connection:
        connection.sendall(head)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"POST /park HTTP/1.1\r\nHost: gar", id="headers"),
        pytest.param(make_post("/park", PARK)[:-5], id="body"),
    ],
)
def test_a_slow_request_is_given_up(served: Served, begun: bytes) -> None:
    """Who does not come to the end of the headers, or of the body, is disconnected."""
    data = served.send(begun)
    assert data == b"" or data.split()[1] in (b"400", b"408")


def test_a_trickle_is_given_up(served: Served) -> None:
    """The time for the headers runs from their beginning: a byte now and then does not prolong it."""
    with served.dial() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: garage\r\nX: ")
        connection.settimeout(0.1)
        for _ in range(100):
            try:
                connection.send(b"x")
                if b" 200 " not in connection.recv(65_536):
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
    pytest.fail("still connected")


def test_an_idle_connection_is_closed(served: Served) -> None:
    """A connection on which nothing comes is closed."""
    with served.dial() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: garage\r\n\r\n")
        read_until(connection, b'"ok"}')
        assert connection.recv(1) == b""


def test_health(served: Served) -> None:
    """/healthz and /readyz answer 200."""
    assert served.ask("GET", "/healthz").json == {"status": "ok"}
    assert served.ask("GET", "/readyz?verbose").json == {"status": "ready"}


def test_metrics(served: Served) -> None:
    """/metrics counts the replies by operation and status, and the spaces by kind and state."""
    pytest.importorskip("prometheus_client")

    def read() -> dict[str, float]:
        answer = served.ask("GET", "/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = answer.body.decode().splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    before = read()
    served.ask("POST", "/park", PARK)
    served.ask("POST", "/park", b"{")
    after = read()
    served.ask("POST", "/unpark", FIRST)
    parks = 'garagebench_replies_total{operation="park",status="%s"}'
    assert after[parks % 200] == before[parks % 200] + 1
    assert after[parks % 400] == before.get(parks % 400, 0) + 1
    assert after['garagebench_spaces{kind="small",state="taken"}'] == 1
    assert after["garagebench_given_back_total"] == 0


def test_openapi(served: Served) -> None:
    """/openapi.json describes every path, with the vehicles of the layout."""
    document = served.ask("GET", "/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {
        *("/park", "/unpark", "/garage", "/healthz", "/readyz", "/metrics", "/openapi.json")
    }
    vehicle = document["components"]["schemas"]["Vehicle"]["properties"]["vehicle"]
    assert vehicle["enum"] == ["small", "large", "handicap"]


def test_server_timing_on_demand(served: Served) -> None:
    """Asked for, the time of each stage is in `Server-Timing`; the reply and the garage are the same."""
    connection = served.connect()
    asking = {**JSON, "X-Server-Timing": "1"}
    parked = ask_on(connection, "POST", "/park", PARK, asking)
    empty = ask_on(connection, "POST", "/unpark", SECOND, asking)
    left = ask_on(connection, "POST", "/unpark", FIRST, asking)
    assert (parked.body, empty.status, left.body) == (FIRST, 409, b'{"kind":"small"}')
    stages = [
        [part.partition(";dur=")[0] for part in answer.headers["server-timing"].split(", ")]
        for answer in (parked, left)
    ]
    assert stages == [
        ["validate", "sequence", "floor_lookup", "encode"],
        ["validate", "space_lookup", "release", "encode"],
    ]
    plain = ask_on(connection, "POST", "/unpark", json.dumps({"floor": 1}).encode())
    assert "server-timing" not in plain.headers
    connection.close()
