"""The worker: its loops with a clock that ticks by known amounts, and the whole of it as a real process."""

from __future__ import annotations

import base64
import gc
import importlib
import pickle
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from toys import Adder

from garagebench.engine import worker
from garagebench.engine.channel import Channel, WorkerFailed
from garagebench.engine.target import Target
from garagebench.engine.worker import Worker, cases, loading
from garagebench.engine.worker.cases import TimedCase, WrongResult
from garagebench.engine.worker.loading import UNPICKLE
from garagebench.engine.worker.loops import compile_loop, sum_marks
from garagebench.interface import INTERFACE_VERSION, Block, Case, Step

#: Nanoseconds that reading the ticking clock takes.
READ_NS = 10

TIMEOUT_S = 30.0


class TickingClock:
    """Goes on by READ_NS when it is read, and by what the timed code says that it takes."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        self.now_ns += READ_NS
        return self.now_ns

    def pass_by(self, ns: int) -> int:
        """Let so many nanoseconds pass."""
        self.now_ns += ns
        return ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> TickingClock:
    """The clock that the worker reads."""
    ticking = TickingClock()
    for module in (worker, cases):
        monkeypatch.setattr(module, "clock", ticking)
    return ticking


def make_case(clock: TickingClock, *costs_ns: int, **changes: Any) -> Case:
    """A case whose only step takes so long for each item of its one block, and answers with that."""
    block = Block(costs_ns, costs_ns, len(costs_ns))
    case = Case(
        "toy", "ns", [Step("work", "done = work(ns)")], "done", {"work": clock.pass_by}, [block]
    )
    return case._replace(**changes)


def test_a_loop_is_timed_as_a_whole(clock: TickingClock) -> None:
    """A pass is what lies between two clock reads: the block's work and one read."""
    timed = TimedCase(make_case(clock, 100, 200, 300))
    assert timed.measure("loop", [0], 0, 2) == {"loop": [600 + READ_NS, 600 + READ_NS]}


def test_an_empty_loop_does_no_work(clock: TickingClock) -> None:
    """It goes over the same tape without the steps, and takes nothing but the read."""
    timed = TimedCase(make_case(clock, 100, 200, 300))
    assert timed.measure("empty", [0], 0, 1) == {"empty": [READ_NS]}


def test_passes_of_the_lead_in_do_not_count(clock: TickingClock) -> None:
    """A first pass that takes longer is gone through and left out."""
    costs = iter([5000, 700, 100, 100])
    case = make_case(clock, 0, names={"work": lambda ns: clock.pass_by(next(costs)) * 0})
    assert TimedCase(case).measure("loop", [0], 2, 2) == {"loop": [100 + READ_NS] * 2}


def test_blocks_are_added_up(clock: TickingClock) -> None:
    """Several blocks are measured one after the other; a pass is the sum over them."""
    blocks = [Block([ns], [ns], 1) for ns in (100, 200, 400)]
    timed = TimedCase(make_case(clock, blocks=blocks))
    assert timed.measure("loop", [0, 2], 0, 1) == {"loop": [500 + 2 * READ_NS]}
    assert timed.requests([0, 2]) == 2


def test_steps_are_timed_in_context(clock: TickingClock) -> None:
    """Each step's time has one clock read too much, which an empty interval shows."""
    steps = [Step("first", "a = work(ns)"), Step("second", "b = work(2 * ns)")]
    case = make_case(clock, 100, 300, steps=steps, result="a", in_context=True)
    assert TimedCase(case).measure("steps", [0], 0, 1) == {
        "first": [400 + 2 * READ_NS],
        "second": [800 + 2 * READ_NS],
        "clock": [READ_NS],
    }


def test_the_clock_is_one_interval(clock: TickingClock) -> None:
    """However many blocks there are: it is not added up as the steps are."""
    blocks = [Block([ns], [ns], 1) for ns in (100, 200)]
    timed = TimedCase(make_case(clock, blocks=blocks, in_context=True))
    assert timed.measure("steps", [0, 1], 0, 1) == {"work": [300 + 2 * READ_NS], "clock": [READ_NS]}


class Refused(Exception):
    """What a toy raises."""


