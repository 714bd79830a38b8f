"""The process in which a subject runs, started as a script (`__main__`): standard library, Python 3.9, PyPy too.

It answers one JSON line with another over two private pipes; what a subject prints cannot get between them.
Commands, by `do`:

    load      source: a target's data, as `garagebench.engine.target` describes it
              -> interface_version, cases, rows, caveats, environment, packages: {name: version},
                 in_turn: whether cases come one after the other (`held`)
    enter     case, upcoming (the one after it, or null), pace or slice_ns  ->  name, pace: [calls that lead in, calls]
    leave     -> status: how the case that was entered ended, reason
    measure   case, modes (of "loop", "empty", "steps", "intervals"), blocks, lead_in, passes
              -> passes: {series: [ns of each kept pass, ...]} summed over the blocks, requests,
                 waited_ns: for how long the process meanwhile waited for a core (null: the system does not tell),
                 took_ns: how long all of it took
    warm      work: [[case, mode, blocks, passes], ...]  ->  pass_ns: [ns of the quickest pass, ...]
    call      packages, target "module:name", arguments  ->  result, import_ns, peak_memory_bytes
    pulse     chunk_ns, chunks  ->  chunks_ns: [ns of each of so many equal pieces of work, in a row]
    describe  -> environment
    modules   -> modules: {module imported at the top: its file, ...}
    answers   case -> answers: [text of each expected answer, ...], block after block
    quit

An answer to what failed has `error` (one sentence), `status` ("wrong", "unavailable" or "invalid") and `trace`.
"""

from __future__ import annotations

import gc
import io
import json
import os
import traceback
from typing import Any, Callable, Protocol

from .cases import TimedCase, check_cases, clock
from .held import HeldCase, Holder
from .loading import BadSubject, check_origins, find, load_subject
from .machine import (
    RunDelay,
    describe_environment,
    feel_pulse,
    find_modules,
    find_versions,
    peak_memory_bytes,
)


def main(read_fd: int, write_fd: int) -> None:
    """Answer commands until told to quit, or until the other end is gone."""
    with (
        os.fdopen(read_fd, encoding="utf-8") as commands,
        os.fdopen(write_fd, "w", encoding="utf-8") as answers,
    ):
        Worker(commands, answers).serve()


class Over(BaseException):
    """A subject that went its own way has come to its end, as it was told: there is nothing more to answer."""


class Reads(Protocol):
    """Where commands come from."""

    def readline(self) -> str:
        """Return the next one; empty at the end."""


class Writes(Protocol):
    """Where answers go."""

    def write(self, text: str, /) -> Any:
        """Take one."""

    def flush(self) -> None:
        """Hand it on."""


class Worker:
    """Holds the subject's cases, each with its compiled loops. commands, answers: the pipes, where there are any."""

    def __init__(self, commands: Reads | None = None, answers: Writes | None = None) -> None:
        self._commands: Reads = commands or io.StringIO()
        self._answers: Writes = answers or io.StringIO()
        self._is_asked = False
        self._cases: dict[str, TimedCase | HeldCase] = {}
        self._run_delay = RunDelay()

    def serve(self, *stops: str) -> dict[str, Any] | None:
        """Answer commands until one of those comes, which is returned; None: told to quit, or the other end is gone."""
        # Not line by line over the file: a subject that holds its cases open serves from within.
        for line in iter(self._commands.readline, ""):
            command: dict[str, Any] = json.loads(line)
            if command["do"] == "quit":
                return None
            self._is_asked = True
            if command["do"] in stops:
                return command
            try:
                self._write(self.answer(command))
            except Over:
                return None
        return None

    def _write(self, answer: dict[str, Any]) -> None:
        self._is_asked = False
        self._answers.write(json.dumps(answer) + "\n")
        self._answers.flush()

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do what the command says; an error becomes an answer. Raises Over."""
        do: dict[str, Callable[..., dict[str, Any]]] = {
            "load": self._load,
            "measure": self._measure,
            "warm": self._warm,
            "call": self._call,
            "pulse": lambda chunk_ns, chunks: {"chunks_ns": feel_pulse(chunk_ns, chunks)},
            "describe": lambda: {"environment": describe_environment()},
            "modules": lambda: {"modules": find_modules()},
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
            if hasattr(subject, "run"):
                gc.enable()
                self._run(subject, source)
            cases = list(subject.cases())
            check_cases(cases)
            timed = {case.name: TimedCase(case) for case in cases}
            self._cases.update(timed)
        finally:
            gc.enable()
        rows = getattr(subject, "rows", None)
        return self._describe_loaded(
            interface_version=getattr(subject, "interface_version", 1),
            cases=[case.describe() for case in timed.values()],
            rows=None if rows is None else [list(row) for row in rows()],
            caveats=list(getattr(subject, "caveats", ())),
            packages=find_versions(getattr(subject, "packages", ())),
        )

    def _describe_loaded(self, **found: Any) -> dict[str, Any]:
        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()  # what is loaded stays: collections between slices need not look at it
        usual: dict[str, Any] = {
            "interface_version": 1,
            "rows": None,
            "caveats": [],
            "packages": {},
        }
        return {**usual, "environment": describe_environment(), **found}

    def _run(self, subject: Any, source: dict[str, Any]) -> None:
        """Let a subject go its own way; what is asked meanwhile is answered where it holds a case open."""

        def describe(**found: Any) -> dict[str, Any]:
            if source["moved"]:
                check_origins(source["moved"][0], source["packages"])
            return self._describe_loaded(**found)

        reason = subject.run(Holder(self.serve, self._write, self._cases, describe))
        if self._is_asked:
            raise BadSubject(reason or "it ended before its cases were measured")
        raise Over

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
