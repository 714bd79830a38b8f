"""A test suite as a target, and the trial of its benchmarks: each is run once before anything is measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from garagebench.engine.channel import WorkerFailed
from garagebench.engine.conductor import TIMEOUT_S
from garagebench.engine.runner import Runner, start_runner
from garagebench.engine.schedule import Pace
from garagebench.engine.target import Target

#: Kind of suite, which is also what it is called among other subjects -> what makes it in a worker.
FACTORIES = {
    "pytest": "garagebench.subjects.pytest_suites:make_subject",
    "asv": "garagebench.subjects.asv_suites:make_subject",
    "pyperf": "garagebench.subjects.pyperf_scripts:make_subject",
}

#: Seconds that the calls of a trial may take, setup and teardown apart: a benchmark that takes longer is left out.
MOST_TRIAL_S = 20.0

#: Entering a case with this pace calls nothing.
NO_CALLS = Pace(0, 1)

OK, ABSENT, TOO_SLOW, FAILED = "ok", "absent", "too slow", "failed"


@dataclass(frozen=True)
class Trial:
    """How a benchmark went: "ok", "absent", "too slow", "failed" or "skipped", why, and what it answered."""

    status: str
    reason: str = ""
    answers: tuple[str, ...] = ()


def make_suite_target(
    kind: str,
    root: Path,
    paths: Sequence[str],
    options: Sequence[str],
    temporary: Path,
    package: Path,
    environment: str | None = None,
) -> Target:
    """Return what a worker loads. root: where pytest is started; temporary: for its files; package: where garagebench is.

    environment: in which the tree is installed, where it has one of its own.
    """
    arguments = {
        "root": str(root),
        "paths": list(paths),
        "options": list(options),
        "temporary": str(temporary),
        "environment": environment,
    }
    return Target(FACTORIES[kind], arguments, {"garagebench": str(package)})


def choose_cases(target: Target, cases: Sequence[str]) -> Target:
    """Return the target with those benchmarks alone."""
    return replace(target, arguments={**target.arguments, "only": list(cases)})


class Trials:
    """Tries the benchmarks of a suite. found: what came of them. modules: what was imported: module -> file."""

    def __init__(
        self, python: str, target: Target, on_case: Callable[[], None] = lambda: None
    ) -> None:
        self.found: dict[str, Trial] = {}
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
        failed = [case for case, trial in self.found.items() if trial.status == FAILED]
        if failed:
            self._run(failed, is_called_more=False)

    def _run(self, left: list[str] | None, *, is_called_more: bool) -> None:
        is_alive = False
        # A process that hangs has nothing more to say: what it has imported is asked of another one.
        while (left is None or left or not is_alive) and not self._is_stopped:
            self._runner = start_runner(self._target.python or self._python)
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
                    status = TOO_SLOW if "hangs" in str(failure) else FAILED
                    self.found[case] = Trial(status, str(failure))
                    return left, False
                self.found[case] = Trial(failure.status, str(failure))
                self._on_case()
                continue
            try:
                answers = runner.answers(case, MOST_TRIAL_S) if is_called_more else ()
                end = runner.leave(TIMEOUT_S)
            except WorkerFailed as failure:
                hangs = "hangs" in str(failure)
                why = f"two calls take more than {MOST_TRIAL_S:g} s" if hangs else str(failure)
                self.found[case] = Trial(TOO_SLOW if hangs else FAILED, why)
                return left, False
            if end.status == "passed":
                self.found[case] = Trial(OK, answers=tuple(answers))
            else:
                self.found[case] = Trial(end.status, end.reason)
            self._on_case()
        return [], True

    def stop(self) -> None:
        """End it from another thread."""
        self._is_stopped = True
        if self._runner is not None:
            self._runner.close()