def refusing_case(clock: TickingClock) -> Case:
    """Two steps for each item: the first refuses odd items, after 7 ns; each takes its item's ns otherwise."""

    def check(ns: int) -> int:
        if ns % 2:
            clock.pass_by(7)
            raise Refused
        return clock.pass_by(ns)

    return Case(
        "toy",
        "ns",
        [Step("check", "a = check(ns)"), Step("work", "b = work(ns)")],
        "b",
        {"check": check, "work": clock.pass_by},
        [Block([100, 1, 200], [100, Refused, 200], 3)],
        catches=(Refused,),
        in_context=True,
    )


def test_an_exception_that_the_case_catches_is_kept_as_its_class(clock: TickingClock) -> None:
    """A refused request is part of the block: its time counts, and its class is the expected answer."""
    timed = TimedCase(refusing_case(clock))
    assert timed.measure("loop", [0], 0, 1) == {"loop": [100 + 100 + 7 + 200 + 200 + READ_NS]}


def test_a_refused_request_ends_its_step(clock: TickingClock) -> None:
    """In context the step that raises has the time up to then, and those behind it were not reached."""
    timed = TimedCase(refusing_case(clock))
    assert timed.measure("steps", [0], 0, 1) == {
        "check": [100 + 7 + 200 + 3 * READ_NS],
        "work": [100 + 200 + 2 * READ_NS],
        "clock": [READ_NS],
    }
    # Of three requests three are checked and two go on.
    assert timed.describe()["clock_reads"] == {"check": 1, "work": 2 / 3}


def test_an_exception_that_the_case_does_not_catch_ends_it(clock: TickingClock) -> None:
    """It is a failure, and not an answer."""
    with pytest.raises(Refused):
        TimedCase(refusing_case(clock)._replace(catches=())).measure("loop", [0], 0, 1)


def test_marks_are_added_up() -> None:
    """The sums worked out by hand, for a request that went through and one that was refused in the second step."""
    marks = [(0, 10, 25, 60, None), (100, 112, 118, None, 150)]
    # clock: 10 and 12. one: 25 - 10, 118 - 112. two: 60 - 25, and 150 - 118 up to where it raised.
    assert sum_marks(marks, ["one", "two"]) == {"one": (21, 2), "two": (67, 2), "clock": (22, 2)}


def test_intervals_of_the_cases_own_are_measured(clock: TickingClock) -> None:
    """What the case appends is added up for each pass, less what an empty interval shows."""
    intervals: list[int] = []

    def work(ns: int) -> int:
        clock.pass_by(1000)  # not to be measured
        intervals.append(clock.pass_by(ns) + READ_NS)
        intervals.append(5)
        return ns

    case = make_case(clock, 100, 200, names={"work": work}, intervals=intervals)
    timed = TimedCase(case)
    assert timed.measure("intervals", [0], 1, 2) == {
        "intervals": [300 + 2 * READ_NS + 2 * 5] * 2,
        "clock": [READ_NS] * 2,
    }
    assert timed.describe()["clock_reads"] == {"intervals": 2}


@pytest.mark.parametrize("mode", ["loop", "steps"])
def test_the_state_is_brought_back_before_each_pass(clock: TickingClock, mode: str) -> None:
    """The reset is called once before every pass, of the lead-in, too, and its time does not count."""
    calls: list[str] = []

    def reset() -> None:
        calls.append("reset")
        clock.pass_by(1_000_000)

    def work(ns: int) -> int:
        calls.append("work")
        return clock.pass_by(ns)

    case = make_case(clock, names={"work": work}, blocks=[Block([1, 2], [1, 2], 2, reset)])
    measured = TimedCase(case).measure(mode, [0], 1, 2)
    assert calls == ["reset", "work", "work"] * 3
    assert all(ns < 1000 for passes in measured.values() for ns in passes)


def test_an_empty_loop_needs_no_reset(clock: TickingClock) -> None:
    """It changes nothing."""
    resets: list[None] = []
    block = Block([1], [1], 1, lambda: resets.append(None))
    TimedCase(make_case(clock, blocks=[block])).measure("empty", [0], 1, 1)
    assert resets == []


@pytest.mark.parametrize("mode", ["loop", "steps"])
def test_a_wrong_answer_is_found(clock: TickingClock, mode: str) -> None:
    """The first difference is named with what it is and what it should be."""
    case = make_case(clock, 1, 2, 3)
    wrong = case._replace(blocks=[Block([1, 2, 3], [1, 5, 6], 3)])
    with pytest.raises(WrongResult) as caught:
        TimedCase(wrong).measure(mode, [0], 1, 1)
    assert str(caught.value) == "toy: answer 2 is 2, expected 5"
    assert caught.value.status == "wrong"


