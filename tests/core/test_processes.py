"""Several processes in one garage: what is made of their counts, and when they are not believed. No process is started."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from garagebench import Layout
from garagebench.engine import Result
from garagebench.engine.channel import WorkerFailed
from garagebench.engine.interpreter import Interpreter
from garagebench.engine.schedule import LEAST_ROUNDS, MOST_ROUNDS
from garagebench.run.experiment import RunSettings
from garagebench.run.recorded import SettingsError
from garagebench.run.rows import exit_code, make_report
from garagebench.sharing.race import (
    Race,
    add_up,
    check_books,
    choose_vehicle,
    describe_fairness,
    find_cores,
)
from garagebench.sharing.race import exit_code as exit_code_of

SETTINGS = RunSettings(impls=("shared",), budget_s=1.0)
THIS = Interpreter("python", "cpython3.11", {})

#: Two processes: 10 parks of 100 ns and 10 unparks of 300; half as many of twice the time.
ANSWERS = [
    {"requests": 10, "park_ns": 1_000, "unpark_ns": 3_000},
    {"requests": 5, "park_ns": 1_000, "unpark_ns": 3_000},
]


class FakeHost:
    """Processes in a garage in which the second one is half as quick; a clock that goes on when one works."""

    def __init__(self, **wrong: Any) -> None:
        self.wrong = wrong
        self.now_s = 0.0
        self.started: list[int | None] = []
        self.closed = 0
        self.entered: list[dict[str, Any]] = []
        self.worked: list[list[int]] = []
        self.held: dict[int, list[str]] = {}

    def start(self, _python: str, core: int | None) -> FakeWorker:
        self.started.append(core)
        return FakeWorker(self, len(self.started) - 1)

    def clock(self) -> float:
        return self.now_s

    def race(self, processes: int = 2, settings: RunSettings = SETTINGS, **more: Any) -> Result:
        options = {"cores": [4, 5], "interpreter": THIS, **more}
        return Race(settings, processes, start_worker=self.start, clock=self.clock, **options).run()


class FakeWorker:
    """A process that answers at once."""

    def __init__(self, host: FakeHost, number: int) -> None:
        self._host, self._number = host, number
        self._command: dict[str, Any] = {}

    def send(self, command: dict[str, Any], _timeout_s: float) -> None:
        self._command = command

    def receive(self, _timeout_s: float) -> dict[str, Any]:
        if self._command["do"] == "describe":
            return {"environment": {"python_version": "3.11"}}
        what = self._command["target"].rpartition(":")[2]
        answer: Any = getattr(self, what)(self._command["arguments"])
        return {"result": answer}

    def enter(self, arguments: dict[str, Any]) -> list[str]:
        self._host.entered.append(arguments)
        return ["one", "two", "three"]

    def work(self, window: dict[str, int]) -> dict[str, Any]:
        host = self._host
        host.now_s += 0.025
        if error := host.wrong.get("work"):
            raise error
        kept = host.wrong.get("reply", f"of {self._number % 2}")
        host.held[self._number] = [kept]
        return {**ANSWERS[self._number % 2], "held": [kept]}

    def leave(self, _arguments: dict[str, Any]) -> None:
        host = self._host
        host.worked.append(sorted(number % 2 for number in host.held))
        del host.held[self._number]

    def count_free(self, _arguments: dict[str, Any]) -> int:
        host = self._host
        lost = host.wrong.get("lost", 0) if host.worked else 0
        return 140 - sum(map(len, host.held.values())) - lost

    def close(self) -> None:
        self._host.closed += 1


def rows_of(result: Result) -> Iterator[tuple[str, str, float | None, float | None]]:
    """Contestant, row, median and ratio."""
    for row in result.rows():
        yield row.contestant.partition("@")[0], row.name, row.median, row.ratio


def test_times_are_added_not_rates() -> None:
    """Two processes share the work: of all their time for all their requests, each costs half of what it took."""
    assert add_up(ANSWERS, "park") == (2_000 / 15 / 2, 200, 100)
    assert add_up(ANSWERS, "unpark") == (6_000 / 15 / 2, 600, 300)
    assert add_up(ANSWERS, "both") == (8_000 / 30 / 2, 400, 200)
    assert add_up(ANSWERS[:1], "both") == (200, 200, 200)


def test_both_are_compared_in_every_round() -> None:
    """All processes are set against one alone of the same round, under names that say how many they are."""
    host = FakeHost()
    result = host.race()
    assert [one.name for one in result.contestants] == [
        f"shared+processes={count}@cpython3.11/seed/turns" for count in (1, 2)
    ]
    alone, together = (
        {name: v for label, name, v, _ in rows_of(result) if label.endswith(n)} for n in "12"
    )
    assert list(alone) == [
        f"{operation}/{stage}"
        for operation in ("park", "unpark", "both")
        for stage in ("total", "slowest", "fastest")
    ]
    assert together["park/total"] == pytest.approx(2_000 / 15 / 2, abs=0.001)
    assert (together["unpark/slowest"], together["unpark/fastest"]) == (600, 300)
    assert 100 <= (alone["park/total"] or 0) <= 200
    assert {row.reference for row in result.rows()} == {result.contestants[0].name}


def test_rounds_and_generations_are_kept_apart() -> None:
    """A generation is a list of rounds; each has fresh processes, and a warm-up that leaves no trace."""
    host = FakeHost()
    result = host.race(settings=RunSettings(("shared",), budget_s=2.0))
    generations = result.contestants[1].series["park/total"]
    assert len(generations) > 1
    assert host.closed == len(host.started) == 2 * len(generations)
    assert all(LEAST_ROUNDS <= len(rounds) <= MOST_ROUNDS for rounds in generations)
    windows = sum(map(len, generations)) + len(generations)
    together = sum(both == [0, 1] for both in host.worked)
    assert together == windows


def test_a_spent_budget_ends_the_first_generation() -> None:
    """Not before a round is done; then it is said what it took, and which budget gives intervals."""
    host = FakeHost()
    result = host.race(settings=RunSettings(("shared",), budget_s=0.2))
    assert [len(rounds) for rounds in result.contestants[1].series["park/total"]] == [2]
    assert result.notes[0] == (
        "the budget of 0.2 s is too small for 2 processes: to start and measure once took 0.2 s, "
        "and for intervals it takes a budget of 4.9 s"
    )
    result = FakeHost().race(settings=RunSettings(("shared",), budget_s=0.001))
    assert [len(rounds) for rounds in result.contestants[1].series["park/total"]] == [1]


def test_each_has_a_core_of_its_own() -> None:
    """As long as there are cores, they are dealt out in turns; then it is said that there are too few."""
    host = FakeHost()
    assert not any("core" in note for note in host.race().notes)
    assert host.started[:2] == [4, 5]
    crowded = FakeHost()
    notes = crowded.race(cores=[4]).notes
    assert crowded.started[:2] == [4, 4]
    assert notes[0].startswith("2 processes on 1 core: ")


def test_all_but_the_first_are_given_its_pools() -> None:
    """The first makes the pools, the others get their names; each knows the variants and how many it may park."""
    host = FakeHost()
    variants = {"encode": "rendered"}
    result = host.race(settings=RunSettings(impls=("shared",), budget_s=0.5, variants=variants))
    first, second = host.entered[:2]
    assert (first["pools"], second["pools"]) == (None, ["one", "two", "three"])
    assert (first["variants"], first["hold"], first["body"]) == (
        variants,
        17,
        '{"vehicle":"small"}',
    )
    labels = [label for label, _ in result.settings["contestants"].values()]
    assert labels == [f"shared+processes={count}+encode=rendered" for count in (1, 2)]


@pytest.mark.parametrize(("operation", "operations"), [("park", ["park"]), ("unpark", ["unpark"])])
def test_an_operation_has_its_rows_only(operation: str, operations: list[str]) -> None:
    """--operation leaves the other one out, and the two together."""
    result = FakeHost().race(settings=RunSettings(("shared",), operation=operation, budget_s=0.5))
    assert {name.partition("/")[0] for _, name, _, _ in rows_of(result)} == set(operations)
    assert [note for note in result.notes if note.startswith("fairness")] == [
        f"fairness of {operation} among 2 processes: the slowest did 0.500 of what the fastest did"
    ]


def test_one_process_is_compared_with_nobody() -> None:
    """With --processes 1 there is one contestant, and nothing to be said on fairness."""
    result = FakeHost().race(1)
    assert [label for label, *_ in rows_of(result)] == ["shared+processes=1"] * 9
    assert result.notes == ()


@pytest.mark.parametrize(
    ("wrong", "status", "code", "words"),
    [
        ({"reply": "the same"}, "wrong", 3, "1 space of 2 given twice"),
        ({"lost": 1}, "wrong", 3, "1 space taken, but the processes hold 0"),
        ({"work": WorkerFailed("died")}, "invalid", 1, "died"),
        ({"work": WorkerFailed("no numba", "unavailable")}, "unavailable", 1, "no numba"),
    ],
)
def test_a_failure_is_told_in_every_row(
    wrong: dict[str, Any], status: str, code: int, words: str
) -> None:
    """A space given twice or lost is a wrong answer; whatever fails, no figure is left and the processes are ended."""
    host = FakeHost(**wrong)
    result = host.race()
    assert host.closed == len(host.started) == 2
    rows = list(result.rows())
    assert len(rows) == 18
    assert {(row.status, row.median) for row in rows} == {(status, None)}
    assert all(words in row.caveats[0] for row in rows)
    assert exit_code_of(result) == code


def test_what_was_measured_is_kept_when_interrupted() -> None:
    """Ctrl-C ends it with the generations that are whole, and exit code 130."""
    host = FakeHost()

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    result = host.race(on_progress=interrupt)
    assert (result.interrupted, exit_code_of(result)) == (True, 130)
    assert len(result.contestants[0].series["park/total"]) == 1
    assert host.closed == 2


def test_it_is_reported_like_any_run() -> None:
    """Rows have the fixed keys, and the settings say what was done."""
    result = FakeHost().race()
    assert exit_code_of(result) == exit_code(result, ()) == 0
    report = make_report(result)
    assert {(row.layout, row.workload, row.unit) for row in report.rows} == {
        ("seed", "turns", "ns")
    }
    assert (report.settings["processes"], report.settings["hold"]) == (2, 17)


@pytest.mark.parametrize(
    ("held", "taken", "words"),
    [
        (["a", "b", "a", "a"], 4, "2 spaces of 4 given twice"),
        (["a"], 0, "0 spaces taken, but the processes hold 1"),
        ([], 1, "1 space taken, but the processes hold 0"),
    ],
)
def test_books_that_do_not_balance_are_wrong(held: list[str], taken: int, words: str) -> None:
    """What is held must be different spaces, all of those that are taken and no more."""
    with pytest.raises(WorkerFailed, match=words) as caught:
        check_books(held, taken)
    assert caught.value.status == "wrong"
    check_books(["a", "b"], 2)


def test_the_fairness_is_that_within_a_round() -> None:
    """The ratio is taken round by round: that the host is slower in the second round is nobody's unfairness."""
    fastest, slowest = [[100.0, 1_000.0, 100.0]] * 6, [[125.0, 1_250.0, 200.0]] * 6
    said = describe_fairness("park", 2, {"park/fastest": fastest, "park/slowest": slowest})
    assert said.endswith(
        "2 processes: the slowest did 0.800 [0.800, 0.800] of what the fastest did"
    )


