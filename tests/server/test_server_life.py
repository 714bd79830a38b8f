"""How a server starts, what it does when it is told to end, and that its books are right whatever happens."""

from __future__ import annotations

import asyncio
import csv
import http.client
import io
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from serving import (
    FIRST,
    PARK,
    ROOT,
    Serve,
    Served,
    ask_on,
    each_server,
    make_post,
    read_all,
    read_until,
    wait_until,
)

from garagebench.core.garage import Garage
from garagebench.core.layout import Layout
from garagebench.core.workload import trace
from garagebench.impls.registry import load_impl
from garagebench.server import Service, make_app
from garagebench.server.registry import SERVERS
from garagebench.server.stopping import ECHO_S

#: Servers that know whether the system has taken a reply; falcon does as flask does, by the same code. granian does not.
SURE = ("tornado", "tornado-delegate", "wire", "flask", "twisted")


def is_closed(server: Served) -> bool:
    """Whether the server takes no more connections."""
    try:
        with server.dial():
            return False
    except ConnectionRefusedError:
        return True


class Client(threading.Thread):
    """Parks, and gives every other space back, until the server ends the connection; counts the replies."""

    def __init__(self, server: Served) -> None:
        super().__init__()
        self._connection = server.connect()
        self.parked = self.unparked = 0

    def run(self) -> None:
        try:
            while True:
                keep = ask_on(self._connection, "POST", "/park", PARK)
                self.parked += keep.status == 200
                leave = ask_on(self._connection, "POST", "/park", PARK)
                self.parked += leave.status == 200
                left = ask_on(self._connection, "POST", "/unpark", leave.body)
                self.unparked += left.status == 200
        except (OSError, http.client.HTTPException):
            self._connection.close()


def send_until_stuck(connection: socket.socket, data: bytes) -> None:
    """Send the same again and again until nothing of it is taken for the time-out of the connection."""
    rest = data
    try:
        while True:
            rest = rest[connection.send(rest) :] or data
    except TimeoutError:
        return


