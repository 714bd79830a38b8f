"""Workers as real processes that die, hang, and write what is no answer."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from garagebench.engine.channel import Channel, WorkerFailed

#: Long enough for a slow machine where an answer comes, short where none does.
PATIENCE_S = 30.0
IMPATIENCE_S = 0.2

DESCRIBE = {"do": "describe"}

FDS = Path("/proc/self/fd")


def call(packages: dict[str, str], function: str, arguments: Any) -> dict[str, Any]:
    """The command that calls a function of the toys."""
    return {
        "do": "call",
        "packages": packages,
        "target": f"toys:{function}",
        "arguments": arguments,
    }


@pytest.fixture
def channel() -> Iterator[Channel]:
    """A worker on this interpreter."""
    with Channel(sys.executable) as opened:
        yield opened


@pytest.fixture
def failure() -> Callable[..., WorkerFailed]:
    """What goes wrong when the command is asked."""

    def ask(
        channel: Channel, command: dict[str, Any], timeout_s: float = PATIENCE_S
    ) -> WorkerFailed:
        with pytest.raises(WorkerFailed) as caught:
            channel.ask(command, timeout_s)
        assert caught.value.status == "invalid"
        return caught.value

    return ask


def test_a_worker_answers_one_question_after_the_other(
    channel: Channel, packages: dict[str, str]
) -> None:
    """Answers belong to their questions, also long ones: many times what a pipe holds."""
    for text in ("a", "b" * 1_000_000, "c"):
        assert channel.ask(call(packages, "echo", text), PATIENCE_S)["result"] == text


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_worker_dies_by_a_signal(
    channel: Channel, packages: dict[str, str], failure: Callable[..., WorkerFailed], number: int
) -> None:
    """The signal is named."""
    died = failure(channel, call(packages, "end_by_signal", int(number)))
    assert str(died) == f"the worker died (signal {int(number)})"


def test_a_worker_dies_with_an_exit_code(
    channel: Channel, packages: dict[str, str], failure: Callable[..., WorkerFailed]
) -> None:
    """The code is named, with the last words on standard error: of a traceback, the error."""
    died = failure(channel, call(packages, "end_with_last_words", 3))
    assert str(died) == "the worker died (exit code 3): MemoryError: all gone"


def test_a_dead_worker_stays_dead(
    channel: Channel, packages: dict[str, str], failure: Callable[..., WorkerFailed]
) -> None:
    """Asked again it says the same."""
    first = failure(channel, call(packages, "end_with_last_words", 3))
    again = failure(channel, DESCRIBE)
    assert str(again) == str(first)


def test_a_worker_hangs(
    channel: Channel, packages: dict[str, str], failure: Callable[..., WorkerFailed]
) -> None:
    """After the time that it has it is given up."""
    channel.ask(DESCRIBE, PATIENCE_S)
    hung = failure(channel, call(packages, "hang", 60), IMPATIENCE_S)
    assert str(hung) == "no answer within 0.2 s: it hangs"


def test_a_worker_does_not_read(
    make_program: Callable[[str], str], failure: Callable[..., WorkerFailed]
) -> None:
    """A command that fits no pipe, to a worker that takes nothing out of it, does not hold us up."""
    deaf = make_program("#!/bin/sh\nexec sleep 60\n")
    command = {"do": "call", "arguments": "x" * 1_000_000}
    with Channel(deaf) as channel:
        assert str(failure(channel, command, IMPATIENCE_S)) == "no answer within 0.2 s: it hangs"


@pytest.mark.parametrize(
    ("rubbish", "shown"),
    [
        ("what?\n", "b'what?'"),
        ("\n", "b''"),
        ("[1]\n", "b'[1]'"),
        ("{" * 200 + "\n", repr(b"{" * 60)),
    ],
)
def test_a_worker_writes_rubbish(
    channel: Channel,
    packages: dict[str, str],
    failure: Callable[..., WorkerFailed],
    rubbish: str,
    shown: str,
) -> None:
    """What stands where an answer should is shown, at most its beginning."""
    wrote = failure(channel, call(packages, "write_to_pipe", rubbish))
    assert str(wrote) == f"the worker wrote {shown} where an answer was expected"


def test_a_worker_closes_its_pipe(
    channel: Channel,
    packages: dict[str, str],
    failure: Callable[..., WorkerFailed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that lives on without it is not said to be dead."""
    monkeypatch.setattr("garagebench.engine.channel.LAST_WORDS_S", 0.1)
    assert str(failure(channel, call(packages, "close_pipe", None))) == "the worker closed its pipe"


@pytest.mark.parametrize(
    ("python", "reason"),
    [
        ("/no/such/python", "No such file or directory"),
        (__file__, "Permission denied"),
        (str(Path(__file__).parent), "Permission denied"),
    ],
)
def test_an_interpreter_that_cannot_be_started(python: str, reason: str) -> None:
    """It is unavailable, with the system's reason."""
    with pytest.raises(WorkerFailed) as caught:
        Channel(python)
    assert str(caught.value) == f"{python} cannot be started: {reason}"
    assert caught.value.status == "unavailable"


