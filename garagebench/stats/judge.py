"""From generations to a verdict. Pure statistics: no clock, no process.

A case is *slower* when a signed-rank test confirms that head is above base and the estimate is at or above the
threshold; *not slower* when so few generations lie above the threshold that its median cannot. Sides change places by
a coin in each generation, so that under identical code every sign is as likely as the other and the test is exact
(Wilcoxon, Biometrics Bulletin 1, 1945). All cases together are called slower by mistake with at most ALPHA: the p-value
of each case is held to a level that Holm's procedure gives it (Scandinavian Journal of Statistics 6, 1979), and what
ALPHA allows is shared out over the looks at the data.

Wholes decide: a gate is inconclusive only where one of them is. A part that is confirmed slower fails the gate; one
that this run could not judge is *unresolved*.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal, TypeVar

from garagebench.stats.looks import Look

Case = TypeVar("Case")  # whatever a caller tells its cases apart by

Outcome = Literal["slower", "not slower", "inconclusive", "unresolved"]

#: A part that is undecided is measured further where it looks slower with this p-value by itself, by this share of its
#: threshold or more. Of parts of identical code one in ten is measured further for nothing; one that became slower by a
#: little more than the threshold may read a little less after the first generations, and is not dropped.
SUSPICION = 0.1
SUSPICIOUS_SHARE = 0.8

#: Share of generations above the threshold from which a verdict of not slower says that some processes are slow.
SOME_PROCESSES = 0.25


@dataclass(frozen=True)
class Judgement:
    """One case's verdict. Changes are logarithms of head / base; low and high are None where nothing bounds.

    generations: how many it rests on. head_slower: in how many of them head was slower. above: in how many the change
    was above the threshold. is_suspect: whether it looks slower without being confirmed.
    """

    outcome: Outcome
    change: float
    low: float | None
    high: float | None
    generations: int
    head_slower: int = 0
    above: int = 0
    is_suspect: bool = False


def judge(
    changes: Mapping[Case, Sequence[float]],
    thresholds: Mapping[Case, float],
    look: Look,
    *,
    others: int = 0,
    strata: Mapping[Case, Sequence[Sequence[float]]] | None = None,
) -> dict[Case, Judgement]:
    """Judge all cases at once.

    changes: case -> for each generation the log of head / base, infinite where a side had no time. thresholds: case ->
    the log of the slowdown that counts. look: what may be decided now. others: cases of the same gate that are judged
    elsewhere. strata: case -> its changes by machine, if they are of several: ranks are given within each.
    """
    strata = strata or {case: [values] for case, values in changes.items()}
    p_values = {case: signed_rank_test(*parts) for case, parts in strata.items()}
    levels = holm_levels(p_values, look.alpha, others)
    return {
        case: _judge_case(values, thresholds[case], look, is_confirmed=levels[case] is not None)
        for case, values in changes.items()
    }


def _judge_case(
    values: Sequence[float], threshold: float, look: Look, *, is_confirmed: bool
) -> Judgement:
    if not values:
        return Judgement("inconclusive", 0.0, None, None, 0)
    change = median(values)
    low, high = bounds(values, look.above)
    above = sum(value >= threshold for value in values)
    outcome: Outcome = "inconclusive"
    if is_confirmed and change >= threshold:
        outcome = "slower"
    elif len(values) >= look.generations and above <= look.above:
        outcome = "not slower"
    return Judgement(
        outcome,
        change,
        low,
        high,
        len(values),
        head_slower=sum(value > 0 for value in values),
        above=above,
        is_suspect=outcome == "inconclusive"
        and change >= SUSPICIOUS_SHARE * threshold
        and signed_rank_test(values) <= SUSPICION,
    )


def settle(judgements: Mapping[Case, Judgement], wholes: Collection[Case]) -> dict[Case, Judgement]:
    """Return the judgements of a gate that ends: a part without a verdict is unresolved."""
    return {
        case: replace(judgement, outcome="unresolved")
        if judgement.outcome == "inconclusive" and case not in wholes
        else judgement
        for case, judgement in judgements.items()
    }


def overall(outcomes: Collection[Outcome]) -> Outcome:
    """Return the gate's verdict: slower if any case is, not slower if a case is and no whole is open, else inconclusive."""
    if "slower" in outcomes:
        return "slower"
    if "not slower" in outcomes and "inconclusive" not in outcomes:
        return "not slower"
    return "inconclusive"


def signed_rank_test(*strata: Sequence[float]) -> float:
    """Return how probable so large a sum of the positive values' ranks is where each sign is a throw of a fair coin.

    Exact, with tied sizes, too: they share their ranks, and the coin decides over those. Zeros have no sign and do not
    count. Infinite values are larger than all others. strata: values of each machine, ranked by themselves.
    """
    ranks: list[int] = []
    negative = 0
    for values in strata:
        signed = sorted((value for value in values if value), key=abs)
        own = _doubled_ranks([abs(value) for value in signed])
        negative += sum(rank for rank, value in zip(own, signed, strict=True) if value < 0)
        ranks += own
    ways = [1] + [0] * negative  # of each sum of the negative ranks, up to the one seen
    for rank in ranks:
        for total in range(negative, rank - 1, -1):
            ways[total] += ways[total - rank]
    return sum(ways) / float(2 ** len(ranks))


def _doubled_ranks(ordered: Sequence[float]) -> list[int]:
    """Return twice the rank of each of the ordered values; those that are equal share theirs."""
    ranks: list[int] = []
    while len(ranks) < len(ordered):
        first = len(ranks)
        ties = sum(value == ordered[first] for value in ordered[first:])
        ranks += [2 * first + ties + 1] * ties
    return ranks


def holm_levels(
    p_values: Mapping[Case, float], alpha: float, others: int = 0
) -> dict[Case, float | None]:
    """Return the level at which each case is confirmed, or None where it is not.

    The smallest p-value is held to alpha / m, the next one to alpha / (m - 1), until one is too large. others: cases
    whose p-values are not known here; they count as if none of them were confirmed.
    """
    levels: dict[Case, float | None] = dict.fromkeys(p_values)
    for left, case in zip(
        range(len(p_values), 0, -1), sorted(p_values, key=p_values.__getitem__), strict=True
    ):
        if p_values[case] > alpha / (left + others):
            break
        levels[case] = alpha / (left + others)
    return levels


def bounds(values: Sequence[float], above: int) -> tuple[float | None, float | None]:
    """Return the order statistics outside of which lie `above` values on either side; None where nothing bounds.

    The upper one is below a threshold exactly when at most `above` values are not. `above` is a look's.
    """
    if not 0 <= above < (len(values) + 1) // 2:
        return None, None
    ordered = sorted(values)
    low, high = ordered[above], ordered[-1 - above]
    return (low if math.isfinite(low) else None), (high if math.isfinite(high) else None)


def generations_needed(judgement: Judgement, threshold: float) -> int | None:
    """Return about how many generations would decide an inconclusive case; None where none would.

    The interval narrows with the square root of their number, towards the estimate; one that sits on the
    threshold cannot be decided.
    """
    distance = abs(threshold - judgement.change)
    if judgement.low is None or judgement.high is None or distance == 0:
        return None
    half_width = (judgement.high - judgement.low) / 2
    return math.ceil(judgement.generations * max(1.0, half_width / distance) ** 2)
