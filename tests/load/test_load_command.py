"""`garagebench load`: its options, its reports, and what is left when it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from load_command import ROOT, faults, read_rows, run, start
from toy_servers import toy_garage

from garagebench.cli import main
from garagebench.load import latencies, scenario, session
from garagebench.load.row import from_json

pytest.importorskip("hdrh")

QUICK = ("--duration", 0.5, "--connections", 4)


def invoke(*arguments: object) -> Result:
    """Call the command in this process."""
    return CliRunner().invoke(main, ["load", *map(str, arguments)], prog_name="garagebench")


@pytest.mark.parametrize(
    ("driver", "server"), [("open", "tornado"), ("closed", "tornado"), ("closed", "wire")]
)
def test_a_server_of_its_own_is_measured(driver: str, server: str, tmp_path: Path) -> None:
    """A server is started, loaded and stopped; both sides count the same, and the books balance."""
    if server == "wire":
        pytest.importorskip("httptools")
    options = ("--driver", driver, "--server", server, *QUICK, "--format", "json")
    ended = run(*options, cwd=tmp_path)
    assert ended.returncode in (0, 4), ended.stderr
    (row,) = read_rows(ended.stdout)
    assert faults(row) == []
    assert (row["driver"], row["server"], row["impl"], row["layout"]) == (
        *(driver, server, "lists", "seed"),
    )
    assert row["replies"] == {"200": row["requests"]}
    assert row["parked"] == row["unparked"] == row["parked_here"] > 0
    assert (row["taken"], row["given_back"], row["balanced"]) == (0, 0, True)
    assert 0 < row["p50_us"] <= row["p90_us"] <= row["p99_us"] <= row["p99_9_us"] <= row["max_us"]
    assert 0 < row["generator_cpu"] < 2
    assert 0 < row["server_cpu"] < 2
    assert ended.stderr == f"{driver} load, {'1,000/s, ' if driver == 'open' else ''}0.5 s\n"
    assert list(tmp_path.iterdir()) == []


def test_a_url_is_measured_and_the_report_written(tmp_path: Path) -> None:
    """On a URL no server is started; --output has the whole report, also where standard output has a table."""
    with toy_garage() as toy:
        url = toy.endpoint.url
        ended = run(url, *QUICK, "--output", "load.json", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "the books balance" in ended.stdout
    report = from_json((tmp_path / "load.json").read_text())
    assert report.rows[0].url == url
    assert report.rows[0].histogram is not None
    assert "platform" in report.environment


def test_an_invalid_row_is_shown_with_its_reasons(tmp_path: Path) -> None:
    """A garage without a space refuses every car: the row is invalid, says why, and the exit code is 4."""
    with toy_garage(0) as toy:
        ended = run(toy.endpoint.url, *QUICK, "--format", "markdown", cwd=tmp_path)
    assert ended.returncode == 4
    assert "| invalid \\[1\\] |" in ended.stdout
    assert "0 were 200: less than 99%" in ended.stdout


def test_ctrl_c_keeps_what_was_measured(tmp_path: Path) -> None:
    """Ctrl-C ends the load: every car leaves, the report is printed and written, and the exit code is 130."""
    with toy_garage() as toy:
        options = ("--duration", 60, "--format", "json", "--output", "load.json")
        process = start(toy.endpoint.url, *options, cwd=tmp_path)
        while toy.requests < 20:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=30)
        assert len(toy.free) == 20
    assert process.returncode == 130, said
    report = json.loads(printed)
    assert report["interrupted"] is True
    assert report["caveats"] == ["interrupted: the figures are of what was measured until then"]
    assert report["rows"][0]["replies"]["200"] > 0
    assert report["rows"][0]["seconds"] < 30
    assert json.loads((tmp_path / "load.json").read_text()) == report


def test_a_server_of_its_own_goes_with_it(tmp_path: Path) -> None:
    """After SIGTERM the server that was started is gone."""
    process = start("--duration", 60, "--impl", "heap", cwd=tmp_path)
    servers: list[int] = []
    while not servers:
        assert process.poll() is None, process.communicate()
        servers = [pid for pid in children_of(process.pid) if "serve" in command_of(pid)]
        time.sleep(0.05)
    time.sleep(0.5)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert [pid for pid in servers if "serve" in command_of(pid)] == []


def children_of(pid: int) -> list[int]:
    """Return the processes that it has started."""
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def command_of(pid: int) -> str:
    """Return its command line; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_the_capacity_is_looked_for(tmp_path: Path) -> None:
    """The steps are a table, and the highest good rate has the reason why the next one failed.

    A server that takes 5 ms for a request, on one connection, cannot answer 400 a second: they queue up.
    """
    target = ("--find-capacity", "--latency-target", "50ms", "--percentile", "50")
    load = ("--rate", 50, "--arrivals", "uniform", "--duration", 0.3, "--connections", 1)
    with toy_garage(4, lambda *_: time.sleep(0.005)) as toy:
        ended = run(toy.endpoint.url, *target, *load, "--format", "markdown", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "**open, 1 connection: latencies" in ended.stdout
    assert "\n| 50 | " in ended.stdout
    assert "\n| 100 | " in ended.stdout
    found = re.search(
        r"capacity: (\d+) requests/s \(p50 at most 50 ms\); at (\d+) requests/s p50 is",
        ended.stdout,
    )
    assert found, ended.stdout
    assert 50 <= int(found[1]) < int(found[2]) <= 400
    assert ended.stderr.startswith("open load, 50/s, 0.3 s\nopen load, 100/s, 0.3 s\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("http://h", "--impl", "lists"), "--impl is for a server that is started, not for a URL"),
        (("--driver", "closed", "--rate", 5), "--rate is for --driver open, not closed"),
        (("--driver", "locust", "--connections", 5), "--connections is for --driver open or closed or wrk, not locust"),
        (("--users", 5), "--users is for --driver locust, not open"),
        (("--driver", "wrk", "--find-capacity"), "--find-capacity is for --driver open, not wrk"),
        (("--percentile", "50"), "--percentile is for --find-capacity"),
        (("--driver", "locust", "--web-port", 5), "--web-port is for --web"),
        (("--driver", "locust", "--worker", "--users", 5), "--users is not for --worker: its master tells it what to do"),
        (("http://h", "--driver", "locust", "--worker"), "URL is not for --worker"),
        (("--find-capacity", "--latency-target", "10"), "'10' is no latency, such as 500us, 10ms or 1s"),
        (("--find-capacity", "--latency-target", "0ms"), "'0ms' is no latency"),
        (("--find-capacity", "--latency-target", f"{'9' * 400}s"), "is no latency"),
        (("--rate", "nan"), "nan is not a finite number"),
        (("--duration", 0), "--duration"),
    ],
)  # fmt: skip
def test_options_without_sense_are_a_usage_error(arguments: tuple[object, ...], said: str) -> None:
    """Options that do not go together are refused before anything is started."""
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("https://localhost",), 1, "plain HTTP"),
        (("http://..:80",), 1, "http://..:80 does not answer: "),
        (
            ("--driver", "locust", "--master", "--master-host", ".."),
            1,
            "cannot listen on .., port 5557: ",
        ),
        (("http://127.0.0.1:1",), 1, "127.0.0.1:1 does not answer"),
        (("--impl", "nonsense"), 2, "unknown implementation 'nonsense'"),
        (("--impl", "nonsense.py:Pool"), 2, "there is no file nonsense.py"),
        (("--impl", "pypy"), 1, "not on pypy3: name another implementation"),
        (("--server", "nonsense"), 2, "unknown server 'nonsense'"),
        (("--layout", "nonsense"), 2, "unknown layout 'nonsense'"),
        (("--output", "no/such/place.json"), 1, "no directory"),
    ],
)
def test_an_error_is_one_sentence(
    arguments: tuple[object, ...],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be loaded is named in one sentence before anything is started, and there is no report."""
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith("Error: ")
    assert said in sentence


@pytest.mark.parametrize("driver", ["open", "closed", "wrk", "locust"])
@pytest.mark.parametrize(
    ("page", "said"),
    [
        (None, "404"),
        (b"<html>", "200, but no spaces"),
        (b'{"kinds": {"small": {}}}', "200, but no spaces"),
    ],
)
def test_what_is_no_garage_gets_no_load(
    driver: str, page: bytes | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not say its spaces is asked nothing else, whichever driver there is."""
    monkeypatch.setattr(session, "check_driver", lambda _: None)  # it may be missing here
    with toy_garage() as toy:
        toy.says = {} if page is None else {"/garage": lambda: page}
        url = toy.endpoint.url
        result = invoke(url, "--driver", driver, "--duration", 1)
    assert (result.exit_code, result.stdout, toy.requests) == (1, "", 0)
    (sentence,) = result.stderr.splitlines()
    assert sentence == f"Error: {url} is no garage: /garage answered {said}"


@pytest.mark.parametrize(
    ("driver", "module", "said"),
    [("open", "hdrh.histogram", "hdrh"), ("locust", "locust", "locust")],
)
def test_a_missing_package_is_named_with_its_extra(
    driver: str, module: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a package is missing, the error names the extra that brings it, before anything is started."""
    monkeypatch.setitem(sys.modules, module, None)
    result = invoke("--driver", driver)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert latencies.FIX == scenario.FIX
    assert result.stderr.endswith(f"is not installed: {latencies.FIX}\n")


def test_a_stall_shows_in_the_open_loop_and_hardly_in_the_closed_one(tmp_path: Path) -> None:
    """A server that stalls for 200 ms in 3 s: the open loop's p99 is near that, the closed loop's is not.

    In 3 s at 1000/s, 200 requests are due in the stall, a fifteenth of all, and the last percent of all waits for
    170 ms or more. Of the closed loop, 8 requests of thousands wait: both have the same maximum.
    """
    ended = run_script("benchmarks/http/stall.py", "3", cwd=tmp_path)
    found = {row["driver"]: row for row in map(json.loads, ended.splitlines())}
    assert found["open"]["p99_us"] > 150_000
    assert found["closed"]["p99_us"] < 100_000
    assert min(row["max_us"] for row in found.values()) >= 190_000
    assert [row["errors"] for row in found.values()] == [{}, {}]


def run_script(path: str, *arguments: str, cwd: Path) -> str:
    """Return what a script of the repository prints."""
    return subprocess.run(
        [sys.executable, ROOT / path, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
