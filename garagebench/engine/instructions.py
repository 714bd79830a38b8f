"""Instructions of a subject's cases, counted by valgrind's callgrind: a witness that no other load disturbs.

A worker goes through a case a few times, another one some passes more; what differs, divided by the requests of these
passes, is the case, start-up and warm-up gone. Address layout and hash seed are fixed, so that the count repeats. It
is of the loop with what is in it, and of the reset between passes.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from garagebench.engine.channel import WORKER, Channel
from garagebench.engine.conductor import TIMEOUT_S
from garagebench.engine.terms import make_terms
from garagebench.errors import GarageError

#: Passes before any that counts: CPython specialises its bytecode after a few calls.
WARM_UP = 2

#: Requests that are counted, about.
REQUESTS = 2_000

#: Packages whose code under valgrind is other code than that on the processor.
COMPILED = ("numpy_version", "numba_version")

_COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")


class CountError(GarageError):
    """Nothing can be counted on this machine; the text says what to install."""


class NotCounted(GarageError):
    """A subject whose instructions cannot be counted; the text says why."""


@dataclass(frozen=True)
class Counting:
    """What it takes to count a source's rows: the runs, and how their counts become rows."""

    python: str
    source: Mapping[str, Any]
    passes: Mapping[str, int]  # case -> passes that are counted
    requests: Mapping[str, int]  # case -> requests of these passes
    rows: Mapping[str, Mapping[str, float]]  # row -> case -> factor


def find_valgrind() -> list[str]:
    """Return the command to run a program under callgrind; CountError where it is missing."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise CountError(
            "valgrind: not found: install it (apt-get install valgrind) or leave out --count"
        )
    setarch = shutil.which("setarch")
    fixed = [] if setarch is None else [setarch, "-R"]
    return [*fixed, valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null"]


def prepare(python: str, source: Mapping[str, Any]) -> Counting:
    """Look, without valgrind, at what there is to count. Raises NotCounted, WorkerFailed."""
    with Channel(python) as channel:
        loaded = channel.ask({"do": "load", "source": dict(source)}, TIMEOUT_S)
    environment = loaded["environment"]
    if environment["python_implementation"] != "CPython":
        raise NotCounted(f"{environment['python_implementation']} compiles while it runs")
    for key in COMPILED:
        if key in environment:
            raise NotCounted(f"it uses {key.partition('_')[0]}, whose code differs under valgrind")
    cases = {case["name"]: case for case in loaded["cases"] if not case["intervals"]}
    passes = {name: math.ceil(REQUESTS / case["requests"][0]) for name, case in cases.items()}
    requests = {name: passes[name] * case["requests"][0] for name, case in cases.items()}
    rows = {
        terms.name: {case: factor for case, factor in terms.isolated.items() if case in cases}
        for terms in make_terms(loaded["cases"], loaded["rows"], in_context=False)
    }
    return Counting(python, source, passes, requests, rows)


def count(
    countings: Sequence[Counting], on_run: Callable[[int, int], None] = lambda _done, _all: None
) -> list[dict[str, float]]:
    """Return for each source its rows' instructions for one request. Raises NotCounted, CountError."""
    command = find_valgrind()
    jobs = [(one, case) for one in countings for case in (None, *one.passes)]
    done = 0
    totals: dict[tuple[int, str | None], int] = {}
    # One valgrind a core: how they share the machine changes no count.
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        try:
            found = pool.map(lambda job: _run(command, *job), jobs)
            for (one, case), total in zip(jobs, found, strict=True):
                totals[id(one), case] = total
                done += 1
                on_run(done, len(jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [
        {
            row: sum(
                factor * (totals[id(one), case] - totals[id(one), None]) / one.requests[case]
                for case, factor in terms.items()
            )
            for row, terms in one.rows.items()
        }
        for one in countings
    ]


def _run(command: Sequence[str], counting: Counting, case: str | None) -> int:
    """Return the instructions of a worker that goes through every case, and through one of them longer."""
    work = [[name, "loop", [0], WARM_UP] for name in counting.passes]
    if case is not None:
        work.append([case, "loop", [0], counting.passes[case]])
    told = (
        {"do": "load", "source": dict(counting.source)},
        {"do": "warm", "work": work},
        {"do": "quit"},
    )
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as commands,
        tempfile.TemporaryFile("w+", encoding="utf-8") as answers,
    ):
        commands.write("".join(f"{json.dumps(one)}\n" for one in told))
        commands.seek(0)
        ends = commands.fileno(), answers.fileno()
        done = subprocess.run(
            [*command, counting.python, str(WORKER), *map(str, ends)],
            pass_fds=ends,
            env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        answers.seek(0)
        for line in answers:
            answer = json.loads(line)
            if "error" in answer:
                raise NotCounted(f"under valgrind: {answer['error']}")
    collected = _COLLECTED.search(done.stderr)
    if done.returncode or collected is None:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise NotCounted(f"valgrind ended with exit code {done.returncode}: {last}")
    return int(collected[1])
