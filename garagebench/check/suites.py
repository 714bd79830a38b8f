"""Test suites as pairs of sides: `--pytest PATH`. Each benchmark is tried once on both before anything is measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from garagebench.check.benchmark_files import SharedFiles, find_ignored, find_own_modules
from garagebench.engine import Progress
from garagebench.engine.channel import WorkerFailed
from garagebench.engine.conductor import TIMEOUT_S
from garagebench.engine.interpreter import find_interpreter
from garagebench.engine.runner import Runner, start_runner
from garagebench.engine.schedule import Pace
from garagebench.engine.target import Target
from garagebench.errors import GarageError
from garagebench.gate.pairs import Pair
from garagebench.gate.trees.git import NotComparable
from garagebench.gate.trees.revisions import Tree, Trees
from garagebench.gate.trees.scratch import TEMPORARY

FACTORY = "garagebench.subjects.pytest_suites:make_subject"

#: What a suite is called among other subjects.
SUBJECT = "pytest"

#: Seconds that the calls of a trial may take, setup and teardown apart: a benchmark that takes longer is left out.
MOST_TRIAL_S = 20.0

#: Entering a case with this pace calls nothing.
NO_CALLS = Pace(0, 1)

OK, ABSENT, TOO_SLOW, FAILED = "ok", "absent", "too slow", "failed"


class BrokenHead(GarageError):
    """Benchmarks work in base and fail in head."""


@dataclass(frozen=True)
class SuiteSettings:
    """What pytest is given. paths: files and directories, relative to where it is started; options: what stood after `--`.

    benchmarks_from: "head", "base" or "each": whose benchmark files are used on both sides.
    """

    paths: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    benchmarks_from: str = "head"
    require_all: bool = False


@dataclass(frozen=True)
class Trial:
    """How a benchmark went on one side: "ok", "absent", "too slow", "failed" or "skipped", why, and what it answered."""

    status: str
    reason: str = ""
    answers: tuple[str, ...] = ()


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
    package: Path,
    *,
    runtime: str | None = None,
    allow_different: bool = False,
    only: Collection[str] | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Suite:
    """Try every benchmark on both sides; return what can be judged.

    package: where garagebench is. allow_different: whether benchmark files and answers may differ between the sides.
    only: the benchmarks that are tried; None: all. Raises NotComparable, BrokenHead.
    """
    files = SharedFiles(trees, settings.paths)
    pair = _make_pair(settings, trees, files, package, runtime)
    gone: tuple[str, ...] = ()
    notes: list[str] = []
    if files.differ():
        if settings.benchmarks_from != "each":
            gone = _list_cases(pair, settings.benchmarks_from)
            files.share(settings.benchmarks_from)
            notes.append(
                f"benchmark files differ between the sides: those of {settings.benchmarks_from} are used on both"
            )
        elif not allow_different:
            raise NotComparable(
                "the benchmark files differ between the sides: --benchmarks-from head uses the same on both, "
                "--allow-different-answers compares them as they are"
            )
    if only is not None:
        pair = _choose(pair, sorted(only))
    base, head = try_sides(pair, trees, on_progress)
    for name in gone if only is None else ():
        (head if settings.benchmarks_from == "head" else base).trials.setdefault(
            name, Trial(ABSENT, "it is not in these benchmark files")
        )
        (base if settings.benchmarks_from == "head" else head).trials.setdefault(name, Trial(OK))
    sources = _check_sources(base, head, trees, files)
    cases, one_sided = _match(base.trials, head.trials)
    if not allow_different:
        notes += _compare_answers(pair, trees, cases, base.trials, head.trials)
    return Suite(_choose(pair, cases), cases, tuple(one_sided), sources, tuple(notes))


def _make_pair(
    settings: SuiteSettings, trees: Trees, files: SharedFiles, package: Path, runtime: str | None
) -> Pair:
    interpreter = find_interpreter(runtime or "")
    targets = [
        Target(
            FACTORY,
            {
                "root": str(tree.path / files.folder),
                "paths": files.paths,
                "options": list(settings.options),
                "temporary": str(tree.path.parent / TEMPORARY),
            },
            {"garagebench": str(package)},
        ).move(str(trees.working_tree), str(tree.path))
        for tree in (trees.base, trees.head)
    ]
    return Pair(
        SUBJECT, interpreter.label, interpreter.path, (targets[0], targets[1]), has_whole_names=True
    )


def _list_cases(pair: Pair, side: str) -> tuple[str, ...]:
    """Return the benchmarks of the other side's own files; none where they cannot be collected."""
    target = pair.places[0 if side == "head" else 1]
    runner = start_runner(pair.python)
    try:
        return tuple(case.name for case in runner.load(target, TIMEOUT_S).cases)
    except WorkerFailed:
        return ()  # they are not used: what is wrong with them is no matter
    finally:
        runner.close()


