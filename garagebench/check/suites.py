"""Test suites as pairs of sides: `--pytest PATH`. Each benchmark is tried once on both before anything is measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from garagebench.check.benchmark_files import SharedFiles, find_ignored
from garagebench.check.environments import SideInterpreters
from garagebench.check.sources import find_sources
from garagebench.engine import Progress
from garagebench.engine.channel import WorkerFailed
from garagebench.engine.conductor import TIMEOUT_S
from garagebench.engine.runner import start_runner
from garagebench.errors import GarageError
from garagebench.gate.pairs import Pair
from garagebench.gate.trees.git import NotComparable
from garagebench.gate.trees.revisions import Tree, Trees
from garagebench.gate.trees.scratch import TEMPORARY
from garagebench.run.trials import (
    ABSENT,
    FAILED,
    OK,
    Trial,
    Trials,
    choose_cases,
    make_suite_target,
)
from garagebench.subjects.case_names import count_alike


class BrokenHead(GarageError):
    """Benchmarks work in base and fail in head."""


@dataclass(frozen=True)
class SuiteSettings:
    """What pytest is given. paths: files and directories, relative to where it is started; options: what stood after `--`.

    kind: "pytest", or "asv" for directories of benchmarks for asv, which takes no options.
    benchmarks_from: "head", "base" or "each": whose benchmark files are used on both sides.
    """

    paths: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    benchmarks_from: str = "head"
    require_all: bool = False
    kind: str = "pytest"


@dataclass(frozen=True)
class OneSided:
    """A benchmark that is not judged, with the fields of its JSON: how it went on each side, and why."""

    case: str
    base: str
    head: str
    reason: str


@dataclass(frozen=True)
class Suite:
    """A suite that is ready to be measured. sources: module -> the file it comes from in base and in head."""

    pair: Pair
    cases: tuple[str, ...]
    one_sided: tuple[OneSided, ...] = ()
    sources: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def prepare_suite(
    settings: SuiteSettings,
    trees: Trees,
    files: SharedFiles,
    interpreters: SideInterpreters,
    package: Path,
    *,
    allow_different: bool = False,
    only: Collection[str] | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Suite:
    """Try every benchmark on both sides; return what can be judged.

    files: the benchmark files that are used. package: where garagebench is. allow_different: whether benchmark files and answers may differ between the sides.
    only: the benchmarks that are tried; None: all. Raises NotComparable, BrokenHead.
    """
    pair = _make_pair(settings, trees, files, interpreters, package)
    gone: tuple[str, ...] = ()
    notes: list[str] = []
    if files.shared_from is not None:
        with files.unshared():
            gone = _list_cases(pair, files.shared_from)
        notes.append(
            f"benchmark files differ between the sides: those of {files.shared_from} are used on both"
        )
    if only is not None:
        pair = choose(pair, sorted(only))
    base, head = try_sides(pair, trees, on_progress)
    for name in gone if only is None else ():
        (head if settings.benchmarks_from == "head" else base).found.setdefault(
            name, Trial(ABSENT, "it is not in these benchmark files")
        )
        (base if settings.benchmarks_from == "head" else head).found.setdefault(name, Trial(OK))
    sources = find_sources((base.modules, head.modules), trees, files, interpreters)
    cases, one_sided = _match(base.found, head.found)
    if not allow_different:
        notes += _compare_answers(pair, trees, cases, base.found, head.found)
    return Suite(choose(pair, cases), cases, tuple(one_sided), sources, tuple(notes))


def _make_pair(
    settings: SuiteSettings,
    trees: Trees,
    files: SharedFiles,
    interpreters: SideInterpreters,
    package: Path,
) -> Pair:
    label, python = interpreters.find()
    targets = [
        make_suite_target(
            settings.kind,
            tree.path / files.folder,
            files.paths,
            settings.options,
            tree.path.parent / TEMPORARY,
            package,
            environment,
        ).move(str(trees.working_tree), str(tree.path))
        for tree, environment in zip((trees.base, trees.head), interpreters.paths, strict=True)
    ]
    places = interpreters.equip((targets[0], targets[1]))
    return Pair(settings.kind, label, python, places, has_whole_names=True)


def _list_cases(pair: Pair, side: str) -> tuple[str, ...]:
    """Return the benchmarks of the other side's own files; none where they cannot be collected."""
    place = 0 if side == "head" else 1
    target = pair.places[place]
    # What is compiled now would be taken for that of the other side's file, should it be as long.
    runner = start_runner(pair.pythons[place], environment={"PYTHONDONTWRITEBYTECODE": "1"})
    try:
        return tuple(case.name for case in runner.load(target, TIMEOUT_S).cases)
    except WorkerFailed:
        return ()  # they are not used: what is wrong with them is no matter
    finally:
        runner.close()