def run_garagebench(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "garagebench", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", each_server())
def test_books_are_balanced_after_a_drain_under_load(serve: Serve, name: str) -> None:
    """SIGTERM amid requests: exit code 0, and what is taken is what clients were told less what they gave back."""
    server = serve(name, "--spaces", 100_000, "--drain", 600)  # so none waits for the deadline
    clients = [Client(server) for _ in range(6)]
    for client in clients:
        client.start()
    wait_until(lambda: min(client.unparked for client in clients) >= 10, "some replies")
    ended = server.stop()
    for client in clients:
        client.join()
    assert ended.code == 0, ended.said
    assert "Traceback" not in ended.said
    parked = sum(client.parked for client in clients)
    unparked = sum(client.unparked for client in clients)
    assert ended.books["taken"] == parked - unparked
    assert (
        ended.books["parked"] - ended.books["given back"] - ended.books["unparked"]
        == (ended.books["taken"])
    )


@pytest.mark.parametrize("name", each_server())
def test_a_request_in_flight_is_answered(serve: Serve, name: str) -> None:
    """A request that had begun when SIGTERM came is answered, as the last one; no new connection is taken."""
    server = serve(name)
    request = make_post("/park", PARK)
    with server.dial() as connection:
        connection.sendall(request[:-5])
        assert server.taken() == 0  # so the server has read those bytes
        server.process.terminate()
        wait_until(lambda: is_closed(server), "the end of listening")
        connection.sendall(request[-5:])
        data = read_all(connection)
    ended = server.wait()
    assert data.endswith(FIRST)
    assert b"connection: close" in data.lower()
    assert (ended.code, ended.books["taken"]) == (0, 1)


@pytest.mark.parametrize("name", each_server())
def test_a_drain_has_a_deadline(serve: Serve, name: str) -> None:
    """A request that does not come to its end keeps the server until the deadline only; no space is taken for it."""
    server = serve(name, "--drain", 1, "--body-timeout", 600)
    with server.dial() as connection:
        connection.sendall(make_post("/park", PARK)[:-5])
        assert server.taken() == 0
        ended = server.stop()
    assert (ended.code, ended.books["taken"]) == (0, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("name", each_server())
def test_a_second_signal(serve: Serve, name: str, number: int) -> None:
    """A second signal ends the server at once, whatever it still waits for."""
    server = serve(name, "--drain", 600, "--body-timeout", 600)
    with server.dial() as connection:
        connection.sendall(make_post("/park", PARK)[:-5])
        assert server.taken() == 0
        server.process.send_signal(number)
        wait_until(lambda: is_closed(server), "the end of listening")
        time.sleep(2 * ECHO_S)  # one that comes sooner is the same wish
        server.process.send_signal(number)
        assert server.wait().code == -number


@pytest.mark.parametrize("name", each_server())
def test_readiness_goes_first(serve: Serve, name: str) -> None:
    """With a grace, requests are answered after SIGTERM, but /readyz says no."""
    server = serve(name, "--grace", 60)
    server.process.terminate()
    wait_until(lambda: server.ask("GET", "/readyz").status == 503, "readiness to go")
    assert server.ask("GET", "/readyz").headers["content-type"] == "application/problem+json"
    assert server.ask("POST", "/park", PARK).body == FIRST


@pytest.mark.parametrize("name", each_server())
def test_ctrl_c(serve: Serve, name: str) -> None:
    """Ctrl-C ends it with exit code 130 and its books, and leaves no process."""
    server = serve(name)
    server.ask("POST", "/park", PARK)
    ended = server.stop(signal.SIGINT)
    assert ended.code == 130
    assert ended.said.splitlines() == [
        "parked 1, unparked 0, given back 0, taken 1",
        "interrupted",
    ]
    with pytest.raises(ProcessLookupError):
        os.killpg(server.process.pid, 0)


@pytest.mark.parametrize("name", each_server(*SURE))
def test_a_space_is_given_back_when_nobody_takes_the_reply(serve: Serve, name: str) -> None:
    """A client that reads no replies and goes leaves no space taken of which the system did not take the reply."""
    server = serve(name, "--spaces", 200_000)
    with socket.socket() as connection:
        # Not less: full of replies, it would drop what acknowledges the requests, and the server would wait for more.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
        connection.settimeout(1)
        connection.connect(("127.0.0.1", server.port))
        send_until_stuck(connection, make_post("/park", PARK) * 1000)
        reset = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)

    def given_back() -> bool:
        books = server.ask("GET", "/metrics").body.decode()
        return "garagebench_given_back_total 0.0" not in books

    wait_until(given_back, "a space to be given back")
    books = server.stop().books
    assert books["given back"] >= 1
    assert books["taken"] == books["parked"] - books["given back"]


@pytest.mark.parametrize("name", each_server(*(name for name in SERVERS if name != "granian")))
def test_a_connection_too_many(serve: Serve, name: str) -> None:
    """Beyond the limit, a connection is told so with 503 and closed; the others go on. granian lets it wait."""
    server = serve(name, "--connections", 1)
    with server.dial() as first:
        for _ in range(3):
            first.sendall(b"GET /healthz HTTP/1.1\r\nHost: garage\r\n\r\n")
            assert read_until(first, b"}").startswith(b"HTTP/1.1 200 ")
            answer = server.send(b"")
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"application/problem+json" in answer


@pytest.mark.parametrize("name", each_server("tornado", "wire", "flask"))
def test_a_broken_implementation(serve: Serve, tmp_path: Path, name: str) -> None:
    """An implementation that fails is answered with 500, tells nothing, and ends neither server nor connection."""
    (tmp_path / "broken.py").write_text(
        "from garagebench.impls.lists import ListPool\n"
        "class Pool(ListPool):\n"
        "    def take(self):\n"
        "        raise RuntimeError('secret')\n"
    )
    server = serve(name, "--impl", f"{tmp_path / 'broken.py'}:Pool")
    connection = server.connect()
    for _ in range(2):
        answer = ask_on(connection, "POST", "/park", PARK)
        assert (answer.status, answer.json["title"]) == (500, "Internal error")
        assert b"secret" not in answer.body
    connection.close()
    assert "secret" in server.stop().said


def test_the_app_is_embedded() -> None:
    """`make_app` answers in a Tornado process of one's own."""
    httpserver = pytest.importorskip("tornado.httpserver")
    netutil = pytest.importorskip("tornado.netutil")
    service = Service(Garage(Layout.builtin("seed"), load_impl("lists")))

    async def ask() -> bytes:
        server = httpserver.HTTPServer(make_app(service))
        (listener,) = netutil.bind_sockets(0, "127.0.0.1")
        server.add_sockets([listener])
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(make_post("/park", PARK, "Connection: close"))
        data = await reader.read()
        writer.close()
        server.stop()
        return data

    assert asyncio.run(ask()).endswith(FIRST)
    assert service.parked == 1


def test_the_url_is_printed(serve: Serve) -> None:
    """Standard output is the URL, on 127.0.0.1 unless told otherwise, and nothing else."""
    server = serve("tornado")
    assert server.url == f"http://127.0.0.1:{server.port}"
    assert server.stop().printed == ""


def test_a_port_in_use() -> None:
    """Where the port is taken: exit code 1 and one sentence with the port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ran = run_garagebench("serve", "--port", port)
    assert (ran.returncode, ran.stdout) == (1, "")
    (said,) = ran.stderr.splitlines()
    assert said.startswith(f"Error: cannot listen on 127.0.0.1, port {port}: ")
    assert said.endswith("; --port 0 takes a free one")


def test_a_name_that_cannot_be_one() -> None:
    """A name that no address can have is told like an address that is none of ours."""
    ran = run_garagebench("serve", "--host", "..", "--port", 0)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("Error: cannot listen on ..: ")


@pytest.mark.parametrize("port", [0, 8000])
def test_an_address_of_somebody_else(port: int) -> None:
    """Where the address is none of ours, no port would help, and none is advised."""
    ran = run_garagebench("serve", "--host", "203.0.113.1", "--port", port)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        f"Error: cannot listen on 203.0.113.1, port {port}: Cannot assign requested address\n"
    )


def test_an_unknown_server() -> None:
    """A server that there is not: exit code 2, and what there is."""
    ran = run_garagebench("serve", "--server", "nosuch")
    assert (ran.returncode, ran.stdout) == (2, "")
    (said,) = ran.stderr.splitlines()
    assert [name for name in ("'nosuch'", *SERVERS) if name not in said] == []


@pytest.mark.parametrize("front", [(), ("--nginx",)])
def test_another_interpreter(front: tuple[str, ...]) -> None:
    """An implementation for another interpreter is not served on this one: exit code 1, and what would fix it."""
    ran = run_garagebench("serve", "--port", 0, "--impl", "pypy", *front)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        "Error: a server runs on the interpreter of garagebench itself, not on pypy3: "
        "name another implementation\n"
    )


def test_a_missing_framework(tmp_path: Path) -> None:
    """Without its framework a server is listed with the reason and what would fix it, and cannot be started."""
    (tmp_path / "flask.py").write_text("raise ImportError('no flask here')\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    reason = "flask cannot run here: no flask here: pip install 'garagebench[flask]'"
    listed = run_garagebench("list", "servers", "--format", "csv", PYTHONPATH=path)
    items = {item["server"]: item for item in csv.DictReader(io.StringIO(listed.stdout))}
    assert list(items) == list(SERVERS)
    assert items["flask"]["runs"] == f"no: {reason}"
    started = run_garagebench("serve", "--server", "flask", "--port", 0, PYTHONPATH=path)
    assert (started.returncode, started.stderr) == (1, f"Error: {reason}\n")


def test_requests_are_recorded(serve: Serve, tmp_path: Path) -> None:
    """--record writes what was asked, refused or not, as a trace; what is no JSON is counted."""
    file = tmp_path / "trace.jsonl"
    server = serve("tornado", "--record", file)
    empty = b'{"floor":3,"row":1,"space":1}'
    for path, body in [("/park", PARK), ("/park", b"{"), ("/unpark", empty), ("/unpark", FIRST)]:
        server.ask("POST", path, body)
    ended = server.stop()
    assert "not recorded, being no JSON or beyond the largest trace: 1" in ended.said
    (block,) = trace(file).blocks
    assert block.requests == (("park", PARK), ("unpark", empty), ("unpark", FIRST))


def test_a_record_that_cannot_be_written(tmp_path: Path) -> None:
    """Where the record cannot be written: exit code 1 and one sentence with the file."""
    file = tmp_path / "nosuch" / "trace.jsonl"
    ran = run_garagebench("serve", "--port", 0, "--record", file)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"Error: {file}: cannot be written: No such file or directory\n"


def test_another_layout(serve: Serve) -> None:
    """The layout, its size and the implementation are those that were named."""
    server = serve("tornado", "--spaces", 1000, "--impl", "heap")
    kinds = server.ask("GET", "/garage").json["kinds"]
    scaled = Layout.builtin("seed").scaled(1000)
    assert {kind: states["free"] for kind, states in kinds.items()} == dict(
        zip(scaled.kinds, scaled.capacities, strict=True)
    )