class Side:
    """Tries the benchmarks of one side. trials: what came of them. modules: what was imported: module -> file."""

    def __init__(self, python: str, target: Target, on_case: Callable[[], None]) -> None:
        self.trials: dict[str, Trial] = {}
        self.modules: dict[str, str] = {}
        self._python = python
        self._target = target
        self._on_case = on_case
        self._runner: Runner | None = None
        self._is_stopped = False

    def run(self) -> None:
        """Try all; a benchmark that hangs ends its process, and the others are tried in another one. Raises WorkerFailed."""
        self._run(None, is_called_more=True)
        # A test may count its calls, and fail only where there are more than it makes by itself.
        failed = [case for case, trial in self.trials.items() if trial.status == FAILED]
        if failed:
            self._run(failed, is_called_more=False)

    def _run(self, left: list[str] | None, *, is_called_more: bool) -> None:
        is_alive = False
        # A process that hangs has nothing more to say: what it has imported is asked of another one.
        while (left is None or left or not is_alive) and not self._is_stopped:
            self._runner = start_runner(self._python)
            try:
                cases = [one.name for one in self._runner.load(self._target, TIMEOUT_S).cases]
                left, is_alive = self._try(
                    self._runner, cases if left is None else left, is_called_more=is_called_more
                )
                self.modules |= self._runner.modules(TIMEOUT_S) if is_alive else {}
            finally:
                self._runner.close()

    def _try(
        self, runner: Runner, cases: Sequence[str], *, is_called_more: bool
    ) -> tuple[list[str], bool]:
        """Try the cases; return what is left of them where one ended its process, and whether none did."""
        for number, case in enumerate(cases):
            left = list(cases[number + 1 :])
            try:
                runner.enter(case, left[0] if left else None, NO_CALLS, TIMEOUT_S)
            except WorkerFailed as failure:
                if failure.status == "invalid":
                    self.trials[case] = Trial(FAILED, str(failure))
                    return left, False
                self.trials[case] = Trial(failure.status, str(failure))
                self._on_case()
                continue
            try:
                answers = runner.answers(case, MOST_TRIAL_S) if is_called_more else ()
                end = runner.leave(TIMEOUT_S)
            except WorkerFailed as failure:
                hangs = "hangs" in str(failure)
                why = f"two calls take more than {MOST_TRIAL_S:g} s" if hangs else str(failure)
                self.trials[case] = Trial(TOO_SLOW if hangs else FAILED, why)
                return left, False
            if end.status == "passed":
                self.trials[case] = Trial(OK, answers=tuple(answers))
            else:
                self.trials[case] = Trial(end.status, end.reason)
            self._on_case()
        return [], True

    def stop(self) -> None:
        """End it from another thread."""
        self._is_stopped = True
        if self._runner is not None:
            self._runner.close()


def try_sides(
    pair: Pair, trees: Trees, on_progress: Callable[[Progress], None]
) -> tuple[Side, Side]:
    """Try the benchmarks of both sides at once. Raises NotComparable, BrokenHead where there is nothing to try."""
    begin = time.monotonic()
    tried = [0]

    def count() -> None:
        tried[0] += 1
        elapsed_s = time.monotonic() - begin
        on_progress(Progress(tried[0], None, elapsed_s, float("inf"), "trial"))

    base, head = (Side(pair.python, target, count) for target in pair.places)
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
            raise _explain(trees, tree, failure, is_head=tree is trees.head)
    return base, head


def _explain(trees: Trees, tree: Tree, failure: BaseException, *, is_head: bool) -> BaseException:
    if not isinstance(failure, WorkerFailed):
        return failure
    said = str(failure).replace(f"{tree.path}/", "")
    lacking = find_ignored(said, trees)
    if lacking is not None:
        return NotComparable(
            f"{SUBJECT} in {tree.label}: {said}: {lacking} is there, but git ignores it, so that the copies lack it: "
            "add it to git (git add --force), or let the code do without it"
        )
    if is_head:
        return BrokenHead(f"{SUBJECT} in {tree.label}: {said}")
    return NotComparable(
        f"{SUBJECT} in {tree.label}: {said}: where head's benchmark files use what base does not have, "
        "--benchmarks-from base or a newer base compares what both have"
    )


def _match(
    base: Mapping[str, Trial], head: Mapping[str, Trial]
) -> tuple[tuple[str, ...], list[OneSided]]:
    """Return what works on both sides, and all else. Raises BrokenHead, NotComparable."""
    absent = Trial(ABSENT)
    cases, one_sided, broken = [], [], []
    for name in {**base, **head}:
        before, after = base.get(name, absent), head.get(name, absent)
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


def _check_sources(
    base: Side, head: Side, trees: Trees, files: SharedFiles
) -> dict[str, tuple[str, str]]:
    """Return where the repository's modules come from. Raises NotComparable where they are not those of the copies."""
    own = find_own_modules(trees.head.path / files.folder)
    sides: list[dict[str, str]] = []
    for side, tree in ((base, trees.base), (head, trees.head)):
        found = {}
        for name, file in side.modules.items():
            path = Path(file)
            inside = path.relative_to(tree.path) if path.is_relative_to(tree.path) else None
            if inside is None and name in own:
                raise NotComparable(
                    f"{name} comes from {file} and not from {tree.label}: what is installed is in the way: "
                    f"pip install --editable . (or pip uninstall {name})"
                )
            if inside is not None and not files.holds(inside):
                found[name] = str(inside)
        sides.append(found)
    if not any(sides):
        raise NotComparable(
            "the benchmarks import nothing of this repository but themselves, so that both sides would be the same: "
            "install it (pip install --editable .) and see that its modules are at the top or in src"
        )
    return {
        name: (sides[0].get(name, ""), sides[1].get(name, "")) for name in {**sides[0], **sides[1]}
    }


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
        again = try_sides(_choose(pair, differing), trees, lambda _: None)
        for case in differing:
            agrees = all(
                side.trials.get(case) == before[case]
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


def _choose(pair: Pair, cases: Sequence[str]) -> Pair:
    base, head = (
        replace(target, arguments={**target.arguments, "only": list(cases)})
        for target in pair.places
    )
    return replace(pair, places=(base, head))


def _differ(base: Trial, head: Trial) -> bool:
    return bool(base.answers and head.answers) and base.answers != head.answers


def _shorten(trial: Trial) -> str:
    text = trial.answers[0]
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004  fits a line
