"""What every server refuses, and schemathesis on each, from the description of the API that it gives itself."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from serving import FIRST, PARK, ROOT, Serve, Served, each_server, make_post

from garagebench.core.layout import Layout
from garagebench.server.openapi import describe_api

sys.path.insert(0, str(ROOT / "benchmarks" / "http"))

import schema

PROBLEM = "application/problem+json"
CHUNKED = (
    b"POST /park HTTP/1.1\r\nHost: garage\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)
CLOSE = "Connection: close"


def status_of(data: bytes) -> int:
    """The status of the only reply."""
    (status,) = re.findall(rb"HTTP/1\.[01] (\d{3}) ", data)
    return int(status)


def test_schemathesis(served: Served) -> None:
    """All checks of schemathesis pass, no status is 5xx, and only what is answered with 200 changes the garage."""
    found = schema.examine(served.url, examples=20, seed=1)
    assert found.faults == [], found.report
    assert found.exit_code == 0
    statuses = found.witness.statuses
    assert found.witness.compared == statuses.total() > 200
    assert max(statuses) < 500
    assert {200, 400, 404, 405, 409, 415, 422} <= set(statuses)


def test_a_refusal_that_changes_something_is_found(serve: Serve, tmp_path: Path) -> None:
    """A server that takes a space besides the one that it gives, or gives none, does not pass."""
    (tmp_path / "sly.py").write_text(
        "from garagebench.impls.lists import ListPool\n"
        "class Pool(ListPool):\n"
        "    def take(self):\n"
        "        super().take()\n"
        "        return -1\n"
    )
    server = serve("tornado", "--impl", f"{tmp_path / 'sly.py'}:Pool")
    found = schema.examine(server.url, examples=1, seed=1)
    (fault,) = found.faults
    assert "state_changes_as_answered" in fault, found.report
    assert " spaces are taken" in found.report


def test_a_server_error_is_found(serve: Serve, tmp_path: Path) -> None:
    """A server whose implementation fails does not pass."""
    (tmp_path / "broken.py").write_text(
        "from garagebench.impls.lists import ListPool\n"
        "class Pool(ListPool):\n"
        "    def take(self):\n"
        "        raise RuntimeError\n"
    )
    server = serve("tornado", "--impl", f"{tmp_path / 'broken.py'}:Pool")
    found = schema.examine(server.url, examples=1, seed=1)
    assert "Server error" in found.faults[0], found.report


def test_every_reply_is_described() -> None:
    """The description has every status that the design names, and for each what the reply looks like."""
    document = json.loads(describe_api(Layout.builtin("seed")))
    refusals = {
        "/park": {"400", "409", "413", "415", "422"},
        "/unpark": {"400", "404", "409", "413", "415", "422"},
        "/readyz": {"503"},
        "/metrics": {"501"},
    }
    for path, operations in document["paths"].items():
        (operation,) = operations.values()
        assert set(operation["responses"]) == {"200"} | refusals.get(path, set())
        for reply in operation["responses"].values():
            (content,) = reply["content"].values()
            reference = content["schema"]["$ref"].rpartition("/")[2]
            assert reference in document["components"]["schemas"], path


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
def test_methods_that_frameworks_know(served: Served, method: str) -> None:
    """Whatever a framework makes of a method itself, the reply is a problem document of 405 that says what is allowed."""
    data = served.send(make_post("/park", b"", CLOSE).replace(b"POST", method.encode(), 1))
    head, _, body = data.partition(b"\r\n\r\n")
    assert status_of(data) == 405
    assert b"allow: post" in head.lower()
    assert json.loads(body)["title"] == "Method not allowed"


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/x; boundary=x", "\xe9"])
def test_bodies_that_frameworks_parse(served: Served, content_type: str) -> None:
    """A form is not parsed, and refused with 415; so is a type that is no text."""
    request = make_post("/park", PARK, CLOSE)
    data = served.send(request.replace(b"application/json", content_type.encode("latin-1")))
    assert status_of(data) == 415
    assert PROBLEM.encode() in data


def test_a_path_that_frameworks_redirect(served: Served) -> None:
    """Two slashes are no path, and nobody is sent elsewhere."""
    assert served.ask("POST", "//park", PARK).status == 404


def test_a_target_with_scheme_and_host(served: Served) -> None:
    """A target may have scheme and host before its path, as HTTP/1.1 demands."""
    data = served.send(make_post("HTTP://garage:80/park?x", PARK, CLOSE))
    assert status_of(data) == 200
    assert served.ask("POST", "/unpark", data.rpartition(b"\r\n")[2]).status == 200


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: b\r\n"])
def test_one_host(served: Served, hosts: bytes) -> None:
    """HTTP/1.1 without a Host, or with two, is refused with 400 and does nothing."""
    before = served.taken()
    data = served.send(make_post("/park", PARK, CLOSE).replace(b"Host: garage\r\n", hosts))
    assert status_of(data) == 400
    assert served.taken() == before


@pytest.mark.parametrize(
    "coding", [b"identity", b"chunked\r\nTransfer-Encoding: identity", b"chunked, x"]
)
def test_codings_that_are_not_chunked(served: Served, coding: bytes) -> None:
    """A coding that is not plainly chunked is refused, and neither the body nor what follows is taken for a request."""
    before = served.taken()
    body = b"13\r\n" + PARK + b"\r\n0\r\n\r\n"
    data = served.send(CHUNKED.replace(b"chunked", coding) + body + make_post("/park", PARK))
    assert status_of(data) in (400, 501)
    assert served.taken() == before


def test_http_1_0_has_no_chunks(served: Served) -> None:
    """Chunks in HTTP/1.0 are refused: whoever stands between may not know them."""
    before = served.taken()
    request = CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0")
    data = served.send(request + b"13\r\n" + PARK + b"\r\n0\r\n\r\n")
    assert status_of(data) == 400
    assert served.taken() == before


@pytest.mark.parametrize("version", [b"HTTP/0.9", b"HTTP/2.0", b"RTSP/1.0", b"http/1.1"])
def test_versions(served: Served, version: bytes) -> None:
    """What is not HTTP/1.1 or HTTP/1.0 is refused."""
    before = served.taken()
    data = served.send(make_post("/park", PARK, CLOSE).replace(b"HTTP/1.1", version))
    assert status_of(data) in (400, 501)
    assert served.taken() == before


def test_a_huge_chunked_body(served: Served) -> None:
    """A body in chunks that is not read to its end is refused with 413 as well."""
    with served.dial() as connection:
        connection.sendall(CHUNKED + b"%x\r\n" % 100_000 + b" " * 70_000)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("name", each_server("tornado", "tornado-delegate", "wire", "granian"))
def test_close_among_other_words(serve: Serve, name: str) -> None:
    """`Connection: x, close` ends the connection, and what follows is not looked at."""
    server = serve(name)
    data = server.send(make_post("/park", PARK, "Connection: x, close") + make_post("/park", PARK))
    assert status_of(data) == 200
    assert data.endswith(FIRST)
    assert server.taken() == 1
