"""Several servers on one garage behind nginx: what clients see, and what is left when it ends, however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from serving import (
    FIRST,
    PARK,
    PATIENCE_S,
    ROOT,
    Serve,
    Served,
    ask_on,
    each_server,
    make_post,
    read_until,
)

from garagebench.cli import main
from garagebench.core.garage import Garage
from garagebench.core.layout import Layout
from garagebench.errors import Unavailable
from garagebench.impls.registry import load_impl
from garagebench.server import Limits
from garagebench.server.front import nginx as front_nginx
from garagebench.server.front.ledger import Clerk, Ledger
from garagebench.server.front.nginx import Nginx, Upstreams, find_nginx
from garagebench.server.listening import listen

try:
    find_nginx()
    load_impl("shared")
except Unavailable as error:
    pytest.skip(str(error), allow_module_level=True)

PROBLEM = "application/problem+json"
TWO = ("--nginx", "--park", 2, "--unpark", 2)


@pytest.fixture
def room() -> Iterator[Path]:
    """Yield a directory for temporary files. pytest's own is closed to nginx's workers where the tests are run by root."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture
def start(serve: Serve, room: Path) -> Iterator[Callable[..., Served]]:
    """Yield a function that starts servers behind nginx; what they leave behind is seen in `room`."""

    def call(name: str, *options: object, **environment: str) -> Served:
        return serve(name, *options, TMPDIR=str(room), **environment)

    yield call
    for pid in find_processes(str(room)):  # a server that was killed by the test above
        os.kill(pid, signal.SIGKILL)


def find_processes(text: str) -> list[int]:
    """Return the living processes with this text in their environment: all that were started from the one that had it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX" and text.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def find_servers(server: Served) -> list[int]:
    """Return the server processes behind nginx: the children that are forks, oldest first."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    pids = [int(pid) for pid in children.split()]
    return [pid for pid in pids if "nginx" not in Path(f"/proc/{pid}/comm").read_text()]


