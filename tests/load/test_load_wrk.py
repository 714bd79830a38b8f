"""The driver wrk: its script, what it says, and a run."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from load_command import faults, read_rows, run
from toy_servers import toy_garage

from garagebench.load import wrk
from garagebench.load.endpoint import LoadError
from garagebench.load.meter import Meter
from garagebench.load.outcome import LoadSettings
from garagebench.load.stop import Stop
from garagebench.load.wrk_script import quote

needs_wrk = pytest.mark.skipif(
    shutil.which("wrk") is None, reason="wrk not found: apt-get install wrk"
)

SAID = """Running 2s test @ http://127.0.0.1:1
garagebench:us 2000000
garagebench:requests 100
garagebench:sent 108
garagebench:parked 50
garagebench:unparked 49
garagebench:status 200 99
garagebench:status 409 1
garagebench:error connect 0
garagebench:error read 2
garagebench:error status 1
garagebench:held {"floor":1,"row":3,"space":1}
garagebench:percentile 50 120
garagebench:percentile 99.9 4000
garagebench:max 5000
"""


def test_what_the_script_says_is_read() -> None:
    """Every line with the mark is read; the rest is wrk's own report."""
    found = wrk.parse_output(SAID)
    assert (found["us"], found["requests"], found["parked"], found["unparked"]) == (
        2e6,
        100,
        50,
        49,
    )
    assert found["status"] == {"200": 99, "409": 1}
    assert found["error"] == {"connect": 0, "read": 2, "status": 1}
    assert found["held"] == ['{"floor":1,"row":3,"space":1}']
    assert found["percentile"] == {"50": 120, "99.9": 4000}


def test_a_script_that_failed_is_said() -> None:
    """Where lines are missing, the error says which, and what wrk printed."""
    with pytest.raises(LoadError, match=r"did not say us, requests, .*unexpected symbol"):
        wrk.parse_output("wrk: park.lua:3: unexpected symbol")


def test_text_is_quoted_for_lua() -> None:
    """What is no letter or digit is written as its number: nothing ends the string, or breaks the template."""
    assert quote('a"1%\\\n') == '"a\\0341\\037\\092\\010"'


def test_without_wrk_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where wrk is missing, the error names the command that installs it, and nothing is started."""
    ended = run("--driver", "wrk", cwd=tmp_path, PATH=str(tmp_path))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "Error: wrk is not installed: apt-get install wrk\n"


@needs_wrk
def test_wrk_parks_and_unparks(tmp_path: Path) -> None:
    """On a server of its own, replies are 200s, half parks and half unparks, and the books of both sides agree."""
    options = ("--driver", "wrk", "--connections", 8, "--duration", 1, "--format", "json")
    ended = run(*options, cwd=tmp_path)
    assert ended.returncode in (0, 4), ended.stderr
    (row,) = read_rows(ended.stdout)
    assert faults(row) == []
    assert list(row["replies"]) == ["200"]
    assert row["requests_per_s"] > 100
    assert 0 < row["p50_us"] <= row["p99_us"] <= row["max_us"]
    assert row["parked_here"] > 100
    assert abs(row["parked_here"] - row["unparked_here"]) <= 8  # on their way when wrk stopped
    assert 0 <= row["taken"] <= 8
    assert row["balanced"] is True
    assert list(tmp_path.iterdir()) == []


@needs_wrk
def test_wrk_stops_when_asked() -> None:
    """A stop ends wrk before its time, and what it measured is kept."""
    stop = Stop()
    with toy_garage() as toy:
        threading.Timer(1, stop.ask).start()
        settings = LoadSettings(driver="wrk", duration_s=60.0, connections=2)
        outcome = wrk.drive(settings, toy.endpoint, Meter(None, None), stop, lambda _: None)
    assert outcome.seconds < 30
    assert outcome.replies[200] > 0


@needs_wrk
def test_wrk_that_fails_is_one_sentence() -> None:
    """Where wrk ends with an error, its last line is the reason."""
    with toy_garage() as toy:
        endpoint = toy.endpoint
    with pytest.raises(LoadError, match=r"wrk ended with exit code 1: unable to connect"):
        wrk.run_program(["wrk", "-d1"], endpoint, "", Stop(), lambda _: None)
