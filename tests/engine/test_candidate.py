"""What a contestant's worker is told, and what becomes of its answers."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from garagebench.engine.candidate import Candidate, Entrant, make_slices
from garagebench.engine.channel import WorkerFailed
from garagebench.engine.contestant import RowTerms
from garagebench.engine.runner import LoadedCase, WorkerRunner
from garagebench.engine.schedule import LEAST_ROUNDS
from garagebench.engine.target import Target

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def describe(name: str = "add", **changes: Any) -> dict[str, Any]:
    """A case of one block of ten requests, as a worker describes it."""
    return {
        "name": name,
        "group": "",
        "requests": [10],
        "steps": ["first", "second"],
        "in_context": False,
        "intervals": False,
        "clock_reads": {"first": 1, "second": 1, "intervals": 2},
        "answers_digest": f"digest of {name}",
    } | changes


class ScriptedWorker:
    """Writes down what it is asked. A pass takes 0.1 ms, or what `pass_ns` says for it."""

    def __init__(self, *cases: dict[str, Any], implementation: str = "CPython") -> None:
        self.commands: list[dict[str, Any]] = []
        self.pass_ns: Callable[[str, str, int], int] = lambda case, mode, passes: 100_000
        self.passes: dict[str, list[float]] = {}
        self._loaded = {
            "interface_version": 1,
            "cases": list(cases),
            "rows": None,
            "caveats": [],
            "environment": {"python_implementation": implementation},
            "packages": {},
        }

    def ask(self, command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Answer at once."""
        self.commands.append(command)
        if command["do"] == "load":
            return self._loaded
        if command["do"] == "warm":
            work = command["work"]
            return {"pass_ns": [self.pass_ns(case, mode, count) for case, mode, _, count in work]}
        return {"passes": self.passes, "requests": 10}

    def send(self, command: dict[str, Any], timeout_s: float) -> None:
        """Take a command."""
        self._sent = command

    def receive(self, timeout_s: float) -> dict[str, Any]:
        """Answer what was sent."""
        return self.ask(self._sent, timeout_s)

    def move(self, core: int) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def asked(self, do: str) -> list[dict[str, Any]]:
        """The commands of one kind."""
        return [command for command in self.commands if command["do"] == do]


def make_candidate(budget_s: float = 30.0, **changes: Any) -> Candidate:
    """One that nothing is known of yet."""
    entrant = Entrant("lists", "python", Target("x", None), **changes)
    return Candidate(entrant, limit_s=budget_s, timeout_s=60.0, rng=Random(1))


SLICE_NS = 1_000_000


def measure(candidate: Candidate, worker: ScriptedWorker) -> dict[str, float]:
    """Measure every slice once."""
    values: dict[str, float] = {}
    for slice_ in candidate.slices:
        values.update(candidate.measure(WorkerRunner(worker), slice_, [0]).values)
    return values


def prepared(worker: ScriptedWorker, budget_s: float = 30.0) -> Candidate:
    """One that is loaded and warmed up; what it asked until then is forgotten."""
    candidate = make_candidate(budget_s)
    candidate.load(WorkerRunner(worker))
    candidate.warm_up(WorkerRunner(worker), SLICE_NS)
    worker.commands.clear()
    return candidate


@pytest.mark.parametrize(
    ("case", "in_context", "slices"),
    [
        (describe(), True, [("add", ("loop", "empty"))]),
        (describe(), False, [("add", ("loop", "empty"))]),
        (describe(in_context=True), True, [("add", ("loop", "empty")), ("add", ("steps",))]),
        (describe(in_context=True), False, [("add", ("loop", "empty"))]),
        (describe(intervals=True), True, [("add", ("intervals",))]),
        (describe(intervals=True), False, []),
    ],
)
def test_the_slices_of_a_case(case: dict[str, Any], in_context: bool, slices: list[Any]) -> None:
    """The loop and the empty loop in one go, steps apart from them; intervals only where clock reads are harmless."""
    assert make_slices(LoadedCase(**case), in_context=in_context) == slices


