"""Whole measurements on a machine that is not there: no clock, no process."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_host import NOTHING, FakeHost, FakeSubject, Trap, dies

from garagebench.engine import Progress
from garagebench.engine.candidate import Entrant
from garagebench.engine.channel import WorkerFailed
from garagebench.engine.conductor import Conductor
from garagebench.engine.contestant import Contestant, Problem
from garagebench.engine.extent import Extent
from garagebench.engine.result import Result
from garagebench.engine.runner import WorkerRunner, start_runner
from garagebench.engine.schedule import (
    LEAST_ROUNDS,
    LONGEST_SLICE_NS,
    MOST_ROUNDS,
    SHORTEST_SLICE_NS,
    Pace,
)
from garagebench.engine.target import Target
from garagebench.stats.estimate import useful_generations
from garagebench.system import cores

SLOW = FakeSubject({"find": 2000.0, "add": 300.0})
FAST = FakeSubject({"find": 500.0, "add": 600.0})
LATE = FakeSubject({"find": 1000.0, "add": 300.0}, load_s=0.4)

THREE = {"slow": SLOW, "fast": FAST, "late": LATE}


@pytest.fixture(autouse=True)
def pinned(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """Cores that the conductor was given, one after the other, on a machine that has 0, 1 and 5."""
    given: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 5}, raising=False)
    monkeypatch.setattr(
        os, "sched_setaffinity", lambda _, cores: given.append(set(cores)), raising=False
    )
    # Or another run of these tests, at the same time on the same machine, would have the core.
    monkeypatch.setattr(cores, "_reserve", lambda core, stack: True)
    return given


def restless(now_s: float) -> float:
    """A host that switches between two speeds, 1.75 apart, at odd moments."""
    return 1.75 if int(now_s * 1.37) % 3 == 1 else 1.0


def status(result: Result, name: str) -> Counter[str]:
    """How many rows of the contestant have which status."""
    return Counter(row.status for row in result.rows() if row.contestant == name)


def problem(result: Result, name: str) -> Problem | None:
    """Why the contestant has nothing, or no more."""
    return next(one.problem for one in result.contestants if one.name == name)


def rounds_of(result: Result, name: str, case: str = "find") -> list[int]:
    """How many rounds each of the contestant's generations has."""
    (contestant,) = (one for one in result.contestants if one.name == name)
    return [len(rounds) for rounds in contestant.series.get(case, [])]


# What is measured.


def test_ratios_are_exact_though_the_host_changes_its_speed() -> None:
    """The absolute times are spread over the host's two speeds; the ratios are those of the costs."""
    result = FakeHost(THREE, restless).conductor(20).run()
    ratios = {(row.contestant, row.name): row.ratio for row in result.rows()}
    assert ratios == {
        ("slow", "find"): 1,
        ("slow", "add"): 1,
        ("fast", "find"): 0.25,
        ("fast", "add"): 2,
        ("late", "find"): 0.5,
        ("late", "add"): 1,
    }
    assert any("the host changed speed" in caveat for caveat in result.caveats)


def test_a_steady_host_gives_the_very_times() -> None:
    """The loop less the empty loop, for one request; there is nothing to mind."""
    result = FakeHost(THREE).conductor(20).run()
    found = {(row.contestant, row.name): (row.low, row.median, row.high) for row in result.rows()}
    assert found["slow", "find"] == (2000, 2000, 2000)
    assert found["fast", "add"] == (600, 600, 600)
    assert result.caveats == ()
    assert not result.interrupted


def test_everybody_is_measured_in_every_round() -> None:
    """In each generation all contestants have as many rounds: one slice of each case."""
    host = FakeHost(THREE)
    result = host.conductor(20).run()
    planned = rounds_of(result, "slow")
    assert len(planned) >= 6
    assert set(planned) <= set(range(LEAST_ROUNDS, MOST_ROUNDS + 1))
    for name in THREE:
        assert rounds_of(result, name) == rounds_of(result, name, "add") == planned
        assert host.count(name, "measure") == {
            generation: 2 * rounds for generation, rounds in enumerate(planned, 1)
        }


def test_all_go_through_the_same_blocks_in_a_round() -> None:
    """Blocks are drawn for the round, and not for the contestant."""
    subjects = {
        name: FakeSubject({"find": 100.0}, blocks=[600, 700, 800, 900]) for name in ("a", "b", "c")
    }
    host = FakeHost(subjects)
    host.conductor(5).run()
    drawn = [one.blocks for one in host.asked if one.do == "measure"]
    rounds = [drawn[start : start + 3] for start in range(0, len(drawn), 3)]
    assert all(len(set(blocks)) == 1 for blocks in rounds)
    assert set(drawn) == {(0,), (1,), (2,), (3,)}


def test_the_order_of_contestants_is_balanced() -> None:
    """Each round's order is the reverse of the one before, or drawn afresh; everybody is first at some time."""
    host = FakeHost({name: FakeSubject({"find": 100.0}) for name in ("a", "b", "c")})
    host.conductor(5).run()
    measured = [one for one in host.asked if one.do == "measure"]
    generation = [one.contestant for one in measured if one.generation == 1]
    orders = [generation[start : start + 3] for start in range(0, len(generation), 3)]
    assert [order[::-1] for order in orders[::2]] == orders[1::2]
    assert {one.contestant for one in measured[::3]} == {"a", "b", "c"}


