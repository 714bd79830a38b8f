"""The driver Locust: alone, with its page, and with a master and two workers."""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from load_command import ROOT, faults, free_port, read_rows, run, start
from toy_servers import make_reply, toy_garage

from garagebench.load.scenario import summarise

# Not imported: its gevent would replace the sockets and threads of the tests.
if importlib.util.find_spec("locust") is None:
    pytest.skip("locust not found: pip install 'garagebench[load]'", allow_module_level=True)

OPTIONS = ("--driver", "locust", "--users", 20, "--duration", 2, "--format", "json")


def test_cars_arrive_stay_and_leave(tmp_path: Path) -> None:
    """Headless, the live table goes to standard error, the report has the figures, and every car leaves."""
    ended = run(*OPTIONS, cwd=tmp_path)
    assert ended.returncode in (0, 4), ended.stderr
    (row,) = read_rows(ended.stdout)
    assert faults(row) == []
    assert (row["users"], row["connections"], row["exit_code"]) == (20, None, 0)
    assert row["parked"] == row["unparked"] == row["parked_here"] >= 20
    assert (row["taken"], row["balanced"]) == (0, True)
    assert 0 < row["p50_us"] <= row["p99_9_us"] <= row["max_us"]
    assert row["p50_us"] % 1000 or row["p90_us"] % 1000 or row["p99_us"] % 1000  # not rounded
    assert "# reqs" in ended.stderr
    assert "/unpark" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_one_master_and_two_workers(tmp_path: Path) -> None:
    """A master with two workers on this machine reports what both have done, and all three end well."""
    where = ("--master-port", free_port())
    with toy_garage(100) as toy:
        master = start(
            *(toy.endpoint.url, *OPTIONS, "--master", "--expect-workers", 2, *where), cwd=tmp_path
        )
        workers = [start("--driver", "locust", "--worker", *where, cwd=tmp_path) for _ in range(2)]
        try:
            ended = [one.communicate(timeout=90) for one in (master, *workers)]
        finally:
            for one in (master, *workers):
                one.kill()
        assert len(toy.free) == 100
    assert [one.returncode for one in (master, *workers)] == [0, 0, 0], ended
    (row,) = read_rows(ended[0][0])
    assert (row["status"], row["reasons"], row["exit_code"]) == ("ok", [], 0)
    assert row["parked_here"] == row["unparked_here"] == toy.parked >= 20
    assert row["replies"] == {"200": toy.requests}
    assert row["generator_cpu"] is not None
    assert [said[0] for said in ended[1:]] == ["", ""]


def test_failed_requests_are_the_exit_code_of_locust(tmp_path: Path) -> None:
    """Where requests fail, Locust ends with 1: the report says so, has the figures, and is invalid."""
    with toy_garage(5, lambda *_: make_reply(500)) as toy:
        ended = run(toy.endpoint.url, *OPTIONS, cwd=tmp_path)
    assert ended.returncode == 4, ended.stderr
    (row,) = read_rows(ended.stdout)
    assert row["exit_code"] == 1
    assert row["replies"] == {"500": toy.requests}
    assert "locust ended with exit code 1" in row["reasons"]


def test_ctrl_c_keeps_what_was_measured(tmp_path: Path) -> None:
    """Ctrl-C ends Locust; the report is printed, every car leaves, and the exit code is 130."""
    with toy_garage() as toy:
        options = ("--driver", "locust", "--users", 5, "--duration", 60, "--format", "json")
        process = start(toy.endpoint.url, *options, cwd=tmp_path)
        wait_until(lambda: toy.requests > 5, process)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=60)
        assert len(toy.free) == 20
    assert process.returncode == 130, said
    (row,) = read_rows(printed)
    assert row["replies"]["200"] == toy.requests
    assert "Traceback" not in said
    assert "KeyboardInterrupt" not in said