@pytest.mark.parametrize(
    ("implementation", "in_context"), [("CPython", True), ("PyPy", False), ("Other", False)]
)
def test_figures_in_context_are_for_cpython(implementation: str, in_context: bool) -> None:
    """Elsewhere traces change under clock reads: there are none, and a caveat says so."""
    for case in (describe(in_context=True), describe(intervals=True)):
        worker = ScriptedWorker(describe("other"), case, implementation=implementation)
        candidate = prepared(worker)
        measure(candidate, worker)
        modes = {mode for command in worker.asked("measure") for mode in command["modes"]}
        assert bool(modes & {"steps", "intervals"}) is in_context
        caveats = candidate.finish().caveats
        assert any("no figures in context" in caveat for caveat in caveats) is not in_context


def test_figures_in_context_are_not_measured_where_nobody_wants_them() -> None:
    """Only the loops are, and no caveat misses the rest: it was not asked for."""
    for case in (describe(in_context=True), describe(intervals=True)):
        worker = ScriptedWorker(describe("other"), case)
        candidate = make_candidate(in_context=False)
        candidate.load(WorkerRunner(worker))
        candidate.warm_up(WorkerRunner(worker), SLICE_NS)
        measure(candidate, worker)
        modes = {mode for command in worker.asked("measure") for mode in command["modes"]}
        assert modes == {"loop", "empty"}
        assert candidate.finish().caveats == ()


def test_where_nothing_is_in_context_nothing_is_said() -> None:
    """A subject that wants no such figures misses none on PyPy."""
    candidate = prepared(ScriptedWorker(describe(), implementation="PyPy"))
    assert candidate.finish().caveats == ()


def test_a_slice_is_a_command() -> None:
    """It names case, modes and blocks, a lead-in that does not count, and the passes that do."""
    worker = ScriptedWorker(describe())
    worker.passes = {"loop": [1.0], "empty": [1.0]}
    measure(prepared(worker), worker)
    assert worker.commands == [
        {
            "do": "measure",
            "case": "add",
            "modes": ("loop", "empty"),
            "blocks": [0],
            "lead_in": 2,  # of 0.1 ms, for 0.15 ms
            "passes": 10,  # in a slice of 1 ms
        }
    ]


def test_a_slice_is_as_long_as_its_slowest_mode_allows() -> None:
    """Also where its empty loop would allow more passes."""
    worker = ScriptedWorker(describe())
    worker.passes = {"loop": [1.0], "empty": [1.0]}
    worker.pass_ns = lambda case, mode, passes: 50_000 if mode == "loop" else 1_000
    measure(prepared(worker), worker)
    assert worker.commands[0]["passes"] == 20


def test_values_are_medians_of_passes_for_one_request() -> None:
    """Of passes of 10 requests each; the clock's empty interval is no pass, and is not divided."""
    worker = ScriptedWorker(describe())
    worker.passes = {
        "loop": [900.0, 200.0, 300.0],
        "empty": [40.0, 60.0],
        "clock": [30.0, 20.0, 70.0],
    }
    values = measure(prepared(worker), worker)
    assert values == {"add": 30, "add (empty loop)": 5, "add (clock)": 30}


def test_values_are_what_a_file_can_hold() -> None:
    """They have three decimals, and one that a coarse clock did not see is a picosecond and not 0."""
    worker = ScriptedWorker(describe())
    worker.passes = {"loop": [1.23456], "empty": [0.0]}
    values = measure(prepared(worker), worker)
    assert values == {"add": 0.123, "add (empty loop)": 0.001}


