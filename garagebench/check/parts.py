"""A check that keeps what it measures, in parts or whole, and the verdict on all parts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from garagebench.check.suites import OneSided, Suite
from garagebench.check.verdict import Verdict, make_verdict
from garagebench.engine.metadata import describe_machine
from garagebench.gate.case import CaseKey
from garagebench.gate.joint import check_parts, judge_parts
from garagebench.gate.record import (
    Measured,
    Plan,
    Record,
    RecordError,
    Shard,
    check_resumable,
    load,
    save,
)
from garagebench.gate.state import State
from garagebench.gate.trees.environments import Dependency

#: Variables by which a CI says which run of which attempt a job is of: GitHub's and GitLab's.
RUN = ("GITHUB_RUN_ID", "CI_PIPELINE_ID")
ATTEMPT = ("GITHUB_RUN_ATTEMPT",)


@dataclass(frozen=True)
class Keeping:
    """What is kept of a check. output: the file; None: nothing. shard: its part. resume: go on with what the file has."""

    output: Path | None = None
    shard: Shard = field(default_factory=Shard)
    resume: bool = False

    @property
    def is_part(self) -> bool:
        """Whether there are other parts, so that there is no verdict yet."""
        return self.shard.of > 1


class Keeper:
    """Writes the record of one check at each of its looks.

    labels, commits: base's and head's. garages: the subjects that are. Raises RecordError, ResultError.
    """

    def __init__(
        self,
        keeping: Keeping,
        plan: Plan,
        labels: tuple[str, str],
        commits: tuple[str, str | None],
        garages: Sequence[str],
        suite: Suite | None,
        dependencies: Sequence[Dependency] = (),
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._path = keeping.output
        self.before: dict[CaseKey, Sequence[float]] = {}
        extra = {
            "garages": list(garages),
            "one_sided": [asdict(one) for one in (suite.one_sided if suite else ())],
            "sources": dict(suite.sources) if suite else {},
            "has_suite": suite is not None,
            "dependencies": [asdict(one) for one in dependencies],
            "commits": list(commits),
        }
        notes = suite.notes if suite else ()
        self._record = Record(
            plan, keeping.shard, describe_machine(), *labels, (), (), 0, 0.0, notes, extra=extra
        )
        self._record = replace(self._record, run=find_run(environment))
        if self._path is not None and self._path.exists():
            self._take_up(self._path, resume=keeping.resume)

    def _take_up(self, path: Path, *, resume: bool) -> None:
        """Go on from what is there already; what is whole is measured once, or it would be repeated until it passes."""
        now = self._record
        if not resume:
            raise RecordError(
                f"{path}: is there already: --resume {path} goes on with it, another --output begins anew"
            )
        then = check_resumable(load(path), now.plan, now.shard, now.machine, path)
        self.before = {one.case: one.changes for one in then.cases}
        self._record = replace(now, seconds=then.seconds, done=then.done)

    def keep(
        self, state: State, done: int, sizes_ns: Mapping[CaseKey, float], seconds: float
    ) -> None:
        """Write what there is at a look."""
        cases = tuple(
            Measured(case, rule, sizes_ns.get(case, 0.0), tuple(state.changes[case]))
            for case, rule in state.rules.items()
        )
        self._write(
            replace(
                self._record, cases=cases, all_cases=state.all_cases, done=done, seconds=seconds
            )
        )

    def finish(self, notes: Sequence[str]) -> Record:
        """Write that the check has come to its end. notes: what is to be said of it."""
        self._write(replace(self._record, is_whole=True, notes=tuple(notes)))
        return self._record

    def _write(self, record: Record) -> None:
        self._record = record
        if self._path is not None:
            save(record, self._path)


def find_run(environment: Mapping[str, str]) -> str | None:
    """Return which run of a CI this is, and its attempt; None outside of one."""
    run = next((environment[name] for name in RUN if environment.get(name)), None)
    attempt = next((environment[name] for name in ATTEMPT if environment.get(name)), "1")
    return None if run is None else f"{run}, attempt {attempt}"


def judge_files(paths: Sequence[Path]) -> Verdict:
    """Return the one verdict on all parts of a plan. Raises RecordError."""
    parts = {str(path): load(path) for path in paths}
    if len(parts) < len(paths):
        raise RecordError("a file is named twice: name each part once")
    check_parts(parts)
    records = sorted(parts.values(), key=lambda record: record.shard.number)
    first = records[0]
    verdict = make_verdict(
        judge_parts(records),
        first.base,
        first.head,
        impls=first.extra["garages"],
        thresholds=first.plan.thresholds,
    )
    one_sided = {OneSided(**one) for record in records for one in record.extra["one_sided"]}
    sources: dict[str, tuple[str, str]] = {
        name: (files[0], files[1])
        for record in records
        for name, files in record.extra["sources"].items()
    }
    # Those of an earlier version have no commits.
    base_commit, head_commit = first.extra.get("commits", (None, None))
    dependencies = {
        Dependency(**one) for record in records for one in record.extra.get("dependencies", ())
    }
    return replace(
        verdict,
        one_sided=tuple(sorted(one_sided, key=lambda one: one.case)),
        sources=sources,
        dependencies=tuple(sorted(dependencies, key=lambda one: one.name)),
        machine="; ".join(dict.fromkeys(record.machine for record in records)),
        base_commit=base_commit,
        head_commit=head_commit,
    )


def tell_part(record: Record) -> str:
    """Return what a job that measured one part says at its end."""
    return (
        f"part {record.shard.number} of {record.shard.of} measured: {len(record.cases)} of {len(record.all_cases)} cases, "
        f"{record.done} generations, in {record.seconds:.0f} s; `garagebench judge FILE...` on the files of all parts gives "
        "the verdict"
    )
