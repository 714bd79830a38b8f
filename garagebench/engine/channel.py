"""A worker process and the private pipe to it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from garagebench.errors import GarageError
from garagebench.system.interrupts import held_back

#: Seconds that a worker has to be gone after its pipe has closed.
LAST_WORDS_S = 5.0

WORKER = Path(__file__).parent / "worker" / "__main__.py"


class WorkerFailed(GarageError):
    """A worker answered with an error, died, hung or wrote rubbish.

    status: what becomes of its rows: "wrong", "unavailable" or "invalid".
    """

    def __init__(self, message: str, status: str = "invalid", trace: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.trace = trace


class Channel:
    """A running worker. Use it as a context manager: the process is gone on every exit."""

    def __init__(
        self, python: str, core: int | None = None, environment: dict[str, str] | None = None
    ) -> None:
        command_read, self._commands = os.pipe()
        os.set_blocking(
            self._commands, False
        )  # a worker that does not read must not hold the conductor
        self._answers, answer_write = os.pipe()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed in `close`
        self._buffer = b""
        self._is_open = False
        self._hangs = False
        try:
            with held_back():  # or there might be a process, and nobody who knows it
                # A session of its own: Ctrl-C is the conductor's to handle.
                self._process = subprocess.Popen(
                    [python, str(WORKER), str(command_read), str(answer_write)],
                    pass_fds=(command_read, answer_write),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    env={**os.environ, **(environment or {})},
                    start_new_session=True,
                )
                self._is_open = True
        except OSError as error:
            self._close_pipes()
            raise WorkerFailed(
                f"{python} cannot be started: {error.strerror}", "unavailable"
            ) from None
        except BaseException:  # what was held back
            self.close()
            raise
        finally:
            os.close(command_read)
            os.close(answer_write)
        if core is not None:
            self.move(core)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a command and return the answer; WorkerFailed says what went wrong instead."""
        self.send(command, timeout_s)
        return self.receive(timeout_s)

    def send(self, command: dict[str, Any], timeout_s: float) -> None:
        """Send a command whose answer is fetched by `receive`, so that several workers are busy at once."""
        with self._explain(timeout_s):
            self._send(json.dumps(command).encode() + b"\n", time.monotonic() + timeout_s)

    def receive(self, timeout_s: float) -> dict[str, Any]:
        """Return the answer to what was sent; WorkerFailed says what went wrong instead."""
        with self._explain(timeout_s):
            line = self._receive(time.monotonic() + timeout_s)
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise WorkerFailed(f"the worker wrote {line[:60]!r} where an answer was expected")
        if "error" in answer:
            raise WorkerFailed(answer["error"], answer["status"], answer["trace"])
        return answer

    @contextlib.contextmanager
    def _explain(self, timeout_s: float) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise WorkerFailed(self._obituary()) from None
        except TimeoutError:
            self._hangs = True
            raise WorkerFailed(f"no answer within {timeout_s:.3g} s: it hangs") from None

    def move(self, core: int) -> None:
        """Keep the worker on that core from now on: every thread that it has, and so every one that they start."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        try:
            for thread in [int(task.name) for task in tasks.iterdir()]:
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(thread, {core})
        except FileNotFoundError:
            pass  # dead already: the first question will find out why
        except OSError as error:
            self.close()
            raise WorkerFailed(f"it cannot be kept on core {core}: {error.strerror}") from None

    def quit(self, timeout_s: float) -> None:
        """Tell the worker to end and give it that long for it; one that hangs or is dead already is left to `close`."""
        if self._is_open and not self._hangs:
            end = time.monotonic() + timeout_s
            with contextlib.suppress(BrokenPipeError, TimeoutError):
                self._send(b'{"do": "quit"}\n', end)
                # It closes its pipe when it ends, and no sooner.
                while True:
                    self._wait(end, write=False)
                    if not os.read(self._answers, 1 << 16):
                        return

    def close(self) -> None:
        """Kill the worker, with all that it started, and wait for it; once is enough."""
        if not self._is_open:
            return
        self._is_open = False
        if self._process.returncode is None:  # or its number may be somebody else's by now
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._close_pipes()

    def _send(self, data: bytes, end: float) -> None:
        left = memoryview(data)
        while left:
            self._wait(end, write=True)
            left = left[os.write(self._commands, left) :]

    def _receive(self, end: float) -> bytes:
        while b"\n" not in self._buffer:
            self._wait(end, write=False)
            chunk = os.read(self._answers, 1 << 16)
            if not chunk:
                raise BrokenPipeError
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _wait(self, end: float, *, write: bool) -> None:
        left_s = max(0.0, end - time.monotonic())
        reads, writes = ([], [self._commands]) if write else ([self._answers], [])
        if not any(select.select(reads, writes, [], left_s)):
            raise TimeoutError

    def _obituary(self) -> str:
        """Say how the worker died, with the last thing that it wrote to standard error."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=LAST_WORDS_S)
        code = self._process.returncode
        if code is None:
            return "the worker closed its pipe"
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").splitlines()
        # A traceback ends with the error; what is indented belongs to something above it.
        words = [line for line in lines if line.strip() and not line[0].isspace()]
        return f"the worker died ({how}){': ' + words[-1] if words else ''}"

    def _close_pipes(self) -> None:
        os.close(self._commands)
        os.close(self._answers)
        self._errors.close()
