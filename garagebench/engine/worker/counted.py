"""What runs under callgrind: a subject's cases, each between two dumps of the counters.

The job is JSON: `source` (what a worker's `load` takes), `work`, a list of [case, passes], and `in_turn`, whether cases come
one after the other. After each item of the work callgrind writes a file PATH.1, PATH.2 and so on. Until the first item callgrind need not look on: it would only take
longer to load the subject (`--instr-atstart=no`).
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
from collections.abc import Callable, Iterator
from typing import Any

from . import Worker

#: Requests to callgrind, as callgrind.h of valgrind numbers them.
DUMP_STATS, ZERO_STATS, START = 0x43540000, 0x43540001, 0x43540004

#: A function of one argument, the address of a request: the instructions by which valgrind.h marks one for x86-64
#: (without valgrind they do nothing), between those that move the argument in and the answer out.
REQUEST = bytes.fromhex("4889f8 31d2 48c1c703 48c1c70d 48c1c73d 48c1c733 4887db 4889d0 c3")


def make_request() -> Callable[[int], int]:
    """Return a function that sends callgrind a request by its number."""
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(REQUEST)
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    send = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(address)
    arguments = (ctypes.c_uint64 * 6)()
    where = ctypes.addressof(arguments)

    def request(number: int, _keep: Any = (code, arguments)) -> int:
        arguments[0] = number
        answer: int = send(where)
        return answer

    return request


class Script:
    """The commands of a job, read like a pipe. Around each item of the work the counters are set to zero, and dumped."""

    def __init__(self, job: dict[str, Any], request: Callable[[int], int]) -> None:
        self._lines = make_commands(job)
        self._request = request
        self._is_counting = False
        self._is_started = False

    def readline(self) -> str:
        """Return the next command: whoever asks for it has done the one before."""
        if self._is_counting:
            self._request(DUMP_STATS)
        line = next(self._lines, "")
        self._is_counting = '"do": "warm"' in line
        if self._is_counting:
            if not self._is_started:
                self._request(START)
            self._is_started = True
            self._request(ZERO_STATS)
        return line


def make_commands(job: dict[str, Any]) -> Iterator[str]:
    """Yield what a worker is told, a line of JSON each. in_turn: whether each case is entered and left."""

    def tell(do: str, **arguments: Any) -> str:
        return json.dumps({"do": do, **arguments}) + "\n"

    yield tell("load", source=job["source"])
    cases = list(dict.fromkeys(case for case, _ in job["work"]))
    for case, upcoming in zip(cases, [*cases[1:], None]):
        if job["in_turn"]:
            yield tell("enter", case=case, upcoming=upcoming, pace=[0, 1, False], slice_ns=None)
        for name, passes in job["work"]:
            if name == case:
                yield tell("warm", work=[(case, "loop", [0], passes)])
        if job["in_turn"]:
            yield tell("leave")
    yield tell("quit")


class Answers:
    """Takes the answers; one that is an error ends the process, wherever in a test suite it is."""

    def write(self, line: str) -> None:
        """Take an answer."""
        error = json.loads(line).get("error")
        if error is not None:
            os.write(2, f"{error}\n".encode())
            os._exit(1)

    def flush(self) -> None:
        """Do nothing: it has been read."""


def main(job_fd: int) -> None:
    """Do the job; what fails ends the process with what it says."""
    with os.fdopen(job_fd, encoding="utf-8") as job_file:
        job = json.load(job_file)
    Worker(Script(job, make_request()), Answers()).serve()
