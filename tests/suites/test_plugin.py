"""A pytest session that stops at each benchmark, in a real worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from garagebench.engine.channel import WorkerFailed
from garagebench.engine.runner import Left, Runner
from garagebench.engine.schedule import Pace
from garagebench.engine.target import Target

if TYPE_CHECKING:
    from conftest import Start, Write

TIMEOUT_S = 60.0
SLICE_NS = 100_000

#: The runner has begun to load already: what it is asked to load does not matter.
BEGUN = Target("", None)


def names_of(runner: Runner) -> list[str]:
    """Return the benchmarks that a suite has."""
    return [case.name for case in runner.load(BEGUN, TIMEOUT_S).cases]


def measure(runner: Runner, case: str, upcoming: str | None = None) -> Left:
    """Enter a case, measure a slice of it and leave it."""
    entered = runner.enter(case, upcoming, SLICE_NS, TIMEOUT_S)
    assert entered.pace is not None
    found = runner.measure(case, ("loop", "empty"), [0], entered.pace, TIMEOUT_S)
    assert min(found.passes["loop"]) > 0
    return runner.leave(TIMEOUT_S)


FORMS = """
    import pytest

    def twice(number, plus=0):
        return 2 * number + plus

    def test_called(benchmark):
        assert benchmark(twice, 4, plus=1) == 9

    def test_decorator(benchmark):
        @benchmark
        def answer():
            return twice(3)
        assert answer == 6

    def test_pedantic(benchmark):
        assert benchmark.pedantic(twice, args=(2,), kwargs={"plus": 3}, rounds=5, iterations=3) == 7

    def test_setup(benchmark):
        made, ended = [], []
        def setup():
            made.append(len(made))
            return (len(made),), {"plus": 1}
        def teardown(number, plus):
            ended.append(number)
        assert benchmark.pedantic(twice, setup=setup, teardown=teardown, rounds=3) >= 3
        assert len(made) == len(ended)

    @pytest.mark.parametrize("number", [1, 20])
    def test_parameters(benchmark, number):
        assert benchmark.params == {"number": number}
        assert (benchmark.param, benchmark.name) == (str(number), f"test_parameters[{number}]")
        assert benchmark.fullname == f"test_it.py::test_parameters[{number}]"
        benchmark(twice, number)

    @pytest.mark.benchmark(group="numbers")
    def test_attributes(benchmark):
        assert benchmark.group == "numbers"
        benchmark.extra_info["size"] = 3
        assert benchmark.stats is None
        benchmark(twice, 3)
        assert 0 < benchmark.stats["min"] <= benchmark.stats.mean == benchmark.stats.stats.mean

    def test_other_name(codspeed_benchmark):
        assert codspeed_benchmark(twice, 1) == 2

    @pytest.mark.benchmark
    def test_marker(tmp_path):
        assert tmp_path.is_dir()

    class TestClass:
        pytestmark = pytest.mark.codspeed_benchmark

        def test_marker(self):
            assert twice(1) == 2

    def test_no_benchmark():
        raise AssertionError
