"""Cases that a subject holds open: the loops with a clock that ticks, and the conversation with a script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_worker import READ_NS, TickingClock

from garagebench.engine.channel import WorkerFailed
from garagebench.engine.runner import Left, start_runner
from garagebench.engine.schedule import Pace
from garagebench.engine.target import Target
from garagebench.engine.worker import held
from garagebench.engine.worker.held import AT_ONCE_FROM_NS, Call, HeldCase, Holder, Turn

TIMEOUT_S = 30.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> TickingClock:
    """The clock that the held case reads, also for its CPU time."""
    ticking = TickingClock()
    monkeypatch.setattr(held, "clock", ticking)
    monkeypatch.setattr(held.time, "process_time_ns", lambda: ticking.now_ns)
    monkeypatch.setattr(held.RunDelay, "read_ns", lambda _: 0)
    return ticking


def test_a_call_takes_the_mean_of_all(clock: TickingClock) -> None:
    """The clock is read before the first and after the last: one read is shared by all calls."""
    case = HeldCase("x", Call(clock.pass_by, (100,)))
    assert case.measure("loop", [0], 3, 10) == {"loop": [100 + READ_NS / 10]}
    assert case.measure("empty", [0], 3, 10) == {"empty": [READ_NS / 10]}
    assert case.last == [100]


def test_what_is_prepared_is_not_measured(clock: TickingClock) -> None:
    """Each call is timed alone, between what comes before and after it, with the arguments that were prepared."""
    ended = []

    def prepare() -> tuple[tuple[int], dict[str, Any]]:
        clock.pass_by(5000)
        return (100,), {}

    case = HeldCase("x", Call(clock.pass_by, prepare=prepare, finish=ended.append))
    assert case.measure("loop", [0], 0, 3) == {"loop": [100 + READ_NS] * 3}
    assert ended == [100, 100, 100]
    assert case.measure("empty", [0], 0, 3) == {"empty": [READ_NS]}


def test_iterations_are_calls_between_preparations(clock: TickingClock) -> None:
    """Several calls on what was prepared once are timed together."""
    case = HeldCase("x", Call(clock.pass_by, (100,), finish=lambda _: None, iterations=4))
    assert case.measure("loop", [0], 0, 2) == {"loop": [100 + READ_NS / 4] * 2}


def test_at_once_the_cpu_time_is_told(clock: TickingClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that went by for others does not count; the empty loop comes with it."""
    used = iter([1000, 1700])
    monkeypatch.setattr(held.time, "process_time_ns", lambda: next(used))
    case = HeldCase("x", Call(clock.pass_by, (10_000,)))
    assert case.measure("cpu", [0], 0, 1) == {"loop": [700], "empty": [READ_NS]}


@pytest.mark.parametrize(
    ("call_ns", "pace"),
    [
        (1_000, [150, 1000, False]),
        (100_000, [2, 10, False]),
        (2_000_000, [1, 1, False]),
        (4_000_000, [0, 1, False]),
        (AT_ONCE_FROM_NS, [0, 1, True]),
    ],
)
def test_a_pace_fills_a_slice(clock: TickingClock, call_ns: int, pace: list[Any]) -> None:
    """As many calls as a millisecond takes, with a lead-in for short ones; long ones are made by both sides at once."""
    assert HeldCase("x", Call(clock.pass_by, (call_ns,))).find_pace(1_000_000) == pace


