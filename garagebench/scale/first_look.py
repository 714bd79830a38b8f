"""The first look: each pool of each size in a fresh process, as far up as time and memory allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from garagebench.engine import Progress
from garagebench.engine.channel import Channel, WorkerFailed
from garagebench.engine.interpreter import Interpreter, find_interpreter
from garagebench.impls.registry import find_entry
from garagebench.run.recipes import impl_label, impl_reference
from garagebench.subjects.pools import CHUNK, LOOK_PASSES, MODES, WORKLOADS, parts

IMPLS = ("lists", "numpy", "numba", "pypy", "heap", "tree", "c", "go", "shared")
SIZES = tuple(10**power for power in range(2, 9))

#: Where no size near them is wanted, these tell what to expect of larger ones; they are not reported.
PROBES = (10_000, 100_000, 1_000_000)

#: Up to so many spaces a pool needs no prediction.
SMALL = 100_000

#: Share of the budget for it.
LOOK_SHARE = 0.3

#: What a prediction may be wrong by before a first look counts as hung.
PATIENCE = 4
PATIENCE_S = 30.0

#: A fill below this tells nothing of how the next will grow.
LEAST_FILL_NS = 1e6

GIB = 2**30
PACKAGES = {"garagebench": str(Path(__file__).parents[1])}


@dataclass(frozen=True)
class ScaleSettings:
    """What is measured, and within what. sizes: ascending."""

    impls: tuple[str, ...] = IMPLS
    sizes: tuple[int, ...] = SIZES
    workloads: tuple[str, ...] = WORKLOADS
    budget_s: float = 240.0
    memory_gib: float = 8.0
    seed: int = 0


@dataclass(frozen=True)
class Look:
    """The first look at a pool of one size; see `garagebench.subjects.pools.survey`."""

    spaces: int
    build_ns: float
    fill_ns: float
    reserved_bytes: int | None
    held_bytes: int | None
    peak_bytes: int | None
    blocks: tuple[int, int]
    costs: Mapping[str, float]

    @property
    def pass_ns(self) -> float:
        """What one pass of every case takes."""
        return sum(
            cost * self.blocks[MODES.index(name.rpartition(" ")[2])]
            for name, cost in self.costs.items()
        )

    @property
    def most_bytes(self) -> int:
        """What it holds, touched yet or not."""
        return max(self.held_bytes or 0, self.reserved_bytes or 0)

    def cost(self, workload: str, mode: str) -> float:
        """Return what one operation costs, in ns."""
        return sum(self.costs[f"{name} {mode}"] for name in parts(workload))


@dataclass(frozen=True)
class Ending:
    """Why a size was not looked at."""

    status: str
    reason: str


class Ladder:
    """One implementation on its way up."""

    def __init__(self, impl: str) -> None:
        self.impl = impl
        self.label = impl_label(impl)
        self.runtime = find_entry(impl).runtime or ""
        self.python: str | None = None
        self.looks: dict[int, Look] = {}
        self.probes: dict[int, Look] = {}
        self.stops: dict[int, Ending] = {}
        self.failure: Ending | None = None

    def find(self) -> None:
        """Find the interpreter that it runs on."""
        try:
            found: Interpreter = find_interpreter(self.runtime)
        except WorkerFailed as failure:
            self.failure = Ending("unavailable", str(failure))
            return
        self.python, self.runtime = found.path, found.label

    def predict(self, spaces: int) -> tuple[float, float] | None:
        """Return the seconds and bytes that a look at that size would take; None: nothing is known."""
        looks = [look for _, look in sorted({**self.probes, **self.looks}.items())]
        if not looks:
            return None
        last = looks[-1]
        factor = spaces / last.spaces
        fill_ns = last.fill_ns * factor ** _fill_exponent(looks[-2:])
        calls_ns = last.pass_ns * LOOK_PASSES * 2  # each pass is also undone
        seconds = (fill_ns + (last.build_ns + calls_ns) * factor) * 1e-9
        held = last.most_bytes
        passing = max(0, (last.peak_bytes or 0) - held)
        chunk = min(CHUNK, last.spaces // 2)
        grown = _bytes_per_space(looks[-2:]) * (spaces - last.spaces)
        return seconds, held + grown + passing * min(factor, CHUNK / chunk)

    def look(
        self, settings: ScaleSettings, spaces: int, core: int | None, timeout_s: float
    ) -> None:
        """Look at that size, in a fresh process; at one that is not wanted as a probe."""
        arguments = {
            "impl": impl_reference(self.impl),
            "spaces": spaces,
            "workloads": settings.workloads,
            "seed": settings.seed,
        }
        command = {
            "do": "call",
            "packages": PACKAGES,
            "target": "garagebench.subjects.pools:survey",
            "arguments": arguments,
        }
        try:
            with Channel(self.python or "", core) as worker:
                found = worker.ask(command, timeout_s)["result"]
        except WorkerFailed as failure:
            # A wrong answer names its own size: that of the garage which it warmed up in, perhaps.
            size = "" if failure.status == "wrong" else f" ({spaces:,} spaces)"
            self.failure = Ending(failure.status, f"{failure}{size}")
            return
        looks = self.looks if spaces in settings.sizes else self.probes
        looks[spaces] = Look(spaces, **{**found, "blocks": tuple(found["blocks"])})


def _bytes_per_space(looks: Sequence[Look]) -> float:
    """Return what a further space takes: as it was asked for, or as the last two sizes differ where that is more.

    What the first holds beyond that is the interpreter's own, 70 MB of PyPy's at any size.
    """
    first, last = looks[0], looks[-1]
    asked = (last.reserved_bytes or 0) / last.spaces
    if first.spaces == last.spaces:
        return asked
    return max(asked, (last.most_bytes - first.most_bytes) / (last.spaces - first.spaces))


def _fill_exponent(looks: Sequence[Look]) -> float:
    """Return how the time to fill grows: linear, unless the last two sizes say that it is worse."""
    first, last = looks[0], looks[-1]
    if first.spaces == last.spaces or first.fill_ns < LEAST_FILL_NS:
        return 1.0
    return min(2.0, max(1.0, math.log(last.fill_ns / first.fill_ns, last.spaces / first.spaces)))


def look_at_all(
    settings: ScaleSettings,
    ladders: Sequence[Ladder],
    core: int | None,
    begin: float,
    clock: Callable[[], float],
    on_progress: Callable[[Progress], None],
) -> None:
    """Take a first look at each size, the small ones first, as long as time and memory allow.

    What is large is never the first: a prediction from nothing would let any size through.
    """
    limit_s = LOOK_SHARE * settings.budget_s / len(ladders)
    for ladder in ladders:
        ladder.find()
    probes = choose_probes(settings.sizes)
    steps = [
        (spaces, ladder) for spaces in sorted({*probes, *settings.sizes}) for ladder in ladders
    ]
    for number, (spaces, ladder) in enumerate(steps):
        elapsed_s = clock() - begin
        on_progress(Progress(number, len(steps), elapsed_s, settings.budget_s, "first look"))
        if ladder.failure is not None:
            continue
        if elapsed_s > settings.budget_s and ladder.looks:
            reason = f"the budget of {settings.budget_s:g} s is spent"
            ladder.stops[spaces] = Ending("skipped", reason)
            continue
        stop = refuse(ladder.predict(spaces), limit_s, memory_limit_bytes(settings))
        if stop is None and not ladder.stops:
            ladder.look(settings, spaces, core, PATIENCE * limit_s + PATIENCE_S)
        else:
            ladder.stops[spaces] = stop or next(iter(ladder.stops.values()))


def choose_probes(sizes: Sequence[int]) -> list[int]:
    """Return the probes below the largest size that have no size of a tenth to the whole; none where all are small."""
    if max(sizes) <= SMALL:
        return []
    return [
        probe
        for probe in PROBES
        if probe < max(sizes) and not any(probe <= 10 * size <= 10 * probe for size in sizes)
    ]


def refuse(
    predicted: tuple[float, float] | None, limit_s: float, limit_bytes: float
) -> Ending | None:
    """Return why a size is skipped; None where it fits."""
    if predicted is None:
        return None
    seconds, size = predicted
    if size > limit_bytes:
        return Ending("skipped", f"would need {size / GIB:.3g} GiB of {limit_bytes / GIB:.3g} GiB")
    if seconds > limit_s:
        return Ending(
            "skipped",
            f"to fill it and look at it would take {seconds:.2g} s, and {limit_s:.2g} s are left",
        )
    return None


def memory_limit_bytes(settings: ScaleSettings) -> float:
    """Return the limit that was set, or what the machine has to spare where that is less."""
    limit = settings.memory_gib * GIB
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return limit
    found = dict(line.split(":", 1) for line in text.splitlines())
    available = found.get("MemAvailable")
    return limit if available is None else min(limit, int(available.split()[0]) * 1024)
