"""Gates replayed on recorded rounds, in milliseconds instead of a budget each.

A replayed gate draws generations, which are sets of fresh processes, with replacement from those recorded of
identical code, and lets chance decide in each which side is base: identical sides are exchangeable. A slowdown adds
its share of a stage's time, round by round, to that stage and to `total`. The verdict is the live gate's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from garagebench.engine.estimate import median_log_ratio, useful_generations
from garagebench.engine.result import combine
from garagebench.gate.case import (
    NOT_JUDGED,
    CaseKey,
    Thresholds,
    attribute,
    is_long_enough,
)
from garagebench.gate.live import FIRST_LOOK, look_at
from garagebench.gate.verdict import Judgement, Outcome, overall

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from garagebench.engine import Result

Rounds = list[float]  # ns for one request, one value a round


@dataclass(frozen=True)
class Slowdown:
    """A stage that takes longer by a share of its time."""

    case: CaseKey
    share: float


class Replay:
    """Recorded rounds of two sides with identical code.

    recording: two contestants, base and head, of one implementation. generations: of a first look.
    """

    def __init__(self, recording: Result, generations: int, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        second = int(generations * (1 - FIRST_LOOK) / FIRST_LOOK)
        self._looks = generations, useful_generations(max(1, second))
        base, head = recording.contestants
        impl, _, runtime = base.name.rpartition(" ")[2].partition("@")
        self._rounds: dict[CaseKey, list[tuple[Rounds, Rounds]]] = {}
        self._sizes_ns: dict[CaseKey, float] = {}
        for terms in base.rows:
            operation, _, stage = terms.name.partition("/")
            case = CaseKey(impl, runtime, operation, stage)
            sides = [combine(side.series, terms.isolated) for side in (base, head)]
            size_ns = median(map(median, sides[0]))
            if stage != NOT_JUDGED and is_long_enough(case, size_ns):
                self._rounds[case] = list(zip(*sides, strict=True))
                self._sizes_ns[case] = size_ns
        self._known: dict[tuple[CaseKey, Slowdown | None], list[tuple[float, float]]] = {}

    @property
    def stages(self) -> list[CaseKey]:
        """The cases that a slowdown can be put into."""
        return [case for case in self._rounds if case.stage not in ("total", "sequence")]

    def gate(self, rng: random.Random, slowdown: Slowdown | None) -> tuple[Outcome, str | None]:
        """Replay a gate; return its verdict and the stage to which a slowdown is put down."""
        changes: dict[CaseKey, list[float]] = {case: [] for case in self._rounds}
        judgements: dict[CaseKey, Judgement] = {}
        open_cases = list(self._rounds)
        for count in self._looks:
            drawn = [self._draw(rng) for _ in range(count)]
            for case in open_cases:
                changes[case] += self._changes(case, slowdown, drawn)
            open_cases = look_at(changes, self._thresholds, judgements, open_cases)
            if not open_cases:
                break
        outcome = overall([judgement.outcome for judgement in judgements.values()])
        return outcome, attribute(judgements, self._sizes_ns)

    def _draw(self, rng: random.Random) -> tuple[int, bool]:
        generations = len(next(iter(self._rounds.values())))
        return rng.randrange(generations), rng.random() < 0.5  # noqa: PLR2004  a fair coin

    def _changes(
        self, case: CaseKey, slowdown: Slowdown | None, drawn: Sequence[tuple[int, bool]]
    ) -> list[float]:
        if slowdown is not None and case not in (slowdown.case, _total(slowdown.case)):
            slowdown = None
        key = case, slowdown
        if key not in self._known:
            self._known[key] = self._both_ways(case, slowdown)
        return [self._known[key][number][swapped] for number, swapped in drawn]

    def _both_ways(self, case: CaseKey, slowdown: Slowdown | None) -> list[tuple[float, float]]:
        """Return each generation's log of head / base, and of base / head, the side above slowed down."""
        changes = []
        for number, (base, head) in enumerate(self._rounds[case]):
            extra = ([0.0] * len(base), [0.0] * len(head))
            if slowdown is not None:
                stage = self._rounds[slowdown.case][number]
                extra = tuple([slowdown.share * ns for ns in side] for side in stage)  # type: ignore[assignment]
            changes.append(
                (
                    median_log_ratio(_add(head, extra[1]), base),
                    median_log_ratio(_add(base, extra[0]), head),
                )
            )
        return changes


def _total(case: CaseKey) -> CaseKey:
    return CaseKey(case.impl, case.runtime, case.operation, "total")


def _add(values: Rounds, extra: Rounds) -> Rounds:
    return [value + more for value, more in zip(values, extra, strict=False)]
