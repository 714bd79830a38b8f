"""The two sides of a gate: what their workers load, how they are called, and what keeps them from being compared."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from garagebench.engine import Contestant, Entrant, Result
from garagebench.engine.conductor import TIMEOUT_S
from garagebench.engine.contestant import RowTerms
from garagebench.engine.runner import start_runner
from garagebench.engine.schedule import Pace
from garagebench.engine.target import Target
from garagebench.gate.case import CaseKey

SIDES = ("base", "head")

#: A pair, and what its two sides gave.
Sides = Sequence[tuple["Pair", Contestant, Contestant]]


@dataclass(frozen=True)
class Pair:
    """One subject on one interpreter, on both sides.

    runtime: empty for what brings its own. python: the interpreter, where a place has none of its own. places: what is
    loaded at the first place, where base is at first, and at the second, where head is. When the sides change places, each
    is loaded from the other one. has_whole_names: whether a row's name says all, without the subject.
    """

    subject: str
    runtime: str
    python: str
    places: tuple[Target, Target]
    has_whole_names: bool = False

    @property
    def name(self) -> str:
        """The name for people."""
        return f"{self.subject}@{self.runtime}" if self.runtime else self.subject

    @property
    def pythons(self) -> tuple[str, str]:
        """The interpreters of the two places."""
        first, second = (target.python or self.python for target in self.places)
        return first, second

    def make_key(self, row: str) -> CaseKey:
        """Return the case that a row of it is."""
        return CaseKey("" if self.has_whole_names else self.subject, self.runtime, row)


def make_entrants(
    pairs: Sequence[Pair],
    needed: Mapping[str, Collection[str]] | None,
    paces: Mapping[str, Mapping[str, Pace]],
) -> list[Entrant]:
    """Return both sides of every pair. needed: pair -> the rows that are measured, of a pair without any nothing; None: all.

    paces: pair -> what each of its slices does; without an entry they are chosen.
    """
    return [
        Entrant(
            f"{side} {pair.name}",
            pair.python,
            pair.places[place],
            needs=None if needed is None else frozenset(needed[pair.name]),
            in_context=False,
            reference=f"{SIDES[0]} {pair.name}",
            elsewhere=pair.places[1 - place],
            paces=paces.get(pair.name),
            subject=pair.subject,
            runtime=pair.runtime,
        )
        for pair in pairs
        for place, side in enumerate(SIDES)
        if needed is None or needed.get(pair.name)
    ]


def find_sides(pairs: Sequence[Pair], result: Result) -> Sides:
    """Return what the sides of each pair that was measured gave."""
    found = {contestant.name: contestant for contestant in result.contestants}
    return [
        (pair, *(found[f"{side} {pair.name}"] for side in SIDES))  # type: ignore[misc]
        for pair in pairs
        if f"{SIDES[0]} {pair.name}" in found
    ]


def find_cases(
    pair: Pair, base: Contestant, head: Contestant
) -> Iterator[tuple[CaseKey, RowTerms, RowTerms]]:
    """Yield the rows that both sides have and a gate judges, base's and head's, with the rules of the side that has some.

    A tree from before rows had rules says nothing of them.
    """
    known = {terms.name: terms for terms in base.rows}
    for terms in head.rows:
        before = known.get(terms.name)
        if before is None:
            continue
        told = terms if terms.part_of or not terms.is_judged else before
        if told.is_judged:
            old, new = (
                replace(row, part_of=told.part_of, yields_to=told.yields_to)
                for row in (before, terms)
            )
            yield pair.make_key(terms.name), old, new


def match_paces(sides: Sides) -> dict[str, dict[str, Pace]]:
    """Return for each pair what its slices do from now on, on both sides: the fewer passes of the two."""
    return {
        pair.name: {
            label: Pace(*map(min, zip(base.paces[label], head.paces[label], strict=True)))  # type: ignore[arg-type]
            for label in base.paces.keys() & head.paces.keys()
        }
        for pair, base, head in sides
    }


def find_trouble(sides: Sides, *, allow_different_answers: bool) -> str | None:
    """Return why the sides cannot be compared, if so."""
    for pair, *both in sides:
        for side, contestant in zip(SIDES, both, strict=True):
            if contestant.problem is not None:
                return f"{side} of {pair.name}: {contestant.problem.reason}"
        base, head = both
        if not allow_different_answers and _differ(base.answers, head.answers):
            return (
                f"the sides of {pair.name} answer differently: {find_difference(pair)}; "
                "--allow-different-answers compares them all the same"
            )
    return None


def _differ(base: Mapping[str, str], head: Mapping[str, str]) -> bool:
    """Tell whether the sides have other cases, or other answers where both are known."""
    return base.keys() != head.keys() or any(
        base[case] and head[case] and base[case] != head[case] for case in base
    )


def find_difference(pair: Pair) -> str:
    """Load both sides once more and return the first answer in which they differ, in words."""
    answers = [_load_answers(*place) for place in zip(pair.pythons, pair.places, strict=True)]
    for case in answers[0]:
        for number, (base, head) in enumerate(
            zip_longest(answers[0][case], answers[1].get(case, []), fillvalue="nothing"), 1
        ):
            if base != head:
                return f"{case}, answer {number} is {base} in base and {head} in head"
    return "their cases are not the same"


def _load_answers(python: str, target: Target) -> dict[str, Sequence[str]]:
    with contextlib.closing(start_runner(python)) as runner:
        cases = runner.load(target, TIMEOUT_S).cases
        return {case.name: runner.answers(case.name, TIMEOUT_S) for case in cases}
