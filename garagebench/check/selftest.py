"""What a gate can and cannot see on this machine: gates of known outcome, live and replayed."""

from __future__ import annotations

import datetime as dt
import math
import os
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from garagebench import __version__
from garagebench.check.certificate import Certificate, Count, recording_path
from garagebench.check.revisions import CheckSettings, make_target
from garagebench.check.verdict import MAX_SLOWDOWN
from garagebench.core.workload import make_workload
from garagebench.engine import Contestant, Progress, Result
from garagebench.engine.contestant import Conditions
from garagebench.engine.files import ResultError
from garagebench.engine.interpreter import find_interpreter
from garagebench.engine.metadata import collect_environment
from garagebench.engine.target import Target
from garagebench.errors import GarageError
from garagebench.gate.case import CaseKey, GateResult, Thresholds
from garagebench.gate.limit import Limit
from garagebench.gate.live import LiveGate
from garagebench.gate.pairs import Pair
from garagebench.gate.replay import Replay, Slowdown
from garagebench.gate.trees.scratch import PLACES, exchange, own_directory
from garagebench.run.experiment import load_layout
from garagebench.run.rules import complete
from garagebench.stats.levels import CERTAINTY
from garagebench.stats.looks import plan_looks
from garagebench.subjects.slowed import SLOWABLE
from garagebench.system.cache import find_cache

#: The implementation that gates are tried on: it runs everywhere.
IMPL = "lists"

#: Replayed gates of identical code, and of each slowdown that is tried.
REPLAYED = 1_000
REPLAYED_SLOW = 200

#: Slowdowns in percent between which the one found with certainty is looked for, and how finely.
LEAST_PERCENT, MOST_PERCENT, STEP_PERCENT = 0.5, 50.0, 0.25

#: Slowdowns are put into stages that are at least this share of their `total`: smaller ones explain little of it.
LEAST_SHARE = 0.05

#: Live, so many times the slowdown that replays find with certainty is put in: a call that is made twice finds warm caches
#: the second time. Of 40 stages with every 20th call made twice +4.8 % were measured in the median (results/gates.jsonl).
INJECTED = 1.25

#: Of an A/A gate the first look has measured everything, and its generations are what is replayed.
FIRST_LOOK = plan_looks()[0].generations


class SelftestError(GarageError):
    """There is nothing to replay, or no gate could be measured."""


@dataclass(frozen=True)
class Plan:
    """What is tried. gates: live ones of identical code, and as many slowed down."""

    gates: int = 5
    limit: Limit = field(default_factory=Limit)
    max_slowdown: float = MAX_SLOWDOWN
    seed: int = 0


def selftest(
    plan: Plan, *, on_progress: Callable[[Progress], None] = lambda _: None
) -> tuple[Certificate, Result]:
    """Try the gate on this machine; return what was found and the recorded rounds of identical code."""
    live = LiveGates(plan, on_progress)
    identical = [live.run(number, None, 0) for number in range(plan.gates)]
    recording = live.recording()
    certificate = replay(recording, plan)
    percent = certificate.found_percent or MOST_PERCENT
    every = max(2, int(100 / (INJECTED * percent)))
    rng = random.Random(plan.seed)
    slowed = [
        live.run(plan.gates + number, rng.choice(live.slowable), every)
        for number in range(plan.gates)
    ]
    return (
        replace(
            certificate,
            identical=_count(found.outcome == "slower" for found, _ in identical),
            identical_inconclusive=_count(
                found.outcome == "inconclusive" for found, _ in identical
            ),
            injected_percent=round(100 / every, 2),
            injected_found=_count(
                found.outcome == "slower" and found.attributed_to == blamed
                for found, blamed in slowed
            ),
        ),
        recording,
    )


def replay(recording: Result, plan: Plan, *, swaps: bool = True) -> Certificate:
    """Try the gate on recorded rounds. swaps: whether chance decides in each generation which side is base."""
    recorded = recording.settings["selftest"]
    gates = Replay(recording, recorded["generations"], Thresholds(plan.max_slowdown), swaps=swaps)
    rng = random.Random(plan.seed)
    outcomes = [gates.gate(rng, None)[0] for _ in range(REPLAYED)]
    return Certificate(
        date=recorded["date"],
        version=__version__,
        processor=str(recording.environment.get("cpu_model_name", "unknown")),
        runtime=recorded["runtime"],
        budget_s=recorded["budget_s"],
        limit_generations=recorded.get("limit_generations"),
        max_slowdown=plan.max_slowdown,
        generations=len(next(iter(recording.contestants[0].series.values()))),
        identical=Count(0, 0),
        identical_inconclusive=Count(0, 0),
        replayed=_count(outcome == "slower" for outcome in outcomes),
        replayed_inconclusive=_count(outcome == "inconclusive" for outcome in outcomes),
        found_percent=find_slowdown(gates, plan.seed),
        injected_percent=None,
        injected_found=Count(0, 0),
    )


def find_slowdown(gates: Replay, seed: int) -> float | None:
    """Return the smallest slowdown in percent of a random stage that is found with certainty; None: none is."""
    parts = [case for case, share in gates.parts.items() if share >= LEAST_SHARE]

    def is_found(percent: float) -> bool:
        rng = random.Random(seed)
        found = 0
        for _ in range(REPLAYED_SLOW):
            case = rng.choice(parts)
            found += gates.gate(rng, Slowdown(case, percent / 100)) == ("slower", case)
        return found >= CERTAINTY * REPLAYED_SLOW

    low, high = LEAST_PERCENT, MOST_PERCENT
    if not parts or not is_found(high):
        return None
    while high - low > STEP_PERCENT:
        middle = (low + high) / 2
        low, high = (low, middle) if is_found(middle) else (middle, high)
    return round(high, 2)


