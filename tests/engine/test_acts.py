"""What of a generation is measured in the same rounds: loops all at once, cases that come in turn one by one."""

from __future__ import annotations

import pytest
from fake_host import FakeHost, FakeSubject, Trap, dies

from garagebench.engine.acts import MOST_ACT_S, most_act_s
from garagebench.engine.extent import Extent
from garagebench.engine.schedule import LEAST_ROUNDS

#: A request of 100, so that a pass of one block takes a hundred times as long.
SUITE = FakeSubject({"quick": 100.0, "slow": 200.0}, blocks=(100,), in_turn=True)
LOOPS = FakeSubject({"loop": 100.0}, blocks=(100,))

FIVE = Extent(generations=5, rounds=LEAST_ROUNDS)


def test_cases_are_entered_and_left_one_after_the_other() -> None:
    """Both sides come to the same case, are measured in turns, and leave it before either goes on."""
    host = FakeHost({"base": SUITE, "head": SUITE})
    result = host.conductor(extent=FIVE).run()
    assert [one.problem for one in result.contestants] == [None, None]
    first = [
        (asked.do, asked.case)
        for asked in host.asked
        if asked.generation == 1 and asked.do in ("enter", "leave", "measure")
    ]
    measured = ("measure", "quick"), ("measure", "slow")
    rounds = 2 * LEAST_ROUNDS
    assert first == [
        *[("enter", "quick")] * 2,
        *[measured[0]] * rounds,
        *[("leave", None)] * 2,
        *[("enter", "slow")] * 2,
        *[measured[1]] * rounds,
        *[("leave", None)] * 2,
    ]
    for one in result.contestants:
        assert [len(rounds) for rounds in one.series["slow"]] == [LEAST_ROUNDS] * 5
    assert [asked.do for asked in host.asked].count("quit") == 10


def test_both_sides_make_the_same_calls() -> None:
    """With paces that are given, every command of one side is one of the other, case for case."""
    host = FakeHost({"base": SUITE, "head": SUITE})
    host.conductor(extent=FIVE).run()
    calls = {
        side: [
            (one.do, one.case) for one in host.asked if one.contestant == side and one.do != "pulse"
        ]
        for side in ("base", "head")
    }
    assert sorted(calls["base"], key=str) == sorted(calls["head"], key=str)


def test_a_slow_case_has_few_rounds() -> None:
    """From some time on no more rounds are begun: its generations count, not its rounds."""
    slow = FakeSubject({"slow": MOST_ACT_S * 1e9 / 100}, blocks=(100,), in_turn=True)
    host = FakeHost({"base": slow, "head": slow})
    result = host.conductor(extent=FIVE).run()
    assert [len(rounds) for rounds in result.contestants[0].series["slow"]] == [1] * 5


def test_few_cases_have_as_much_time_as_their_processes_took_to_start() -> None:
    """Each of many has the least, one alone has all of it."""
    assert most_act_s(5 * MOST_ACT_S, 1) == pytest.approx(5 * MOST_ACT_S)
    assert most_act_s(5 * MOST_ACT_S, 100) == MOST_ACT_S
    assert most_act_s(0.0, 0) == MOST_ACT_S


def test_loops_and_cases_in_turn_are_measured_together() -> None:
    """A subject of either kind has all of its series, and loops come first."""
    host = FakeHost({"loops": LOOPS, "suite": SUITE})
    result = host.conductor(extent=FIVE).run()
    assert [
        set(one.series) >= set(subject.case_ns)
        for one, subject in zip(result.contestants, (LOOPS, SUITE), strict=True)
    ] == [True, True]
    order = [asked.case for asked in host.asked if asked.generation == 1 and asked.do == "measure"]
    assert order.index("loop") < order.index("quick") < order.index("slow")


def test_a_case_that_cannot_be_entered_ends_its_side() -> None:
    """The case is named, and its side is not started again."""
    trap = Trap("head", "enter", dies("no such fixture"), generation=1, nth=2)
    host = FakeHost({"base": SUITE, "head": SUITE}, traps=[trap])
    base, head = host.conductor(extent=FIVE).run().contestants
    assert base.problem is None
    assert head.problem is not None
    assert "slow: no such fixture" in head.problem.reason
    assert host.generations["head"] == 1


def test_ctrl_c_keeps_what_is_whole() -> None:
    """In the middle of a case, its rounds and the cases of before are kept."""
    trap = Trap("head", "leave", KeyboardInterrupt(), generation=2, nth=1)
    host = FakeHost({"base": SUITE, "head": SUITE}, traps=[trap])
    result = host.conductor(extent=FIVE).run()
    assert result.interrupted
    assert [len(result.contestants[0].series[case]) for case in ("quick", "slow")] == [2, 1]


@pytest.mark.parametrize("budget_s", [0.5, 1.0])
def test_a_budget_breaks_off_between_cases(budget_s: float) -> None:
    """A generation that would be late ends behind a case, and both sides have as many generations of each."""
    subject = FakeSubject(
        {f"case {number}": 100_000.0 for number in range(20)}, blocks=(100,), in_turn=True
    )
    host = FakeHost({"base": subject, "head": subject})
    base, head = host.conductor(budget_s=budget_s).run().contestants
    assert {case: len(series) for case, series in base.series.items()} == {
        case: len(series) for case, series in head.series.items()
    }
    assert len(base.series["case 0"]) > 0
    assert host.now_s < 4 * budget_s