def test_warming_up_goes_through_every_mode() -> None:
    """Each is gone through often enough before it is timed: 5 times, on PyPy hundreds of times, in mixed order."""
    for implementation, least in (("CPython", 5), ("PyPy", 150)):
        worker = ScriptedWorker(describe("a"), describe("b"), implementation=implementation)
        candidate = make_candidate()
        candidate.load(WorkerRunner(worker))
        candidate.warm_up(WorkerRunner(worker), SLICE_NS)
        longest = max((command["work"] for command in worker.asked("warm")), key=len)
        for case in "ab":
            for mode in ("loop", "empty"):
                counts = [count for name, how, _, count in longest if (name, how) == (case, mode)]
                assert sum(counts) >= least
        assert [part[0] for part in longest] != sorted(part[0] for part in longest)


def test_a_generation_is_kept_round_by_round() -> None:
    """A series is a list of generations, each a list with a value for each round."""
    candidate = make_candidate()
    candidate.keep([{"add": 1.0, "add (empty loop)": 0.5}, {"add": 2.0, "add (empty loop)": 0.25}])
    assert candidate.finish().series == {"add": [[1.0, 2.0]], "add (empty loop)": [[0.5, 0.25]]}


def test_too_few_rounds_are_kept_where_there_is_nothing_else() -> None:
    """A generation that was broken off counts as the first, and not beside whole ones."""
    worker = ScriptedWorker(describe())
    candidate = prepared(worker)
    short, whole = [{"add": 1.0}] * 2, [{"add": 2.0}] * LEAST_ROUNDS
    for rounds in ([], short, [], short, whole):
        candidate.keep(rounds)
    assert candidate.finish().series == {"add": [[1.0] * 2, [2.0] * LEAST_ROUNDS]}


def test_what_was_measured_is_no_longer_changed() -> None:
    """A contestant that was handed out stays as it is while measuring goes on."""
    candidate = make_candidate()
    candidate.keep([{"add": 1.0}])
    before = candidate.finish()
    candidate.keep([{"add": 2.0}] * LEAST_ROUNDS)
    assert before.series == {"add": [[1.0]]}


def test_digests_of_the_answers_are_kept() -> None:
    """One for each case, so that two sides can be told to answer alike."""
    candidate = prepared(ScriptedWorker(describe("a"), describe("b")))
    assert candidate.finish().answers == {"a": "digest of a", "b": "digest of b"}


def test_a_cold_start_gives_rows() -> None:
    """Times with that of importing, bytes for the peak of memory, and nothing for what it does not have."""
    candidate = make_candidate()
    units = {"import": "ns", "first": "ns", "peak_memory": "bytes"}
    rows = {
        name: RowTerms(f"start/{name}", {f"start/{name}": 1}, unit=units[name]) for name in units
    }
    gone = {"compile": RowTerms("start/compile", {"start/compile": 1})}
    answer = {"result": {"import": 10.0, "first": 0.0}, "import_ns": 5, "peak_memory_bytes": 4096}
    candidate.keep_cold(answer, rows | gone)
    candidate.keep_cold(answer | {"import_ns": 7}, rows | gone)
    found = candidate.finish()
    assert found.series == {
        "start/import": [[15], [17]],
        "start/first": [[0.001], [0.001]],
        "start/peak_memory": [[4096], [4096]],
    }
    assert found.rows == tuple(rows.values())


def test_a_peak_that_is_not_known() -> None:
    """It has no row, and is not 0."""
    candidate = make_candidate()
    rows = {
        name: RowTerms(f"start/{name}", {f"start/{name}": 1}) for name in ("import", "peak_memory")
    }
    candidate.keep_cold({"result": {}, "import_ns": 5, "peak_memory_bytes": None}, rows)
    assert candidate.finish().series == {"start/import": [[5]]}


