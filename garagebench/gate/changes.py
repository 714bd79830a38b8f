"""From the rounds of two sides to one change for each generation: the log of head / base, of slices next to each other.

A whole, and a part that is timed by itself, is a ratio. A difference of cases is small beside them and may come out
below zero: it has no ratio in a round. Its change is (head - base) / whole, and only their medians are brought to its
own size: so every generation has one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median

from garagebench.engine.contestant import Contestant, RowTerms, Series, combine
from garagebench.gate.case import CaseKey
from garagebench.gate.pairs import Sides, find_cases
from garagebench.stats.estimate import deviation, median_log_ratio


def measure_changes(
    sides: Sides, cases: Collection[CaseKey], sizes_ns: Mapping[CaseKey, float]
) -> dict[CaseKey, list[float]]:
    """Return for each of the cases that was measured a change for each generation. sizes_ns: of all cases, on base."""
    changes: dict[CaseKey, list[float]] = {}
    for case, base, terms, before, after in _find_series(sides, cases):
        whole = next((row for row in base.rows if row.name == terms.part_of), None)
        if terms.single or whole is None:
            changes[case] = [measure_ratio(*rounds) for rounds in zip(before, after, strict=True)]
            continue
        share = sizes_ns[case] / sizes_ns[replace(case, row=whole.name)]
        wholes = combine(base.series, whole.isolated)
        changes[case] = measure_difference(before, after, wholes, share)
    return changes


def _find_series(
    sides: Sides, cases: Collection[CaseKey]
) -> Iterator[tuple[CaseKey, Contestant, RowTerms, Series, Series]]:
    """Yield each of the cases that both sides have: base, the row, and both sides' rounds."""
    for pair, base, head in sides:
        for case, old, new in find_cases(pair, base, head):
            if case in cases:
                before = combine(base.series, old.isolated)
                yield case, base, new, before, combine(head.series, new.isolated)


def measure_ratio(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the median log ratio of a generation's rounds; a round in which neither side took any time tells nothing."""
    log = median_log_ratio(after, before)
    return 0.0 if math.isnan(log) else log


def measure_difference(before: Series, after: Series, wholes: Series, share: float) -> list[float]:
    """Return the changes of a difference whose size is that share of its whole; none where either is nothing."""
    if share <= 0:
        return []
    shifts = (
        median((new - old) / whole for new, old, whole in zip(*rounds, strict=True))
        for rounds in zip(after, before, wholes, strict=True)
    )
    return [math.log1p(shift / share) if shift > -share else -math.inf for shift in shifts]


def measure_sizes(sides: Sides, cases: Iterable[CaseKey]) -> dict[CaseKey, float]:
    """Return what each case takes on base, in ns; of one that base has no time of, what it takes on head."""
    sizes_ns: dict[CaseKey, float] = {}
    wanted = set(cases)
    for pair, base, head in sides:
        for case, *rows in find_cases(pair, base, head):
            for side, terms in zip((base, head), rows, strict=True):
                if case in wanted and sizes_ns.get(case, 0.0) <= 0:
                    sizes_ns[case] = measure_size(side, terms)
    return sizes_ns


def measure_size(side: Contestant, terms: RowTerms) -> float:
    """Return the median of a row over its generations, in ns."""
    return median(map(median, combine(side.series, terms.isolated)))


def measure_host_speeds(
    sides: Sides, cases: Collection[CaseKey], sizes_ns: Mapping[CaseKey, float]
) -> list[float]:
    """Return for each generation how fast the host was, by base: 1 is as fast as it was when the sizes were measured."""
    speeds = []
    wholes = [
        (sizes_ns[case], before)
        for case, _, terms, before, _ in _find_series(sides, cases)
        if terms.single and sizes_ns.get(case, 0.0) > 0
    ]
    for number in range(min((len(before) for _, before in wholes), default=0)):
        ratios = [size / now for size, before in wholes if (now := median(before[number])) > 0]
        if ratios:
            speeds.append(median(ratios))
    return speeds


def measure_spread(sides: Sides, cases: Collection[CaseKey]) -> dict[CaseKey, float]:
    """Return for each case by how much the log ratio of one round scatters, as a standard deviation."""
    spreads = {}
    for case, _, _, before, after in _find_series(sides, cases):
        logs = [
            math.log(new / old)
            for new, old in zip(after[0], before[0], strict=True)
            if new > 0 and old > 0
        ]
        if logs:
            spreads[case] = deviation(logs)
    return spreads
