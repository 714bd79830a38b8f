"""What runs under callgrind: a subject's cases, each between two dumps of the counters.

The job is JSON: `source` (what a worker's `load` takes) and `work`, a list of [case, passes]. After each item of it
callgrind writes a file PATH.1, PATH.2 and so on. Until the first item callgrind need not look on: it would only take
longer to load the subject (`--instr-atstart=no`).
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import sys
from collections.abc import Callable
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


def main(job_fd: int) -> None:
    """Do the job; what fails ends the process with a traceback."""
    with os.fdopen(job_fd, encoding="utf-8") as job_file:
        job = json.load(job_file)
    worker = Worker()
    answer = worker.answer({"do": "load", "source": job["source"]})
    if "error" in answer:
        sys.exit(answer["error"])
    request = make_request()
    request(START)
    for case, passes in job["work"]:
        command = {"do": "warm", "work": [(case, "loop", [0], passes)]}
        request(ZERO_STATS)
        answer = worker.answer(command)
        request(DUMP_STATS)
        if "error" in answer:
            sys.exit(answer["error"])
