"""Gates replayed on recorded rounds, in milliseconds instead of seconds each.

A replayed gate draws generations, which are sets of fresh processes, with replacement from those recorded of identical
code, and looks at them as a live one does. Chance decides in each which side is base, as it decides in a live gate who
is started first and lies where; or the sides stay as they were recorded, which shows whether they leaned. A slowdown
adds its share of a part's time, round by round, to that part and to its whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from garagebench.engine.contestant import Contestant, Series, combine
from garagebench.engine.target import Target
from garagebench.gate.case import CaseKey, Rules, Thresholds, attribute, make_rule
from garagebench.gate.changes import measure_changes, measure_sizes
from garagebench.gate.pairs import Pair, find_cases
from garagebench.gate.state import look_at_all
from garagebench.stats.judge import Judgement, Outcome, overall, settle
from garagebench.stats.looks import plan_looks

if TYPE_CHECKING:
    import random

    from garagebench.engine import Result


#: What is replayed is loaded from nowhere.
NOWHERE = Target("", None)


@dataclass(frozen=True)
class Slowdown:
    """A part that takes longer by a share of its time."""

    case: CaseKey
    share: float


class Replay:
    """Recorded rounds of two sides with identical code.

    recording: two contestants, base and head, of one subject. generations: that a gate has at most. swaps:
    whether chance lets the sides change places in each generation.
    """

    def __init__(
        self, recording: Result, generations: int, thresholds: Thresholds, *, swaps: bool = True
    ) -> None:
        self._thresholds = thresholds
        self._looks = [look for look in plan_looks() if look.generations <= generations]
        self._looks = self._looks or list(plan_looks(generations))
        self._swaps = swaps
        self._base, self._head = recording.contestants
        self._pair = Pair(self._base.subject, self._base.runtime, "", (NOWHERE, NOWHERE))
        rows = find_cases(self._pair, self._base, self._head)
        self._rows = {case: terms for case, terms, _ in rows}
        self._rules = {case: make_rule(case, terms) for case, terms in self._rows.items()}
        self._wholes = thresholds.find_wholes(self._rules)
        sides = [(self._pair, self._base, self._head)]
        self._sizes_ns = measure_sizes(sides, self._rows)
        self._recorded = len(next(iter(self._base.series.values())))
        self._known: dict[Slowdown | None, list[dict[CaseKey, list[float]]]] = {}

    @property
    def parts(self) -> dict[CaseKey, float]:
        """What a slowdown can be put into, with its share of its whole: of a difference too little is known."""
        return {
            case: self._sizes_ns[case] / self._sizes_ns[rule.part_of]
            for case, rule in self._rules.items()
            if rule.part_of is not None and self._rows[case].single
        }

    def gate(self, rng: random.Random, slowdown: Slowdown | None) -> tuple[Outcome, CaseKey | None]:
        """Replay a gate; return its verdict and the part to which a slowdown is put down."""
        changes: dict[CaseKey, list[float]] = {case: [] for case in self._rows}
        judgements: dict[CaseKey, Judgement] = {}
        open_cases = list(self._rows)
        done = 0
        for look in self._looks:
            for _ in range(look.generations - done):
                drawn = self.draw(rng, slowdown)
                for case in open_cases:
                    if case in drawn:
                        changes[case].append(drawn[case])
            done = look.generations
            open_cases, is_over = look_at_all(
                changes, self._thresholds, judgements, open_cases, self._wholes, look
            )
            if is_over:
                break
        settled = settle(judgements, self._wholes)
        outcome = overall([judgement.outcome for judgement in settled.values()])
        return outcome, attribute(settled, self._sizes_ns, self._rules)

    def draw(self, rng: random.Random, slowdown: Slowdown | None) -> dict[CaseKey, float]:
        """Return the changes of one of the recorded generations, the sides as they were or the other way round."""
        one_way, other_way = self._both_ways(slowdown)
        number = rng.randrange(self._recorded)
        found = other_way if self._swaps and rng.random() < 0.5 else one_way  # noqa: PLR2004  a fair coin
        return {case: changes[number] for case, changes in found.items() if changes}

    @property
    def rules(self) -> Rules:
        """How each case is judged."""
        return self._rules

    def _both_ways(self, slowdown: Slowdown | None) -> list[dict[CaseKey, list[float]]]:
        """Return each case's changes of head / base, and of base / head, the side above being slowed down."""
        if slowdown not in self._known:
            self._known[slowdown] = [
                measure_changes(
                    [(self._pair, below, self._slow_down(above, slowdown))],
                    self._rows.keys(),
                    self._sizes_ns,
                )
                for below, above in ((self._base, self._head), (self._head, self._base))
            ]
        return self._known[slowdown]

    def _slow_down(self, side: Contestant, slowdown: Slowdown | None) -> Contestant:
        """Return the side with the slowdown in the part that it is of, and in its whole."""
        if slowdown is None:
            return side
        part = combine(side.series, self._rows[slowdown.case].isolated)
        whole = self._rules[slowdown.case].part_of
        names = {case.row: f"slowed {case.row}" for case in (slowdown.case, whole) if case}
        series = {
            names[terms.name]: _add(combine(side.series, terms.isolated), part, slowdown.share)
            for terms in side.rows
            if terms.name in names
        }
        rows = tuple(
            replace(terms, isolated={names[terms.name]: 1.0}, in_context={})
            if terms.name in names
            else terms
            for terms in side.rows
        )
        return replace(side, rows=rows, series={**side.series, **series})


def _add(values: Series, extra: Sequence[Sequence[float]], share: float) -> Series:
    return [
        [value + share * more for value, more in zip(*rounds, strict=True)]
        for rounds in zip(values, extra, strict=True)
    ]