@pytest.mark.parametrize(("expected", "count"), [([1, 2], 2), ([1, 2, 3, 4], 4)])
def test_a_wrong_number_of_answers_is_found(
    clock: TickingClock, expected: list[int], count: int
) -> None:
    """Also where all that can be compared is right."""
    case = make_case(clock)._replace(blocks=[Block([1, 2, 3], expected, 3)])
    with pytest.raises(WrongResult, match=f"^toy: 3 answers, expected {count}$"):
        TimedCase(case).measure("loop", [0], 1, 1)


@pytest.mark.parametrize("keeps_all", [True, False])
def test_an_answer_that_changes_is_found(
    clock: TickingClock, monkeypatch: pytest.MonkeyPatch, keeps_all: bool
) -> None:
    """In each slice answers are compared anew; where a JIT would delete unused work, in every pass."""
    monkeypatch.setattr(cases, "KEEPS_ALL", keeps_all)
    answers = iter([1, 1, 1, 2, 2])
    case = make_case(clock, 1, names={"work": lambda _: next(answers)})
    timed = TimedCase(case)
    if not keeps_all:
        timed.measure("loop", [0], 1, 3)  # the last of these passes is not compared
    with pytest.raises(WrongResult, match="answer 1 is 2, expected 1"):
        timed.measure("loop", [0], 1, 3)


def test_timed_passes_on_cpython_keep_nothing(clock: TickingClock) -> None:
    """The call that keeps an answer would be in the time, and costs more than the empty loop shows."""
    case = make_case(clock, 1)
    kept: list[object] = []
    assert compile_loop(case, case.steps, keeps=True)([0], clock, (), kept.append, **case.names)
    assert len(kept) == 1
    assert compile_loop(case, case.steps, keeps=False)([0], clock, (), kept.append, **case.names)
    assert compile_loop(case, (), keeps=False)([0], clock, (), kept.append, **case.names)
    assert len(kept) == 1


def test_warming_up_tells_the_quickest_pass(clock: TickingClock) -> None:
    """It is over the given blocks, with their resets, the reads of each and one of its own."""
    costs = iter([1, 1, 900, 50, 60, 900, 50, 60])  # the first two are compared and not timed
    blocks = [Block([0], [0], 1, lambda: clock.pass_by(3) and None)] * 3
    case = make_case(
        clock, names={"work": lambda ns: clock.pass_by(next(costs)) * 0}, blocks=blocks
    )
    # Two blocks a pass: 900 + 50, 60 + 900, 50 + 60.
    assert TimedCase(case).warm("loop", [0, 2], 3) == 110 + 2 * (3 + 2 * READ_NS) + READ_NS


def test_a_loop_of_a_target_with_several_names(clock: TickingClock) -> None:
    """However the target takes an item apart there is an empty loop for it."""
    for target in ("a, b", "(a, b), c", "*a, b", "[a, b]", "a"):
        tape = {"(a, b), c": [((1, 2), 3)], "a": [1]}.get(target, [(1, 2)])
        case = make_case(
            clock,
            target=target,
            steps=[Step("work", "done = a")],
            names={},
            blocks=[Block(tape, [], 1)],
        )
        assert TimedCase(case).measure("empty", [0], 0, 1) == {"empty": [READ_NS]}


def test_a_step_may_use_any_name_without_an_underscore(clock: TickingClock) -> None:
    """A variable of the case's own is none of the loop's, whatever it is called."""
    names = (
        "begin",
        "before",
        "clock",
        "error",
        "caught",
        "keep",
        "mark",
        "raised",
        "t0",
        "t1",
        "tape",
    )
    source = "; ".join(f"{name} = 0" for name in names)
    case = make_case(
        clock, 100, steps=[Step("work", f"done = work(ns); {source}")], in_context=True
    )
    timed = TimedCase(case)
    assert timed.measure("loop", [0], 0, 1) == {"loop": [100 + READ_NS]}
    assert timed.measure("steps", [0], 0, 1) == {"work": [100 + READ_NS], "clock": [READ_NS]}