def test_a_call_that_waits_is_not_made_at_once(
    clock: TickingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CPU time would not show for how long it waits."""
    monkeypatch.setattr(held.time, "process_time_ns", lambda: clock.now_ns // 2)
    assert HeldCase("x", Call(clock.pass_by, (50_000_000,))).find_pace(1_000_000) == [0, 1, False]


def test_what_takes_long_to_prepare_has_fewer_calls(clock: TickingClock) -> None:
    """A slice ends after 8 ms with all that is prepared, however short the calls."""

    def prepare() -> tuple[tuple[int], dict[str, Any]]:
        clock.pass_by(1_000_000)
        return (100,), {}

    assert HeldCase("x", Call(clock.pass_by, prepare=prepare)).find_pace(1_000_000) == [1, 7, False]


class Script:
    """A conversation: commands that come, and what was answered."""

    def __init__(self, *commands: dict[str, Any]) -> None:
        self.commands = list(commands)
        self.said: list[dict[str, Any]] = []

    def serve(self, stop: str) -> dict[str, Any] | None:
        """Return the next command, which must be the one that is waited for."""
        if not self.commands:
            return None
        assert self.commands[0]["do"] == stop
        return self.commands.pop(0)

    def holder(self) -> Holder:
        """Return a holder that has this conversation."""
        return Holder(self.serve, self.said.append, {}, lambda **found: {"loaded": found})


def enter(case: str, upcoming: str | None = None) -> dict[str, Any]:
    """Return the command to enter a case."""
    return {
        "do": "enter",
        "case": case,
        "upcoming": upcoming,
        "pace": [0, 1, False],
        "slice_ns": None,
    }


def test_a_case_is_entered_held_and_left() -> None:
    """Each command is answered once: loaded, the pace, how it ended."""
    script = Script(enter("a", "b"), {"do": "leave"}, enter("b"))
    holder = script.holder()
    assert holder.open(["a", "b"], caveats=["x"]) == Turn("a", "b")
    assert holder.hold(Call(int)) == []
    assert holder.next("passed", "") == Turn("b", None)
    assert holder.next("skipped", "not today") is None
    cases = [{"name": "a"}, {"name": "b"}]
    assert script.said == [
        {"loaded": {"cases": cases, "in_turn": True, "caveats": ["x"]}},
        {"name": "a", "pace": [0, 1, False]},
        {"status": "passed", "reason": ""},
        # It never came to a call: entering it has failed.
        {"error": "not today", "status": "skipped", "trace": ""},
    ]


def test_the_end_may_come_while_a_case_is_held() -> None:
    """Told to quit in the middle, the subject finishes the case and gets no other."""
    script = Script(enter("a"))
    holder = script.holder()
    holder.open(["a"])
    holder.hold(Call(int))
    assert holder.next("passed", "") is None
    assert len(script.said) == 2


def test_a_case_is_held_once() -> None:
    """A second call would be measured under the same name."""
    holder = Script(enter("a"), {"do": "leave"}).holder()
    holder.open(["a"])
    holder.hold(Call(int))
    with pytest.raises(RuntimeError, match="measured once"):
        holder.hold(Call(int))


TOY = """
import time

class Toy:
    def __init__(self, arguments):
        self.arguments = arguments

    def run(self, holder):
        if self.arguments == "ends":
            return "there is nothing"
        turn = holder.open(["quick", "hangs"])
        while turn is not None:
            function = int if turn.case == "quick" else (lambda: time.sleep(60))
            holder.hold(Call(function))
            turn = holder.next("passed", "")
        with open(self.arguments, "w") as file:
            file.write("torn down")

class Call:
    args, kwargs, prepare, finish, iterations = (), {}, None, None, 1
    def __init__(self, function):
        self.function = function
    def answers(self):
        return ["0"]
"""


@pytest.fixture
def start(tmp_path: Path) -> Callable[[str], Any]:
    """Return a runner of the toy."""
    (tmp_path / "toy_suite.py").write_text(TOY)

    def run(arguments: str) -> Any:
        runner = start_runner("python3")
        runner.begin_load(Target("toy_suite:Toy", arguments, path=(str(tmp_path),)), TIMEOUT_S)
        return runner

    return run


NOTHING = Target("", None)


def test_a_real_worker_holds_cases_and_tears_down(
    start: Callable[[str], Any], tmp_path: Path
) -> None:
    """Cases come in turn, are measured and left; at the end the subject has time to clean up."""
    notes = tmp_path / "notes"
    runner = start(str(notes))
    loaded = runner.load(NOTHING, TIMEOUT_S)
    assert (loaded.in_turn, [case.name for case in loaded.cases]) == (True, ["quick", "hangs"])
    case = runner.enter("quick", None, 100_000, TIMEOUT_S)
    assert case.pace.passes > 1
    found = runner.measure("quick", ("loop", "empty"), [0], case.pace, TIMEOUT_S)
    assert (set(found.passes), found.requests) == ({"loop", "empty"}, 1)
    assert runner.answers("quick", TIMEOUT_S) == ["0"]
    assert runner.leave(TIMEOUT_S) == Left("passed", "")
    assert runner.modules(TIMEOUT_S)["toy_suite"] == str(tmp_path / "toy_suite.py")
    assert not notes.exists()
    runner.close()
    assert notes.read_text() == "torn down"


def test_a_worker_that_hangs_is_ended(start: Callable[[str], Any], tmp_path: Path) -> None:
    """It is not waited for: what did not answer will not tear down either."""
    runner = start(str(tmp_path / "notes"))
    runner.load(NOTHING, TIMEOUT_S)
    runner.enter("hangs", None, Pace(0, 1), TIMEOUT_S)
    with pytest.raises(WorkerFailed, match="it hangs"):
        runner.measure("hangs", ("loop",), [0], Pace(0, 1), 0.2)
    runner.close()
    assert not (tmp_path / "notes").exists()


def test_a_subject_that_ends_early_says_why(start: Callable[[str], Any]) -> None:
    """What it returns is the answer to the command that was open."""
    runner = start("ends")
    with pytest.raises(WorkerFailed, match="there is nothing"):
        runner.load(NOTHING, TIMEOUT_S)
    runner.close()
