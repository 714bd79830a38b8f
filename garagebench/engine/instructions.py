"""Instructions of a subject's cases, counted by valgrind's callgrind: a witness that no other load disturbs.

A process under callgrind goes through each case a few times and then some passes more; the difference, divided by
the requests of these passes, is the case without start and warm-up. It is of the loop with what is in it, and of the
reset between passes. Address layout and hash seed are fixed, and both sides run from the same path, so that the count
of the same code repeats to the instruction. Other code has other addresses, and CPython's caches of names collide
otherwise: up to 0.4 % here or there. Hence several hash seeds, of which the median counts.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from garagebench.engine.channel import WORKER
from garagebench.engine.conductor import TIMEOUT_S
from garagebench.engine.runner import Loaded, Runner, start_runner
from garagebench.engine.schedule import Pace
from garagebench.engine.target import Target
from garagebench.engine.terms import make_terms
from garagebench.errors import GarageError

#: Passes before any that counts: CPython specialises its bytecode after a few calls.
WARM_UP = 2

#: Requests that are counted, about.
REQUESTS = 2_000

#: The calls of a test suite that are counted take about so long, without valgrind.
COUNTED_NS = 10_000_000

#: How many hash seeds the count is taken with.
SEEDS = 3

_TOTAL = re.compile(r"^(?:totals|summary): (\d+)", re.MULTILINE)


class CountError(GarageError):
    """Nothing can be counted on this machine; the text says what to install."""


class NotCounted(GarageError):
    """A subject whose instructions cannot be counted; the text says why."""


@dataclass(frozen=True)
class Counting:
    """What it takes to count a target's rows: the runs, and how their counts become rows."""

    python: str
    target: Target
    root: str  # the directory of this side's files
    passes: Mapping[str, int]  # case -> passes that are counted
    requests: Mapping[str, int]  # case -> requests of these passes
    rows: Mapping[str, Mapping[str, float]]  # row -> case -> factor
    in_turn: bool = False  # whether each case is entered and left


def find_valgrind() -> list[str]:
    """Return the command to run a program under callgrind; CountError where that cannot be."""
    if platform.machine() not in ("x86_64", "AMD64"):
        raise CountError(f"instructions are counted on x86-64 only, not on {platform.machine()}")
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise CountError(
            "valgrind: not found: install it (apt-get install valgrind) or leave out --count"
        )
    setarch, setpriv = map(shutil.which, ("setarch", "setpriv"))
    fixed = [] if setarch is None else [setarch, "-R"]
    # valgrind takes a while: it must not go on when we are killed.
    leash = [] if setpriv is None else [setpriv, "--pdeathsig", "KILL"]
    # Without vgdb: nobody debugs, and its pipes would be left in /tmp by a process that is killed.
    return [*leash, *fixed, valgrind, "--tool=callgrind", "--vgdb=no", "--instr-atstart=no"]


def prepare(python: str, target: Target, root: str) -> Counting:
    """Look, without valgrind, at what there is to count. Raises NotCounted, WorkerFailed."""
    with contextlib.closing(start_runner(python)) as runner:
        loaded = runner.load(target, TIMEOUT_S)
        calls = dict(_count_calls(runner, loaded)) if loaded.in_turn else {}
    implementation = loaded.environment["python_implementation"]
    if implementation != "CPython":
        raise NotCounted(f"{implementation} compiles while it runs")
    for package in loaded.packages:
        raise NotCounted(f"it uses {package}, whose code differs under valgrind")
    cases = {case.name: case for case in loaded.cases if not case.intervals}
    passes = calls or {name: math.ceil(REQUESTS / case.requests[0]) for name, case in cases.items()}
    requests = {name: passes[name] * case.requests[0] for name, case in cases.items()}
    rows = {
        terms.name: {case: factor for case, factor in terms.isolated.items() if case in cases}
        for terms in make_terms(loaded.cases, loaded.rows, in_context=False)
        if terms.is_judged
    }
    return Counting(python, target, root, passes, requests, rows, loaded.in_turn)


def _count_calls(runner: Runner, loaded: Loaded) -> Iterator[tuple[str, int]]:
    """Yield how many calls of each case are counted, of those that come one after the other."""
    names = [case.name for case in loaded.cases]
    for name, upcoming in zip(names, [*names[1:], None], strict=True):
        runner.enter(name, upcoming, Pace(0, 1), TIMEOUT_S)
        (call_ns,) = runner.warm([(name, "loop", [0], 1)], TIMEOUT_S)
        runner.leave(TIMEOUT_S)
        yield name, max(1, min(REQUESTS, math.ceil(COUNTED_NS / max(call_ns, 1))))