def test_what_is_compared_is_measured_next_to_each_other() -> None:
    """One case of all contestants in turn, then the next case: in an order drawn afresh."""
    host = FakeHost(THREE)
    host.conductor(10).run()
    measured = [one for one in host.asked if one.do == "measure"]
    turns = [measured[start : start + 3] for start in range(0, len(measured), 3)]
    assert all({one.contestant for one in turn} == set(THREE) for turn in turns)
    assert all(len({one.case for one in turn}) == 1 for turn in turns)
    firsts = {turn[0].case for turn in turns[::2]}  # of each round
    assert firsts == {"find", "add"}


def test_those_with_one_reference_are_measured_next_to_each_other() -> None:
    """Of two pairs of sides both halves of each ratio follow on each other."""
    host = FakeHost({name: FakeSubject({"x": 100.0}) for name in ("a1", "b1", "a2", "b2")})
    entrants = [Entrant(name, name, NOTHING, reference=f"a{name[1]}") for name in host.subjects]
    Conductor(
        entrants,
        extent=Extent(generations=2),
        seed=1,
        start_runner=host.start_runner,
        clock=host.clock,
        slice_ns=1_000_000,
    ).run()
    measured = [one.contestant for one in host.asked if one.do == "measure"]
    pairs = list(zip(measured[::2], measured[1::2], strict=True))
    assert all(one[1] == other[1] and one != other for one, other in pairs)
    assert {one for one, _ in pairs} == set(host.subjects)


def test_chance_decides_who_is_started_first() -> None:
    """In each generation anew: whoever is always first would be warmed up and placed otherwise than the others."""
    host = FakeHost(THREE)
    result = host.conductor(extent=Extent(generations=30)).run()
    started = [one.contestant for one in host.workers]
    firsts = started[::3]
    assert set(firsts) == set(THREE)
    assert result.conditions is not None
    assert list(result.conditions.first) == firsts