def test_what_a_case_says_of_itself(clock: TickingClock) -> None:
    """The conductor is told what it needs for its plan, and a digest of the answers, but no tape."""
    case = make_case(clock, 1, 2, group="park")
    described = TimedCase(case).describe()
    digest = described.pop("answers_digest")
    assert described == {
        "name": "toy",
        "group": "park",
        "requests": [2],
        "steps": ["work"],
        "in_context": False,
        "intervals": False,
        "clock_reads": {},
    }
    other = case._replace(blocks=[Block([1, 2], [1, 3], 2)])
    assert digest == TimedCase(case).describe()["answers_digest"]
    assert digest != TimedCase(other).describe()["answers_digest"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"steps": []}, "case 'toy' has no steps, so there is nothing to time"),
        ({"blocks": []}, "case 'toy' has no blocks"),
        ({"blocks": [Block([], [], 0)]}, "case 'toy' has a block of fewer than one request"),
        ({"name": "other"}, "two cases are called 'other'"),
        (
            {"blocks": [Block([1], [1], 1)] * 2},
            "case 'toy' has 2 blocks, another of its group '' has 1: give it a group of its own",
        ),
    ],
)
def test_a_case_that_cannot_be_measured(
    clock: TickingClock, change: dict[str, Any], reason: str
) -> None:
    """A mistake of the subject's is named before anything is timed, and the collector is on again."""

    class Subject:
        def cases(self) -> list[Case]:
            other = make_case(clock, 1, name="other")
            return [other, make_case(clock, 1)._replace(**change)]

    subject = Subject()
    asked = Worker()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "load_subject", lambda _: subject)
        answer = asked.answer({"do": "load", "source": {}})
    assert (answer["error"], answer["status"]) == (reason, "invalid")
    assert gc.isenabled()


@pytest.fixture
def forget() -> Iterator[Callable[[str], None]]:
    """Forget a module at the end of the test, as if it had never been imported."""
    names: list[str] = []
    yield names.append
    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[name]


def test_a_package_is_found_in_its_directory(tmp_path: Path, forget: Callable[[str], None]) -> None:
    """A package and what is in it are imported from where they are said to be, which is on no path."""
    directory = tmp_path / "anything"
    directory.mkdir()
    (directory / "__init__.py").write_text("from strays.inner import VALUE\n")
    (directory / "inner.py").write_text("VALUE = 7\n")
    forget("strays")
    assert loading.find({"strays": str(directory)}, "strays.inner:VALUE") == 7
    assert loading.find({"strays": str(directory)}, "strays:VALUE") == 7
    assert sys.modules["strays"].__path__ == [str(directory)]
    assert str(directory) not in sys.path


def test_a_package_is_imported_once(tmp_path: Path, forget: Callable[[str], None]) -> None:
    """Asked for again it is the same, with what is in it."""
    (tmp_path / "__init__.py").write_text("THING = object()\n")
    forget("strays")
    one, same = (loading.find({"strays": str(tmp_path)}, "strays:THING") for _ in range(2))
    assert one is same


def factory_source(packages: dict[str, str], factory: str, arguments: Any = None) -> dict[str, Any]:
    """What `load` takes for a subject that a factory makes."""
    return Target(f"toys:{factory}", arguments, packages).to_data()


def pickled_source(packages: dict[str, str], subject: object) -> dict[str, Any]:
    """What `load` takes for a pickled subject."""
    pickled = base64.b64encode(pickle.dumps(subject, protocol=4)).decode()
    return Target(UNPICKLE, {"pickled": pickled, "main": None}, packages).to_data()


@pytest.fixture
def running(any_python: str) -> Iterator[Callable[..., dict[str, Any]]]:
    """Ask a worker of its own, a real process on either interpreter."""
    with Channel(any_python) as channel:
        yield lambda do, **rest: channel.ask({"do": do, **rest}, TIMEOUT_S)


def test_a_subject_is_loaded_and_measured(
    running: Callable[..., dict[str, Any]], packages: dict[str, str]
) -> None:
    """A factory makes the subject; every mode gives as many passes as were asked for, each above zero."""
    loaded = running(
        "load", source=factory_source(packages, "make_adder", {"added": 3, "expected": 3})
    )
    assert loaded["interface_version"] == INTERFACE_VERSION
    assert [case["name"] for case in loaded["cases"]] == ["add", "append"]
    assert [case["requests"] for case in loaded["cases"]] == [[100], [100]]
    assert loaded["cases"][0]["clock_reads"] == {"add": 1}
    assert (loaded["rows"], loaded["caveats"]) == (None, [])
    assert running("warm", work=[["add", "loop", [0], 20], ["append", "empty", [0], 5]])["pass_ns"]

    whole = running(
        "measure", case="append", modes=["loop", "empty"], blocks=[0], lead_in=1, passes=4
    )
    stepped = running("measure", case="add", modes=["steps"], blocks=[0], lead_in=1, passes=3)
    assert whole["requests"] == stepped["requests"] == 100
    assert {name: len(passes) for name, passes in whole["passes"].items()} == {
        "loop": 4,
        "empty": 4,
    }
    assert {name: len(passes) for name, passes in stepped["passes"].items()} == {
        "add": 3,
        "clock": 3,
    }
    assert all(ns > 0 for ns in whole["passes"]["loop"] + whole["passes"]["empty"])