def find_nginx_of(server: Served) -> int:
    """Return nginx's master process."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    (pid,) = {int(pid) for pid in children.split()} - set(find_servers(server))
    return pid


def assert_nothing_is_left(room: Path) -> None:
    """No process of it lives, no file of it is left; processes may take a moment to die."""
    end = time.monotonic() + PATIENCE_S
    while find_processes(str(room)) or list(room.iterdir()):
        assert time.monotonic() < end, (find_processes(str(room)), list(room.iterdir()))
        time.sleep(0.02)


def run_serve(*options: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `garagebench serve` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "garagebench", "serve", "--port", "0", *map(str, options)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def read_metric(server: Served, name: str) -> float:
    """Return the value of one line of /metrics; 0 where there is none."""
    for line in server.ask("GET", "/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.rpartition(" ")[2])
    return 0.0


@pytest.mark.parametrize("name", each_server())
def test_every_server_stands_behind_nginx(
    start: Callable[..., Served], room: Path, name: str
) -> None:
    """What one server gave away another takes back; the books are those of all; SIGTERM leaves nothing behind."""
    server = start(name, *TWO)
    connection = server.connect()
    for _ in range(3):
        assert ask_on(connection, "POST", "/park", PARK).status == 200
    assert server.taken() == 3
    left = ask_on(connection, "POST", "/unpark", FIRST)
    assert (left.status, left.body) == (200, b'{"kind":"small"}')
    assert ask_on(connection, "POST", "/unpark", FIRST).status == 409
    connection.close()
    assert server.taken() == 2
    ended = server.stop()
    assert (ended.code, ended.printed) == (0, "")
    assert ended.said == "parked 3, unparked 1, given back 0, taken 2\n"
    assert_nothing_is_left(room)


def test_no_space_is_given_twice(start: Callable[..., Served]) -> None:
    """Clients that fill the garage through several servers at once get every space once, and then 409."""
    server = start("wire", "--nginx", "--park", 3, "--spaces", 1400)
    room = 700 + 500  # small cars may use small and large spaces
    replies: list[bytes] = []
    refused = []

    def fill() -> None:
        connection = server.connect()
        while (answer := ask_on(connection, "POST", "/park", PARK)).status == 200:
            replies.append(answer.body)
        refused.append(answer.status)
        connection.close()

    clients = [threading.Thread(target=fill) for _ in range(6)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert (len(replies), len(set(replies))) == (room, room)
    assert refused == [409] * 6
    assert server.taken() == room
    assert server.stop().books == {"parked": room, "unparked": 0, "given back": 0, "taken": room}


@pytest.mark.parametrize("name", each_server("tornado", "wire", "flask"))
def test_books_are_balanced_after_a_drain_under_load(
    start: Callable[..., Served], room: Path, name: str
) -> None:
    """SIGTERM amid requests: exit code 0, and the servers' counts are the clients'."""
    server = start(name, *TWO, "--spaces", 100_000, "--drain", 600)
    parked: list[int] = []
    unparked: list[int] = []

    def drive() -> None:
        connection = server.connect()
        try:
            while True:
                body = ask_on(connection, "POST", "/park", PARK).body
                parked.append(1)
                ask_on(connection, "POST", "/park", PARK)
                parked.append(1)
                if ask_on(connection, "POST", "/unpark", body).status == 200:
                    unparked.append(1)
        except Exception:  # noqa: BLE001  the connection ended
            connection.close()

    clients = [threading.Thread(target=drive) for _ in range(6)]
    for client in clients:
        client.start()
    while len(unparked) < 60:
        time.sleep(0.01)
    ended = server.stop()
    for client in clients:
        client.join()
    assert ended.code == 0, ended.said
    books = ended.books
    assert books["parked"] - books["given back"] == len(parked)
    assert books["unparked"] == len(unparked)
    assert books["taken"] == len(parked) - len(unparked)
    assert_nothing_is_left(room)


def test_a_request_in_flight_is_answered(start: Callable[..., Served]) -> None:
    """A request that had begun when SIGTERM came is answered, while no new connection is taken."""
    server = start("tornado", *TWO)
    request = make_post("/park", PARK)
    with server.dial() as connection:
        connection.sendall(request[:-5])
        assert server.taken() == 0
        server.process.terminate()
        wait_until_closed(server)
        connection.sendall(request[-5:])
        assert read_until(connection, b"}").endswith(FIRST)
    ended = server.wait()
    assert (ended.code, ended.books["taken"]) == (0, 1)


@pytest.mark.parametrize("who", ["nginx", "servers"])
def test_who_is_connected_is_answered(start: Callable[..., Served], who: str) -> None:
    """Requests that nginx, or a server, had not taken in when SIGTERM came are answered like any others."""
    server = start("tornado", *TWO)
    groups = [find_nginx_of(server)] if who == "nginx" else find_servers(server)
    for group in groups:
        os.killpg(group, signal.SIGSTOP)
    with ExitStack() as stack:
        connections = [stack.enter_context(server.dial()) for _ in range(20)]
        for connection in connections:
            connection.sendall(make_post("/park", PARK))
        server.process.terminate()
        time.sleep(0.3)
        for group in groups:
            os.killpg(group, signal.SIGCONT)
        for connection in connections:
            assert read_until(connection, b"}").startswith(b"HTTP/1.1 200 ")
    ended = server.wait()
    assert (ended.code, ended.books["parked"]) == (0, 20)


def test_a_client_that_rests_is_let_go(start: Callable[..., Served]) -> None:
    """A client that asks every few hundredths of a second has its connection ended with a reply, never in between."""
    server = start("wire", *TWO)
    connection = server.connect()
    threading.Timer(0.3, server.process.terminate).start()
    answer = ask_on(connection, "POST", "/unpark", FIRST)
    while answer.headers.get("connection") != "close":
        time.sleep(0.03)
        answer = ask_on(connection, "POST", "/unpark", FIRST)
    assert answer.status == 409
    connection.close()
    assert server.wait().code == 0


def wait_until_closed(server: Served) -> None:
    """Return when no new connection is taken."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            server.dial().close()
        except ConnectionRefusedError:
            return
        time.sleep(0.01)
    pytest.fail("it still listens")


def test_a_second_signal_ends_it_at_once(start: Callable[..., Served], room: Path) -> None:
    """Who sends SIGTERM twice does not wait for what is in flight: exit code 1, and nothing is left."""
    server = start("tornado", "--nginx", "--drain", 600, "--body-timeout", 600)
    with server.dial() as connection:
        connection.sendall(make_post("/park", PARK)[:-5])
        assert server.taken() == 0
        server.process.terminate()
        wait_until_closed(server)
        ended = server.stop()
    assert ended.code == 1
    assert "a second signal came" in ended.said
    assert_nothing_is_left(room)


