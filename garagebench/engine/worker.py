"""The process in which a subject runs. A script of its own: standard library, Python 3.9, PyPy too.

    python worker.py READ_FD WRITE_FD

It answers one JSON line with another over two private pipes; what a subject prints cannot get between them.
Commands, by `do`:

    load      packages {name: directory}, factory "module:name", arguments | pickled, main, path
              moved [tree, copy]: of what lies in the tree, the copy is to be used
              -> interface_version, cases, rows, caveats, environment
    measure   case, modes (of "loop", "empty", "steps", "intervals"), blocks, lead_in, passes
              -> passes: {series: [ns of each kept pass, ...]} summed over the blocks, requests,
                 waited_ns: for how long the process meanwhile waited for a core (null: the system does not tell),
                 took_ns: how long all of it took
    warm      work: [[case, mode, blocks, passes], ...]  ->  pass_ns: [ns of the quickest pass, ...]
    call      packages, target "module:name", arguments  ->  result, import_ns, peak_memory_bytes
    pulse     chunk_ns, chunks  ->  chunks_ns: [ns of each of so many equal pieces of work, in a row]
    describe  -> environment
    answers   case -> answers: [text of each expected answer, ...], block after block
    quit

An answer to what failed has `error` (one sentence), `status` ("wrong", "unavailable" or "invalid") and `trace`.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import importlib
import importlib.machinery
import importlib.util
import json
import os
import pickle
import platform
import sys
import time
import traceback
from collections.abc import Iterable
from typing import Any, Callable

#: What a script is called while it is imported for the objects that it pickled.
MAIN = "__garagebench_main__"

#: Collecting garbage and warming up are not measured; a pass is what lies between two of these.
clock = time.perf_counter_ns


class BadSubject(Exception):
    """A subject is not what `garagebench.interface` describes."""

    status = "invalid"


class WrongResult(Exception):
    """A timed pass answered otherwise than the case expects."""

    status = "wrong"


def main() -> None:
    """Answer commands until told to quit, or until the other end is gone."""
    # The directory of this script must not be importable: its modules would shadow others.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
    read_fd, write_fd = int(sys.argv[1]), int(sys.argv[2])
    worker = Worker()
    with (
        os.fdopen(read_fd, encoding="utf-8") as commands,
        os.fdopen(write_fd, "w", encoding="utf-8") as answers,
    ):
        for line in commands:
            command = json.loads(line)
            if command["do"] == "quit":
                return
            answers.write(json.dumps(worker.answer(command)) + "\n")
            answers.flush()


class Worker:
    """Holds the subject's cases, each with its compiled loops."""

    def __init__(self) -> None:
        self._cases: dict[str, TimedCase] = {}
        self._run_delay = RunDelay()

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do what the command says; an error becomes an answer."""
        do: dict[str, Callable[..., dict[str, Any]]] = {
            "load": self._load,
            "measure": self._measure,
            "warm": self._warm,
            "call": self._call,
            "pulse": lambda chunk_ns, chunks: {"chunks_ns": feel_pulse(chunk_ns, chunks)},
            "describe": lambda: {"environment": describe_environment()},
            "answers": lambda case: {"answers": self._cases[case].answers()},
        }
        try:
            return do[command.pop("do")](**command)
        except Exception as error:  # noqa: BLE001  it must reach the conductor, whatever it is
            return {
                "error": f"{error}"
                if hasattr(error, "status")
                else f"{type(error).__name__}: {error}",
                "status": getattr(error, "status", "invalid"),
                "trace": traceback.format_exc(),
            }

    def _load(self, source: dict[str, Any]) -> dict[str, Any]:
        gc.disable()  # look-up tables of a million spaces are made in a third of the time
        try:
            subject = load_subject(source)
            cases = list(subject.cases())
            check_cases(cases)
            self._cases = {case.name: TimedCase(case) for case in cases}
        finally:
            gc.enable()
        rows = getattr(subject, "rows", None)
        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()  # what is loaded stays: collections between slices need not look at it
        return {
            "interface_version": getattr(subject, "interface_version", 1),
            "cases": [case.describe() for case in self._cases.values()],
            "rows": None if rows is None else [list(row) for row in rows()],
            "caveats": list(getattr(subject, "caveats", ())),
            "environment": describe_environment(),
        }

    def _measure(
        self, case: str, modes: list[str], blocks: list[int], lead_in: int, passes: int
    ) -> dict[str, Any]:
        timed = self._cases[case]
        measured: dict[str, list[float]] = {}
        gc.disable()
        try:
            waited_before, begin = self._run_delay.read_ns(), clock()
            for mode in modes:
                measured.update(timed.measure(mode, blocks, lead_in, passes))
            took_ns, waited_after = clock() - begin, self._run_delay.read_ns()
        finally:
            gc.enable()
        return {
            "passes": measured,
            "requests": timed.requests(blocks),
            "waited_ns": None
            if waited_before is None or waited_after is None
            else waited_after - waited_before,
            "took_ns": took_ns,
        }

    def _warm(self, work: list[tuple[str, str, list[int], int]]) -> dict[str, Any]:
        pass_ns = [
            self._cases[case].warm(mode, blocks, passes) for case, mode, blocks, passes in work
        ]
        return {"pass_ns": pass_ns}

    def _call(self, packages: dict[str, str], target: str, arguments: Any) -> dict[str, Any]:
        begin = clock()
        function = find(packages, target)
        import_ns = clock() - begin
        return {
            "result": function(arguments),
            "import_ns": import_ns,
            "peak_memory_bytes": peak_memory_bytes(),
        }


class RunDelay:
    """For how long this process was ready to run and its core was another's: Linux's count, in ns."""

    def __init__(self) -> None:
        try:
            # Time on the processor, time waited for it, and how often it was given one (Documentation/scheduler/sched-stats).
            self._file: int | None = os.open("/proc/self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._file = None

    def read_ns(self) -> int | None:
        """Return the nanoseconds waited since the start; None where the system does not tell."""
        if self._file is None:
            return None
        try:
            return int(os.pread(self._file, 100, 0).split()[1])
        except (OSError, IndexError, ValueError):
            return None


def feel_pulse(chunk_ns: int, chunks: int) -> list[int]:
    """Do the same piece of work so many times, each of about that many ns; return what each took."""
    turns = 100
    while _spin(turns, 1)[0] < chunk_ns:
        turns = turns * 5 // 4
    return _spin(turns, chunks)


def _spin(turns: int, chunks: int) -> list[int]:
    marks = [clock()]
    for _ in range(chunks):
        total = 0
        for number in range(turns):
            total += number & 3
        marks.append(clock() + (total < 0))  # or PyPy would do nothing
    return [after - before for before, after in zip(marks, marks[1:])]


def load_subject(source: dict[str, Any]) -> Any:
    """Make the subject that the source describes: a factory and its arguments, or a pickled object."""
    if "factory" in source:
        moved = source.get("moved")
        if moved:
            sys.path[:] = [move_path(path, *moved) for path in sys.path]
        subject = find(source["packages"], source["factory"])(source["arguments"])
        if moved:
            check_origins(moved[0], source["packages"])
        return subject
    sys.path[:] = [*source["path"], *(path for path in sys.path if path not in source["path"])]
    import_packages(source["packages"])
    if source["main"] is not None:
        # Objects of the caller's script were pickled as being in __main__.
        sys.modules["__main__"] = import_file(MAIN, source["main"])
    return pickle.loads(base64.b64decode(source["pickled"]))  # noqa: S301  the conductor made it


def move_path(path: str, tree: str, copy: str) -> str:
    """Return where a directory of the tree is in its copy: PYTHONPATH, or a package installed from the tree, leads there."""
    inside = inside_of(tree, path)
    return path if inside is None else os.path.normpath(os.path.join(copy, inside))


def check_origins(tree: str, packages: Iterable[str]) -> None:
    """Raise BadSubject for a module that was found in the tree all the same: it is not the one to be measured."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in ("__main__", *packages) or not isinstance(file, str):
            continue
        if inside_of(tree, file) is not None:
            raise BadSubject(
                f"it imports {name} from {file}, the working tree, and not from the copy that is measured: where its "
                "package is installed as editable, use PYTHONPATH or `pip install --config-settings editable_mode=compat`"
            )


