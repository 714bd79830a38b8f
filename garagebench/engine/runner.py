"""What stands between the conductor and what is measured, whatever that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from garagebench.engine.channel import Channel
from garagebench.engine.schedule import Pace
from garagebench.engine.target import Target

#: Seconds that a test suite has for what it tears down at its end.
TEARDOWN_S = 10.0

#: What is gone through: a case, a mode of it, the numbers of its blocks, and how often.
Work = tuple[str, str, Sequence[int], int]


@dataclass(frozen=True)
class LoadedCase:
    """A case as its runner describes it: what it takes to plan, and no tapes. Fields are those of an interface's Case.

    requests: of each of its blocks. clock_reads: step -> how often the clock is read for one request. meters: names of
    what the runner reads from a meter of its own, such as CPU time, and no loop is around. warm_up: passes before
    anything counts, pace: what a slice does; None: as many as the engine finds right.
    """

    name: str
    group: str = ""
    requests: Sequence[int] = (1,)
    steps: Sequence[str] = ()
    in_context: bool = False
    intervals: bool = False
    clock_reads: Mapping[str, float] = field(default_factory=dict)
    answers_digest: str = ""
    meters: Sequence[str] = ()
    warm_up: int | None = None
    pace: Pace | None = None


@dataclass(frozen=True)
class Loaded:
    """What was loaded. rows: the fields of each RowSpec, None: every case is one. packages: name -> version.

    in_turn: its cases come one after the other: each is entered, measured and left.
    """

    cases: Sequence[LoadedCase]
    rows: Sequence[Sequence[Any]] | None
    environment: Mapping[str, str]
    interface_version: int
    caveats: Sequence[str] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    in_turn: bool = False


@dataclass(frozen=True)
class Left:
    """How a case that was entered has ended: "passed", "failed" or "skipped", and why."""

    status: str
    reason: str


@dataclass(frozen=True)
class Passes:
    """What a slice gave: series -> ns of each pass that counts. requests: what a pass is divided by.

    waited_ns: for how long the runner meanwhile waited for its core, None: unknown; took_ns: how long it took in all.
    """

    passes: Mapping[str, Sequence[float]]
    requests: int
    waited_ns: int | None = None
    took_ns: int = 0


class Runner(Protocol):
    """Loads a target and measures its cases. Every method but `close` raises WorkerFailed."""

    def begin_load(self, target: Target, timeout_s: float) -> None:
        """Begin to make the subject, where that can be waited for by `load`."""

    def load(self, target: Target, timeout_s: float) -> Loaded:
        """Make the subject, or wait until it is made."""

    def enter(
        self, case: str, upcoming: str | None, pace: Pace | int, timeout_s: float
    ) -> LoadedCase:
        """Go on to a case of those that come in turn. upcoming: the next one. pace: or how long a slice may be, in ns."""

    def leave(self, timeout_s: float) -> Left:
        """End the case that was entered."""

    def modules(self, timeout_s: float) -> Mapping[str, str]:
        """Return what was imported at the top: module -> the file that it comes from."""

    def warm(self, work: Sequence[Work], timeout_s: float) -> Sequence[int]:
        """Go through the work; return the quickest pass of each item, in ns."""

    def begin_measure(
        self, case: str, modes: Sequence[str], blocks: Sequence[int], pace: Pace, timeout_s: float
    ) -> None:
        """Begin to measure a slice, while others do; `measure` waits for its end."""

    def measure(
        self, case: str, modes: Sequence[str], blocks: Sequence[int], pace: Pace, timeout_s: float
    ) -> Passes:
        """Measure one slice."""

    def answers(self, case: str, timeout_s: float) -> Sequence[str]:
        """Return what the case must answer, as text."""

    def call(self, function: Mapping[str, Any], timeout_s: float) -> Mapping[str, Any]:
        """Start cold: call a function in the fresh process."""

    def pulse(self, chunk_ns: int, chunks: int, timeout_s: float) -> Sequence[int]:
        """Do so many equal pieces of work in a row; return the ns of each."""

    def move(self, core: int | None) -> None:
        """Go on on that core, with every thread; None: on whichever."""

    def close(self) -> None:
        """End all that was started."""


class AsksWorker(Protocol):
    """A worker process."""

    def ask(self, command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a command, return the answer; WorkerFailed otherwise."""

    def send(self, command: dict[str, Any], timeout_s: float) -> None:
        """Send a command whose answer is fetched by `receive`."""

    def receive(self, timeout_s: float) -> dict[str, Any]:
        """Return the answer to what was sent."""

    def move(self, core: int) -> None:
        """Keep every thread on that core from now on."""

    def close(self) -> None:
        """End the worker."""

    def quit(self, timeout_s: float) -> None:
        """Let the worker end by itself."""