def count(sides: Sequence[Counting], place: Path) -> list[list[dict[str, float]]]:
    """Return for each hash seed each side's rows: instructions for one request. Raises NotCounted, CountError.

    place: a directory for what is written meanwhile; it is made.
    """
    command = find_valgrind()
    place.mkdir(exist_ok=True)

    def count_sides(seed: int) -> list[dict[str, float]]:
        with tempfile.TemporaryDirectory(prefix="count-", dir=place) as directory:
            return [_count_rows(command, side, seed, Path(directory)) for side in sides]

    # One valgrind a core: how they share the machine changes no count.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(count_sides, range(SEEDS)))


def _count_rows(
    command: Sequence[str], counting: Counting, seed: int, directory: Path
) -> dict[str, float]:
    work = [
        (case, times)
        for case, passes in counting.passes.items()
        for times in (WARM_UP, WARM_UP, WARM_UP + passes)
    ]
    link = directory / "tree"
    link.symlink_to(counting.root, target_is_directory=True)
    try:
        totals = iter(_run(command, counting, work, seed, link))
    finally:
        link.unlink()
    cost = {}
    for case in counting.passes:
        _, few, more = (next(totals) for _ in range(3))  # the first is before CPython specialises
        cost[case] = (more - few) / counting.requests[case]
    return {
        row: sum(factor * cost[case] for case, factor in terms.items())
        for row, terms in counting.rows.items()
    }


def _run(
    command: Sequence[str],
    counting: Counting,
    work: Sequence[tuple[str, int]],
    seed: int,
    link: Path,
) -> list[int]:
    """Return the instructions of each item of the work."""
    about = {"source": counting.target.to_data(), "work": work, "in_turn": counting.in_turn}
    job = json.dumps(about)
    job = job.replace(json.dumps(counting.root)[1:-1], json.dumps(str(link))[1:-1])
    with (
        tempfile.TemporaryDirectory(prefix="out-", dir=link.parent) as directory,
        tempfile.TemporaryFile("w+", encoding="utf-8") as file,
    ):
        file.write(job)
        file.seek(0)
        out = Path(directory, "out")
        program = [counting.python, str(WORKER), str(file.fileno())]
        done = subprocess.run(
            [*command, f"--callgrind-out-file={out}", *program],
            pass_fds=(file.fileno(),),
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "PYTHONHASHSEED": str(seed),
                **{name: text for name, text in os.environ.items() if name.startswith("PYTEST_")},
                # Compiling a module, or writing it to the cache, leaves another heap.
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        dumps = [out.with_name(f"out.{number}") for number in range(1, len(work) + 1)]
        if done.returncode or not all(dump.exists() for dump in dumps):
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise NotCounted(f"valgrind ended with exit code {done.returncode}: {last}")
        return [_read_total(dump) for dump in dumps]


def count_command(
    words: Sequence[str],
    before: Sequence[str],
    directory: Path,
    variables: Mapping[str, str],
    place: Path,
) -> list[float]:
    """Return for each hash seed the instructions of a command, with those of all that it starts. Raises NotCounted.

    before: the words of one that runs before each time, if any. place: a directory for what is written meanwhile; it is made.
    """
    valgrind = [*find_valgrind(), "--trace-children=yes"]
    valgrind.remove("--instr-atstart=no")
    place.mkdir(exist_ok=True)

    def run(seed: int) -> float:
        with tempfile.TemporaryDirectory(prefix="count-", dir=place) as out:
            if before:
                subprocess.run(
                    before, cwd=directory, env=variables, capture_output=True, check=False
                )
            done = subprocess.run(
                [*valgrind, f"--callgrind-out-file={out}/%p", *words],
                cwd=directory,
                env={**variables, "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
            profiles = list(Path(out).iterdir())
            if done.returncode or not profiles:
                raise NotCounted(f"under valgrind it ended with exit code {done.returncode}")
            return float(sum(map(_read_total, profiles)))

    # What is prepared for one time is not for another one at the same time.
    with ThreadPoolExecutor(1 if before else os.cpu_count()) as pool:
        return list(pool.map(run, range(SEEDS)))


def _read_total(dump: Path) -> int:
    """Return the sum that a profile of callgrind ends or begins with."""
    found = _TOTAL.search(dump.read_text(encoding="utf-8", errors="replace"))
    if found is None:
        raise NotCounted("callgrind wrote a profile without a total")
    return int(found[1])
