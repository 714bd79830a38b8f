"""A server of one's own: started, asked, stopped, and gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from garagebench.http.client import Client
from garagebench.probe.process import Books, Counts, ServerFailed, ServerProcess, parse_counts

PARK = b'{"vehicle":"small"}'
FIRST = b'{"floor":1,"row":3,"space":1}'

METRICS = """\
# HELP garagebench_replies_total Replies by operation and status.
garagebench_replies_total{operation="park",status="200"} 5.0
garagebench_replies_total{operation="park",status="409"} 2.0
garagebench_replies_total{operation="unpark",status="200"} 3.0
garagebench_given_back_total 1.0
garagebench_spaces{kind="small",state="free"} 70.0
garagebench_spaces{kind="small",state="taken"} 1.0
garagebench_spaces{kind="very \\"large\\"",state="taken"} 2.0
garagebench_ready 1.0
"""


def test_a_server_is_asked_and_says_its_books() -> None:
    """Between start and stop it answers on its URL, counts, and ends with books that balance."""
    with ServerProcess(["--server", "tornado"]) as server:
        assert server.url == f"http://{server.host}:{server.port}"
        assert server.read_counts() == Counts({("park", 200): 0, ("unpark", 200): 0})
        client = Client(server.host, server.port)
        requests = [
            *client.make_requests("park", [PARK, PARK]),
            *client.make_requests("unpark", [FIRST]),
        ]
        assert [answer.status for answer in client.ask(requests)] == [200, 200, 200]
        client.close()
        counts = server.read_counts()
        assert counts == Counts({("park", 200): 2, ("unpark", 200): 1}, taken=1)
        assert counts.books == Books(2, 1, 0, 1)
        assert server.stop() == Books(2, 1, 0, 1)


def test_a_server_is_kept_on_its_core() -> None:
    """Every thread of it may run on the given core and nowhere else."""
    core = max(os.sched_getaffinity(0))
    with ServerProcess(["--server", "tornado"], core) as server:
        threads = Path(f"/proc/{server.pid}/task").iterdir()
        assert all(os.sched_getaffinity(int(thread.name)) == {core} for thread in threads)


def test_what_is_left_of_a_server_is_killed() -> None:
    """Leaving the context ends a server that nobody stopped, with the processes that it started."""
    with ServerProcess(["--server", "tornado"]) as server:
        group = os.getpgid(server.pid)
        assert group == server.pid != os.getpgid(0)
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--server", "nope"], "the server cannot start: unknown server 'nope'; there is: tornado"),
        (["--host", "256.0.0.1"], "the server cannot start: cannot listen on 256.0.0.1"),
    ],
)
def test_a_server_that_cannot_start_says_why(arguments: list[str], reason: str) -> None:
    """The error is the server's own sentence."""
    with pytest.raises(ServerFailed, match=reason):
        ServerProcess(arguments)


def test_a_server_that_dies_has_no_books() -> None:
    """An end without books is an error that says how it ended, and so are counts of what is gone."""
    with ServerProcess(["--server", "tornado"]) as server:
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(ServerFailed, match="exit code -9"):
            server.stop()
        with pytest.raises(ServerFailed, match="does not say its counts"):
            server.read_counts()


def test_a_server_that_does_not_end_is_reported() -> None:
    """After the time-out, the wait is over."""
    with ServerProcess(["--server", "tornado"]) as server:
        os.kill(server.pid, signal.SIGSTOP)
        with pytest.raises(ServerFailed, match=r"not ended 0\.05 s after SIGTERM"):
            server.stop(timeout_s=0.05)


def test_no_setting_of_ours_reaches_the_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It has the options that it is given, whatever GARAGEBENCH_SERVE_... says, and this very garagebench."""
    monkeypatch.setenv("GARAGEBENCH_SERVE_SERVER", "nope")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "garagebench.py").write_text("raise SystemExit('another one')")
    with ServerProcess([]) as server:
        assert server.url


def test_counts_are_read_from_the_metrics() -> None:
    """Replies by operation and status, spaces given back, and spaces taken over all kinds."""
    counts = parse_counts(METRICS)
    replies = {("park", 200): 5, ("park", 409): 2, ("unpark", 200): 3}
    assert counts == Counts(replies, given_back=1, taken=3)
    assert (counts.of("park"), counts.total) == (7, 10)


@pytest.mark.parametrize(
    ("books", "balanced"),
    [(Books(5, 3, 1, 1), True), (Books(5, 3, 0, 1), False), (Books(5, 3, 1, 2), False)],
)
def test_books_balance_when_nothing_is_lost(books: Books, balanced: bool) -> None:
    """What was given out less what was given back is what the garage holds."""
    assert books.balanced is balanced
    assert str(books).startswith("parked 5, unparked 3, given back ")


def test_the_output_of_a_server_is_kept() -> None:
    """What it wrote to standard error can be read while it runs, without disturbing it."""
    with ServerProcess(["--server", "tornado"]) as server:
        assert server.read_errors() == ""
        server.stop()
        end_s = time.monotonic() + 5
        while not server.read_errors() and time.monotonic() < end_s:
            time.sleep(0.01)
        assert server.read_errors() == "parked 0, unparked 0, given back 0, taken 0\n"


def test_a_server_does_not_outlive_who_started_it() -> None:
    """Where the process that started it is killed and can clear up nothing, the server ends by itself."""
    code = (
        "import time\nfrom garagebench.probe.process import ServerProcess\n"
        "server = ServerProcess(['--server', 'wire'])\nprint(server.pid, flush=True)\ntime.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        server = Path("/proc", owner.stdout.readline().strip())
        assert server.exists()
        owner.kill()
    end = time.monotonic() + 20
    while server.exists():
        assert time.monotonic() < end, "the server is still there"
        time.sleep(0.05)