def inside_of(tree: str, path: str) -> str | None:
    """Return the path within the tree; None for one outside, and for what an environment in it has installed."""
    import sysconfig  # which takes 3 ms of a cold start

    path = os.path.realpath(path)
    installed = sysconfig.get_paths()
    roots = [os.path.realpath(installed[key]) for key in ("purelib", "platlib", "stdlib")]
    if not within(path, tree) or any(within(path, root) for root in roots):
        return None
    return os.path.relpath(path, tree)


def within(path: str, directory: str) -> bool:
    """Tell whether the path is the directory or lies in it."""
    return path == directory or path.startswith(os.path.join(directory, ""))


def find(packages: dict[str, str], target: str) -> Any:
    """Import "module:name"; the packages are found in their given directories and nowhere else."""
    import_packages(packages)
    module_name, _, name = target.partition(":")
    return getattr(importlib.import_module(module_name), name)


def import_packages(packages: dict[str, str]) -> None:
    """Import each package from its directory."""
    for name, directory in packages.items():
        if name not in sys.modules:
            import_file(name, os.path.join(directory, "__init__.py"), [directory])


def import_file(name: str, path: str, search: list[str] | None = None) -> Any:
    """Run a file as the module of that name; with `search`, as a package whose modules are there."""
    loader = importlib.machinery.SourceFileLoader(name, path)  # a script may have any suffix
    spec = importlib.util.spec_from_file_location(
        name, path, loader=loader, submodule_search_locations=search
    )
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]  # with a loader there is one
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def check_cases(cases: list[Any]) -> None:
    """Raise BadSubject for cases that cannot be measured, or not as they mean to be."""
    blocks: dict[str, int] = {}
    seen: set[str] = set()
    for case in cases:
        if case.name in seen:
            raise BadSubject(f"two cases are called {case.name!r}")
        seen.add(case.name)
        if not case.steps:
            raise BadSubject(f"case {case.name!r} has no steps, so there is nothing to time")
        if not case.blocks:
            raise BadSubject(f"case {case.name!r} has no blocks")
        if any(block.requests < 1 for block in case.blocks):
            raise BadSubject(f"case {case.name!r} has a block of fewer than one request")
        if blocks.setdefault(case.group, len(case.blocks)) != len(case.blocks):
            raise BadSubject(
                f"case {case.name!r} has {len(case.blocks)} blocks, another of its group {case.group!r} "
                f"has {blocks[case.group]}: give it a group of its own"
            )