def test_sides_change_places_by_a_coin() -> None:
    """In about half of the generations each is loaded from the other's place; at the end all is as it was."""
    host = FakeHost({"base": SLOW, "head": SLOW})
    exchanged: list[bool] = []
    loaded: list[tuple[str, bool]] = []
    begin = host.start_worker

    def exchange() -> None:
        exchanged.append(not (exchanged and exchanged[-1]))

    def start(*arguments: Any) -> Any:
        worker = begin(*arguments)
        ask = worker.ask

        def listen(command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
            if command["do"] == "load":
                at_home = command["source"]["arguments"] == worker.contestant
                loaded.append((worker.contestant, at_home))
                assert at_home is not bool(exchanged and exchanged[-1])
            return ask(command, timeout_s)

        worker.ask = listen
        return worker

    entrants = [
        Entrant(name, name, Target("", name), elsewhere=Target("", other))
        for name, other in (("base", "head"), ("head", "base"))
    ]
    result = Conductor(
        entrants,
        extent=Extent(generations=40),
        seed=1,
        start_runner=lambda *arguments: WorkerRunner(start(*arguments)),
        clock=host.clock,
        slice_ns=1_000_000,
        exchange=exchange,
    ).run()
    assert exchanged[-1] is False
    away = [not at_home for _, at_home in loaded[::2]]
    assert result.conditions is not None
    assert list(result.conditions.exchanged) == away
    # 40 throws: 20 on average, standard deviation 3.2.
    assert 8 < sum(away) < 32


def test_a_slice_that_waited_for_its_core_is_measured_again_with_all_others() -> None:
    """Single slow slices are never repeated alone: that would cut slowdowns away. At most a fifth is repeated."""
    host = FakeHost(THREE)
    begin = host.start_worker
    host_waits = iter([False, True, False] * 10_000)

    def start(*arguments: Any) -> Any:
        worker = begin(*arguments)
        ask = worker.ask

        def wait(command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
            answer = ask(command, timeout_s)
            if command["do"] == "measure" and worker.contestant == "fast":
                waited_ns = 50_000 if next(host_waits) else 0
                answer |= {"waited_ns": waited_ns, "took_ns": 1_000_000}
            return answer

        worker.ask = wait
        return worker

    host.start_worker = start  # type: ignore[method-assign]
    result = host.conductor(extent=Extent(generations=3, rounds=20)).run()
    assert result.conditions is not None
    assert result.conditions.slices == 3 * 20 * 2
    measured = Counter(one.contestant for one in host.asked if one.do == "measure")
    repeated = {one.name: one.repeated for one in result.contestants}
    assert set(measured.values()) == {3 * 20 * 2 + repeated["fast"]}
    assert (repeated["slow"], repeated["late"]) == (0, 0)
    assert 0.1 < repeated["fast"] / (3 * 20 * 2 + repeated["fast"]) <= 0.2


def test_the_length_of_slices_follows_the_host() -> None:
    """On a host that goes at two speeds for a millisecond each a slice is short, on a steady one long."""
    lengths = []
    for slowness in (lambda _: 1.0, lambda now_s: 1.8 if int(now_s * 1000) % 2 else 1.0):
        host = FakeHost({"a": FakeSubject({"x": 96.0})}, slowness)
        result = host.conductor(30, slice_ns=None).run()
        assert result.conditions is not None
        lengths.append(result.conditions.slice_ns)
    assert lengths[0] == LONGEST_SLICE_NS
    assert lengths[1] == SHORTEST_SLICE_NS


def test_so_many_generations_whatever_they_take() -> None:
    """The same rounds on a fast host and on one that is a hundred times slower; no case is left out."""
    asked = []
    for factor in (1.0, 100.0):
        host = FakeHost({"a": SLOW}, lambda _, by=factor: by)
        result = host.conductor(extent=Extent(generations=8)).run()
        assert len(rounds_of(result, "a")) == 8
        asked.append(Counter(one.do for one in host.asked))
    assert asked[0]["measure"] == asked[1]["measure"]


def test_paces_that_are_given_are_kept() -> None:
    """What a measurement before has chosen is not chosen anew: both sides do the same from the first call on."""
    host = FakeHost({"a": SLOW})
    paces = {"find": Pace(2, 5)}
    result = Conductor(
        [Entrant("a", "a", NOTHING, paces=paces)],
        extent=Extent(generations=2),
        seed=1,
        start_runner=host.start_runner,
        clock=host.clock,
        slice_ns=1_000_000,
    ).run()
    assert result.contestants[0].paces == paces
    assert {one.case for one in host.asked if one.do == "measure"} == {"find"}
    assert host.count("a", "warm") == {1: 1, 2: 1}


def test_the_same_seed_gives_the_same_commands() -> None:
    """Nothing but the seed decides the order; another seed gives another."""
    asked = []
    for seed in (3, 3, 4):
        host = FakeHost(THREE)
        host.conductor(8, seed).run()
        asked.append(host.asked)
    assert asked[0] == asked[1]
    assert asked[0] != asked[2]


def test_every_generation_has_fresh_workers() -> None:
    """Each is loaded once, warmed up and closed, and kept on the workers' core."""
    host = FakeHost(THREE)
    result = host.conductor(10).run()
    generations = len(rounds_of(result, "slow"))
    for name in THREE:
        assert sorted(one.generation for one in host.workers if one.contestant == name) == list(
            range(1, generations + 1)
        )
        assert host.count(name, "load") == dict.fromkeys(range(1, generations + 1), 1)
    assert {worker.times_closed for worker in host.workers} == {1}
    assert {worker.core for worker in host.workers} == {5}


def test_workers_are_warmed_up_before_they_are_measured() -> None:
    """Also those of the last generation; on PyPy with hundreds of passes."""
    subject = FakeSubject({"find": 100.0}, implementation="PyPy")
    host = FakeHost({"a": subject})
    passes: Counter[int] = Counter()
    work = []
    begin = host.start_worker

    def start(*arguments: Any) -> Any:
        worker = begin(*arguments)
        ask = worker.ask

        def listen(command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
            if command["do"] == "warm":
                work.extend(command["work"])
                for _, mode, _, count in command["work"]:
                    passes[worker.generation] += count if mode == "loop" else 0
            return ask(command, timeout_s)

        worker.ask = listen
        return worker

    host.start_worker = start  # type: ignore[method-assign]
    result = host.conductor(5).run()
    assert all(
        passes[number] >= 150 for number in range(1, len(rounds_of(result, "a", "find")) + 1)
    )
    assert {tuple(blocks) for _, _, blocks, _ in work} == {(0, 1)}


# The budget.


@pytest.mark.parametrize("budget_s", [2.0, 6.0, 20.0, 60.0])
@pytest.mark.parametrize(
    "subjects",
    [
        {"a": FakeSubject({"x": 50.0}, load_s=0.05)},
        THREE,
        {"a": SLOW, "b": FakeSubject({"x": 100.0}, cold_s=0.5)},
        {"a": SLOW, "b": FakeSubject({"x": 2e4, "y": 5e4, "z": 9e4})},
        {"a": SLOW, "pypy": FakeSubject({"find": 20.0}, implementation="PyPy", load_s=0.2)},
    ],
    ids=["cheap", "three", "cold", "slow cases", "pypy"],
)
@pytest.mark.parametrize("slowness", [lambda _: 1.0, restless], ids=["steady", "restless"])
def test_the_budget_is_kept(
    budget_s: float, subjects: dict[str, FakeSubject], slowness: Callable[[float], float]
) -> None:
    """Within 25 %; where there is enough for intervals no more than a quarter is left, and each generation counts."""
    host = FakeHost(subjects, slowness)
    result = host.conductor(budget_s).run()
    assert host.now_s <= 1.25 * budget_s
    first, subject = next(iter(subjects.items()))
    generations = len(rounds_of(result, first, next(iter(subject.case_ns))))
    if generations >= 6:
        # On a restless one, or with cold starts now and then, a plan may come to its end between two useful counts.
        is_even = slowness is not restless and all(one.cold_s is None for one in subjects.values())
        assert useful_generations(generations) == generations or not is_even
        assert host.now_s >= 0.7 * budget_s


def test_a_host_that_turns_slow_does_not_break_the_budget() -> None:
    """Where everything takes five times as long from some moment on, the rounds end with the budget."""
    host = FakeHost(THREE, lambda now_s: 5.0 if now_s > 6 else 1.0)
    result = host.conductor(10).run()
    assert host.now_s <= 12.5
    assert all(rounds >= LEAST_ROUNDS for rounds in rounds_of(result, "slow"))


@pytest.mark.parametrize(
    "subjects",
    [
        THREE,
        {"a": FakeSubject({"x": 3e3}, cold_s=1.5)},
        {"a": FakeSubject({"x": 100.0}, cold_s=2.0, load_s=8.0)},
        {"a": FakeSubject({"x": 5e3, "y": 5e3}), "b": FakeSubject({"x": 4e3, "y": 5e3})},
    ],
    ids=["three", "cold for long", "cold at their share", "slow cases"],
)
@pytest.mark.parametrize("budget_s", [1.0, 1.5, 3.0])
def test_a_small_budget_is_told_what_would_do(
    subjects: dict[str, FakeSubject], budget_s: float
) -> None:
    """It says the budget that gives 6 generations, and with that it does; a third less would not have done."""
    result = FakeHost(subjects).conductor(budget_s).run()
    first = result.contestants[0]
    case = next(iter(subjects[first.name].case_ns))
    if len(first.series[case]) >= 6:
        assert not any("too few" in note for note in result.notes)
        return
    (note,) = result.notes
    said, _, needed = note.partition("; 6 need about ")
    assert said == f"a budget of {budget_s:g} s buys too few generations for intervals"
    enough_s = float(needed.removesuffix(" s"))
    for budget, is_enough in ((enough_s, True), (0.65 * enough_s - 1, False)):
        again = FakeHost(subjects).conductor(max(budget, 0.1)).run()
        assert (len(again.contestants[0].series[case]) >= 6) is is_enough
        assert (again.notes == ()) is is_enough


def test_a_dear_first_generation_is_no_reason_to_complain() -> None:
    """Where cold starts make the first generation dear and the rest is cheap there are intervals, and no such note."""
    subject = FakeSubject({"x": 100.0}, cold_s=4.0, load_s=0.2)
    result = FakeHost({"a": subject}).conductor(7).run()
    assert len(rounds_of(result, "a", "x")) >= 6
    assert result.notes == ()


def test_a_generation_that_is_longer_than_the_budget() -> None:
    """Where not even one fits its rounds end with the budget, are kept, and it says which budget would do."""
    # 150 passes of 3.2 ms are 0.5 s, less than half of 3 s; but there are 40 such cases.
    subjects = {"a": FakeSubject({f"case {number}": 16_000.0 for number in range(40)})}
    host = FakeHost(subjects)
    result = host.conductor(3).run()
    (rounds,) = rounds_of(result, "a", "case 0")
    assert 1 <= rounds < LEAST_ROUNDS
    assert host.now_s <= 1.25 * 3
    needed = result.notes[0].partition("; 6 need about ")[2]
    again = FakeHost(subjects).conductor(float(needed.removesuffix(" s"))).run()
    assert len(rounds_of(again, "a", "case 0")) == 6


def test_a_plan_that_is_a_little_late_is_kept() -> None:
    """A host that becomes slower by a few percent is no reason to end between two counts that are of use."""
    for percent in (1, 2, 3, 4):
        host = FakeHost(THREE, lambda now_s, by=percent: 1 + by / 100 * (now_s > 10))
        result = host.conductor(20).run()
        generations = len(rounds_of(result, "slow"))
        assert useful_generations(generations) == generations
        assert host.now_s <= 1.05 * 20


def test_a_case_that_is_too_slow_is_left_out() -> None:
    """The others are measured, and a caveat names the case, what it would need, and the budget."""
    # A pass over both blocks takes 0.2 s. 6 generations of 5 + 10 * 2 = 25 passes are 30 s.
    subject = FakeSubject({"quick": 100.0, "endless": 1e6}, empty_ns=0.0)
    host = FakeHost({"a": subject, "b": SLOW})
    result = host.conductor(20).run()
    caveat = "endless is left out: it alone would take 30 s of a budget of 20 s"
    rows = [row for row in result.rows() if row.contestant == "a"]
    assert [(row.name, row.status, row.median is None, row.caveats) for row in rows] == [
        ("quick", "ok", False, (caveat,)),
        ("endless", "invalid", True, (caveat,)),
    ]
    assert not any(one.case == "endless" for one in host.asked)
    assert status(result, "b") == {"ok": 2}
    assert host.now_s <= 25


def test_rows_that_rest_on_a_case_left_out_are_left_out() -> None:
    """A difference without one of its parts is no figure; it is listed without one."""
    rows = [["difference", {"endless": 1, "quick": -1}, {}], ["quick", {"quick": 1}, {}]]
    subject = FakeSubject({"quick": 100.0, "endless": 1e6}, rows=rows)
    result = FakeHost({"a": subject}).conductor(20).run()
    assert status(result, "a") == {"ok": 1, "invalid": 1}
    assert [row.name for row in result.rows() if row.median is None] == ["difference"]
    assert [row.name for row in result.contestants[0].left_out] == ["difference"]


def test_a_row_does_without_its_context() -> None:
    """Where only the case that a row is timed in context of is too slow, the row has its isolated figure."""
    rows = [["step", {"quick": 1}, {"endless": 1}]]
    subject = FakeSubject({"quick": 100.0, "endless": 1e6}, rows=rows)
    (row,) = FakeHost({"a": subject}).conductor(20).run().rows()
    assert (row.status, row.in_context) == ("ok", None)
    assert row.median is not None


def test_a_part_of_a_measurement_leaves_out_what_the_whole_would() -> None:
    """What fits the budget of the whole is measured in a part of it, though it be too slow for that alone."""
    subject = FakeSubject({"quick": 100.0, "slow": 2e5}, empty_ns=0.0)
    alone = FakeHost({"a": subject}).conductor(10).run()
    part = FakeHost({"a": subject}).conductor(10, part_of_s=100).run()
    assert [row.status for row in alone.rows()] == ["ok", "invalid"]
    assert [row.status for row in part.rows()] == ["ok", "ok"]


def test_nothing_fits_the_budget() -> None:
    """A contestant of whom everything is left out has failed; the others go on."""
    result = FakeHost({"a": FakeSubject({"endless": 1e7}), "b": SLOW}).conductor(10).run()
    found = problem(result, "a")
    assert found is not None
    assert (
        found.reason
        == "a failed while it started: nothing of it fits a budget of 10 s; one case would need 601 s"
    )
    assert status(result, "b") == {"ok": 2}


def test_a_first_pass_that_takes_long_is_looked_at_again() -> None:
    """On PyPy the first pass takes ten times as long as the next; that is no reason to leave a case out."""
    subject = FakeSubject({"x": 4e4}, empty_ns=0.0, implementation="PyPy", load_s=0.05)
    # 8 ms a pass need 6 * (600 + 66) * 8 ms = 32 s, the tenth of it fits half of 30 s.
    calls = iter([10.0])

    def slowness(now_s: float) -> float:
        return next(calls, 1.0) if now_s > 0.06 else 1.0

    result = FakeHost({"a": subject}, slowness).conductor(70).run()
    assert status(result, "a") == {"ok": 1}
    assert [row.caveats for row in result.rows()] == [()]


def test_the_length_of_slices_is_chosen_after_warming_up() -> None:
    """A slice keeps as many passes as fit a millisecond of a warm worker, and not of one that has just begun."""
    host = FakeHost(
        {"a": FakeSubject({"x": 96.0})}
    )  # 200 requests of 100 ns: 20 us, 50 of them in a millisecond
    host.slowness = lambda _: 1.0 if len(host.asked) > 3 else 100.0
    kept = set()
    begin = host.start_worker

    def start(*arguments: Any) -> Any:
        worker = begin(*arguments)
        ask = worker.ask

        def listen(command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
            if command["do"] == "measure":
                kept.add(command["passes"])
            return ask(command, timeout_s)

        worker.ask = listen
        return worker

    host.start_worker = start  # type: ignore[method-assign]
    host.conductor(5).run()
    assert kept == {50}


# What goes wrong.


@pytest.mark.parametrize(
    ("trap", "when", "kept"),
    [
        (Trap("fast", "load", dies(), generation=1), "while it started", []),
        (Trap("fast", "warm", dies(), generation=1, nth=2), "while it started: add", []),
        (Trap("fast", "measure", dies(), generation=1, nth=1), "in round 1", []),
        (Trap("fast", "measure", dies(), generation=1, nth=5), "in round 3", [2]),
        (Trap("fast", "load", dies(), generation=4), "while it started", [None] * 3),
        (Trap("fast", "measure", dies(), generation=4, nth=5), "in round 3", [None] * 3),
        (Trap("fast", "measure", dies(), generation=4, nth=23), "in round 12", [None] * 3 + [11]),
    ],
)
def test_a_worker_that_fails(trap: Trap, when: str, kept: list[int | None]) -> None:
    """The others go on; what was measured until then is kept, and the reason names contestant, moment and case."""
    host = FakeHost(THREE, traps=[trap])
    result = host.conductor(20).run()
    found = problem(result, "fast")
    assert found is not None
    assert found.status == "invalid"
    assert found.reason.startswith(f"fast failed {when}")
    assert found.reason.endswith(": the worker died (signal 9)")
    if trap.do == "measure":
        assert found.reason.split(": ")[1] in SLOW.case_ns

    planned = rounds_of(result, "slow")
    assert len(planned) >= 6
    assert rounds_of(result, "late") == planned
    expected = [planned[at] if rounds is None else rounds for at, rounds in enumerate(kept)]
    assert rounds_of(result, "fast") == expected
    assert status(result, "fast") == {"ok" if kept else "invalid": 2}
    for row in result.rows():
        assert (found.reason in row.caveats) is (row.contestant == "fast")
    # It is not started again.
    assert trap.generation is not None
    assert max(host.count("fast", "load")) == trap.generation
    assert {worker.times_closed for worker in host.workers} >= {1}
    assert all(worker.times_closed for worker in host.workers)


def test_ratios_to_what_was_kept() -> None:
    """A contestant that failed in its fourth generation has three, an exact ratio, and no interval."""
    trap = Trap("fast", "measure", dies(), generation=4)
    result = FakeHost(THREE, restless, [trap]).conductor(20).run()
    (row,) = (row for row in result.rows() if (row.contestant, row.name) == ("fast", "find"))
    assert (row.ratio, row.ratio_low, row.ratio_high) == (0.25, None, None)
    assert row.caveats[-1] == "3 generations only: no interval (it takes 6)"


def test_a_reference_that_fails() -> None:
    """The others have their ratios to what it gave until then."""
    trap = Trap("slow", "measure", dies(), generation=3, nth=3)
    result = FakeHost(THREE, restless, [trap]).conductor(20).run()
    (row,) = (row for row in result.rows() if (row.contestant, row.name) == ("fast", "find"))
    assert row.ratio == 0.25
    assert row.low is not None
    assert row.caveats == ("slow has 2 generations only: the ratio has no interval",)


@pytest.mark.parametrize("do", ["load", "warm", "measure"])
def test_a_worker_that_hangs_is_closed_at_once(do: str) -> None:
    """All workers share a core: one that still runs must not slow down the others for the rest of the generation."""
    host = FakeHost(THREE)
    open_then: list[str] = []

    class Hangs(WorkerFailed):
        """Raised once; from then on every command notes who is open."""

    host.traps = [Trap("fast", do, Hangs("no answer within 60 s: it hangs"), generation=2)]
    begin = host.start_worker

    def start(*arguments: Any) -> Any:
        worker = begin(*arguments)
        ask = worker.ask

        def listen(command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
            failed = 2 in host.count("fast", do) and worker.contestant != "fast"
            if failed:
                open_then.extend(
                    one.contestant
                    for one in host.workers
                    if one.contestant == "fast" and not one.times_closed
                )
            return ask(command, timeout_s)

        worker.ask = listen
        return worker

    host.start_worker = start  # type: ignore[method-assign]
    host.conductor(20).run()
    assert 2 in host.count("fast", do)
    assert open_then == []


def test_a_hang_does_not_multiply() -> None:
    """It costs its time once, and what is left of the budget is spent on the others."""
    trap = Trap("fast", "measure", dies("it hangs"), generation=1, takes_s=5.0)
    host = FakeHost(THREE, traps=[trap])
    result = host.conductor(40).run()
    assert len(rounds_of(result, "slow")) >= 6
    assert host.now_s <= 50


@pytest.mark.parametrize("generation", [1, 4])
def test_wrong_answers_midway(generation: int) -> None:
    """Such a contestant has status wrong and no time at all, whatever was measured before."""
    wrong = WorkerFailed("find: answer 3 is 4, expected 5", "wrong")
    trap = Trap("fast", "measure", wrong, generation=generation, nth=3)
    result = FakeHost(THREE, traps=[trap]).conductor(20).run()
    rows = [row for row in result.rows() if row.contestant == "fast"]
    assert [row.name for row in rows] == ["find", "add"]
    assert {(row.status, row.median, row.low, row.ratio) for row in rows} == {
        ("wrong", None, None, None)
    }
    assert all(row.caveats[0].endswith("find: answer 3 is 4, expected 5") for row in rows)
    assert status(result, "slow") == {"ok": 2}


@pytest.mark.parametrize(("do", "rounds"), [("load", 1), ("measure", 2)])
@pytest.mark.parametrize("budget_s", [20.0, 0.7])
def test_everybody_fails(do: str, rounds: int, budget_s: float) -> None:
    """There is nothing to wait for: it ends, with the reasons, and does not say what a larger budget would do."""
    traps = [Trap(name, do, dies(), generation=1, nth=2 * rounds - 1) for name in THREE]
    host = FakeHost(THREE, traps=traps)
    told: list[Progress] = []
    result = host.conductor(budget_s, on_progress=told.append).run()
    assert [one.problem is None for one in result.contestants] == [False] * 3
    assert host.now_s < 2
    assert result.notes == ()
    assert len(told) == (rounds if do == "measure" else 0) + 1  # and one at the end


def test_an_interface_of_another_version() -> None:
    """Such a subject is not measured, and it says what to do."""
    subjects = {"a": SLOW, "b": FakeSubject({"find": 1.0}, interface_version=2)}
    host = FakeHost(subjects)
    result = host.conductor(5).run()
    found = problem(result, "b")
    assert found is not None
    assert found.reason.endswith(
        "its subject has version 2 of the interface, this engine 1: install matching versions"
    )
    assert host.count("b", "measure") == {}


def test_contestants_that_go_through_other_blocks() -> None:
    """What is compared must go through the same: of two, whoever was started later has failed, and it says why."""
    subjects = {"a": SLOW, "b": FakeSubject({"find": 1.0, "add": 1.0}, blocks=[100])}
    result = FakeHost(subjects).conductor(5).run()
    (found,) = (one.problem for one in result.contestants if one.problem is not None)
    assert re.search(r"have (1 blocks, .* 2|2 blocks, .* 1): what is compared", found.reason)
    assert {(status(result, name)["ok"], status(result, name)["invalid"]) for name in "ab"} == {
        (2, 0),
        (0, 2),
    }


def test_a_subject_without_cases() -> None:
    """It has failed, and it says why."""
    result = FakeHost({"a": FakeSubject({})}).conductor(5).run()
    found = problem(result, "a")
    assert found is not None
    assert found.reason == "a failed while it started: its subject has no cases"


def test_a_row_of_what_no_case_gives() -> None:
    """A mistake in a subject's rows is its failure, and nobody else's."""
    subjects = {"a": SLOW, "b": FakeSubject({"find": 1.0}, rows=[["x", {"fnd": 1}, {}]])}
    result = FakeHost(subjects).conductor(5).run()
    found = problem(result, "b")
    assert found is not None
    assert "its row 'x' is made of 'fnd'" in found.reason
    assert status(result, "a") == {"ok": 2}


@pytest.mark.parametrize(
    ("trap", "generations"),
    [
        (Trap("slow", "load", KeyboardInterrupt(), generation=1), [[], [], []]),
        (Trap("fast", "warm", KeyboardInterrupt(), generation=1), [[], [], []]),
        (Trap("fast", "measure", KeyboardInterrupt(), generation=1, nth=7), None),
        (Trap("late", "load", KeyboardInterrupt(), generation=3), [[6, 6]] * 3),
        (Trap("late", "measure", KeyboardInterrupt(), generation=3, nth=4), [[6, 6]] * 3),
    ],
    ids=["first load", "first warm-up", "first rounds", "third load", "third rounds"],
)
def test_ctrl_c_keeps_what_there_is(trap: Trap, generations: list[list[int]] | None) -> None:
    """Whenever it comes, whole generations are kept, all workers are closed, and the result says so."""
    host = FakeHost(THREE, traps=[trap])
    # Of 23 s every generation gets six rounds.
    result = host.conductor(23).run()
    assert result.interrupted
    assert result.caveats[-1].startswith("interrupted")
    assert all(worker.times_closed == 1 for worker in host.workers)
    kept = [rounds_of(result, name) for name in THREE]
    if generations is None:
        # In the fourth round of the first generation: that is all there is, and it is kept.
        assert set(map(tuple, kept)) <= {(3,), (4,)}
    else:
        assert [[min(rounds, 6) for rounds in one] for one in kept] == generations
    result.rows()


def test_ctrl_c_between_generations() -> None:
    """While a file is written, say: everything is kept."""
    saved: list[Result] = []

    def save(result: Result) -> None:
        saved.append(result)
        if len(saved) == 3:
            raise KeyboardInterrupt

    host = FakeHost(THREE)
    result = host.conductor(20, on_generation=save).run()
    assert result.interrupted
    assert len(rounds_of(result, "slow")) == 3
    assert result.contestants == saved[-1].contestants


def test_workers_are_closed_when_a_file_cannot_be_written(pinned: list[set[int]]) -> None:
    """An error of the caller's goes through; nothing is left running, and the cores are given back."""

    def save(_: Result) -> None:
        raise OSError

    host = FakeHost(THREE)
    with pytest.raises(OSError):
        host.conductor(20, on_generation=save).run()
    assert all(worker.times_closed == 1 for worker in host.workers)
    assert pinned[-1] == {0, 1, 5}


def test_a_result_after_each_generation() -> None:
    """It has what there is until then, so that a crash loses little."""
    seen: list[int] = []
    host = FakeHost(THREE)
    result = host.conductor(
        20, on_generation=lambda result: seen.append(len(rounds_of(result, "late")))
    ).run()
    assert seen == list(range(1, len(rounds_of(result, "slow")) + 1))


def test_progress_is_told() -> None:
    """It goes on with every round, knows the plan after the first generation, and ends at its end."""
    told: list[Progress] = []
    host = FakeHost(THREE)
    result = host.conductor(20, on_progress=told.append).run()
    done = len(rounds_of(result, "slow"))
    assert [one.generation for one in told] == sorted(one.generation for one in told)
    assert [one.elapsed_s for one in told] == sorted(one.elapsed_s for one in told)
    assert [one.generations for one in told[:LEAST_ROUNDS]] == [None] * LEAST_ROUNDS
    assert told[0].expected_s == 20
    last = told[-1]
    assert (last.generation, last.generations) == (done, done)
    assert last.elapsed_s == last.expected_s == host.now_s


def test_the_absent_and_the_settings_are_in_the_result() -> None:
    """Beside the measured stands who could not be, and what the caller wants to be kept."""
    absent = Contestant("pypy", problem=Problem("unavailable", "not found"), row_names=("find",))
    result = (
        FakeHost(THREE)
        .conductor(5, absent=[absent], notes=["n"], settings={"s": 1}, environment={"e": 2})
        .run()
    )
    assert result.contestants[-1] == absent
    assert (result.settings, result.environment, result.notes[0]) == ({"s": 1}, {"e": 2}, "n")


def test_a_subjects_caveats_stand_on_its_rows() -> None:
    """They are said once, though every generation says them."""
    subjects = {"a": FakeSubject({"find": 10.0}, caveats=["mind this"])}
    (row,) = FakeHost(subjects).conductor(5).run().rows()
    assert row.caveats == ("mind this",)


# Cold starts.

COLD = FakeSubject({"find": 500.0}, cold_s=0.05)


def cold_starts(host: FakeHost, name: str) -> int:
    """How often the contestant was started cold."""
    return host.count(name, "call").get(0, 0)


def test_cold_starts_are_rows() -> None:
    """Import and first request, in ns, from processes of their own; the ratio is that of neighbours in time."""
    subjects = {"a": COLD, "b": FakeSubject({"find": 1.0}, cold_s=0.1), "warm": SLOW}
    host = FakeHost(subjects)
    result = host.conductor(20).run()
    rows = {(row.contestant, row.name): row for row in result.rows()}
    assert rows["a", "start/first"].median == 50e6
    assert rows["b", "start/first"].ratio == 2
    assert rows["a", "start/import"].median == 1000
    assert ("warm", "start/first") not in rows
    assert len(result.contestants[0].series["start/first"]) == cold_starts(host, "a")
    assert cold_starts(host, "a") == cold_starts(host, "b") >= 6
    assert host.count("warm", "call") == {}


def test_a_cold_start_finds_an_empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its variables point to a directory of its own that is empty, and gone afterwards."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    host = FakeHost({"a": COLD})
    seen: list[str] = []
    begin = host.start_worker

    def start(python: str, core: int | None, environment: dict[str, str]) -> Any:
        if environment:
            assert set(environment) == {"CACHE"}
            seen.append(environment["CACHE"])
            assert list(Path(environment["CACHE"]).iterdir()) == []
            (Path(environment["CACHE"]) / "compiled").write_text("x")
        return begin(python, core, environment)

    host.start_worker = start  # type: ignore[method-assign]
    host.conductor(5).run()
    assert len(set(seen)) == len(seen) > 1
    assert list(tmp_path.iterdir()) == []


def test_everybody_is_started_cold_once() -> None:
    """However small the budget is: the row is there, and the worker is kept on the workers' core."""
    host = FakeHost({"a": COLD, "b": COLD})
    host.conductor(0.1).run()
    assert cold_starts(host, "a") == cold_starts(host, "b") == 1
    assert {worker.core for worker in host.workers} == {5}


def test_cold_starts_keep_their_share() -> None:
    """Dear ones take a fifth of the time and no more, after the first."""
    subject = FakeSubject({"find": 500.0}, cold_s=1.0)
    host = FakeHost({"a": subject})
    host.conductor(60).run()
    cold_s = cold_starts(host, "a") * (subject.cold_s + subject.start_s)
    assert cold_starts(host, "a") > 5
    assert cold_s <= 0.2 * 60 + 1.02


def test_a_cold_start_that_no_longer_fits() -> None:
    """The budget does not end with a cold start beyond it."""
    subject = FakeSubject({"find": 500.0}, cold_s=1.9, load_s=0.2)
    for budget_s in (9.7, 9.8, 9.9, 10.0, 10.5, 11.0):
        host = FakeHost({"a": subject})
        host.conductor(budget_s).run()
        assert host.now_s <= 1.05 * budget_s


def test_nothing_but_cold_starts() -> None:
    """A contestant without cases is started cold again and again: all the budget is theirs."""
    host = FakeHost({"a": FakeSubject({}, cold_s=0.3), "b": FakeSubject({}, cold_s=0.6)})
    result = host.conductor(20).run()
    assert {row.name for row in result.rows()} == {"start/import", "start/first"}
    assert {row.status for row in result.rows()} == {"ok"}
    assert cold_starts(host, "a") == cold_starts(host, "b") >= 12
    assert 15 <= host.now_s <= 25


def test_a_cold_start_that_fails() -> None:
    """It is named as that; what was measured is kept, and the directory and the worker are gone."""
    host = FakeHost({"a": COLD, "b": COLD}, traps=[Trap("b", "call", dies(), nth=3)])
    result = host.conductor(20).run()
    found = problem(result, "b")
    assert found is not None
    assert found.reason == "b failed in a cold start: the worker died (signal 9)"
    assert len(result.contestants[1].series["start/first"]) == 2
    kept = rounds_of(result, "b")
    assert 3 <= len(kept) < 6
    assert rounds_of(result, "a")[: len(kept)] == kept
    assert all(worker.times_closed == 1 for worker in host.workers)


def test_ctrl_c_in_a_cold_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The generation before it is kept, and its directory and its worker are gone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    host = FakeHost({"a": COLD}, traps=[Trap("a", "call", KeyboardInterrupt(), nth=2)])
    result = host.conductor(20).run()
    assert result.interrupted
    assert len(rounds_of(result, "a")) == host.generations["a"] > 1
    assert list(tmp_path.iterdir()) == []
    assert all(worker.times_closed == 1 for worker in host.workers)


# Cores.


def test_the_conductor_leaves_a_core_to_the_workers(pinned: list[set[int]]) -> None:
    """It keeps off the highest for as long as it measures, and has all of its own again afterwards."""
    FakeHost(THREE).conductor(5).run()
    assert pinned == [{0, 1}, {0, 1, 5}]


def test_workers_load_on_all_cores_and_are_measured_on_one() -> None:
    """Loading is not measured, so that those of a batch do it at once; from then on they are on the workers' core."""
    host = FakeHost(THREE)
    seen: dict[str, set[int | None]] = {}
    begin = host.start_worker

    def start(*arguments: Any) -> Any:
        worker = begin(*arguments)
        ask = worker.ask

        def listen(command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
            seen.setdefault(command["do"], set()).add(worker.core)
            return ask(command, timeout_s)

        worker.ask = listen
        return worker

    host.start_worker = start  # type: ignore[method-assign]
    host.conductor(5).run()
    assert seen == {"load": {0, 1, 5}, "warm": {5}, "measure": {5}}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError()])
def test_the_cores_are_given_back(pinned: list[set[int]], error: BaseException) -> None:
    """Also after Ctrl-C, and after an error of ours."""
    conductor = FakeHost(THREE, traps=[Trap("fast", "measure", error, nth=9)]).conductor(5)
    if isinstance(error, KeyboardInterrupt):
        conductor.run()
    else:
        with pytest.raises(ZeroDivisionError):
            conductor.run()
    assert pinned[-1] == {0, 1, 5}


def run_unpinned() -> str:
    """Measure, see that no worker has a core of its own, and return the note."""
    host = FakeHost(THREE)
    result = host.conductor(20).run()
    assert {worker.core for worker in host.workers} == {None}
    assert status(result, "fast") == {"ok": 2}
    (note,) = result.notes
    return note


def test_a_system_that_cannot_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS: a note, and no failure."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delattr(os, "sched_setaffinity")
    assert run_unpinned().startswith("this system cannot pin a process to a core:")


def test_a_machine_of_one_core(monkeypatch: pytest.MonkeyPatch, pinned: list[set[int]]) -> None:
    """A note, and no failure."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert run_unpinned().startswith("there is one core only:")
    assert pinned == []


def test_a_process_that_may_not_be_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in some containers: a note, and no failure."""

    def refuse(_: int, cores: set[int]) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    note = run_unpinned()
    assert note.startswith("this process may not be pinned to a core (Operation not permitted):")


def test_the_defaults_are_real() -> None:
    """Unless something else is passed in, workers are processes and the clock is the system's."""
    conductor = Conductor([], extent=Extent(1), seed=1)
    assert conductor._start_runner is start_runner
    assert conductor._clock.__name__ == "monotonic"