def test_a_core_that_the_worker_cannot_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a failure of this worker, which is closed; one that is dead by then is left to its first question."""

    def refuse(pid: int, cores: set[int]) -> None:
        raise OSError(22, "Invalid argument")

    def miss(pid: int, cores: set[int]) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(os, "sched_setaffinity", refuse, raising=False)
    with pytest.raises(WorkerFailed, match="it cannot be kept on core 7: Invalid argument"):
        Channel(sys.executable, 7)
    monkeypatch.setattr(os, "sched_setaffinity", miss)
    with Channel(sys.executable, 7) as channel:
        assert channel.ask(DESCRIBE, PATIENCE_S)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_a_worker_is_kept_on_its_core(packages: dict[str, str]) -> None:
    """Whatever it starts inherits the core."""
    core = max(os.sched_getaffinity(0))
    with Channel(sys.executable, core) as channel:
        found = channel.ask(call(packages, "cores", None), PATIENCE_S)["result"]
    assert found == [core]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_a_worker_moves_with_all_its_threads(tmp_path: Path) -> None:
    """Those that it has started go to the new core, too."""
    (tmp_path / "__init__.py").write_text(
        "import threading, time\n"
        "def start(_):\n"
        "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    cores = os.sched_getaffinity(0)
    command = call({"threaded": str(tmp_path)}, "start", None) | {"target": "threaded:start"}
    with Channel(sys.executable, max(cores)) as channel:
        channel.ask(command, PATIENCE_S)
        channel.move(min(cores))
        threads = [int(one.name) for one in Path(f"/proc/{channel._process.pid}/task").iterdir()]
        assert len(threads) > 1
        assert {frozenset(os.sched_getaffinity(one)) for one in threads} == {
            frozenset({min(cores)})
        }


def test_a_worker_gets_variables(packages: dict[str, str]) -> None:
    """Those that it is given, beside ours."""
    with Channel(sys.executable, environment={"TOY": "7"}) as channel:
        found = channel.ask(call(packages, "variables", ["TOY", "PATH"]), PATIENCE_S)["result"]
    assert found == ["7", os.environ["PATH"]]


def test_a_closed_worker_is_gone(channel: Channel) -> None:
    """The process has ended when `close` returns, and closing it again does nothing."""
    channel.ask(DESCRIBE, PATIENCE_S)
    channel.close()
    assert channel._process.returncode == -signal.SIGKILL
    channel.close()


def test_what_a_worker_started_is_gone_with_it(
    channel: Channel, packages: dict[str, str], tmp_path: Path
) -> None:
    """A process that the subject left behind does not go on beside the next measurement."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    channel.ask(call(packages, "start_child", str(fifo)), PATIENCE_S)
    with fifo.open() as left_behind:
        assert left_behind.read(6) == "begun "
        channel.close()
        # Up to the end of the fifo, when nobody holds it open any more.
        assert left_behind.read() == ""


@pytest.mark.skipif(not FDS.is_dir(), reason="no /proc")
def test_no_descriptor_is_left_open(packages: dict[str, str]) -> None:
    """However a worker ends, also where it never began, as many files are open as before."""
    gc.collect()
    before = len(list(FDS.iterdir()))
    for function, argument in (("echo", 1), ("end_by_signal", 9), ("hang", 60)):
        with Channel(sys.executable) as channel:
            channel.ask(DESCRIBE, PATIENCE_S)
            try:
                channel.ask(call(packages, function, argument), IMPATIENCE_S)
            except WorkerFailed:
                assert function != "echo"
    with pytest.raises(WorkerFailed):
        Channel("/no/such/python")
    assert len(list(FDS.iterdir())) == before


CTRL_C = """
import sys
from garagebench.engine.channel import Channel

with Channel(sys.executable) as channel:
    channel.ask({"do": "describe"}, 30)
    try:
        print("ready", flush=True)
        channel.ask({"do": "call", "packages": {}, "target": "time:sleep", "arguments": 1}, 30)
        channel.ask({"do": "call", "packages": {}, "target": "time:sleep", "arguments": 30}, 60)
    except KeyboardInterrupt:
        # Had it died, there would be no answer.
        channel.ask({"do": "describe"}, 60)
        print("alive", flush=True)
"""


def test_ctrl_c_while_a_worker_starts_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is KeyboardInterrupt, and neither a process nor an open file."""
    started = []

    class Interrupted(subprocess.Popen):  # type: ignore[type-arg]
        def _execute_child(self, *arguments: Any) -> None:
            super()._execute_child(*arguments)  # type: ignore[misc]
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    before = len(list(FDS.iterdir()))
    with pytest.raises(KeyboardInterrupt):
        Channel(sys.executable)
    (process,) = started
    assert process.returncode == -signal.SIGKILL
    assert len(list(FDS.iterdir())) == before


def test_ctrl_c_is_the_conductors_alone() -> None:
    """The terminal's signal goes to the conductor's group, in which there is no worker."""
    conductor = subprocess.Popen(
        [sys.executable, "-c", CTRL_C],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    with conductor:
        assert conductor.stdout is not None
        assert conductor.stdout.readline() == "ready\n"
        os.killpg(conductor.pid, signal.SIGINT)
        said, _ = conductor.communicate(timeout=60)
    assert said == "alive\n"
    assert conductor.returncode == 0