#: Whether the answers of timed passes are kept, or only those of the passes that lead in. PyPy's JIT deletes work whose
#: result is unused. On CPython the call that keeps an answer costs more behind a call of Python code than in the empty
#: loop: subtracted, a Python loop of 103 ns came out at 1.044 of what it costs (benchmarks/known_cost.py, before).
KEEPS_ALL = platform.python_implementation() != "CPython"


class TimedCase:
    """A case and its loops: whole, with its answers kept, empty, and with the clock read between the steps."""

    def __init__(self, case: Any) -> None:
        self._case = case
        self._kept = compile_loop(case, case.steps, keeps=True)
        self._loop = self._kept if KEEPS_ALL else compile_loop(case, case.steps, keeps=False)
        self._empty = compile_loop(case, (), keeps=KEEPS_ALL)
        self._stepped = compile_stepped_loop(case)

    def describe(self) -> dict[str, Any]:
        """Return what the conductor needs to plan: no tapes."""
        case = self._case
        return {
            "name": case.name,
            "group": case.group,
            "requests": [block.requests for block in case.blocks],
            "steps": [step.name for step in case.steps],
            "in_context": case.in_context,
            "intervals": case.intervals is not None,
            # How often the clock is read for one request, on average over all blocks.
            "clock_reads": self._clock_reads(),
            # Two sides whose digests agree answer alike.
            "answers_digest": hashlib.sha256("\n".join(self.answers()).encode()).hexdigest(),
        }

    def answers(self) -> list[str]:
        """Return every expected answer as text."""
        return [repr(answer) for block in self._case.blocks for answer in block.expected]

    def _clock_reads(self) -> dict[str, float]:
        requests = sum(block.requests for block in self._case.blocks)
        if not self._case.in_context and self._case.intervals is None:
            return {}
        counts: dict[str, int] = {}
        for block in self._case.blocks:
            for name, (_, count) in self._pass(
                block, "steps" if self._case.intervals is None else "intervals"
            ).items():
                counts[name] = counts.get(name, 0) + count
        return {name: count / requests for name, count in counts.items() if name != "clock"}

    def warm(self, mode: str, blocks: Iterable[int], passes: int) -> int:
        """Go through the blocks that often; the quickest pass over all of them, resets included, in ns."""
        quickest = 0
        chosen = [self._case.blocks[number] for number in blocks]
        if mode == "loop" and not KEEPS_ALL:
            for block in chosen:
                self._pass(block, "check")
        for _ in range(passes):
            begin = clock()
            for block in chosen:
                self._pass(block, mode)
            took = clock() - begin
            quickest = min(took, quickest or took)
        return quickest

    def requests(self, blocks: Iterable[int]) -> int:
        """Return how many requests these blocks have."""
        return sum(self._case.blocks[number].requests for number in blocks)

    def measure(
        self, mode: str, blocks: Iterable[int], lead_in: int, passes: int
    ) -> dict[str, list[float]]:
        """Time the blocks one after the other: for each, `lead_in` passes that do not count and `passes` that do.

        The first passes compare the answers, where the others do not. Series -> ns of each kept pass, added up over the blocks; the series "clock" is one empty interval.
        """
        totals: dict[str, list[float]] = {}
        for number in blocks:
            block = self._case.blocks[number]
            for _ in range(lead_in):
                self._pass(block, "check" if mode == "loop" else mode)
            kept = [self._pass(block, mode) for _ in range(passes)]
            for name in kept[0]:
                # The clock is one interval; everything else is the time over the block.
                times = [
                    ns / count if name == "clock" else ns
                    for ns, count in (one[name] for one in kept)
                ]
                previous = totals.get(name)
                if previous is None or name == "clock":
                    totals[name] = times
                else:
                    totals[name] = [before + now for before, now in zip(previous, times)]
        return totals

    def _pass(self, block: Any, mode: str) -> dict[str, tuple[float, int]]:
        """Go through the block once: series -> (ns, how many intervals that is the sum of)."""
        kept: list[Any] = []
        if mode == "empty":
            return {"empty": (self._run(self._empty, block, kept.append), 1)}
        if block.reset is not None:
            block.reset()
        if mode in ("loop", "check"):
            ns = self._run(self._loop if mode == "loop" else self._kept, block, kept.append)
            if mode == "check" or KEEPS_ALL:
                self._check(block, kept)
            return {"loop": (ns, 1)}
        intervals = self._case.intervals
        if intervals is not None:
            intervals.clear()
        marks: list[tuple[int | None, ...]] = []
        self._run(self._stepped, block, kept.append, marks.append)
        self._check(block, kept)
        sums = sum_marks(marks, [step.name for step in self._case.steps])
        if mode == "steps":
            return sums
        return {"intervals": (sum(intervals), len(intervals)), "clock": sums["clock"]}

    def _run(self, loop: Callable[..., int], block: Any, *more: Callable[[Any], None]) -> int:
        return loop(block.tape, clock, self._case.catches, *more, **self._case.names)

    def _check(self, block: Any, kept: list[Any]) -> None:
        if kept == list(block.expected):
            return
        for number, (got, expected) in enumerate(zip(kept, block.expected), 1):
            if got != expected:
                raise WrongResult(
                    f"{self._case.name}: answer {number} is {got!r}, expected {expected!r}"
                )
        raise WrongResult(f"{self._case.name}: {len(kept)} answers, expected {len(block.expected)}")


