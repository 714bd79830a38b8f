"""Two revisions of a repository, measured live: from what the user asked for to a verdict."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from garagebench.check.benchmark_files import SharedFiles, share_files
from garagebench.check.certificate import cite
from garagebench.check.commands import CommandSettings, PreparedCommands, prepare_commands
from garagebench.check.environments import InstallSettings, SideInterpreters, install_sides
from garagebench.check.functions import choose_calls, make_function_pairs
from garagebench.check.parts import Keeper, Keeping
from garagebench.check.suggestions import suggest
from garagebench.check.suites import Suite, SuiteSettings, choose, prepare_suite
from garagebench.check.verdict import MAX_SLOWDOWN, NO_WITNESS, Verdict, add_suite, make_verdict
from garagebench.core.workload import make_workload
from garagebench.engine import Progress
from garagebench.engine.channel import WorkerFailed
from garagebench.engine.conductor import TIMEOUT_S
from garagebench.engine.instructions import find_valgrind
from garagebench.engine.interpreter import find_interpreter
from garagebench.engine.metadata import collect_environment, describe_machine
from garagebench.engine.runner import start_runner
from garagebench.engine.target import Target
from garagebench.errors import GarageError, UnknownName
from garagebench.exit_codes import WRONG
from garagebench.gate.case import CaseKey, GateResult, Thresholds
from garagebench.gate.limit import Forecast, Limit
from garagebench.gate.live import LiveGate
from garagebench.gate.pairs import Pair
from garagebench.gate.record import Plan, Record
from garagebench.gate.state import State
from garagebench.gate.trees.digest import digest_tree
from garagebench.gate.trees.git import NotComparable
from garagebench.gate.trees.revisions import Tree, Trees, two_trees
from garagebench.gate.witness import Witness, count_pairs, testify
from garagebench.impls.registry import find_entry, is_file
from garagebench.run.experiment import load_layout
from garagebench.run.recipes import check_impl, impl_label
from garagebench.run.rules import complete
from garagebench.subjects.requests import STAGES

if TYPE_CHECKING:
    from garagebench.core.layout import Layout
    from garagebench.core.workload import Workload

#: Seconds that counting both sides of an implementation takes, about.
COUNT_S = 40.0

#: Where the garagebench is that runs.
PACKAGE = Path(__file__).parents[1]


class RegressionError(GarageError):
    """What was asked for cannot be compared; the text says what can."""


class WrongHead(GarageError):
    """Head answers wrongly: it has no time that could be compared."""


@dataclass(frozen=True)
class CheckSettings:
    """What is compared and how. head: None for the working tree.

    base: a revision, or a result file, to which alone trust_other_machine matters.
    only: names of the cases that are judged; None: all.
    """

    base: str
    head: str | None = None
    impls: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    suite: SuiteSettings = field(default_factory=SuiteSettings)
    command: CommandSettings = field(default_factory=CommandSettings)
    install: InstallSettings = field(default_factory=InstallSettings)
    runtime: str | None = None
    layout: str = "seed"
    spaces: int | None = None
    workload: str = "fill"
    operation: str = "both"
    limit: Limit = field(default_factory=Limit)
    thresholds: Thresholds = field(default_factory=lambda: Thresholds(MAX_SLOWDOWN))
    seed: int = 0
    allow_different_answers: bool = False
    trust_other_machine: bool = False
    count_instructions: bool = False
    fail_fast: bool = False
    only: frozenset[str] | None = None
    keeping: Keeping = field(default_factory=Keeping)


@dataclass(frozen=True)
class Prepared:
    """What is compared, ready to be measured. garages: of which all others are not. caveats: what is to be known of it."""

    trees: Trees
    pairs: tuple[Pair, ...]
    garages: frozenset[str]
    suite: Suite | None
    interpreters: SideInterpreters
    commands: PreparedCommands | None = None
    caveats: tuple[str, ...] = ()


def compare_revisions(
    settings: CheckSettings,
    repository: Path,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_forecast: Callable[[Forecast], None] = lambda _: None,
    on_output: Callable[[str], None] = lambda _: None,
) -> Verdict | Record:
    """Measure base and head in lock-step and judge; what cannot be compared is inconclusive, with the fix.

    on_forecast: is given, before a suite is measured, what is judged and how long it takes. on_output: is given what a
    command of an installation wrote that failed.

    Returns the record of a part, where there are others: there is no verdict yet.
    """
    if settings.count_instructions:
        find_valgrind()  # before anything is measured
    try:
        with prepare(settings, repository, on_progress, on_output) as ready:
            keeper = make_keeper(settings, ready)
            tell = on_forecast if ready.suite else lambda _: None
            found = make_gate(settings, ready, on_progress, keeper, tell).run()
            if not found.interrupted and found.cases:
                record = keeper.finish((*found.notes, *(ready.suite.notes if ready.suite else ())))
                if settings.keeping.is_part:
                    return record
            begin = time.monotonic()
            witness = _count(settings, ready, found, on_progress)
            seconds = found.seconds + time.monotonic() - begin
            notes = (*found.notes, *ready.caveats, *_cite(settings))
            found = replace(found, seconds=seconds, notes=notes)
            labels = ready.trees.base.label, ready.trees.head.label
            verdict = make_verdict(found, *labels, witness, ready.garages, settings.thresholds)
            base_commit, head_commit = ready.trees.commits
            verdict = replace(
                verdict,
                dependencies=ready.interpreters.differing,
                processes=ready.commands.processes if ready.commands else (),
                machine=describe_machine(),
                base_commit=base_commit,
                head_commit=head_commit,
            )
            if ready.suite is None:
                return verdict
            return add_suite(verdict, ready.suite, require_all=settings.suite.require_all)
    except (NotComparable, WrongHead) as error:
        head = "the working tree" if settings.head is None else settings.head
        return make_refusal(error, settings.base, head)


def plan_comparison(
    settings: CheckSettings,
    repository: Path,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_output: Callable[[str], None] = lambda _: None,
) -> Forecast:
    """Return what `compare_revisions` would judge and how long it would take. Raises NotComparable, WrongHead."""
    with prepare(settings, repository, on_progress, on_output) as ready:
        return make_gate(settings, ready, on_progress).forecast()


@contextlib.contextmanager
def prepare(
    settings: CheckSettings,
    repository: Path,
    on_progress: Callable[[Progress], None],
    on_output: Callable[[str], None] = lambda _: None,
) -> Iterator[Prepared]:
    """Copy both sides, install and load them once, and yield what is compared; the copies go when the block ends."""
    suite, installs = settings.suite, settings.install
    has_history = bool(installs.commands)
    with contextlib.ExitStack() as stack:
        trees = stack.enter_context(
            two_trees(repository, settings.base, settings.head, has_history=has_history)
        )
        allow = settings.allow_different_answers
        files = (
            share_files(trees, suite.paths, suite.benchmarks_from, allow_different=allow)
            if suite.paths
            else None
        )
        installing = install_sides(
            installs, trees, settings.runtime, on_progress=on_progress, on_output=on_output
        )
        interpreters = stack.enter_context(installing)
        yield _prepare_pairs(settings, trees, files, interpreters, on_progress)


def _prepare_pairs(
    settings: CheckSettings,
    trees: Trees,
    files: SharedFiles | None,
    interpreters: SideInterpreters,
    on_progress: Callable[[Progress], None],
) -> Prepared:
    """Load all that is compared once. files: those of the suite, where there is one."""
    functions = list(
        make_function_pairs(settings.subjects, trees, interpreters, locate_impl, PACKAGE)
    )
    garages = list(make_pairs(settings, trees, interpreters))
    try_to_load([*garages, *functions], trees)
    suite = None
    whole: list[Pair] = []
    caveats = (*interpreters.notes, *trees.caveats)
    if files is not None:
        suite = prepare_suite(
            settings.suite,
            trees,
            files,
            interpreters,
            PACKAGE,
            allow_different=settings.allow_different_answers,
            only=settings.only,
            on_progress=on_progress,
        )
        whole.append(suite.pair)
        caveats = (*suite.notes, *caveats)
    commands = None
    if settings.command.commands:
        commands = prepare_commands(settings.command, trees, interpreters, PACKAGE)
        whole += commands.pairs
        caveats = (*commands.notes, *caveats)
    pairs = (*garages, *map(choose_calls, functions), *whole)
    subjects = frozenset(pair.subject for pair in garages)
    return Prepared(trees, pairs, subjects, suite, interpreters, commands, caveats)


def make_keeper(settings: CheckSettings, ready: Prepared) -> Keeper:
    """Return what keeps the check. Raises RecordError."""
    trees, suite = ready.trees, settings.suite
    named = (
        *(f"--impl {name}" for name in settings.impls),
        *(f"--subject {name}" for name in settings.subjects),
        *(f"--{suite.kind} {path}" for path in suite.paths),
        *(f"--command {text}" for text in settings.command.commands),
        *settings.install.options,
        *suite.options,
        suite.benchmarks_from,
    )
    kept = settings.keeping.output is not None
    plan = Plan(
        trees.base.commit,
        f"{trees.head.commit} {digest_tree(trees.head.path)}" if kept else trees.head.commit,
        named,
        settings.thresholds.percent,
        settings.thresholds.particular,
        settings.limit.generations,
        settings.seed,
    )
    labels = trees.base.label, trees.head.label
    dependencies = ready.interpreters.differing
    garages = sorted(ready.garages)
    return Keeper(settings.keeping, plan, labels, trees.commits, garages, ready.suite, dependencies)


def make_gate(
    settings: CheckSettings,
    ready: Prepared,
    on_progress: Callable[[Progress], None],
    keeper: Keeper | None = None,
    on_forecast: Callable[[Forecast], None] = lambda _: None,
) -> LiveGate:
    """Return the gate that judges what is ready. keeper: is given what is known at each look."""
    begin = time.monotonic()

    def on_look(state: State, done: int, sizes_ns: Mapping[CaseKey, float]) -> None:
        if keeper is not None:
            keeper.keep(state, done, sizes_ns, time.monotonic() - begin)

    return LiveGate(
        ready.pairs,
        thresholds=settings.thresholds,
        limit=settings.limit,
        seed=settings.seed,
        exchange=ready.trees.exchange,
        on_progress=on_progress,
        allow_different_answers=settings.allow_different_answers,
        fail_fast=settings.fail_fast,
        only=settings.only,
        shard=settings.keeping.shard,
        before=None if keeper is None else keeper.before,
        on_forecast=on_forecast,
        on_look=on_look,
        complete=complete,
    )


def make_refusal(error: NotComparable | WrongHead, base: str, head: str) -> Verdict:
    """Return the verdict on what cannot be compared: inconclusive; a head that answers wrongly is worse."""
    found = GateResult("inconclusive", {}, None, 0.0, (str(error),))
    verdict = make_verdict(found, base, head)
    return replace(verdict, exit_code=WRONG) if isinstance(error, WrongHead) else verdict


def try_to_load(pairs: Sequence[Pair], trees: Trees) -> None:
    """Load both sides of every pair once, before anything is measured.

    A head that cannot be loaded is an error, and one with wrong answers is said to be so; a base that is either leaves
    nothing to compare with. Raises RegressionError, WrongHead, NotComparable.
    """
    for pair in pairs:
        load_head(pair.pythons[1], pair.places[1], pair.name, trees.head)
        try:
            _load(pair.pythons[0], pair.places[0])
        except WorkerFailed as failure:
            what = f"{pair.name} in {_describe(failure, trees.base)}"
            raise NotComparable(
                f"nothing to compare with: {what}; name a base in which it works"
            ) from None


def load_head(python: str, target: Target, name: str, tree: Tree | None = None) -> None:
    """Load what is to be judged, once. tree: where it comes from, if from a copy. Raises RegressionError, WrongHead."""
    try:
        _load(python, target)
    except WorkerFailed as failure:
        error = WrongHead if failure.status == "wrong" else RegressionError
        raise error(f"{name}{' in' * (tree is not None)} {_describe(failure, tree)}") from None


def _load(python: str, target: Target) -> None:
    with contextlib.closing(start_runner(python)) as runner:
        runner.load(target, TIMEOUT_S)


def _describe(failure: WorkerFailed, tree: Tree | None) -> str:
    if tree is None:
        return str(failure)
    # The copy is gone when this is read.
    return f"{tree.label}: {str(failure).replace(f'{tree.path}{os.sep}', '')}"


def _cite(settings: CheckSettings) -> Iterator[str]:
    """Yield what a selftest of such a gate has shown here, if there was one."""
    processor = str(collect_environment().get("cpu_model_name", "unknown"))
    runtime = find_interpreter("").label
    limit = settings.limit
    cited = cite(limit.seconds, limit.generations, settings.thresholds.percent, processor, runtime)
    if cited is not None and settings.runtime is None:
        yield cited


def _count(
    settings: CheckSettings,
    ready: Prepared,
    found: GateResult,
    on_progress: Callable[[Progress], None],
) -> Witness:
    if not settings.count_instructions or found.interrupted:
        return NO_WITNESS

    trees = ready.trees
    apart = {pair.subject for pair in ready.commands.pairs} if ready.commands else set()
    pairs = [pair for pair in ready.pairs if pair.subject not in apart]
    if ready.suite is not None:
        # What is level needs no witness, and to count it takes long.
        judged = make_verdict(found, "", "", thresholds=settings.thresholds).cases
        told = [case.case for case in judged if not case.is_level]
        mine = [name for name in ready.suite.cases if name in told]
        pairs = [choose(pair, mine) if pair is ready.suite.pair else pair for pair in pairs]
        pairs = [pair for pair in pairs if mine or pair.subject != ready.suite.pair.subject]

    def pass_on(done: int) -> None:
        expected_s = COUNT_S * len(pairs)
        on_progress(Progress(done, len(pairs), COUNT_S * done, expected_s, "count"))

    witness = count_pairs(pairs, (str(trees.base.path), str(trees.head.path)), pass_on)
    if ready.commands is not None:
        witness = witness.add(ready.commands.count(trees.base.path.parent / "count"))
    said = testify(found.cases, witness.cases, settings.thresholds)
    return replace(witness, notes=(*said, *witness.notes))


def make_pairs(
    settings: CheckSettings, trees: Trees, interpreters: SideInterpreters
) -> Iterator[Pair]:
    """Yield each implementation on both sides.

    In garagebench's own repository all that runs in the worker comes from each tree; in any other, the user's module.
    """
    own = is_own(trees.base.path) and is_own(trees.head.path)
    layout = load_layout(settings.layout, settings.spaces)
    workload = make_workload(settings.workload, layout, settings.seed)
    known: dict[tuple[str, str], str] = {}
    named = (settings.impls, settings.subjects, settings.suite.paths, settings.command.commands)
    is_named = any(named)
    usual = ("lists",) if own and not is_named else ()
    for impl in dict.fromkeys(settings.impls or usual):
        if not is_file(impl) and not own:
            what = "has no :NAME" if impl.endswith(".py") else "is not a part of this repository"
            raise UnknownName(f"{impl} {what}; name what is, as path/to/file.py:NAME")
        if settings.head is None:
            check_impl(impl)
        entry = find_entry(impl)
        wanted = settings.runtime or entry.runtime or ""
        runtime, python = interpreters.find(wanted)
        label = impl_label(impl)
        other = known.setdefault((label, runtime), impl)
        if other != impl:
            raise RegressionError(
                f"two implementations are called {label}: {other} and {impl}; check them one by one"
            )
        tree = trees.working_tree
        package = tree / "garagebench" if own else PACKAGE
        base, head = (
            make_target(settings, reference, layout, workload, package).move(str(tree), str(root))
            for root, reference in zip(
                (trees.base.path, trees.head.path), locate_impl(impl, trees), strict=True
            )
        )
        yield Pair(label, runtime, python, interpreters.equip((base, head), wanted))
    if not is_named and not own:
        raise UnknownName(suggest(trees.working_tree, settings.base))


def locate_impl(impl: str, trees: Trees) -> tuple[str, str]:
    """Return the name by which a worker finds the implementation on each side."""
    if not is_file(impl):
        return impl, impl
    path, _, name = impl.rpartition(":")
    base, head = trees.locate(Path(path))
    inside = trees.find_left_out(Path(path))
    if inside is not None:
        raise NotComparable(
            f"{path} is in {inside}, a repository of its own, which is not compared: run garagebench in that one"
        )
    if not head.is_file():
        raise RegressionError(f"{path}: no such file in {trees.head.label}")
    if not base.is_file():
        raise NotComparable(
            f"{path} is not in {trees.base.label}: there is nothing to compare it with; name a base that has it"
        )
    return f"{base}:{name}", f"{head}:{name}"


def make_target(
    settings: CheckSettings, impl: str, layout: Layout, workload: Workload, package: Path = PACKAGE
) -> Target:
    """Return what is loaded for one side. package: where garagebench itself is."""
    operations = ["park", "unpark"] if settings.operation == "both" else [settings.operation]
    arguments = {
        "impl": impl,
        "layout": layout.to_data(),
        "workload": workload.to_data(),
        "operations": operations,
        "stages": [stage for operation in operations for stage in STAGES[operation]],
    }
    return Target("garagebench.subject:make_subject", arguments, {"garagebench": str(package)})


def is_own(tree: Path) -> bool:
    """Tell whether the tree is garagebench's own."""
    return (tree / "garagebench" / "subject.py").is_file()
