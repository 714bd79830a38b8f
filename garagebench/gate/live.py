"""Two revisions measured live in lock-step, and judged.

Three phases, each with fresh processes. *Screening* shows which stages are long enough to be judged. The *first
look* measures all of them; most gates end there. The *second look* spends the rest of the budget where a case is
undecided. Screening decides nothing: what is judged and printed comes from the two looks alone, and each may use
up half of the gate's error.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from itertools import zip_longest
from statistics import median
from typing import TYPE_CHECKING, Any

from garagebench.engine import Conductor, Contestant, Entrant, Progress, Result
from garagebench.engine.channel import Channel
from garagebench.engine.conductor import TIMEOUT_S
from garagebench.engine.estimate import median_log_ratio
from garagebench.engine.result import RowTerms, combine
from garagebench.gate.case import (
    LEAST_STAGE_NS,
    NOT_JUDGED,
    CaseKey,
    GateResult,
    Thresholds,
    attribute,
    is_long_enough,
)
from garagebench.gate.verdict import (
    ALPHA,
    Judgement,
    generations_needed,
    judge,
    least_generations,
    overall,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Shares of the budget that screening and the first look take.
SCREENING = 0.1
FIRST_LOOK = 0.6
LOOKS = 2

#: What is said to be a sufficient budget is so much more than the figures of this run ask for.
MARGIN = 1.2

#: Times the budget beyond which a longer one is not worth its while: the case sits on the threshold.
MOST_WORTHWHILE = 20


@dataclass(frozen=True)
class Pair:
    """One implementation on one interpreter, on both sides. Sources are what a worker's `load` takes."""

    impl: str
    runtime: str
    python: str
    base: Mapping[str, Any]
    head: Mapping[str, Any]


