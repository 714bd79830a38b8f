"""Functions of the user's files as targets: `--subject FILE.py:NAME`."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from pathlib import Path

from garagebench.engine.conductor import TIMEOUT_S
from garagebench.engine.runner import start_runner
from garagebench.engine.target import Target
from garagebench.errors import UnknownName

FACTORY = "garagebench.subjects.functions:make_subject"

#: Nanoseconds that a pass should take, and calls that it has at most: whoever is compared makes as many, however quick.
PASS_NS = 50_000
MOST_CALLS = 1_000

#: Calls before the number of calls is chosen.
WARM_UP = 20


def split_subject(subject: str) -> tuple[str, str]:
    """Return the file and the name of FILE.py:NAME. Raises UnknownName."""
    path, _, name = subject.rpartition(":")
    if not path.endswith(".py") or not name:
        raise UnknownName(f"{subject} is not path/to/file.py:NAME")
    return path, name


def make_function_target(file: str, name: str, package: Path, case: str | None = None) -> Target:
    """Return what a worker loads. package: where garagebench is. case: what a single function's is called, if not NAME."""
    arguments = {"file": file, "name": name, **({} if case is None else {"case": case})}
    return Target(FACTORY, arguments, {"garagebench": str(package)})


def count_calls(python: str, target: Target) -> dict[str, int]:
    """Return case -> how many calls a pass should have, from what they take in a process of its own. Raises WorkerFailed."""
    with contextlib.closing(start_runner(python)) as runner:
        cases = runner.load(target, TIMEOUT_S).cases
        work = [(case.name, "loop", [0], WARM_UP) for case in cases]
        passes_ns = runner.warm(work, TIMEOUT_S)
    return {
        case.name: min(MOST_CALLS, math.ceil(PASS_NS / max(ns, 1)))
        for case, ns in zip(cases, passes_ns, strict=True)
    }


def give_calls(target: Target, calls: dict[str, int]) -> Target:
    """Return the target with so many calls in a pass of each case."""
    return replace(target, arguments={**target.arguments, "calls": calls})
