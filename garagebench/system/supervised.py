"""A program and all that it starts, none of which outlives who started it, however that ends.

Run as a script, this file is the supervisor: it runs the program in a session of its own, and kills the session when the
program has ended or when the other end of its pipe is gone.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

#: Seconds between two looks at whether the program still runs.
NAP_S = 0.02


class Supervised:
    """A program that runs. output: a file that takes all that it writes. keep: files that stay open while it lives.

    A program that cannot be started writes why, and ends with exit code 1.
    """

    def __init__(
        self,
        words: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        output: IO[bytes],
        keep: Sequence[int] = (),
    ) -> None:
        self._turn = threading.Lock()
        pipe, ours = os.pipe()
        self._ours: int | None = ours
        try:
            # A session of its own: Ctrl-C is ours to handle.
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", __file__, str(pipe), *words],
                cwd=directory,
                env=environment,
                pass_fds=(pipe, *keep),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(pipe)

    def wait(self) -> int:
        """Wait for its end; return its exit code, 128 and more for the signal that ended it."""
        return self._supervisor.wait()

    def stop(self) -> None:
        """End it, if it runs still, with all that it has started; once is enough."""
        with self._turn:
            if self._ours is not None:
                os.close(self._ours)
            self._ours = None
        self._supervisor.wait()


def main(pipe: int, words: Sequence[str]) -> int:
    """Run the program; return its exit code."""
    process = subprocess.Popen(words, start_new_session=True)
    try:
        # Not reaped before its session is killed: nobody else can have its number by then.
        while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            # Nothing is ever written: it can be read from only when the other end is closed.
            if select.select([pipe], [], [], NAP_S)[0]:
                break
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    code: int = process.returncode
    return code


if __name__ == "__main__":
    try:
        ended = main(int(sys.argv[1]), sys.argv[2:])
    except OSError as error:
        sys.exit(f"{sys.argv[2]}: {error.strerror}")
    if ended < 0:
        sys.exit(128 - ended)  # as a shell does
    sys.exit(ended)
