"""The plugin that stops a pytest session at each benchmark. PYTEST_DONT_REWRITE: it is none of the user's code."""

from __future__ import annotations

import functools
import inspect
import math
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any, Callable, Optional

import pytest

from garagebench.subjects.case_names import name_alike
from garagebench.subjects.functions import encode

FIXTURES = ("benchmark", "codspeed_benchmark")
MARKERS = ("benchmark", "codspeed_benchmark")

#: Options of the user's configuration that would spoil it: as pytest's plugins keep them -> what they are set to.
#: Several processes, a tracer, a limit for a test that is held open, benchmarks that are left out, other data in each run.
OVERRIDDEN: dict[str, Any] = {
    "numprocesses": None,
    "dist": "no",
    "tx": [],
    "cov_source": [],
    "no_cov": True,
    "timeout": 0,
    "benchmark_disable": False,
    "benchmark_skip": False,
    "benchmark_only": False,
    "codspeed": False,
    "randomly_seed": 0,
}

#: Of these, those that nobody needs to be told of: they go with another one, or change nothing that was asked for.
UNTOLD = ("dist", "tx", "no_cov", "randomly_seed", "benchmark_only", "codspeed")

#: Rounds for a test that reads its own statistics.
ROUNDS = 5

#: Lines of an error that are told.
MOST_LINES = 3


class HoldingPlugin:
    """Goes from benchmark to benchmark as it is told, and from one end of a test to the next as pytest does.

    trouble: why there was nothing to measure, if so.
    """

    def __init__(self, holder: Any, only: Optional[Sequence[str]]) -> None:  # noqa: UP045  3.9
        self._holder = holder
        self._only = only
        self._status = "passed"
        self._reason = ""
        self._is_held = False
        self._in_call = False
        self._errors: list[str] = []
        self._overridden: set[str] = set()
        self.trouble: Optional[str] = None  # noqa: UP045  3.9

    @pytest.hookimpl(hookwrapper=True)
    def pytest_load_initial_conftests(self, early_config: Any) -> Iterator[None]:
        """Override what plugins read before the options are final."""
        self._override(early_config.known_args_namespace)
        yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_cmdline_main(self, config: Any) -> Iterator[None]:
        """Override what would spoil the measurement, whoever set it."""
        self._override(config.option)
        yield

    def _override(self, options: Any) -> None:
        for name, value in OVERRIDDEN.items():
            before = getattr(options, name, None)
            if hasattr(options, name):
                setattr(options, name, value)
            if before and before != value and name not in UNTOLD:
                self._overridden.add(f"--{name.replace('_', '-')}".replace("-source", ""))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: Any) -> None:
        """Bring the fixtures: of plugins, those of the last one count."""
        session.config.pluginmanager.register(BenchmarkFixtures(self), "garagebench-fixtures")

    def pytest_collectreport(self, report: Any) -> None:
        """Take down what could not be collected."""
        if report.failed:
            self._errors.append(f"{report.nodeid}: {tell(report)}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        """Run the benchmarks, in the order in which they are asked for."""
        if self._errors:
            self.trouble = f"its tests cannot be collected: {'; '.join(self._errors)}"
            return True
        benchmarks = [item for item in session.items if is_benchmark(item)]
        items = dict(zip(name_alike([item.nodeid for item in benchmarks]), benchmarks))
        if not items:
            self.trouble = (
                f"no benchmarks among its {len(session.items)} tests: a benchmark uses the fixture `benchmark`, "
                "or has the marker `benchmark`"
            )
            return True
        wanted = [name for name in items if self._only is None or name in self._only]
        told = sorted(self._overridden)
        caveats = [f"overridden in pytest's configuration: {', '.join(told)}"] if told else []
        turn = self._holder.open(wanted, caveats=caveats)
        while turn is not None:
            item = items[turn.case]
            self._status, self._reason, self._is_held = "passed", "", False
            for node in item.listchain():
                # It is held open for longer than any test may take.
                node.own_markers[:] = [one for one in node.own_markers if one.name != "timeout"]
            upcoming = None if turn.upcoming is None else items[turn.upcoming]
            if not has_fixture(item) and inspect.iscoroutinefunction(getattr(item, "obj", None)):
                # A plugin of the suite knows on which loop it runs.
                item.runtest = functools.partial(self._measure_whole, item.runtest, {})
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=upcoming)
            vars(item).pop("runtest", None)
            if self._status == "passed" and not self._is_held:
                self._status, self._reason = "skipped", "it calls no benchmark"
            turn = self._holder.next(self._status, self._reason)
        return True

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take down how the test ended; what comes first counts."""
        if self._status == "passed" and not report.passed:
            self._status = report.outcome
            self._reason = tell(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: Any) -> Optional[bool]:  # noqa: UP045  3.9
        """Measure the whole function of a test that has a marker and no fixture."""
        if self._in_call or has_fixture(pyfuncitem) or not is_benchmark(pyfuncitem):
            return None
        names = inspect.signature(pyfuncitem.obj).parameters
        kwargs = {name: pyfuncitem.funcargs[name] for name in names if name in pyfuncitem.funcargs}
        self._measure_whole(pyfuncitem.obj, kwargs)
        return True

    def _measure_whole(self, function: Any, kwargs: Mapping[str, Any]) -> None:
        self._in_call = True
        try:
            self.measure(function, (), kwargs)
        finally:
            self._in_call = False

    def measure(
        self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], **more: Any
    ) -> Any:
        """Let the function be measured; return what it answers. more: fields of the holder's call."""
        self._is_held = True
        call = Call(function, tuple(args), dict(kwargs), **more)
        answered = self._holder.hold(call)
        if answered:
            return answered[0]
        for _ in range(call.rounds - 1):
            call.run()
        return call.run()