def test_ctrl_c_while_locust_loads(tmp_path: Path) -> None:
    """Ctrl-C before there was any load: exit code 130, no report, and nothing of how Locust ended."""
    loading = tmp_path / "loading"
    (tmp_path / "locust").mkdir()
    (tmp_path / "locust" / "__init__.py").write_text("")
    (tmp_path / "locust" / "main.py").write_text(
        f"import time\nopen({str(loading)!r}, 'w').close()\ntime.sleep(600)\n"
    )
    (tmp_path / "locust" / "__main__.py").write_text("from locust import main\n")
    path = f"{tmp_path}:{ROOT}"
    with toy_garage() as toy:
        process = start(toy.endpoint.url, *OPTIONS, cwd=tmp_path, PYTHONPATH=path)
        wait_until(loading.exists, process)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=60)
    assert (process.returncode, printed) == (130, "")
    assert said == "locust load, 2 s\ninterrupted\n"


def test_the_page_is_locusts_own(tmp_path: Path) -> None:
    """With --web, Locust's page is served while the load runs, and the figures come at the end."""
    port = free_port()
    with toy_garage(100) as toy:
        process = start(toy.endpoint.url, *OPTIONS, "--web", "--web-port", port, cwd=tmp_path)
        page: list[str] = []

        def look() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as reply:
                    page.append(reply.read().decode())
            except (urllib.error.URLError, ConnectionError):
                return False
            return True

        wait_until(look, process)
        printed, said = process.communicate(timeout=60)
    assert "Locust" in page[0]
    assert f"Locust's page: http://127.0.0.1:{port}" in said
    assert process.returncode == 0, said
    assert read_rows(printed)[0]["replies"] == {"200": toy.requests}


@pytest.mark.parametrize("options", [("--web", "--web-port"), ("--master", "--master-port")])
def test_a_port_in_use(options: tuple[str, ...], tmp_path: Path) -> None:
    """Where Locust could not listen, that is one sentence, before its page is announced and before any load."""
    with toy_garage() as toy, socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run(toy.endpoint.url, *OPTIONS, *options, port, cwd=tmp_path)
        assert toy.requests == 0
    assert (ended.returncode, ended.stdout) == (1, "")
    (said,) = ended.stderr.splitlines()
    assert said == f"Error: cannot listen on 127.0.0.1, port {port}: Address already in use"


def wait_until(happens: object, process: subprocess.Popen[str]) -> None:
    """Wait until it is so; fail where the process ends first, or a minute goes by."""
    assert callable(happens)
    for _ in range(600):
        if happens():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    pytest.fail("it never was so")


def test_figures_of_several_processes_are_one() -> None:
    """Latencies are taken together; the time is the longest of any worker's, the use of CPU that of the busiest."""
    figures = {
        "latencies": [[100, 98], [900, 1], [70_000, 1]],
        "replies": {"200": 99, "409": 1},
        "errors": {"ConnectionResetError": 2},
        "good": {"/park": 50, "/unpark": 49},
        "processes": {"a": [2.0, 0.1], "b": [2.5, 0.3]},
    }
    outcome = summarise(figures, 1)
    assert (outcome.seconds, outcome.generator_share, outcome.exit_code) == (2.5, 0.3, 1)
    assert (outcome.sent, outcome.replies, outcome.errors) == (
        102,
        {200: 99, 409: 1},
        {"ConnectionResetError": 2},
    )
    assert (outcome.percentiles_us[50.0], outcome.percentiles_us[99.0]) == (100, 900)
    assert (outcome.parked, outcome.unparked, outcome.max_us) == (50, 49, 70_000)


def test_no_load_at_all_is_unknown_and_not_zero() -> None:
    """Where no worker sent anything, latencies and shares are unknown."""
    empty = {"latencies": [], "replies": {}, "errors": {}, "good": {}, "processes": {}}
    outcome = summarise(empty, 0)
    assert (outcome.max_us, outcome.generator_share, outcome.sent) == (None, None, 0)