def test_a_pickled_subject_is_loaded(
    running: Callable[..., dict[str, Any]], packages: dict[str, str]
) -> None:
    """An object of the caller's comes over as it is, also to another interpreter."""
    running("load", source=pickled_source(packages, Adder(7, 7)))
    answers = running("answers", case="add")["answers"]
    assert answers == [str(number + 7) for number in range(100)]


def test_a_wrong_subject_is_found(
    running: Callable[..., dict[str, Any]], packages: dict[str, str]
) -> None:
    """Its status is wrong, and the error names case and answer."""
    running("load", source=pickled_source(packages, Adder(1, 2, in_context=False)))
    for command in (
        {"do": "warm", "work": [["add", "loop", [0], 1]]},
        {
            "do": "measure",
            "case": "add",
            "modes": ["loop"],
            "blocks": [0],
            "lead_in": 1,
            "passes": 1,
        },
    ):
        with pytest.raises(WorkerFailed) as caught:
            running(**command)
        assert str(caught.value) == "add: answer 1 is 1, expected 2"
        assert caught.value.status == "wrong"


def test_a_subject_may_print(
    running: Callable[..., dict[str, Any]], packages: dict[str, str]
) -> None:
    """What it writes to its streams gets neither in the way of the answers nor into ours."""
    loaded = running("load", source=factory_source(packages, "make_noisy"))
    assert loaded["caveats"] == ["it talks"]
    assert loaded["rows"] == [
        ["more", {"append": 1, "add": -1}, {"add (add)": 2}, None, True, None, "ns"]
    ]
    assert running("describe")["environment"]["python_version"]


def test_a_function_is_called(
    running: Callable[..., dict[str, Any]], packages: dict[str, str]
) -> None:
    """Its result comes back, with what importing it took and the peak of memory."""
    answer = running("call", packages=packages, target="toys:echo", arguments={"a": [1, None, "ü"]})
    assert answer["result"] == {"a": [1, None, "ü"]}
    assert answer["import_ns"] > 0
    if sys.platform in ("linux", "darwin"):
        assert answer["peak_memory_bytes"] > 1_000_000


@pytest.mark.parametrize(
    ("target", "argument", "error", "status"),
    [
        ("divide", 0, "ZeroDivisionError: division by zero", "invalid"),
        ("refuse", "not on Tuesdays", "not on Tuesdays", "unavailable"),
    ],
)
def test_an_error_carries_status_and_trace(
    running: Callable[..., dict[str, Any]],
    packages: dict[str, str],
    target: str,
    argument: Any,
    error: str,
    status: str,
) -> None:
    """An exception says itself what becomes of its rows; one that does not is invalid, and named with its class."""
    with pytest.raises(WorkerFailed) as caught:
        running("call", packages=packages, target=f"toys:{target}", arguments=argument)
    assert str(caught.value) == error
    assert caught.value.status == status
    assert f"in {target}" in caught.value.trace
    # It goes on after an error.
    assert running("call", packages=packages, target="toys:echo", arguments=1)["result"] == 1


def test_waiting_for_the_core_is_told(
    running: Callable[..., dict[str, Any]], packages: dict[str, str]
) -> None:
    """How long the process waited in a slice, of how long the slice took; the system's count never goes back."""
    running("load", source=factory_source(packages, "make_adder", {"added": 3, "expected": 3}))
    answer = running("measure", case="add", modes=["loop"], blocks=[0], lead_in=1, passes=3)
    assert answer["took_ns"] > 0
    assert answer["waited_ns"] is None or answer["waited_ns"] >= 0


def test_the_pulse_is_equal_pieces_of_work(running: Callable[..., dict[str, Any]]) -> None:
    """As many as were asked for, each above zero."""
    chunks_ns = running("pulse", chunk_ns=20_000, chunks=50)["chunks_ns"]
    assert len(chunks_ns) == 50
    assert all(ns > 0 for ns in chunks_ns)


