"""The user's own benchmarks, measured: functions (`run --subject`) and test suites (`run --pytest`)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from garagebench.engine import Contestant, Entrant, Progress, Result
from garagebench.engine.channel import WorkerFailed
from garagebench.engine.contestant import Problem
from garagebench.engine.extent import Extent, enough
from garagebench.engine.interpreter import Interpreter
from garagebench.engine.runner import Runner, start_runner
from garagebench.engine.target import Target
from garagebench.errors import UnknownName
from garagebench.exit_codes import ERROR, GOOD, INTERRUPTED
from garagebench.run.commands import (
    Start,
    format_use,
    make_command_target,
    run_alone,
    split_command,
    try_command,
)
from garagebench.run.conduct import conduct
from garagebench.run.functions import (
    count_calls,
    give_calls,
    make_function_target,
    split_subject,
)
from garagebench.run.recipes import Interpreters
from garagebench.run.recorded import read_settings
from garagebench.run.rows import BENCHMARKS
from garagebench.run.trials import FACTORIES, FAILED, OK, Trials, choose_cases, make_suite_target
from garagebench.stats.estimate import LEAST_GENERATIONS
from garagebench.system.interrupts import temporary_directory

#: The case of a function that is one of several: under one name, they are set in a ratio to the first.
CALL = "call"

CPU_TIME = "the time of a command is the CPU time of its processes, on one core"

_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class BenchmarkSettings:
    """What a run of the user's own benchmarks measures. runtimes: empty for the interpreter that runs this.

    subjects: FILE.py:NAME; pytest, asv, pyperf: paths of suites; pytest_options: what stood after `--`. commands: whole processes, with
    setup, which is run once, and prepare, which is run before each run. budget_s: seconds that are
    spent; generations: so many instead; neither: as long as intervals take.
    """

    subjects: tuple[str, ...] = ()
    pytest: tuple[str, ...] = ()
    pytest_options: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    budget_s: float | None = None
    generations: int | None = None
    seed: int = 0
    commands: tuple[str, ...] = ()
    setup: str | None = None
    prepare: str | None = None
    asv: tuple[str, ...] = ()
    pyperf: tuple[str, ...] = ()

    @property
    def suites(self) -> dict[str, tuple[str, ...]]:
        """Kind of suite -> its paths."""
        return {"pytest": self.pytest, "asv": self.asv, "pyperf": self.pyperf}


def run_benchmarks(
    settings: BenchmarkSettings,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    output: Path | None = None,
) -> Result:
    """Measure the benchmarks in lock-step; what cannot run is in the result with the reason. Raises UnknownName."""
    with temporary_directory("garagebench-") as temporary:
        return conduct(
            Benchmarks(settings, temporary, on_progress),
            choose_extent(settings),
            settings.seed,
            on_progress=on_progress,
            output=output,
        )


def exit_code(result: Result) -> int:
    """Return what the run's exit code is: 0, 1 (something that was named cannot run, or a benchmark failed), 130."""
    if result.interrupted:
        return INTERRUPTED
    left_out = read_settings(result).get("left_out", {}).values()
    failed = any(status == FAILED for cases in left_out for status, _ in cases.values())
    problems = any(one.problem is not None for one in result.contestants)
    return ERROR if failed or problems else GOOD


def choose_extent(settings: BenchmarkSettings) -> Extent:
    """Return how much is measured: for a suite, what intervals take is not too much."""
    is_free = settings.budget_s is None and settings.generations is None
    if is_free and any(settings.suites.values()):
        return Extent(generations=LEAST_GENERATIONS)
    return enough(settings.budget_s, settings.generations, LEAST_GENERATIONS)