class Call:
    """What the holder measures, with the fields that it looks for. rounds: how often the test makes it by itself."""

    def __init__(
        self,
        function: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        prepare: Any = None,
        finish: Any = None,
        iterations: int = 1,
        rounds: int = 1,
    ) -> None:
        self.rounds = rounds
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.prepare = prepare
        self.finish = finish
        self.iterations = iterations

    def run(self) -> Any:
        """Call it once, with what comes before and after."""
        args, kwargs = (self.args, self.kwargs) if self.prepare is None else self.prepare()
        answer = self.function(*args, **kwargs)
        if self.finish is not None:
            self.finish(*args, **kwargs)
        return answer

    def answers(self) -> list[str]:
        """Return the answer as text, where it is plain data and the same twice."""
        first, second = (encode(self.run()) for _ in range(2))
        return [first] if first is not None and first == second else []


class BenchmarkFixtures:
    """The fixtures by which a suite names its benchmarks."""

    def __init__(self, plugin: HoldingPlugin) -> None:
        self._plugin = plugin

    @pytest.fixture
    def benchmark(self, request: Any) -> Iterator[Benchmark]:
        """Stand in for the fixture of pytest-benchmark or pytest-codspeed."""
        fixture = Benchmark(request.node, self._plugin)
        yield fixture
        fixture.clean_up()

    @pytest.fixture
    def codspeed_benchmark(self, benchmark: Benchmark) -> Benchmark:
        """Return the same under its other name."""
        return benchmark