def test_the_collector_is_off_in_slices_only(
    running: Callable[..., dict[str, Any]], packages: dict[str, str]
) -> None:
    """After loading and after measuring, well or with an error, it is on again."""

    def collects() -> bool:
        called = running("call", packages=packages, target="toys:collects", arguments=None)
        return bool(called["result"])

    running("load", source=pickled_source(packages, Adder(1, 2, in_context=False)))
    assert collects()
    with pytest.raises(WorkerFailed):
        running("measure", case="add", modes=["loop"], blocks=[0], lead_in=1, passes=1)
    assert collects()
    running("measure", case="append", modes=["loop"], blocks=[0], lead_in=1, passes=1)
    assert collects()


def test_the_collector_is_off_while_measuring(clock: TickingClock) -> None:
    """A pass is not interrupted by it."""
    seen: list[bool] = []
    asked = Worker()
    case = make_case(clock, 1, names={"work": lambda ns: seen.append(gc.isenabled()) or ns})
    asked._cases = {"toy": TimedCase(case)}
    asked.answer(
        {
            "do": "measure",
            "case": "toy",
            "modes": ["loop"],
            "blocks": [0],
            "lead_in": 1,
            "passes": 2,
        }
    )
    assert seen == [False] * 3
    assert gc.isenabled()


def test_the_workers_own_directory_is_not_importable(
    running: Callable[..., dict[str, Any]], packages: dict[str, str]
) -> None:
    """A module of the worker does not stand in the way of another of its name, such as `machine`."""

    def imports(name: str) -> bool:
        called = running("call", packages=packages, target="toys:imports", arguments=name)
        return bool(called["result"])

    assert imports("json")
    assert not imports("machine")
    assert not imports("loops")


def test_a_worker_that_is_told_to_quit_ends(any_python: str) -> None:
    """It ends well, without a word."""
    ended = pytest.raises(WorkerFailed, match=r"^the worker died \(exit code 0\)$")
    with Channel(any_python) as channel, ended:
        channel.ask({"do": "quit"}, TIMEOUT_S)


@pytest.fixture
def tree_and_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return a working tree and its copy, each with a module `helper` in `src`; what is imported of it is forgotten."""
    for side in ("tree", "copy"):
        (tmp_path / side / "src").mkdir(parents=True)
        (tmp_path / side / "src" / "helper.py").write_text(f"SIDE = {side!r}\n")
        (tmp_path / side / "factory.py").write_text(
            "import helper\nmake = lambda arguments: helper.SIDE\n"
        )
    monkeypatch.setattr(sys, "path", [str(tmp_path / "tree" / "src"), *sys.path])
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path / "tree", tmp_path / "copy"


def make_moved_source(tree: Path, copy: Path) -> dict[str, Any]:
    """Return what a worker loads of the copy."""
    sys.path.append(str(copy))
    return Target("factory:make", {}, moved=(str(tree), str(copy))).to_data()


def test_what_lies_in_the_tree_is_imported_from_its_copy(tree_and_copy: tuple[Path, Path]) -> None:
    """PYTHONPATH, or an installed package, that leads into the working tree leads into the copy that is measured."""
    assert loading.load_subject(make_moved_source(*tree_and_copy)) == "copy"


def test_a_module_from_the_tree_itself_is_refused(tree_and_copy: tuple[Path, Path]) -> None:
    """Where something else than the path found it there, the sides would be the same: no time, and the fix."""
    sys.modules.pop("helper", None)
    importlib.import_module("helper")
    with pytest.raises(loading.BadSubject, match=r"imports helper from .*tree.*PYTHONPATH"):
        loading.load_subject(make_moved_source(*tree_and_copy))


def test_what_an_environment_in_the_tree_has_installed_stays(
    tree_and_copy: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment may lie in the working tree: what is installed in it is the same for both sides."""
    tree, copy = tree_and_copy
    installed = tree / "venv" / "site-packages"
    monkeypatch.setattr(
        sysconfig,
        "get_paths",
        lambda: dict.fromkeys(("purelib", "platlib", "stdlib"), str(installed)),
    )
    assert loading.move_path(str(installed), str(tree), str(copy)) == str(installed)
    assert loading.move_path(str(tree / "src"), str(tree), str(copy)) == str(copy / "src")
    assert loading.move_path(str(tree), str(tree), str(copy)) == str(copy)
    assert loading.move_path(f"{tree}2", str(tree), str(copy)) == f"{tree}2"
