"""A machine without a clock or a process: time goes by only as its workers work, at a speed that may change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from garagebench.engine.candidate import ColdStart, Entrant
from garagebench.engine.channel import WorkerFailed
from garagebench.engine.conductor import Conductor
from garagebench.engine.contestant import RowTerms
from garagebench.engine.extent import Extent
from garagebench.engine.runner import WorkerRunner
from garagebench.engine.target import Target

#: Every worker knows by its name what to load.
NOTHING = Target("", None)

COLD_START = ColdStart(
    {"target": "x"},
    {name: RowTerms(f"start/{name}", {f"start/{name}": 1}) for name in ("import", "first")},
    ["CACHE"],
)


@dataclass(frozen=True)
class FakeSubject:
    """What a worker is told to load. Times are those of a host at speed 1.

    case_ns: case -> ns of a request. start_s, load_s, cold_s: what starting a process, loading, and a cold start take.
    """

    case_ns: Mapping[str, float]
    empty_ns: float = 4.0
    blocks: Sequence[int] = (100, 100)
    implementation: str = "CPython"
    start_s: float = 0.02
    load_s: float = 0.1
    cold_s: float | None = None
    interface_version: int = 1
    rows: Sequence[Any] | None = None
    caveats: Sequence[str] = ()
    in_turn: bool = False


class Asked(NamedTuple):
    """One command: to whose worker, in which of its generations (0: a cold start), and what."""

    contestant: str
    generation: int
    do: str
    case: str | None
    blocks: tuple[int, ...]


@dataclass
class Trap:
    """What happens when a command comes for the nth time in a generation of a contestant; None: in any."""

    contestant: str
    do: str
    error: BaseException
    generation: int | None = None
    nth: int = 1
    takes_s: float = 0.0


@dataclass
class FakeHost:
    """The machine. slowness: seconds since the start -> how many times longer than at speed 1 everything takes."""

    subjects: Mapping[str, FakeSubject]
    slowness: Callable[[float], float] = lambda _: 1.0
    traps: Sequence[Trap] = ()
    now_s: float = 0.0
    workers: list[FakeWorker] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    times_asked: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    generations: Counter[str] = field(default_factory=Counter)

    def clock(self) -> float:
        """Return the seconds that went by."""
        return self.now_s

    def work(self, seconds: float) -> float:
        """Do so much work; return how long it took."""
        took = seconds * self.slowness(self.now_s)
        self.now_s += took
        return took

    def start_worker(
        self, python: str, core: int | None, environment: Mapping[str, str]
    ) -> FakeWorker:
        """Start a worker; `python` is the contestant's name here."""
        cold = bool(environment)
        self.generations[python] += not cold
        generation = 0 if cold else self.generations[python]
        worker = FakeWorker(self, python, generation, core, dict(environment))
        self.workers.append(worker)
        self.work(self.subjects[python].start_s)
        return worker

    def start_runner(
        self, python: str, core: int | None, environment: dict[str, str]
    ) -> WorkerRunner:
        """Start the runner of a worker."""
        return WorkerRunner(self.start_worker(python, core, environment))

    def conductor(
        self,
        budget_s: float = 30.0,
        seed: int = 1,
        extent: Extent | None = None,
        slice_ns: int | None = 1_000_000,
        **more: Any,
    ) -> Conductor:
        """Return a conductor of all subjects, the first being the reference. slice_ns: None lets it feel the pulse."""
        entrants = [
            Entrant(name, name, NOTHING, None if subject.cold_s is None else COLD_START)
            for name, subject in self.subjects.items()
        ]
        return Conductor(
            entrants,
            extent=extent or Extent(budget_s),
            seed=seed,
            slice_ns=slice_ns,
            start_runner=self.start_runner,
            clock=self.clock,
            **more,
        )

    def count(self, contestant: str, do: str) -> dict[int, int]:
        """Return how often each generation of the contestant was asked that."""
        return {
            generation: times
            for (name, generation, done), times in self.times_asked.items()
            if (name, done) == (contestant, do)
        }