class Benchmark:
    """What a test gets as `benchmark`: the calls and the attributes that pytest-benchmark 4 and 5 document."""

    def __init__(self, node: Any, plugin: HoldingPlugin) -> None:
        marker = node.get_closest_marker("benchmark")
        callspec = getattr(node, "callspec", None)
        self.name = node.name
        self.fullname = node.nodeid
        self.param = None if callspec is None else callspec.id
        self.params = None if callspec is None else callspec.params
        self.group = marker.kwargs.get("group") if marker else None
        self.extra_info: dict[str, Any] = {}
        self.disabled = False
        self.enabled = True
        self.has_error = self.skipped = False
        self.cprofile = False
        self._plugin = plugin
        self._call: Optional[Callable[[], Any]] = None  # noqa: UP045  3.9
        self._stats: Optional[Stats] = None  # noqa: UP045  3.9
        self._to_undo: list[Callable[[], Any]] = []

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        # pytest-benchmark refuses a fixture of that name that is not an instance of its own class.
        module = sys.modules.get("pytest_benchmark.fixture")
        return Benchmark if module is None else module.BenchmarkFixture

    def __call__(self, function_to_benchmark: Any, *args: Any, **kwargs: Any) -> Any:
        """Measure a function; return what it answers. As a decorator, too."""
        self._use()
        self._call = lambda: function_to_benchmark(*args, **kwargs)
        return self._plugin.measure(function_to_benchmark, args, kwargs)

    def pedantic(
        self,
        target: Any,
        args: Sequence[Any] = (),
        kwargs: Optional[Mapping[str, Any]] = None,  # noqa: UP045  3.9
        setup: Any = None,
        teardown: Any = None,
        rounds: int = 1,
        warmup_rounds: int = 0,
        iterations: int = 1,
    ) -> Any:
        """Measure with setup before and teardown after each round. How many there are is decided by the measuring."""
        self._use()
        if iterations > 1 and setup:
            raise ValueError("Can't use more than 1 `iterations` with a `setup` function.")
        given = tuple(args), dict(kwargs or {})

        def prepare() -> Any:
            made = setup()
            if made and any(given):
                raise TypeError("Can't use `args` or `kwargs` if `setup` returns the arguments.")
            return made or given

        # Where nothing is prepared, rounds need not be told apart.
        more = {
            "prepare": prepare if setup else None,
            "finish": teardown,
            "iterations": iterations if teardown else 1,
            "rounds": rounds,
        }
        self._call = Call(target, *given, more["prepare"], teardown).run
        return self._plugin.measure(target, *given, **more)

    def weave(self, target: Any, **kwargs: Any) -> None:
        """Measure what the test calls by itself."""
        import aspectlib  # type: ignore[import-not-found]  # it is the suite's that needs it

        def aspect(function: Any) -> Any:
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                return self(function, *args, **kwargs)

            return wrapper

        self._to_undo.append(aspectlib.weave(target, aspect, **kwargs).rollback)

    patch = weave

    def clean_up(self) -> None:
        """Undo what was woven."""
        while self._to_undo:
            self._to_undo.pop()()

    def _use(self) -> None:
        if self._call is not None:
            self.has_error = True
            raise RuntimeError("the fixture `benchmark` can be used once in a test")

    @property
    def stats(self) -> Optional[Stats]:  # noqa: UP045  3.9
        """Statistics of a few rounds, made when a test asks for them; None before anything was measured."""
        if self._stats is None and self._call is not None:
            times = []
            for _ in range(ROUNDS):
                begin = perf_counter()
                self._call()
                times.append(perf_counter() - begin)
            self._stats = Stats(times)
        return self._stats


class Stats:
    """The statistics of a benchmark in seconds, as a test may read them: `stats.mean`, `stats["mean"]`, `stats.stats.mean`."""

    def __init__(self, data: list[float]) -> None:
        self.data = data
        self.stats = self
        self.rounds = len(data)
        self.iterations = 1
        self.total = math.fsum(data)
        self.min, self.max = min(data), max(data)
        self.mean = statistics.fmean(data)
        self.median = statistics.median(data)
        self.stddev = statistics.stdev(data)
        self.q1, _, self.q3 = statistics.quantiles(data)
        self.iqr = self.q3 - self.q1
        self.ops = 1 / max(self.mean, 1e-12)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


def has_fixture(item: Any) -> bool:
    """Tell whether a test uses the fixture, directly or through another one."""
    return any(name in getattr(item, "fixturenames", ()) for name in FIXTURES)


def is_benchmark(item: Any) -> bool:
    """Tell whether there is something to measure in a test."""
    return has_fixture(item) or any(item.get_closest_marker(name) for name in MARKERS)


def tell(report: Any) -> str:
    """Return why a test or a collection did not pass, in one line."""
    longrepr = report.longrepr
    if isinstance(longrepr, tuple):  # of what was skipped: file, line, reason
        return str(longrepr[2]).replace("Skipped: ", "", 1)
    crash = getattr(longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(longrepr)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Of an import that failed pytest tells the traceback; lines that begin with E are the error.
    errors = [line[1:].strip() for line in lines if line.startswith("E ")] or lines
    return " ".join(errors[:MOST_LINES]).replace(os.getcwd() + os.sep, "")