class LiveGates:
    """Gates on two copies of a generated implementation, with their rounds kept."""

    def __init__(self, plan: Plan, on_progress: Callable[[Progress], None]) -> None:
        self._plan = plan
        self._on_progress = on_progress
        self._interpreter = find_interpreter("")
        self._looks: list[Result] = []
        self._done = 0
        self._begin = time.monotonic()
        self.slowable: list[str] = list(SLOWABLE)

    def run(self, number: int, stage: str | None, every: int) -> tuple[GateResult, CaseKey | None]:
        """Run a gate; stage None: identical code. Return what it found, and the case that was slowed down."""
        rng = random.Random(f"{self._plan.seed} {number}")
        phases: list[Result] = []
        # Where a later gate finds and removes it, should this one be killed.
        with own_directory(Path(find_cache(os.environ)) / "trees") as (directory, _):
            base, head = (
                self._make_target(directory, place, stage or SLOWABLE[0], rate)
                for place, rate in zip(PLACES, (0, every), strict=True)
            )
            pair = Pair(IMPL, self._interpreter.label, self._interpreter.path, (base, head))
            found = LiveGate(
                [pair],
                thresholds=Thresholds(self._plan.max_slowdown),
                limit=self._plan.limit,
                seed=self._plan.seed + rng.randrange(10**6),
                exchange=lambda: exchange(directory),
                on_progress=self._pass_on,
                on_phase=phases.append,
            ).run()
        if found.interrupted:
            raise KeyboardInterrupt
        if not found.cases:
            raise SelftestError(f"no gate can be measured here: {found.notes[0]}")
        if stage is None and len(phases) > 1:
            self._looks.append(phases[1])
        self._done += 1
        self.slowable = [
            stage for stage in SLOWABLE if any(_name(case) == stage for case in found.cases)
        ]
        return found, None if stage is None else pair.make_key(stage.replace(" ", "/"))

    def recording(self) -> Result:
        """Return the rounds of all first looks at identical code as one result."""
        sides = [[result.contestants[side] for result in self._looks] for side in (0, 1)]
        return Result(
            tuple(map(_join, sides)),
            {
                "selftest": {
                    "budget_s": self._plan.limit.seconds,
                    "limit_generations": self._plan.limit.generations,
                    "generations": self._affordable(),
                    "runtime": self._interpreter.label,
                    "date": dt.datetime.now(dt.UTC).date().isoformat(),
                }
            },
            collect_environment(),
            conditions=_join_conditions(self._looks),
        )

    def _affordable(self) -> int:
        """Return how many generations a gate has at most."""
        if self._plan.limit.generations is not None:
            return self._plan.limit.generations
        costs_s = [
            one.conditions.start_s + one.conditions.round_s * len(rounds)
            for one in self._looks
            for rounds in next(iter(one.contestants[0].series.values()))
            if one.conditions is not None
        ]
        return max(FIRST_LOOK, int(self._plan.limit.limit_s / statistics.median(costs_s)))

    def _make_target(self, directory: Path, side: str, stage: str, every: int) -> Target:
        place = directory / side
        place.mkdir()
        (place / "slow.py").write_text(
            "from garagebench.subjects.slowed import slowed\n"
            f"SLOWED = slowed({IMPL!r}, {stage!r}, {every})\n",
            encoding="utf-8",
        )
        layout = load_layout("seed", None)
        workload = make_workload("fill", layout, self._plan.seed)
        impl = f"{place / 'slow.py'}:SLOWED"
        return make_target(CheckSettings("", seed=self._plan.seed), impl, layout, workload)

    def _pass_on(self, progress: Progress) -> None:
        gates = 2 * self._plan.gates
        gone_s = time.monotonic() - self._begin
        # Gates take as long as their verdicts do: those to come as long as those before, once there are some.
        expected_s = gone_s / self._done * gates if self._done else math.inf
        self._on_progress(Progress(self._done, gates, gone_s, max(gone_s, expected_s), "gate"))


def _join(contestants: list[Contestant]) -> Contestant:
    first = contestants[0]
    series = {
        name: [rounds for one in contestants for rounds in one.series[name]]
        for name in first.series
        if all(name in one.series for one in contestants)
    }
    return replace(first, series=series)


def _join_conditions(looks: list[Result]) -> Conditions | None:
    """Return those of the last look, with who was first and who lay where in the generations of all."""
    known = [result.conditions for result in looks if result.conditions is not None]
    if not known:
        return None
    return replace(
        known[-1],
        slices=sum(one.slices for one in known),
        first=tuple(name for one in known for name in one.first),
        exchanged=tuple(swapped for one in known for swapped in one.exchanged),
    )


def _name(case: CaseKey) -> str:
    return case.row.replace("/", " ")


def _count(found: Any) -> Count:
    values = list(found)
    return Count(sum(values), len(values))


def load_recording(path: Path | None) -> Result:
    """Return recorded rounds; None: those of the last selftest here."""
    try:
        recording = complete(Result.load(path or recording_path()))
    except ResultError as error:
        if path is not None or recording_path().exists():
            raise
        raise SelftestError(
            "no rounds are recorded here yet: run `garagebench selftest`"
        ) from error
    if "selftest" not in recording.settings:
        raise SelftestError(
            f"{path or recording_path()}: holds no recorded rounds; make some: `garagebench selftest --record FILE`"
        )
    return recording