def compile_loop(case: Any, steps: Iterable[Any], *, keeps: bool) -> Callable[..., int]:
    """Compile the timed loop of a case; without steps, the empty loop that is subtracted from it.

    keeps: whether the answers are kept.
    """
    sources = [step.source for step in steps]
    kept = case.result if sources else case.target.partition(",")[0].strip("(*[ ")
    body = [*sources, *([f"_keep({kept})"] if keeps else [])] or ["pass"]
    if case.catches:
        body = [
            "try:",
            *(f"    {line}" for line in body),
            "except _caught as _error:",
            "    _keep(_error.__class__)" if keeps else "    pass",
        ]
    return _define(case, "_keep", body)


def compile_stepped_loop(case: Any) -> Callable[..., int]:
    """Compile the loop that reads the clock before and after each step, and twice before the first.

    _mark((before, t0, t1, ..., raised)): t0 - before is an empty interval; what was not reached is None.
    """
    times = [f"_t{number}" for number in range(1, len(case.steps) + 1)]
    body = [f"{' = '.join(times)} = _raised = None", "_before = _clock()", "_t0 = _clock()", "try:"]
    for time_name, step in zip(times, case.steps):
        body += [f"    {step.source}", f"    {time_name} = _clock()"]
    body += [
        f"    _keep({case.result})",
        "except _caught as _error:",
        "    _raised = _clock()",
        "    _keep(_error.__class__)",
    ]
    body += [f"_mark((_before, _t0, {', '.join(times)}, _raised))"]
    return _define(case, "_keep, _mark", body)