class WorkerRunner:
    """Runs compiled loops in a worker process."""

    def __init__(self, worker: AsksWorker) -> None:
        self._worker = worker
        self._is_loading = False
        self._is_measuring = False
        self._in_turn = False

    def begin_load(self, target: Target, timeout_s: float) -> None:
        self._worker.send({"do": "load", "source": target.to_data()}, timeout_s)
        self._is_loading = True

    def load(self, target: Target, timeout_s: float) -> Loaded:
        if not self._is_loading:
            self.begin_load(target, timeout_s)
        self._is_loading = False
        found = self._worker.receive(timeout_s)
        loaded = Loaded(**{**found, "cases": [LoadedCase(**case) for case in found["cases"]]})
        self._in_turn = loaded.in_turn
        return loaded

    def enter(
        self, case: str, upcoming: str | None, pace: Pace | int, timeout_s: float
    ) -> LoadedCase:
        known, slice_ns = (None, pace) if isinstance(pace, int) else (pace, None)
        command = {"case": case, "upcoming": upcoming, "pace": known, "slice_ns": slice_ns}
        found = self._worker.ask({"do": "enter", **command}, timeout_s)
        return LoadedCase(found["name"], pace=Pace(*found["pace"]))

    def leave(self, timeout_s: float) -> Left:
        return Left(**self._worker.ask({"do": "leave"}, timeout_s))

    def modules(self, timeout_s: float) -> Mapping[str, str]:
        found: dict[str, str] = self._worker.ask({"do": "modules"}, timeout_s)["modules"]
        return found

    def warm(self, work: Sequence[Work], timeout_s: float) -> Sequence[int]:
        passes_ns: list[int] = self._worker.ask({"do": "warm", "work": work}, timeout_s)["pass_ns"]
        return passes_ns

    def begin_measure(
        self, case: str, modes: Sequence[str], blocks: Sequence[int], pace: Pace, timeout_s: float
    ) -> None:
        command = {
            "do": "measure",
            "case": case,
            "modes": modes,
            "blocks": blocks,
            "lead_in": pace.lead_in,
            "passes": pace.passes,
        }
        self._worker.send(command, timeout_s)
        self._is_measuring = True

    def measure(
        self, case: str, modes: Sequence[str], blocks: Sequence[int], pace: Pace, timeout_s: float
    ) -> Passes:
        if not self._is_measuring:
            self.begin_measure(case, modes, blocks, pace, timeout_s)
        self._is_measuring = False
        return Passes(**self._worker.receive(timeout_s))

    def answers(self, case: str, timeout_s: float) -> Sequence[str]:
        found: list[str] = self._worker.ask({"do": "answers", "case": case}, timeout_s)["answers"]
        return found

    def call(self, function: Mapping[str, Any], timeout_s: float) -> Mapping[str, Any]:
        return self._worker.ask({"do": "call", **function}, timeout_s)

    def pulse(self, chunk_ns: int, chunks: int, timeout_s: float) -> Sequence[int]:
        command = {"do": "pulse", "chunk_ns": chunk_ns, "chunks": chunks}
        found: list[int] = self._worker.ask(command, timeout_s)["chunks_ns"]
        return found

    def move(self, core: int | None) -> None:
        if core is not None:
            self._worker.move(core)

    def close(self) -> None:
        try:
            if self._in_turn:
                self._worker.quit(TEARDOWN_S)
        finally:
            self._worker.close()


def start_runner(
    python: str, core: int | None = None, environment: dict[str, str] | None = None
) -> Runner:
    """Start a worker process on a core, with those variables, and return its runner."""
    return WorkerRunner(Channel(python, core, environment))