class Benchmarks:
    """Every function, and the suite, on every interpreter. temporary: for the files of a suite. Raises UnknownName."""

    def __init__(
        self,
        settings: BenchmarkSettings,
        temporary: Path,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.notes: tuple[str, ...] = ()
        self._settings = settings
        self._temporary = temporary
        self._on_progress = on_progress
        self._labels: dict[str, tuple[str, str]] = {}
        self._left_out: dict[str, dict[str, list[str]]] = {}
        self._begin = time.monotonic()
        self._tried = 0
        self._targets = dict(self._make_targets())
        self._commands = dict(self._make_commands())

    def _make_targets(self) -> Iterator[tuple[str, Target]]:
        """Yield what is measured, under the name that it has in tables."""
        settings = self._settings
        places = [split_subject(subject) for subject in dict.fromkeys(settings.subjects)]
        names = [name for _, name in places]
        for path, name in places:
            file = Path(path).resolve()
            if not file.is_file():
                raise UnknownName(f"{path}:{name}: there is no file {path}")
            case = CALL if len(places) > 1 else None
            label = name if names.count(name) == 1 else f"{path}:{name}"
            yield label, make_function_target(str(file), name, _PACKAGE, case)
        for kind, paths in settings.suites.items():
            for path in paths:
                if not Path(path.partition("::")[0]).exists():
                    raise UnknownName(f"--{kind} {path}: there is no such file or directory")
            if paths:
                options, here = settings.pytest_options, Path.cwd()
                target = make_suite_target(kind, here, paths, options, self._temporary, _PACKAGE)
                yield kind, target

    def _make_commands(self) -> Iterator[tuple[str, Target]]:
        """Try each command once; yield them. Raises CommandFailed, CommandError."""
        settings, here = self._settings, Path.cwd()
        for text in (settings.setup, settings.prepare):
            if text:
                list(try_command(split_command(text), here))
        caveats: list[str] = []
        prepare = split_command(settings.prepare) if settings.prepare else ()
        starts = []
        for text in dict.fromkeys(settings.commands):
            words = split_command(text)
            caveats += try_command(words, here)
            starts.append(Start(words, here, os.environ, prepare))
            target = make_command_target({CALL: words}, here, (), settings.prepare, _PACKAGE)
            yield text, target
        if settings.commands:
            uses = map(format_use, run_alone(starts))
            named = zip(dict.fromkeys(settings.commands), uses, strict=True)
            alone = [f"{text} takes {use} when it runs alone" for text, use in named]
            self.notes = (CPU_TIME, *caveats, *alone)

    def enter(self) -> tuple[list[Entrant], list[Contestant]]:
        """Try everything once; return what works, and what cannot run."""
        entrants: list[Entrant] = []
        absent: list[Contestant] = []
        interpreters = Interpreters()
        firsts: dict[str, str] = {}
        wanted = dict.fromkeys(self._settings.runtimes or ("",))
        for label, target in {**self._targets, **self._commands}.items():
            # A command brings its interpreter along.
            for runtime in wanted if label in self._targets else ("",):
                found = interpreters.find(runtime)
                known = found.label if isinstance(found, Interpreter) else runtime
                name = f"{label}@{known}"
                if name in self._labels:
                    continue
                self._labels[name] = (label, known)
                try:
                    if isinstance(found, WorkerFailed):
                        raise found
                    prepared = self._prepare(name, found.path, target)
                except WorkerFailed as failure:
                    problem = Problem(failure.status, str(failure))
                    absent.append(Contestant(name, problem=problem, subject=label, runtime=known))
                else:
                    # What is alike is compared: functions, commands, one suite on several interpreters.
                    first = firsts.setdefault(self._find_sort(label), name)
                    about = {"reference": first, "subject": label, "runtime": known}
                    entrants.append(Entrant(name, found.path, prepared, **about))  # type: ignore[arg-type]
        return entrants, absent

    def _find_sort(self, label: str) -> str:
        if label in self._commands:
            return "commands"
        return label if label in FACTORIES else "functions"

    def _prepare(self, name: str, python: str, target: Target) -> Target:
        """Return the target with what was found when it was tried. Raises WorkerFailed."""
        if self._labels[name][0] in self._commands:
            return target
        if self._labels[name][0] not in FACTORIES:
            return give_calls(target, count_calls(python, target))
        trials = Trials(python, target, self._count)
        trials.run()
        works = [case for case, trial in trials.found.items() if trial.status == OK]
        self._left_out[name] = {
            case: [trial.status, trial.reason]
            for case, trial in trials.found.items()
            if trial.status != OK
        }
        if not works:
            case, trial = next(iter(trials.found.items()))
            raise WorkerFailed(f"no benchmark of it works; {case}: {trial.status}: {trial.reason}")
        return choose_cases(target, works)

    def _count(self) -> None:
        self._tried += 1
        elapsed_s = time.monotonic() - self._begin
        self._on_progress(Progress(self._tried, None, elapsed_s, float("inf"), "trial"))

    def describe(self) -> dict[str, Any]:
        """Return the settings for the result file, with what each contestant's name stands for."""
        return {
            **asdict(self._settings),
            "kind": BENCHMARKS,
            "contestants": {name: list(labels) for name, labels in self._labels.items()},
            "left_out": self._left_out,
        }

    def start_runner(self, python: str, core: int | None, environment: dict[str, str]) -> Runner:
        """Start a process for a contestant."""
        return start_runner(python, core, environment)

    def judge(self, result: Result) -> Result:
        """Return the result as it is."""
        return result