def try_sides(
    pair: Pair, trees: Trees, on_progress: Callable[[Progress], None]
) -> tuple[Trials, Trials]:
    """Try the benchmarks of both sides at once. Raises NotComparable, BrokenHead where there is nothing to try."""
    begin = time.monotonic()
    tried = [0]

    def count() -> None:
        tried[0] += 1
        elapsed_s = time.monotonic() - begin
        on_progress(Progress(tried[0], None, elapsed_s, float("inf"), "trial"))

    base, head = (Trials(pair.python, target, count) for target in pair.places)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(side.run) for side in (base, head)]
        try:
            failures = [run.exception() for run in runs]
        except BaseException:
            for side in (base, head):
                side.stop()
            raise
    for tree, failure in ((trees.head, failures[1]), (trees.base, failures[0])):
        if failure is not None:
            raise _explain(pair.subject, trees, tree, failure, is_head=tree is trees.head)
    return base, head


def _explain(
    kind: str, trees: Trees, tree: Tree, failure: BaseException, *, is_head: bool
) -> BaseException:
    if not isinstance(failure, WorkerFailed):
        return failure
    said = str(failure).replace(f"{tree.path}/", "")
    lacking = find_ignored(said, trees)
    if lacking is not None:
        return NotComparable(
            f"{kind} in {tree.label}: {said}: {lacking} is there, but git ignores it, so that the copies lack it: "
            "add it to git (git add --force), or let the code do without it"
        )
    if is_head:
        return BrokenHead(f"{kind} in {tree.label}: {said}")
    return NotComparable(
        f"{kind} in {tree.label}: {said}: where head's benchmark files use what base does not have, "
        "--benchmarks-from base or a newer base compares what both have"
    )


def _match(
    base: Mapping[str, Trial], head: Mapping[str, Trial]
) -> tuple[tuple[str, ...], list[OneSided]]:
    """Return what works on both sides, and all else. Raises BrokenHead, NotComparable."""
    absent = Trial(ABSENT)
    cases, one_sided, broken = [], [], []
    counts, counts_after = count_alike(base), count_alike(head)
    for name in {**base, **head}:
        before, after = base.get(name, absent), head.get(name, absent)
        alike, _, _ = name.rpartition(" ")
        count, count_after = counts.get(alike, 0), counts_after.get(alike, 0)
        if count != count_after:
            why = f"its id holds an address, and there are {count} such in base and {count_after} in head"
            one_sided.append(OneSided(name, before.status, after.status, why))
            continue
        if before.status == after.status == OK:
            cases.append(name)
            continue
        if before.status == OK and after.status == FAILED:
            broken.append(f"{name}: {after.reason}")
        why = after.reason or before.reason
        one_sided.append(OneSided(name, before.status, after.status, why))
    if broken:
        raise BrokenHead(f"works in base and fails in head: {'; '.join(broken)}")
    if not cases:
        first = one_sided[0]
        raise NotComparable(
            f"no benchmark works on both sides; {first.case}: {first.base} in base, {first.head} in head: {first.reason}"
        )
    return tuple(cases), one_sided


def _compare_answers(
    pair: Pair,
    trees: Trees,
    cases: Sequence[str],
    base: Mapping[str, Trial],
    head: Mapping[str, Trial],
) -> Iterator[str]:
    """Yield what is to be said of the answers. Raises NotComparable where the sides answer differently.

    What differs is asked for once more in fresh processes: a side that does not agree with itself is not compared.
    """
    differing = [case for case in cases if _differ(base[case], head[case])]
    if differing:
        again = try_sides(choose(pair, differing), trees, lambda _: None)
        for case in differing:
            agrees = all(
                side.found.get(case) == before[case]
                for side, before in zip(again, (base, head), strict=True)
            )
            if agrees:
                raise NotComparable(
                    f"the sides answer differently: {case} is {_shorten(base[case])} in base and "
                    f"{_shorten(head[case])} in head; --allow-different-answers compares them all the same"
                )
    silent = [case for case in cases if not (base[case].answers and head[case].answers)]
    if len(silent) + len(differing) > 0:
        yield f"answers not compared of {len(silent) + len(differing)} of {len(cases)} benchmarks: no plain data, or not the same twice"


def choose(pair: Pair, cases: Sequence[str]) -> Pair:
    """Return the pair with those benchmarks alone."""
    base, head = (choose_cases(target, cases) for target in pair.places)
    return replace(pair, places=(base, head))


def _differ(base: Trial, head: Trial) -> bool:
    return bool(base.answers and head.answers) and base.answers != head.answers


def _shorten(trial: Trial) -> str:
    text = trial.answers[0]
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004  fits a line