def _define(case: Any, parameters: str, body: list[str]) -> Callable[..., int]:
    # Each case has a code object of its own, so that no specialisation and no trace is shared with another. Its own
    # names begin with an underscore, so that a step may call its variables as it likes.
    names = "".join(f", {name}" for name in case.names)
    lines = [
        f"def timed(_tape, _clock, _caught, {parameters}{names}):",
        "    _begin = _clock()",
        f"    for {case.target} in _tape:",
        *(f"        {line}" for line in body),
        "    return _clock() - _begin",
    ]
    scope: dict[str, Any] = {}
    exec(compile("\n".join(lines), f"<loop of {case.name}>", "exec"), scope)  # noqa: S102  as `timeit` does
    timed: Callable[..., int] = scope["timed"]
    return timed


def sum_marks(marks: list[Any], steps: list[str]) -> dict[str, tuple[float, int]]:
    """Add up the intervals of each step, and the empty ones as "clock"; (ns, how many)."""
    sums = {name: [0, 0] for name in (*steps, "clock")}
    for before, first, *ends, raised in marks:
        _add(sums["clock"], first - before)
        begin = first
        for name, end in zip(steps, ends):
            _add(sums[name], (raised if end is None else end) - begin)
            if end is None:
                break
            begin = end
    return {name: (ns, count) for name, (ns, count) in sums.items()}


def _add(total: list[int], ns: int) -> None:
    total[0] += ns
    total[1] += 1


def describe_environment() -> dict[str, str]:
    """Return what distinguishes this interpreter and what it has loaded."""
    environment = {
        "python_implementation": platform.python_implementation(),
        "python_version": platform.python_version(),
    }
    if platform.python_compiler():
        environment["python_compiler"] = platform.python_compiler()
    pypy = getattr(sys, "pypy_version_info", None)
    if pypy is not None:
        environment["pypy_version"] = ".".join(map(str, pypy[:3]))
    for package in ("numpy", "numba"):
        if package in sys.modules:
            environment[f"{package}_version"] = sys.modules[package].__version__
    return environment


def peak_memory_bytes() -> int | None:
    """Return the largest resident size of this process so far, or None where it cannot be known."""
    try:
        # Not getrusage: on Linux its maximum is inherited from the process that started this one.
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


if __name__ == "__main__":
    main()
