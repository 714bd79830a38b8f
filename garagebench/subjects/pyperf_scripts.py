"""Benchmark scripts of pyperf, measured as they are: `--pyperf SCRIPT`.

A script makes a `pyperf.Runner` and tells it what to measure. Here it gets another one, which lets the holder measure the
same. A script is run twice in each process: first for the names of its benchmarks, then for each of them in turn.
"""

from __future__ import annotations

import functools
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from time import perf_counter_ns
from typing import Any, Callable, Optional

from garagebench.errors import GarageError
from garagebench.subjects import commands
from garagebench.subjects.functions import encode
from garagebench.subjects.surroundings import find_missing, use_tree
from garagebench.subjects.timed_call import TimedCall


class NoScript(GarageError):
    """There is nothing that could be measured; the text says why."""

    status = "invalid"


def make_subject(arguments: Mapping[str, Any]) -> PyperfScripts:
    """Return the scripts.

    arguments: root, the directory in which they are run; paths, of the scripts; environment, in which the tree is installed,
    where it has one of its own; only, the cases that are offered, where it is not all.
    """
    environment = arguments.get("environment")
    missing = find_missing("pyperf", environment)
    if missing is not None:
        raise NoScript(missing)
    root = arguments["root"]
    os.chdir(root)
    use_tree(root, environment)
    return PyperfScripts(arguments["paths"], arguments.get("only"))


#: What a script asks for: a name, and what is measured under it.
Measure = Callable[[str, Any], None]


class PyperfScripts:
    """Runs the scripts, and lets the holder measure what they ask for."""

    def __init__(
        self,
        paths: Sequence[str],
        only: Optional[Sequence[str]],  # noqa: UP045  3.9
    ) -> None:
        self._paths = paths
        self._only = only
        self._turn: Any = None

    def run(self, holder: Any) -> Optional[str]:  # noqa: UP045  3.9
        """Measure what the scripts ask for; return why it ended, if before its time."""
        names: list[str] = []
        for path in self._paths:
            run_script(path, lambda name, _call: names.append(name))
        if not names:
            return f"{', '.join(self._paths)}: no benchmarks: a script calls bench_func of a pyperf.Runner"
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            return f"two benchmarks are called {twice}: check the scripts one by one"
        self._turn = holder.open([one for one in names if self._only is None or one in self._only])
        while self._turn is not None:
            before = self._turn
            for path in self._paths:
                self._run_for_turns(path, holder)
            if self._turn is before:
                self._turn = holder.next("failed", "its script did not come to it again")
        return None

    def _run_for_turns(self, path: str, holder: Any) -> None:
        """Run a script, and let the holder measure each benchmark whose turn it is when the script comes to it."""

        def measure(name: str, call: Any) -> None:
            if self._turn is None or name != self._turn.case:
                return
            status, reason = "passed", ""
            try:
                if not holder.hold(call):
                    call.run()  # or nobody would see that it fails
            except Exception as error:  # noqa: BLE001  whatever is wrong with it, the others are measured
                status, reason = "failed", f"{type(error).__name__}: {error}"
            self._turn = holder.next(status, reason)

        run_script(path, measure)


def run_script(path: str, measure: Measure) -> None:
    """Run a script with a runner that measures so."""
    import pyperf

    arguments, runner = sys.argv, pyperf.Runner
    sys.argv = [path]
    pyperf.Runner = make_runner(runner, measure)
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise NoScript(f"{path} ended with exit code {end.code}") from None
    finally:
        sys.argv, pyperf.Runner = arguments, runner


def make_runner(usual: Any, measure: Measure) -> Any:
    """Return a class that takes the place of pyperf's: what a script asks for is measured, its options keep their defaults."""

    class HoldingRunner(usual):  # type: ignore[misc]
        """Hands on what is to be measured; there may be as many as a script likes."""

        _created: set[int] = set()  # noqa: RUF012  pyperf's, of which each script has its own

        def bench_func(self, name: str, func: Any, *args: Any, **_details: Any) -> None:
            """Measure a function."""
            self.parse_args()
            measure(name, FunctionCall(func, args))

        def bench_time_func(self, name: str, time_func: Any, *args: Any, **details: Any) -> None:
            """Measure a function that takes a number of loops, and returns the seconds that they took."""
            self.parse_args()
            loops = details.get("inner_loops") or 1
            measure(name, TimedCall(functools.partial(_take_time, time_func, args, loops)))

        def bench_async_func(self, name: str, func: Any, *args: Any, **_details: Any) -> None:
            """Measure a coroutine function."""
            self.parse_args()
            measure(name, TimedCall(functools.partial(_take_time_of_coroutines, func, args)))

        def bench_command(self, name: str, command: Sequence[str]) -> None:
            """Measure a whole process."""
            self.parse_args()
            run = functools.partial(
                commands.run_command, directory=os.getcwd(), environment=dict(os.environ)
            )
            measure(name, commands.Call(run, list(command), None))

    return HoldingRunner


def _take_time(time_func: Any, args: Sequence[Any], inner_loops: int, loops: int) -> float:
    """Return the ns of one loop, by the function's own clock."""
    return float(1e9 * time_func(loops, *args) / (loops * inner_loops))


def _take_time_of_coroutines(func: Any, args: Sequence[Any], loops: int) -> float:
    """Return the ns of one call that is awaited, on an event loop of its own."""
    import asyncio

    async def run() -> int:
        begin = perf_counter_ns()
        for _ in range(loops):
            await func(*args)
        return perf_counter_ns() - begin

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(run()) / loops
    finally:
        loop.close()


class FunctionCall:
    """A function, with the fields that the holder looks for."""

    prepare = finish = None
    iterations = 1

    def __init__(self, function: Any, args: Sequence[Any]) -> None:
        self.function = function
        self.args = tuple(args)
        self.kwargs: Mapping[str, Any] = {}

    def run(self) -> Any:
        """Call it once; return what it answers."""
        return self.function(*self.args)

    def answers(self) -> list[str]:
        """Return the answer as text, where it is plain data and the same twice."""
        first, second = (encode(self.run()) for _ in range(2))
        return [first] if first is not None and first == second else []
