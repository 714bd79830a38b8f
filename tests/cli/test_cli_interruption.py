"""A run that is ended from outside: what is kept, and what is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import ROOT, Garagebench, WritePool, make_command, make_environment

from garagebench.engine import Result

PATIENCE_S = 60.0

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="processes are looked up in /proc"
)

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def own_tmp(tmp_path: Path) -> Path:
    """Return a directory for temporary files, by which all processes of a run are known, too."""
    directory = tmp_path / "tmp"
    directory.mkdir()
    return directory


@pytest.fixture
def start(tmp_path: Path, own_tmp: Path) -> Iterator[Start]:
    """Yield a function that starts a run in a process group of its own, like a shell does."""
    started: list[subprocess.Popen[str]] = []

    def popen(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            make_command("run", *arguments),
            cwd=tmp_path,
            env=make_environment(TMPDIR=str(own_tmp)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield popen
    for process in started:
        process.kill()
        process.communicate()


def ignore_interrupts() -> None:
    """Do what a shell does for a job in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def make_console_command(*arguments: str) -> list[str]:
    """Return the command line of what is installed as `garagebench`."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts["garagebench"].partition(":")
    return [sys.executable, "-c", f"from {module} import {function}; {function}()", *arguments]


def find_processes(own_tmp: Path) -> list[str]:
    """Return the command lines of all processes that were started with this directory for temporary files."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            if f"TMPDIR={own_tmp}".encode() in environment:
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # gone, or another user's
            continue
    return found


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for something that takes a moment; fail when it does not come."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.02)


def test_ctrl_c_keeps_what_was_measured(
    start: Start, tmp_path: Path, garagebench: Garagebench
) -> None:
    """Ctrl-C after the first generation: exit code 130; table and file have what was measured until then."""
    file = tmp_path / "result.json"
    process = start("--impl", "lists", "--budget", "600", "--format", "json", "--output", file)
    wait_until(file.exists, "the file of the first generation")
    os.killpg(process.pid, signal.SIGINT)
    printed, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in said
    report = json.loads(printed)
    assert any("interrupted" in caveat for caveat in report["caveats"])
    assert {row["status"] for row in report["rows"]} == {"ok"}
    assert None not in {row["median"] for row in report["rows"]}
    assert garagebench("report", file, "--format", "json").stdout == printed
    assert Result.load(file).interrupted


def test_ctrl_c_before_anything_was_measured(
    start: Start, write_pool: WritePool, tmp_path: Path
) -> None:
    """Ctrl-C while a worker still loads: exit code 130, a report without a number and no file."""
    loading = tmp_path / "loading"
    pool = write_pool(f"import time\nopen({str(loading)!r}, 'w').close()\ntime.sleep(600)\n")
    process = start("--impl", pool, "--format", "json", "--output", "result.json")
    wait_until(loading.exists, "the worker to load the pool")
    os.killpg(process.pid, signal.SIGINT)
    printed, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert {row["median"] for row in json.loads(printed)["rows"]} <= {None}
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_nothing_is_left_behind(
    start: Start, tmp_path: Path, own_tmp: Path, number: signal.Signals, code: int
) -> None:
    """When the command has ended there is no worker and no temporary file, and the result file is whole."""
    file = tmp_path / "result.json"
    process = start("--impl", "numba", "--budget", "600", "--output", file)
    wait_until(file.exists, "the file of the first generation")
    wait_until(
        lambda: any("worker/__main__.py" in command for command in find_processes(own_tmp)),
        "a worker of the next generation",
    )
    os.kill(process.pid, number)
    process.wait(timeout=PATIENCE_S)
    assert find_processes(own_tmp) == []
    process.communicate()
    assert process.returncode == code
    assert list(own_tmp.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["result.json"]
    assert Result.load(file).rows() != []


def test_a_worker_that_hangs_is_ended_too(
    start: Start, write_pool: WritePool, tmp_path: Path, own_tmp: Path
) -> None:
    """SIGTERM while a worker does not answer: it is gone with the command."""
    loading = tmp_path / "loading"
    pool = write_pool(f"import time\nopen({str(loading)!r}, 'w').close()\ntime.sleep(600)\n")
    process = start("--impl", pool)
    wait_until(loading.exists, "the worker to load the pool")
    process.terminate()
    process.communicate(timeout=PATIENCE_S)
    assert find_processes(own_tmp) == []


def test_workers_do_not_outlive_the_command(start: Start, tmp_path: Path, own_tmp: Path) -> None:
    """Where the command is killed and can clear up nothing, its workers end by themselves."""
    file = tmp_path / "result.json"
    process = start("--impl", "numba", "--budget", "600", "--output", file)
    wait_until(file.exists, "the file of the first generation")
    # Of two, one at least waits for its next command.
    wait_until(
        lambda: sum("worker/__main__.py" in command for command in find_processes(own_tmp)) > 1,
        "workers",
    )
    process.kill()
    process.wait(timeout=PATIENCE_S)
    wait_until(lambda: find_processes(own_tmp) == [], "the end of the workers")
    assert Result.load(file).rows() != []


#: What stands for an import, here that of click, in which Ctrl-C comes; the second is a place that swallows exceptions.
IN_AN_IMPORT = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
IN_A_CALLBACK = """
import os, signal, weakref
class Lock: pass
lock = Lock()
reference = weakref.ref(lock, lambda _: os.kill(os.getpid(), signal.SIGINT))
del lock
"""
THE_REST = "import sys\ndel sys.modules['click'], sys.path[sys.path.index({!r})]\nimport click\n"


def load_with(
    directory: Path, source: str, command: list[str], prepare: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that gets to that source while it loads."""
    (directory / "click.py").write_text(source + THE_REST.format(str(directory)))
    return subprocess.run(
        command,
        env=make_environment(PYTHONPATH=str(directory)),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        preexec_fn=prepare,
    )


@pytest.mark.parametrize("make", [make_command, make_console_command])
@pytest.mark.parametrize("source", [IN_AN_IMPORT, IN_A_CALLBACK], ids=["import", "callback"])
def test_ctrl_c_while_the_command_loads(
    tmp_path: Path, source: str, make: Callable[..., list[str]]
) -> None:
    """Ctrl-C before the command has been loaded: exit code 130 and one word, as later on."""
    ended = load_with(tmp_path, source, make("--version"))
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "interrupted\n")


def test_ctrl_c_is_not_for_a_job_in_the_background(tmp_path: Path) -> None:
    """Where the shell has it ignored, the command loads and runs on."""
    ended = load_with(tmp_path, IN_AN_IMPORT, make_command("--version"), ignore_interrupts)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("garagebench, version ")
