"""What runs under callgrind: a subject's cases, each between two dumps of the counters. A script of its own.

    valgrind --tool=callgrind --callgrind-out-file=PATH python counted.py JOB_FD

The job is JSON: `source` (what a worker's `load` takes) and `work`, a list of [case, passes]. After each item of it
callgrind writes a file PATH.1, PATH.2 and so on. Until the first item callgrind need not look on: it would only take
longer to load the subject (`--instr-atstart=no`).
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import mmap
import os
import sys
from collections.abc import Callable
from typing import Any

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


def load_worker() -> Any:
    """Return the module beside this one, whatever else is called `worker`."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker.py")
    spec = importlib.util.spec_from_file_location("garagebench_worker", path)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]  # the file is there
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def main() -> None:
    """Do the job; what fails ends the process with a traceback."""
    with os.fdopen(int(sys.argv[1]), encoding="utf-8") as job_file:
        job = json.load(job_file)
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
    worker = load_worker().Worker()
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


if __name__ == "__main__":
    main()