"""


def test_every_form_of_a_benchmark_is_measured(write: Write, start: Start) -> None:
    """Fixture, decorator, pedantic, parameters, attributes, statistics and both markers work; other tests are left out."""
    write(FORMS)
    runner = start()
    names = names_of(runner)
    assert [name.partition("::")[2] for name in names] == [
        "test_called",
        "test_decorator",
        "test_pedantic",
        "test_setup",
        "test_parameters[1]",
        "test_parameters[20]",
        "test_attributes",
        "test_other_name",
        "test_marker",
        "TestClass::test_marker",
    ]
    for name, upcoming in zip(names, [*names[1:], None], strict=True):
        assert measure(runner, name, upcoming) == Left("passed", ""), name


def test_a_suite_of_real_plugins_is_measured_the_same_way(write: Write, start: Start) -> None:
    """With pytest-benchmark and all other plugins of this environment loaded, its fixture is ours all the same."""
    write(FORMS)
    runner = start(autoload=True)
    for name in names_of(runner):
        assert measure(runner, name) == Left("passed", ""), name


def test_tests_end_as_they_would(write: Write, start: Start) -> None:
    """One that skips, fails before or after it was measured, or calls no benchmark says so; the next one goes on."""
    write(
        """
        import pytest

        def test_skips(benchmark):
            pytest.skip("not today")

        def test_fails_before(benchmark):
            raise ValueError("no data")

        def test_fails_after(benchmark):
            assert benchmark(int) == 1

        def test_calls_nothing(benchmark):
            pass

        def test_calls_twice(benchmark):
            benchmark(int)
            benchmark(int)

        def test_works(benchmark):
            benchmark(int)
        """
    )
    runner = start()
    names_of(runner)
    ends = {}
    for name in ("skips", "fails_before", "calls_nothing"):
        with pytest.raises(WorkerFailed) as raised:
            runner.enter(f"test_it.py::test_{name}", None, SLICE_NS, TIMEOUT_S)
        ends[name] = (raised.value.status, str(raised.value))
    assert ends == {
        "skips": ("skipped", "not today"),
        "fails_before": ("failed", "ValueError: no data"),
        "calls_nothing": ("skipped", "it calls no benchmark"),
    }
    after = measure(runner, "test_it.py::test_fails_after")
    assert (after.status, after.reason[:13]) == ("failed", "assert 0 == 1")
    twice = measure(runner, "test_it.py::test_calls_twice")
    assert (twice.status, "can be used once" in twice.reason) == ("failed", True)
    assert measure(runner, "test_it.py::test_works").status == "passed"


def test_fixtures_live_as_in_pytest(write: Write, start: Start, tmp_path: Path) -> None:
    """A fixture of the module is made once and torn down behind its last test, also where the end comes in the middle."""
    write(
        f"""
        import pytest

        def note(word):
            with open({str(tmp_path / "notes")!r}, "a") as file:
                file.write(word + " ")

        @pytest.fixture(scope="module")
        def data():
            note("made")
            yield 5
            note("ended")

        @pytest.fixture
        def own():
            note("own")
            yield
            note("own-ended")

        def test_a(benchmark, data, own):
            benchmark(pow, data, 2)

        def test_b(benchmark, data):
            benchmark(pow, data, 2)
        """
    )
    runner = start()
    first, second = names_of(runner)
    measure(runner, first, second)
    runner.enter(second, None, SLICE_NS, TIMEOUT_S)
    assert (tmp_path / "notes").read_text().split() == ["made", "own", "own-ended"]
    runner.close()
    assert (tmp_path / "notes").read_text().split()[3:] == ["ended"]


def test_both_sides_make_the_same_calls(write: Write, start: Start, tmp_path: Path) -> None:
    """With a pace that is given, the calls are those of the pace, and entering makes none."""
    write(
        f"""
        def test_counts(benchmark):
            calls = []
            benchmark(calls.append, 1)
            with open({str(tmp_path / "calls")!r}, "w") as file:
                file.write(str(len(calls)))
        """
    )
    runner = start()
    (name,) = names_of(runner)
    runner.enter(name, None, Pace(2, 5), TIMEOUT_S)
    runner.measure(name, ("loop", "empty"), [0], Pace(2, 5), TIMEOUT_S)
    runner.measure(name, ("loop", "empty"), [0], Pace(2, 5), TIMEOUT_S)
    assert runner.leave(TIMEOUT_S).status == "passed"
    assert (tmp_path / "calls").read_text() == "14"


def test_plain_answers_that_are_the_same_twice_are_told(write: Write, start: Start) -> None:
    """What is no plain data, or differs from call to call, is not compared."""
    write(
        """
        import itertools
        counter = itertools.count()

        def test_plain(benchmark):
            benchmark(sorted, [2, 1])

        def test_object(benchmark):
            benchmark(object)

        def test_changes(benchmark):
            benchmark(next, counter)
        """
    )
    runner = start()
    answers = {}
    for name in names_of(runner):
        runner.enter(name, None, Pace(0, 1), TIMEOUT_S)
        answers[name.partition("_it.py::test_")[2]] = list(runner.answers(name, TIMEOUT_S))
        runner.leave(TIMEOUT_S)
    assert answers == {"plain": ["list(1, 2)"], "object": [], "changes": []}


def test_async_tests_run_on_their_own_loop(write: Write, start: Start) -> None:
    """A coroutine with the marker is run by the suite's plugin, each time; the fixture works in a coroutine, too."""
    pytest.importorskip("anyio")
    write(
        """
        import anyio
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        @pytest.mark.benchmark
        async def test_marker():
            await anyio.sleep(0)

        @pytest.mark.anyio
        async def test_fixture(benchmark):
            benchmark(int)
        """
    )
    runner = start("-p", "anyio")
    for name in names_of(runner):
        assert measure(runner, name) == Left("passed", ""), name


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        (
            "import nothing_of_that_name",
            (),
            "its tests cannot be collected: test_it.py: ModuleNotFoundError",
        ),
        ("def test_it(): pass", (), "no benchmarks among its 1 tests"),
        ("", ("--no-such-option",), "pytest: unrecognized arguments: --no-such-option"),
    ],
)
def test_a_suite_that_cannot_be_measured_says_why(
    write: Write, start: Start, text: str, options: tuple[str, ...], reason: str
) -> None:
    """One sentence with what pytest says: what cannot be imported, that there are no benchmarks, or its usage."""
    write(text)
    with pytest.raises(WorkerFailed) as raised:
        names_of(start(*options))
    assert reason in str(raised.value)


def test_what_would_spoil_it_is_overridden_and_told(write: Write, start: Start) -> None:
    """Several processes, coverage and benchmarks that are switched off have no effect, and a caveat says so."""
    write("def test_it(benchmark): assert benchmark(int) == 0")
    write(
        "[pytest]\naddopts = -n 2 --benchmark-disable --benchmark-skip\n",
        "pytest.ini",
    )
    runner = start("-p", "xdist", "-p", "pytest_benchmark.plugin")
    loaded = runner.load(BEGUN, TIMEOUT_S)
    assert loaded.caveats == [
        "overridden in pytest's configuration: --benchmark-disable, --benchmark-skip, --numprocesses"
    ]
    assert measure(runner, "test_it.py::test_it") == Left("passed", "")