def test_the_vehicle_has_room(seed: Layout) -> None:
    """The vehicle with most spaces of its first kind, in half of them at most and no more than 100 for each process."""
    assert choose_vehicle(seed, 1) == ("small", 35)
    assert choose_vehicle(seed, 8) == ("small", 4)
    assert choose_vehicle(seed.scaled(1_000_000), 8) == ("small", 100)
    with pytest.raises(SettingsError, match="70 spaces for 'small' are too few for 36 processes"):
        choose_vehicle(seed, 36)


def test_a_first_group_of_several_kinds_is_avoided(seed: Layout) -> None:
    """Another process may take what was seen to be free in one of two kinds: only single kinds will do."""
    data = seed.to_data()
    layout = Layout.from_data(
        {**data, "vehicles": {"any": [["small", "large"]], "large": [["large"]]}}
    )
    assert choose_vehicle(layout, 1) == ("large", 25)
    layout = Layout.from_data({**data, "vehicles": {"any": [["small", "large"]]}})
    with pytest.raises(SettingsError, match="no vehicle whose first group is a single kind"):
        choose_vehicle(layout, 1)


def test_the_cores_are_those_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, and none where the system cannot tell: then nobody is kept on any."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 1}, raising=False)
    assert find_cores() == [1, 3]
    monkeypatch.delattr("os.sched_getaffinity")
    assert find_cores() == []
    host = FakeHost()
    assert host.race(cores=[]).notes[0].startswith("fairness")
    assert host.started[:2] == [None, None]