@pytest.mark.parametrize("name", each_server("tornado", "flask", "twisted"))
def test_ctrl_c(start: Callable[..., Served], room: Path, name: str) -> None:
    """Ctrl-C, which a terminal sends to the whole group, drains all the same: exit code 130, books, nothing left."""
    server = start(name, *TWO)
    request = make_post("/park", PARK)
    with server.dial() as connection:
        connection.sendall(request[:-5])
        assert server.taken() == 0
        os.killpg(server.process.pid, signal.SIGINT)
        wait_until_closed(server)
        connection.sendall(request[-5:])
        assert read_until(connection, b"}").endswith(FIRST)
    ended = server.wait()
    assert ended.code == 130
    assert ended.said.splitlines() == [
        "parked 1, unparked 0, given back 0, taken 1",
        "interrupted",
    ]
    assert_nothing_is_left(room)


def test_ctrl_c_while_it_starts(start: Callable[..., Served], room: Path) -> None:
    """Ctrl-C before the URL is printed leaves nothing behind either."""
    process = subprocess.Popen(
        [sys.executable, "-m", "garagebench", "serve", *map(str, TWO), "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(room)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    end = time.monotonic() + PATIENCE_S
    # Not any file: the first one is tempfile's, which tries whether it can write here, and not ours to remove.
    while not list(room.glob("garagebench-*")):
        assert time.monotonic() < end
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert_nothing_is_left(room)


#: The command, with a signal while the implementation is loaded, by code that swallows what is raised.
SWALLOWED = """
import os, signal
from garagebench.cli import main
from garagebench.server.front import replicas

load = replicas.load_impl

def load_impl(name):
    try:
        os.killpg(0, {number})
    except BaseException:
        pass
    return load(name)

replicas.load_impl = load_impl
main()
"""


@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, b"interrupted\n"), (signal.SIGTERM, 143, b"")]
)
def test_a_signal_while_the_implementation_is_loaded(
    start: Callable[..., Served], room: Path, number: int, code: int, said: bytes
) -> None:
    """Callbacks from C swallow exceptions, and numba has some. The signal ends the command all the same."""
    command = SWALLOWED.format(number=int(number))
    process = subprocess.Popen(
        [sys.executable, "-c", command, "serve", *map(str, TWO), "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(room)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.communicate(timeout=PATIENCE_S) == (b"", said)
    assert process.returncode == code
    assert_nothing_is_left(room)


#: The command, with a Ctrl-C when a process of it has just been made, which then does nothing of its own accord.
INTERRUPTED = """
import os, signal
from garagebench.cli import main
from garagebench.server.front import {module}

class Interrupted({module}.{name}):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        os.kill(self._process.pid, signal.SIGSTOP)
        os.killpg(0, signal.SIGINT)

    def kill(self):
        super().kill()
        os.write(2, b"killed, ")

{module}.{name} = Interrupted
main()
"""


@pytest.mark.parametrize(("module", "name"), [("replicas", "Replica"), ("serving", "Nginx")])
def test_ctrl_c_while_a_process_is_made(
    start: Callable[..., Served], room: Path, module: str, name: str
) -> None:
    """Ctrl-C in the moment in which a process is there and nobody knows of it yet: it is ended all the same."""
    command = INTERRUPTED.format(module=module, name=name)
    process = subprocess.Popen(
        [sys.executable, "-c", command, "serve", *map(str, TWO), "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(room)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (130, (b"", b"killed, interrupted\n"))
    assert_nothing_is_left(room)


@pytest.mark.parametrize("name", each_server("tornado", "flask"))
@pytest.mark.parametrize("who", ["server", "nginx"])
def test_a_death_ends_all(start: Callable[..., Served], room: Path, name: str, who: str) -> None:
    """Where a server or nginx is killed, the others answer what they have and end: exit code 1, the books, no rest."""
    server = start(name, *TWO)
    assert server.ask("POST", "/park", PARK).status == 200
    pid = find_nginx_of(server) if who == "nginx" else find_servers(server)[2]
    os.kill(pid, signal.SIGKILL)
    ended = server.wait()
    assert ended.code == 1
    books, mishap = ended.said.splitlines()
    assert books == "parked 1, unparked 0, given back 0, taken 1"
    died = "nginx" if who == "nginx" else "the unpark server 1"
    assert mishap == f"Error: {died} died (signal 9), so all was ended"
    assert_nothing_is_left(room)


@pytest.mark.parametrize("name", each_server("tornado", "flask", "granian"))
def test_the_death_of_the_parent_ends_all(
    start: Callable[..., Served], room: Path, name: str
) -> None:
    """Where the command itself is killed, nginx and the servers end by themselves, and nginx's directory goes."""
    server = start(name, *TWO)
    assert server.ask("POST", "/park", PARK).status == 200
    server.process.kill()
    server.process.wait()
    assert_nothing_is_left(room)


def test_what_nginx_refuses_is_a_problem_document(start: Callable[..., Served]) -> None:
    """What never reaches a server is answered with the documents of the servers."""
    server = start("wire", "--nginx")
    large = server.ask("POST", "/park", PARK.ljust(4097))
    assert (large.status, large.headers["content-type"]) == (413, PROBLEM)
    assert large.json == {
        "type": "urn:problem-type:garagebench:too-large",
        "title": "Too large",
        "status": 413,
        "detail": "too large: of a body at most 4096 bytes are read",
    }
    assert server.ask("POST", "/park", PARK.ljust(4096)).status == 200
    for data, status in [
        (b"what is this\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: garage\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: garage\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", b"431"),
        (b"TRACE /park HTTP/1.1\r\nHost: garage\r\nConnection: close\r\n\r\n", b"405"),
    ]:
        head, _, body = server.send(data).partition(b"\r\n\r\n")
        assert head.split()[1] == status
        assert f"Content-Type: {PROBLEM}".encode() in head
        assert b'"status":' + status in body
    for path in ("/nosuch", "/.nginx/413", "/park/", "//park"):
        refused = server.ask("POST", path, PARK)
        assert (refused.status, refused.headers["content-type"]) == (404, PROBLEM)
    assert server.taken() == 1


def test_a_body_in_tiny_chunks(start: Callable[..., Served]) -> None:
    """A body within its limit is taken however many chunks it comes in, and one over its limit is not."""
    server = start("wire", "--nginx")
    assert [send_in_chunks(server, PARK.ljust(size)) for size in (4096, 4097)] == [200, 413]


def send_in_chunks(server: Served, body: bytes) -> int:
    """Park with a body in chunks of one byte, each wrapped in 26 more; the status of the reply."""
    head = (
        b"POST /park HTTP/1.1\r\nHost: garage\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    chunks = b"".join(b"1;%b\r\n%c\r\n" % (b"x" * 20, byte) for byte in body)
    return int(server.send(head + chunks + b"0\r\n\r\n").split()[1])


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"POST /park HTTP/1.1\r\nHost: gar", id="headers"),
        pytest.param(make_post("/park", PARK)[:-5], id="body"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_slow_clients_are_given_up(start: Callable[..., Served], begun: bytes) -> None:
    """Who does not come to the end of a request, or sends none, is disconnected, and no server hears of it."""
    limits = ("--header-timeout", 1, "--body-timeout", 1, "--idle-timeout", 1)
    server = start("flask", "--nginx", *limits)
    data = server.send(begun)
    assert data == b"" or data.split()[1] == b"408"
    assert server.taken() == 0


def test_readiness_goes_first(start: Callable[..., Served]) -> None:
    """With a grace, requests are answered after SIGTERM, but /readyz says no, whichever server is asked."""
    server = start("tornado", *TWO, "--grace", 60)
    assert server.ask("GET", "/readyz").status == 200
    server.process.terminate()
    end = time.monotonic() + PATIENCE_S
    while server.ask("GET", "/readyz").status != 503:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert server.ask("POST", "/park", PARK).body == FIRST


def test_metrics_are_those_of_all(start: Callable[..., Served]) -> None:
    """/metrics counts what all servers did, not only the one that is asked."""
    pytest.importorskip("prometheus_client")
    server = start("wire", *TWO)
    for path, body in [("/park", PARK)] * 4 + [("/unpark", FIRST)] * 3:
        server.ask("POST", path, body)
    replies = 'garagebench_replies_total{operation="%s",status="%s"}'
    assert read_metric(server, replies % ("park", 200)) == 4
    assert read_metric(server, replies % ("unpark", 200)) == 1
    assert read_metric(server, replies % ("unpark", 409)) == 2
    assert read_metric(server, "garagebench_ready") == 1


def test_a_ledger_adds_up() -> None:
    """Each server counts in its own row; together they are one service's books."""
    garage = Garage(Layout.builtin("seed"), load_impl("lists"))
    ledger = Ledger(2)
    first, second = Clerk(garage, ledger, 0), Clerk(garage, ledger, 1)
    first.park(PARK)
    second.take_back(second.park(PARK))
    second.unpark(FIRST)
    second.answer("POST", "/unpark", None, FIRST)
    second.answer("GET", "/nosuch", None, b"")
    assert (first.parked, second.parked) == (1, 1)
    whole = ledger.add_up(garage)
    assert whole.books == "parked 2, unparked 1, given back 1, taken 0"
    assert whole.refused == {("unpark", 409): 1, ("other", 404): 1}
    second.ready = False
    assert not first.ready


class Upstream(threading.Thread):
    """A server that takes requests and closes the connection without a reply, from the second request on each."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.requests = 0

    def run(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                for number in range(2):
                    if not connection.recv(65_536):
                        break
                    self.requests += 1
                    if number == 0:
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


@contextmanager
def run_nginx(upstreams: Upstreams, directory: Path) -> Iterator[int]:
    """Run an nginx before these servers; its port."""
    listener = listen("127.0.0.1", 0, 64)
    nginx = Nginx(listener, upstreams, Limits(), directory)
    port = int(listener.getsockname()[1])
    listener.close()
    try:
        yield port
    finally:
        nginx.kill()


def test_a_request_is_not_sent_again(room: Path) -> None:
    """A request whose connection to its server breaks is answered with 502; it may have been carried out."""
    ones = [Upstream(), Upstream()]
    for one in ones:
        one.start()
    with run_nginx(Upstreams([one.port for one in ones], [ones[0].port]), room) as port:
        statuses = []
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            for _ in range(8):
                connection.sendall(make_post("/park", PARK))
                data = connection.recv(65_536)
                statuses.append(int(data.split()[1]))
    assert sum(one.requests for one in ones) == len(statuses)
    assert set(statuses) == {200, 502}
    assert b'"title":"Bad gateway"' in data


def test_where_nginx_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without nginx: exit code 1, and the command that installs it."""
    monkeypatch.setattr(front_nginx, "PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(main, ["serve", "--nginx"])
    assert result.exit_code == 1
    assert result.stderr == "Error: nginx is not installed: apt-get install nginx-light\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--park", "2"], "--nginx"),
        (["--unpark", "2"], "--nginx"),
        (["--nginx", "--record", "x.jsonl"], "--record cannot be combined with --nginx"),
        (["--nginx", "--park", "0"], "--park"),
        (["--nginx", "--impl", "lists"], "'lists' cannot be used by several processes"),
        (["--nginx", "--server", "nosuch"], "unknown server 'nosuch'"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(options: list[str], said: str) -> None:
    """Options that contradict each other: exit code 2, and which."""
    ran = run_serve(*options)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr


def test_a_port_in_use(room: Path) -> None:
    """Where the port is taken: exit code 1 and one sentence with the port; nothing was started."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ran = run_serve("--nginx", "--port", port, TMPDIR=str(room))
    assert (ran.returncode, ran.stdout) == (1, "")
    (said,) = ran.stderr.splitlines()
    assert said.startswith(f"Error: cannot listen on 127.0.0.1, port {port}: ")
    assert list(room.iterdir()) == []


def test_without_shared_memory_there_is_one_server(
    start: Callable[..., Served], room: Path, tmp_path: Path
) -> None:
    """Where `shared` cannot run, one server of both stands behind nginx, and standard error says why."""
    (tmp_path / "numba.py").write_text("raise ImportError('no numba here')\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    server = start("tornado", *TWO, PYTHONPATH=path)
    assert len(find_servers(server)) == 1
    assert server.ask("POST", "/park", PARK).body == FIRST
    ended = server.stop()
    assert ended.code == 0
    reason, books = ended.said.splitlines()
    assert reason.startswith("shared cannot run on this interpreter: no numba here")
    assert reason.endswith("so there is one server of both, on lists")
    assert books == "parked 1, unparked 0, given back 0, taken 1"
    assert_nothing_is_left(room)
    named = run_serve("--nginx", "--impl", "shared", PYTHONPATH=path)
    assert named.returncode == 1
    assert "no numba here" in named.stderr


def test_a_framework_that_is_missing(room: Path, tmp_path: Path) -> None:
    """A server whose framework is absent: exit code 1, the reason and the fix, and nothing is left."""
    (tmp_path / "flask.py").write_text("raise ImportError('no flask here')\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    ran = run_serve("--nginx", "--server", "flask", PYTHONPATH=path, TMPDIR=str(room))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        "Error: flask cannot run here: no flask here: pip install 'garagebench[flask]'\n"
    )
    assert list(room.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's nginx has workers of another user")
def test_a_private_directory_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: Path
) -> None:
    """Where root's temporary files are in a directory that is closed to others, nginx gets one that is open."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    assert front_nginx.find_room() == str(room)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert not Path(front_nginx.find_room()).is_relative_to(tmp_path)