class LiveGate:
    """Runs the phases. `measure(entrants, budget_s, seed)` and the clock are passed in."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        *,
        thresholds: Thresholds,
        budget_s: float,
        seed: int,
        on_progress: Callable[[Progress], None] = lambda _: None,
        allow_different_answers: bool = False,
        measure: Callable[[list[Entrant], float, int], Result] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pairs = pairs
        self._percent = thresholds
        self._budget_s = budget_s
        self._seed = seed
        self._on_progress = on_progress
        self._allow_different_answers = allow_different_answers
        self._measure = measure or self._conduct
        self._clock = clock
        self._begin = 0.0
        self._notes: list[str] = []
        self._sizes_ns: dict[CaseKey, float] = {}

    def run(self) -> GateResult:
        """Measure and judge."""
        self._begin = self._clock()
        screened = self._phase(SCREENING * self._budget_s, 0, None)
        trouble = self._trouble(screened)
        if trouble is not None:
            return self._finish({}, trouble, interrupted=screened.interrupted)
        judged = self._choose(screened)
        changes: dict[CaseKey, list[float]] = {case: [] for case in judged}
        judgements: dict[CaseKey, Judgement] = {}
        open_cases = judged
        self._notes += [
            f"the threshold of {key} concerns no case that is judged"
            for key in self._percent.unused(judged)
        ]
        for look in range(1, LOOKS + 1):
            share = FIRST_LOOK if look < LOOKS else 1.0
            budget_s = share * (self._budget_s - (self._clock() - self._begin))
            measured = self._phase(budget_s, look, {case.stage for case in open_cases})
            trouble = self._trouble(measured)
            if trouble is not None:
                return self._finish(judgements, trouble, interrupted=measured.interrupted)
            for case, values in self._changes(measured).items():
                if case in open_cases:
                    changes[case] += values
            open_cases = look_at(changes, self._percent, judgements, open_cases)
            if not open_cases:
                break
        self._advise(judgements, open_cases)
        return self._finish(judgements, None, interrupted=False)

    def _phase(self, budget_s: float, number: int, stages: set[str] | None) -> Result:
        """Measure with fresh processes; stages None: all."""
        entrants = [
            Entrant(
                f"{side} {_name(pair)}", pair.python, _restrict(source, stages), in_context=False
            )
            for pair in self._pairs
            for side, source in (("base", pair.base), ("head", pair.head))
        ]
        return self._measure(entrants, max(budget_s, 1.0), self._seed * (LOOKS + 1) + number)

    def _conduct(self, entrants: list[Entrant], budget_s: float, seed: int) -> Result:
        begun_s = self._clock() - self._begin

        def pass_on(progress: Progress) -> None:
            elapsed_s = begun_s + progress.elapsed_s
            expected_s = max(self._budget_s, elapsed_s)
            self._on_progress(
                Progress(progress.generation, progress.generations, elapsed_s, expected_s)
            )

        return Conductor(
            entrants,
            budget_s=budget_s,
            part_of_s=self._budget_s,
            seed=seed,
            on_progress=pass_on,
        ).run()

    def _sides(self, result: Result) -> list[tuple[Pair, Contestant, Contestant]]:
        found = {contestant.name: contestant for contestant in result.contestants}
        return [
            (pair, found[f"base {_name(pair)}"], found[f"head {_name(pair)}"])
            for pair in self._pairs
        ]

    def _trouble(self, result: Result) -> str | None:
        """Return why the measurement cannot be judged, if so."""
        if result.interrupted:
            return "interrupted before the end"
        for pair, base, head in self._sides(result):
            for side in (base, head):
                if side.problem is not None:
                    return f"{side.name.partition(' ')[0]} of {_name(pair)}: {side.problem.reason}"
            if not self._allow_different_answers and base.answers != head.answers:
                return (
                    f"the sides of {_name(pair)} answer differently: {find_difference(pair)}; "
                    "--allow-different-answers compares them all the same"
                )
        return None

    def _choose(self, screened: Result) -> list[CaseKey]:
        """Return the cases that are long enough to be judged by themselves; `total` always is.

        Those that were too slow to be screened are among them: unmeasured, they must not pass.
        """
        chosen = []
        short: list[CaseKey] = []
        for pair, base, head in self._sides(screened):
            self._notes += dict.fromkeys((*base.caveats, *head.caveats))
            heads = {terms.name: terms for terms in head.rows}
            for terms in base.rows:
                case = make_key(pair, terms.name)
                if case.stage == NOT_JUDGED or terms.name not in heads:
                    continue
                self._sizes_ns[case] = _size_ns(base, terms)
                # A stage that has become long is one that must be named.
                size_ns = max(self._sizes_ns[case], _size_ns(head, heads[terms.name]))
                if is_long_enough(case, size_ns):
                    chosen.append(case)
                else:
                    short.append(case)
            left_out = dict.fromkeys((*base.left_out, *head.left_out))
            keys = [make_key(pair, row) for row in left_out]
            chosen += [case for case in keys if case.stage != NOT_JUDGED]
        if short:
            listed = _list(short)
            self._notes.append(
                f"under {LEAST_STAGE_NS:.0f} ns and so judged as part of total only: {listed}"
            )
        return chosen

    def _changes(self, result: Result) -> dict[CaseKey, list[float]]:
        """Return for each case the log of head / base of every generation, taken within rounds."""
        changes = {}
        for pair, base, head in self._sides(result):
            in_base = {terms.name: combine(base.series, terms.isolated) for terms in base.rows}
            for terms in head.rows:
                if terms.name in in_base:
                    case = make_key(pair, terms.name)
                    bases = in_base[terms.name]
                    self._sizes_ns.setdefault(case, median(map(median, bases)))
                    logs = map(median_log_ratio, combine(head.series, terms.isolated), bases)
                    changes[case] = [log for log in logs if math.isfinite(log)]
        return changes

    def _advise(self, judgements: Mapping[CaseKey, Judgement], undecided: list[CaseKey]) -> None:
        """Say which budget would decide what this one did not."""
        if not undecided:
            return
        least = least_generations(len(judgements), ALPHA / LOOKS)
        few = [judgements[case].generations for case in undecided]
        needed = [least / max(1, min(few))]
        for case in undecided:
            judgement = judgements[case]
            generations = generations_needed(judgement, math.log1p(self._percent.of(case) / 100))
            if generations is not None:
                needed.append(generations / judgement.generations)
        budget_s = math.ceil(MARGIN * max(needed) * self._budget_s)
        if min(few) < least:
            why = f"{min(few)} generations fit the budget, a verdict takes {least}"
        elif max(needed) > MOST_WORTHWHILE:
            self._notes.append(f"undecided: {_list(undecided)}: too close to the threshold to tell")
            return
        else:
            why = "the intervals are too wide"
        self._notes.append(f"undecided: {_list(undecided)}: {why}; --budget {budget_s} would do")

    def _finish(
        self, judgements: Mapping[CaseKey, Judgement], trouble: str | None, *, interrupted: bool
    ) -> GateResult:
        if trouble is not None:
            self._notes.insert(0, trouble)
        outcomes = [judgement.outcome for judgement in judgements.values()]
        return GateResult(
            overall(outcomes) if trouble is None else "inconclusive",
            judgements,
            attribute(judgements, self._sizes_ns) if trouble is None else None,
            self._clock() - self._begin,
            tuple(self._notes),
            interrupted,
        )


def look_at(
    changes: Mapping[CaseKey, Sequence[float]],
    thresholds: Thresholds,
    judgements: dict[CaseKey, Judgement],
    open_cases: Sequence[CaseKey],
) -> list[CaseKey]:
    """Judge the open cases by what there is so far, and return those that stay open.

    changes: of all cases, though some are decided already: the level must allow for every one.
    """
    logs = {case: math.log1p(thresholds.of(case) / 100) for case in changes}
    judged_now = judge(changes, logs, ALPHA / LOOKS)
    for case in open_cases:
        judgements[case] = judged_now[case]
    return [case for case in open_cases if judgements[case].outcome == "inconclusive"]


def find_difference(pair: Pair) -> str:
    """Load both sides once more and return the first answer in which they differ, in words."""
    answers = [_load_answers(pair.python, source) for source in (pair.base, pair.head)]
    for case in answers[0]:
        for number, (base, head) in enumerate(
            zip_longest(answers[0][case], answers[1].get(case, []), fillvalue="nothing"), 1
        ):
            if base != head:
                return f"{case}, answer {number} is {base} in base and {head} in head"
    return "their cases are not the same"


def _load_answers(python: str, source: Mapping[str, Any]) -> dict[str, list[str]]:
    with Channel(python) as channel:
        cases = channel.ask({"do": "load", "source": dict(source)}, TIMEOUT_S)["cases"]
        return {
            case["name"]: channel.ask({"do": "answers", "case": case["name"]}, TIMEOUT_S)["answers"]
            for case in cases
        }


def _size_ns(side: Contestant, terms: RowTerms) -> float:
    return median(map(median, combine(side.series, terms.isolated)))


def _restrict(source: Mapping[str, Any], stages: set[str] | None) -> dict[str, Any]:
    if stages is None:
        return dict(source)
    return {**source, "arguments": {**source["arguments"], "stages": sorted(stages)}}


def make_key(pair: Pair, row: str) -> CaseKey:
    """Return the case that a row "operation/stage" of the pair is."""
    operation, _, stage = row.partition("/")
    return CaseKey(pair.impl, pair.runtime, operation, stage)


def _name(pair: Pair) -> str:
    return f"{pair.impl}@{pair.runtime}"


def _list(cases: Sequence[CaseKey]) -> str:
    several = len({(case.impl, case.runtime) for case in cases}) > 1
    return ", ".join(f"{f'{case.impl} ' * several}{case.operation} {case.stage}" for case in cases)