def test_a_case_needs_the_time_of_all_its_slices() -> None:
    """A loop that fits half the budget by itself does not with its steps as well."""
    worker = ScriptedWorker(describe("add", in_context=True), describe("other"))
    # 6 generations of 5 + 10 * 2 passes are 150: of 10 ms each 1.5 s.
    worker.pass_ns = lambda case, mode, passes: 10_000_000 if case == "add" else 1000
    for budget_s, fits in ((5.0, False), (8.0, True)):
        candidate = prepared(worker, budget_s)
        assert (candidate.finish().caveats == ()) is fits
    assert candidate.finish().caveats == ()


@pytest.mark.parametrize(
    ("implementation", "pass_ns", "looks"),
    [
        # With a budget of 20 s a case may take 10 s, and a second look 0.4 s.
        ("CPython", 60_000_000, [1]),  # 150 passes are 9 s
        ("CPython", 70_000_000, [1, 5]),  # 150 passes are 10.5 s; 5 are 0.35 s
        ("CPython", 300_000_000, [1, 1]),
        ("CPython", 500_000_000, [1]),
        ("PyPy", 2_000_000, [1]),  # 3720 passes are 7.4 s
        ("PyPy", 3_000_000, [1, 60]),  # 60 are the most
    ],
)
def test_a_second_look_is_short(implementation: str, pass_ns: int, looks: list[int]) -> None:
    """A case that seems too slow is gone through again, for up to 2 % of the budget, before it is left out."""
    worker = ScriptedWorker(describe("slow"), describe("quick"), implementation=implementation)
    worker.pass_ns = lambda case, mode, passes: pass_ns if case == "slow" else 1000
    candidate = make_candidate(20.0)
    candidate.load(WorkerRunner(worker))
    candidate._leave_out_slow(WorkerRunner(worker))
    work = [command["work"][0] for command in worker.asked("warm")]
    assert [count for case, _, _, count in work if case == "slow"] == looks
    assert (candidate.finish().caveats == ()) is (pass_ns <= 60_000_000 and looks == [1])


def test_a_first_pass_in_which_the_host_stood_still_is_taken_again() -> None:
    """However small the budget, a case is not left out for one stall: it gets 50 ms to show what it takes."""
    for stall_ns, fits in ((20_000_000, True), (60_000_000, False)):
        worker = ScriptedWorker(describe("add"), describe("other"))
        firsts = iter([stall_ns])
        worker.pass_ns = lambda case, mode, passes, firsts=firsts: (
            next(firsts, 1000) if case == "add" else 1000
        )
        candidate = make_candidate(0.3)
        candidate.load(WorkerRunner(worker))
        candidate._leave_out_slow(WorkerRunner(worker))
        assert (candidate.finish().left_out == ()) is fits


@pytest.mark.parametrize("do", ["warm", "measure"])
def test_a_failure_names_its_case(do: str) -> None:
    """Its status and its trace are kept."""
    worker = ScriptedWorker(describe("park/total"))
    candidate = make_candidate()
    candidate.load(WorkerRunner(worker))
    if do == "measure":
        candidate.warm_up(WorkerRunner(worker), SLICE_NS)

    def fail(command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        raise WorkerFailed("answer 3 is 4", "wrong", "the trace")

    worker.ask = fail  # type: ignore[method-assign]
    with pytest.raises(WorkerFailed) as caught:
        candidate.warm_up(WorkerRunner(worker), SLICE_NS) if do == "warm" else measure(
            candidate, worker
        )
    assert str(caught.value) == "park/total: answer 3 is 4"
    assert (caught.value.status, caught.value.trace) == ("wrong", "the trace")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("invalid", "lists failed in round 2: it died"),
        ("wrong", "it died"),
        ("unavailable", "it died"),
    ],
)
def test_the_reason_of_a_problem(status: str, reason: str) -> None:
    """What a contestant says itself stands as it is; of what befell it, who and when is said as well."""
    candidate = make_candidate()
    candidate.fail(WorkerFailed("it died", status), "in round 2")
    problem = candidate.finish().problem
    assert problem is not None
    assert (problem.status, problem.reason) == (status, reason)