@dataclass
class FakeWorker:
    """Answers as a worker does, and lets as much time go by as it would take."""

    host: FakeHost
    contestant: str
    generation: int
    core: int | None
    environment: dict[str, str]
    times_closed: int = 0

    @property
    def subject(self) -> FakeSubject:
        """What it runs."""
        return self.host.subjects[self.contestant]

    def close(self) -> None:
        """End."""
        self.times_closed += 1

    def send(self, command: dict[str, Any], timeout_s: float) -> None:
        """Take a command; it is done when its answer is fetched."""
        self.sent = command

    def receive(self, timeout_s: float) -> dict[str, Any]:
        """Answer what was sent."""
        return self.ask(self.sent, timeout_s)

    def quit(self, timeout_s: float) -> None:
        """Have time to tear down."""
        self.host.asked.append(Asked(self.contestant, self.generation, "quit", None, ()))

    def move(self, core: int) -> None:
        """Go on on that core."""
        self.core = core

    def ask(self, command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Answer, after the time that it takes."""
        assert not self.times_closed, "a closed worker was asked"
        assert timeout_s > 0
        self.host.asked.append(
            Asked(
                self.contestant,
                self.generation,
                command["do"],
                command.get("case"),
                tuple(command.get("blocks", ())),
            )
        )
        key = (self.contestant, self.generation, command["do"])
        self.host.times_asked[key] += 1
        self._spring_traps(command["do"], self.host.times_asked[key])
        answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "load": self._load,
            "enter": self._enter,
            "leave": lambda _: {"status": "passed", "reason": ""},
            "warm": self._warm,
            "measure": self._measure,
            "call": self._call,
            "pulse": self._pulse,
        }
        return answers[command["do"]](command)

    def _spring_traps(self, do: str, times: int) -> None:
        for trap in self.host.traps:
            here = (trap.contestant, trap.do) == (self.contestant, do)
            if here and trap.generation in (None, self.generation) and trap.nth == times:
                self.host.now_s += trap.takes_s
                raise trap.error

    def _load(self, _: dict[str, Any]) -> dict[str, Any]:
        subject = self.subject
        self.host.work(subject.load_s)
        return {
            "interface_version": subject.interface_version,
            "cases": [
                {
                    "name": case,
                    "group": "",
                    "requests": list(subject.blocks),
                    "steps": [],
                    "in_context": False,
                    "intervals": False,
                    "clock_reads": {},
                    "answers_digest": "",
                }
                for case in subject.case_ns
            ],
            "rows": subject.rows,
            "caveats": list(subject.caveats),
            "environment": {"python_implementation": subject.implementation},
            "packages": {},
            "in_turn": subject.in_turn,
        }

    def _enter(self, command: dict[str, Any]) -> dict[str, Any]:
        pace = command["pace"]
        if pace is None:
            passes = max(1, int(command["slice_ns"] / self.subject.case_ns[command["case"]] / 100))
            pace = [1, passes, False]
        return {"name": command["case"], "pace": pace}

    def _pass_ns(self, case: str, mode: str, blocks: Sequence[int]) -> float:
        requests = sum(self.subject.blocks[number] for number in blocks)
        request_ns = self.subject.empty_ns + (self.subject.case_ns[case] if mode == "loop" else 0)
        return self.host.work(request_ns * requests * 1e-9) * 1e9

    def _warm(self, command: dict[str, Any]) -> dict[str, Any]:
        pass_ns = [
            min(self._pass_ns(case, mode, blocks) for _ in range(passes))
            for case, mode, blocks, passes in command["work"]
        ]
        return {"pass_ns": pass_ns}

    def _measure(self, command: dict[str, Any]) -> dict[str, Any]:
        blocks = command["blocks"]
        return {
            "passes": {
                mode: [
                    self._pass_ns(command["case"], mode, blocks)
                    for _ in range(command["lead_in"] + command["passes"])
                ][command["lead_in"] :]
                for mode in command["modes"]
            },
            "requests": sum(self.subject.blocks[number] for number in blocks),
        }

    def _pulse(self, command: dict[str, Any]) -> dict[str, Any]:
        chunk_s = command["chunk_ns"] * 1e-9
        return {"chunks_ns": [int(self.host.work(chunk_s) * 1e9) for _ in range(command["chunks"])]}

    def _call(self, _: dict[str, Any]) -> dict[str, Any]:
        assert self.subject.cold_s is not None
        first_ns = self.host.work(self.subject.cold_s) * 1e9
        return {"result": {"first": first_ns}, "import_ns": 1000, "peak_memory_bytes": None}


def dies(message: str = "the worker died (signal 9)") -> WorkerFailed:
    """Return what a channel raises."""
    return WorkerFailed(message)
