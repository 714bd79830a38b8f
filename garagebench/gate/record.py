"""What a gate has measured, in a file: to be gone on with, or to be judged together with other parts of the same plan."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from garagebench.engine.files import write_whole
from garagebench.errors import GarageError
from garagebench.gate.case import CaseKey, Rule, Rules, Thresholds

#: Of the file; it grows with each change that an older version cannot read.
SCHEMA = 1

#: By what a file is known.
KIND = "garagebench check"

CASES, GENERATIONS = "cases", "generations"


class RecordError(GarageError):
    """A file holds no check that can be judged or gone on with; the text names it."""


@dataclass(frozen=True)
class Shard:
    """Part `number` (from 1) `of` so many. by: "cases", a whole and its parts together, or "generations"."""

    number: int = 1
    of: int = 1
    by: str = CASES

    def choose(self, rules: Rules) -> set[CaseKey]:
        """Return the cases of this part: whole after whole, as cards are dealt."""
        if self.by == GENERATIONS:
            return set(rules)
        wholes = list(dict.fromkeys(rule.part_of or case for case, rule in rules.items()))
        mine = set(wholes[self.number - 1 :: self.of])
        return {case for case, rule in rules.items() if (rule.part_of or case) in mine}

    def share(self, generations: int) -> int:
        """Return how many of the generations are this part's."""
        return len(range(self.number - 1, generations, self.of))


@dataclass(frozen=True)
class Plan:
    """What all parts must have in common. base, head: what was compared, as text that no other code has.

    generations: that were asked for in all; None: as many as it takes.
    """

    base: str
    head: str
    subjects: tuple[str, ...]
    percent: float
    particular: Mapping[str, float]
    generations: int | None
    seed: int

    @property
    def thresholds(self) -> Thresholds:
        """From which change on a case is slower."""
        return Thresholds(self.percent, self.particular)


@dataclass(frozen=True)
class Measured:
    """One case. changes: the log of head / base of each generation. size_ns: what it takes on base."""

    case: CaseKey
    rule: Rule
    size_ns: float
    changes: tuple[float, ...]


@dataclass(frozen=True)
class Record:
    """A part of a check, up to the last look. cases: its own. all_cases: the names of those of the whole plan.

    base, head: labels for people. done: generations at the last look. run: the run of CI that measured it, and its how
    many-th attempt, where that is known. is_whole: whether it has come to its end. extra: what a verdict tells besides.
    """

    plan: Plan
    shard: Shard
    machine: str
    base: str
    head: str
    cases: tuple[Measured, ...]
    all_cases: tuple[str, ...]
    done: int
    seconds: float
    notes: tuple[str, ...] = ()
    run: str | None = None
    is_whole: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def others(self) -> int:
        """Cases of the plan that are measured elsewhere."""
        return len(self.all_cases) - len(self.cases)


def save(record: Record, path: Path) -> None:
    """Write the record, whole or not at all. Raises ResultError."""
    document = {"kind": KIND, "schema": SCHEMA, **asdict(record)}
    for one in document["cases"]:
        one["changes"] = [_tell(value) for value in one["changes"]]
    text = json.dumps(document, allow_nan=False)
    write_whole(path, lambda whole: whole.write_text(text, encoding="utf-8"))


def load(path: Path) -> Record:
    """Read a record. Raises RecordError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise RecordError(f"{path}: not a file of `check --output`: not JSON") from None
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise RecordError(f"{path}: not a file of `check --output`")
    if document.get("schema") != SCHEMA:
        raise RecordError(
            f"{path}: written by another version of garagebench (schema {document.get('schema')}, this one reads {SCHEMA})"
        )
    try:
        return _make_record(document)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise RecordError(
            f"{path}: damaged: a part of it is missing or is not what it should be"
        ) from None


def _make_record(document: dict[str, Any]) -> Record:
    fields = {key: document[key] for key in document if key not in ("kind", "schema")}
    plan = Plan(**{**fields["plan"], "subjects": tuple(fields["plan"]["subjects"])})
    cases = tuple(
        Measured(
            CaseKey(**one["case"]),
            Rule(*(None if key is None else CaseKey(**key) for key in one["rule"].values())),
            float(one["size_ns"]),
            tuple(map(_read, one["changes"])),
        )
        for one in fields["cases"]
    )
    texts = {name: tuple(map(str, fields[name])) for name in ("all_cases", "notes")}
    record = Record(
        **{**fields, **texts, "plan": plan, "shard": Shard(**fields["shard"]), "cases": cases}
    )
    whole = 1 <= record.shard.number <= record.shard.of and record.shard.by in (CASES, GENERATIONS)
    if not whole or type(record.done) is not int or record.others < 0:
        raise ValueError
    return record


def _tell(change: float) -> float | str:
    """Return a change as JSON has it, which knows no infinity."""
    return change if math.isfinite(change) else str(change)


def _read(change: object) -> float:
    value = float(change)  # type: ignore[arg-type]
    if math.isnan(value):
        raise ValueError
    return value


def check_resumable(record: Record, plan: Plan, shard: Shard, machine: str, path: Path) -> Record:
    """Return the record if a check of that plan can go on from it. Raises RecordError."""
    differing = [
        name
        for name, before, now in (
            ("base", record.plan.base, plan.base),
            ("head", record.plan.head, plan.head),
            (
                "what is compared or how",
                replace(record.plan, base="", head=""),
                replace(plan, base="", head=""),
            ),
            ("--shard", record.shard, shard),
            ("machine", record.machine, machine),
        )
        if before != now
    ]
    if differing:
        raise RecordError(f"{path}: cannot be gone on with: not the same {', '.join(differing)}")
    if record.is_whole:
        raise RecordError(
            f"{path}: has come to its end already: `garagebench judge {path}` tells the verdict"
        )
    return record


def name_cases(rules: Rules) -> tuple[str, ...]:
    """Return the names under which the cases of a plan are the same on every machine."""
    return tuple(f"{case.title}@{case.runtime}" for case in rules)
