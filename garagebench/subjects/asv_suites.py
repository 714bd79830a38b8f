"""Benchmarks for asv (airspeed velocity), measured as they are: `--asv DIR`. asv_runner, which asv brings, finds them.

Measured are functions and methods `time_*`, `timeraw_*` and `peakmem_*`, with params, setup, setup_cache and teardown.
Benchmarks of other types are named, and left out.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional

from garagebench.errors import GarageError
from garagebench.interface import RowSpec
from garagebench.subjects.case_names import name_alike
from garagebench.subjects.functions import encode
from garagebench.subjects.peak_memory import CallFailed, is_known, measure_peak
from garagebench.subjects.surroundings import find_missing, use_tree
from garagebench.subjects.timed_call import TimedCall

#: The type of what is measured, and the class of what is measured in a process of its own, which has the same type.
TIME, RAW = "time", "TimerawBenchmark"

#: The type of what tells the peak of memory.
PEAK = "peakmemory"


class NoSuite(GarageError):
    """There is no suite that could be measured; the text says why."""

    status = "invalid"


def make_subject(arguments: Mapping[str, Any]) -> AsvSuite:
    """Return the suite.

    arguments: root, the directory from which paths are taken; paths, directories with benchmarks; temporary, where files
    for a while are; environment, in which the tree is installed, where it has one of its own; only, the cases that are
    offered, where it is not all.
    """
    environment = arguments.get("environment")
    missing = find_missing("asv_runner", environment)
    if missing is not None:
        raise NoSuite(missing)
    root = arguments["root"]
    use_tree(root, environment)
    os.makedirs(arguments["temporary"], exist_ok=True)
    os.environ["TMPDIR"] = arguments["temporary"]
    tempfile.tempdir = None  # it may have been asked already
    # setup_cache may write there what the benchmarks read.
    os.chdir(tempfile.mkdtemp())
    return AsvSuite(
        [os.path.join(root, path) for path in arguments["paths"]], arguments.get("only")
    )


class AsvSuite:
    """Lets the holder measure one benchmark after the other, each with one combination of its parameters."""

    def __init__(
        self,
        paths: Sequence[str],
        only: Optional[Sequence[str]],  # noqa: UP045  3.9
    ) -> None:
        self._paths = paths
        self._only = only
        self._caches: dict[str, Any] = {}

    def run(self, holder: Any) -> Optional[str]:  # noqa: UP045  3.9
        """Measure the suite; return why it ended, if before its time."""
        found = list(find_cases(self._paths))
        if not found:
            return f"no benchmarks for asv in {', '.join(map(os.path.basename, self._paths))}"
        cases = dict(zip(name_alike([name for name, _, _ in found]), found))
        wanted = [name for name in cases if self._only is None or name in self._only]
        # A case is a row of its own.
        rows = [
            RowSpec(name, {name: 1}, unit="bytes" if cases[name][1].type == PEAK else "ns")
            for name in wanted
        ]
        turn = holder.open(wanted, rows=rows)
        while turn is not None:
            _, benchmark, number = cases[turn.case]
            try:
                status, reason = self._measure(holder, benchmark, number)
            except CallFailed as error:
                status, reason = "failed", str(error)
            except Exception as error:  # noqa: BLE001  whatever is wrong with it, the others are measured
                status, reason = "failed", f"{type(error).__name__}: {error}"
            turn = holder.next(status, reason)
        return None

    def _measure(self, holder: Any, benchmark: Any, number: Optional[int]) -> tuple[str, str]:  # noqa: UP045
        """Measure a benchmark with a combination of its parameters; return how it went and why."""
        if benchmark.type not in (TIME, PEAK):
            return "skipped", f"asv's benchmarks of type {benchmark.type} are not measured"
        if benchmark.type == PEAK and not is_known():
            return "skipped", "only Linux tells the peak of memory"
        if number is not None:
            benchmark.set_param_idx(number)
        self._give_cache(benchmark)
        if benchmark.do_setup():
            return "skipped", "its setup does not apply to these parameters"
        try:
            call = make_call(benchmark)
            if not holder.hold(call):
                call.run()  # or nobody would see that it fails
        finally:
            benchmark.do_teardown()
        return "passed", ""

    def _give_cache(self, benchmark: Any) -> None:
        """Give the benchmark what its setup_cache returns, which is called once for all that share it."""
        key = benchmark.setup_cache_key
        if key is None:
            return
        if key not in self._caches:
            self._caches[key] = benchmark.do_setup_cache()
        if self._caches[key] is not None:
            give = getattr(benchmark, "set_cache", None) or benchmark.insert_param
            give(self._caches[key])


def find_cases(paths: Sequence[str]) -> Iterator[tuple[str, Any, Optional[int]]]:  # noqa: UP045  3.9
    """Yield the name of each case, its benchmark, and which combination of parameters it is; None: it has none."""
    from asv_runner._aux import update_sys_path
    from asv_runner.discovery import disc_benchmarks

    for path in paths:
        update_sys_path(path)
        for benchmark in disc_benchmarks(path):
            if not benchmark.params:
                yield benchmark.name, benchmark, None
                continue
            for number, values in enumerate(itertools.product(*benchmark.params)):
                yield f"{benchmark.name}({', '.join(values)})", benchmark, number


def make_call(benchmark: Any) -> Any:
    """Return what the holder measures of a benchmark, which is set up."""
    if benchmark.type == PEAK:
        return TimedCall(lambda _: float(measure_peak(Call(benchmark).run)))
    return make_raw_call(benchmark) if type(benchmark).__name__ == RAW else Call(benchmark)


def make_raw_call(benchmark: Any) -> TimedCall:
    """Return a call of what is run as text in a process of its own, which reads the clock itself."""
    timer = benchmark._get_timer(*benchmark._current_params)  # noqa: SLF001  they have no other names

    def time_ns(loops: int) -> float:
        return float(1e9 * timer.timeit(loops) / loops)

    return TimedCall(time_ns)


class Call:
    """What the holder measures, with the fields that it looks for.

    Where a suite says how many calls a setup is good for (`number`), it is set up anew before each so many.
    """

    def __init__(self, benchmark: Any) -> None:
        self._benchmark = benchmark
        self.function = benchmark.func
        build = getattr(benchmark, "_build_params", None)
        self.args = tuple(benchmark._current_params if build is None else build())  # noqa: SLF001  it has no other name
        self.kwargs: Mapping[str, Any] = {}
        # What tells the peak of memory has no number.
        self.iterations = max(1, getattr(benchmark, "number", 0))
        self.prepare = self._set_up if getattr(benchmark, "number", 0) > 0 else None
        self.finish = None

    def _set_up(self) -> Any:
        self._benchmark.do_teardown()
        self._benchmark.do_setup()
        return self.args, self.kwargs

    def run(self) -> Any:
        """Call it once, set up anew where it must be; return what it answers."""
        args, kwargs = (self.args, self.kwargs) if self.prepare is None else self.prepare()
        return self.function(*args, **kwargs)

    def answers(self) -> list[str]:
        """Return the answer as text, where it is plain data and the same twice."""
        first, second = (encode(self.run()) for _ in range(2))
        return [first] if first is not None and first == second else []
