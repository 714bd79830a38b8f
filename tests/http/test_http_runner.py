"""The runner that has a server beside its worker, with a server that only notes what it is asked."""

from __future__ import annotations

from typing import Any

import pytest

from garagebench.engine.candidate import METERS, make_slices
from garagebench.engine.runner import Passes
from garagebench.engine.schedule import Pace
from garagebench.engine.target import Target
from garagebench.engine.terms import make_terms
from garagebench.http import runner as module
from garagebench.http.burst import Burst
from garagebench.http.runner import CASE, PACE, WARM_UP, ServedRunner, ServedTarget
from garagebench.http.served import Order
from garagebench.http.tally import Tally

BURST = Burst((b"a",), (b"b",), (b"c",))
ORDERED = Order((), BURST, {"park": ("park/http_cpu", "park/http_latency")})
ROWS = [["park/http", {"park/http_cpu": 1, "park/total": -1}, {}]]
SUBJECT = Target("x:y", {})
ALONE = ServedTarget(name="lists", order=ORDERED, rows=ROWS)
BOTH = ServedTarget(name="lists", order=ORDERED, rows=ROWS, beside=SUBJECT)


class NotedWorker:
    """A worker that notes what it is asked, and has one case."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.closed = False

    def ask(self, command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        self.asked.append(command)
        environment = {"python_implementation": "CPython"}
        answers: dict[str, dict[str, Any]] = {
            "describe": {"environment": environment},
            "load": {
                "cases": [{"name": "park/total", "group": "park"}],
                "rows": None,
                "environment": environment,
                "interface_version": 1,
                "caveats": ["mind"],
            },
            "warm": {"pass_ns": [len(part[0]) for part in command.get("work", ())]},
        }
        return answers.get(command["do"], {"passes": {"loop": [1.0]}, "requests": 1})

    def send(self, command: dict[str, Any], timeout_s: float) -> None:
        self._sent = command

    def receive(self, timeout_s: float) -> dict[str, Any]:
        return self.ask(self._sent, timeout_s)

    def move(self, core: int) -> None:
        """Do nothing."""

    def close(self) -> None:
        self.closed = True


class NotedServer:
    """A server that was never started."""

    def __init__(self, order: Order, core: int | None, tally: Tally) -> None:
        self.made_with = order, core, tally
        self.closed = False

    def warm(self, parts: int) -> None:
        self.warmed = parts

    def measure(self, lead_in: int, bursts: int) -> dict[str, list[float]]:
        return {"park/http_cpu": [float(lead_in)], "park/http_latency": [float(bursts)]}

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> tuple[ServedRunner, NotedWorker]:
    """Return the runner, and the worker that it has."""
    monkeypatch.setattr(module, "Served", NotedServer)
    worker = NotedWorker()
    return ServedRunner(worker, 1, {}), worker


def test_without_an_order_it_is_like_any_other(noted: tuple[ServedRunner, NotedWorker]) -> None:
    """Whatever has no server beside it is measured as ever."""
    runner, worker = noted
    assert [case.name for case in runner.load(SUBJECT, 1).cases] == ["park/total"]
    assert runner.warm([("x", "loop", [0], 1)], 1) == [1]
    assert [command["do"] for command in worker.asked] == ["load", "warm"]
    runner.close()
    assert worker.closed


def test_an_order_is_a_case_beside_the_subjects(noted: tuple[ServedRunner, NotedWorker]) -> None:
    """What is loaded describes both; the subject's cases are in groups of their own."""
    runner, worker = noted
    loaded = runner.load(BOTH, 1)
    assert worker.asked == [{"do": "load", "source": SUBJECT.to_data()}]
    assert [(case.name, case.group) for case in loaded.cases] == [
        ("park/total", "http park"),
        (CASE, CASE),
    ]
    assert (loaded.rows, loaded.caveats) == (ROWS, ["mind"])


def test_an_order_alone_needs_no_subject(noted: tuple[ServedRunner, NotedWorker]) -> None:
    """Where no difference is wanted, the server is the only case: read from a meter, at a pace of its own."""
    runner, worker = noted
    (case,) = runner.load(ALONE, 1).cases
    assert [command["do"] for command in worker.asked] == ["describe"]
    assert (case.name, case.pace, case.warm_up) == (CASE, PACE, WARM_UP)
    (row,) = make_terms([case], [["park/http_cpu", {"park/http_cpu": 1}, {}]], in_context=True)
    assert (row.isolated, row.single) == ({"park/http_cpu": 1}, True)
    assert make_slices(case, in_context=True) == [(CASE, METERS)]


def test_a_tally_is_kept_over_generations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fresh processes of one contestant have the tally of those before."""
    monkeypatch.setattr(module, "Served", NotedServer)
    tallies: dict[str, Tally] = {}
    made = []
    for _ in range(2):
        runner = ServedRunner(NotedWorker(), 1, tallies)
        runner.load(ALONE, 1)
        server = runner._served
        assert isinstance(server, NotedServer)
        made.append(server.made_with)
    assert made == [(ORDERED, 1, tallies["lists"])] * 2
    assert made[0][2] is made[1][2]


def test_work_goes_to_whom_it_concerns(noted: tuple[ServedRunner, NotedWorker]) -> None:
    """Warming up is divided, its times come back in order; a slice of the server is bursts."""
    runner, worker = noted
    runner.load(ALONE, 1)
    work = [("ab", "loop", [0], 5), (CASE, "meters", [0], 3), ("abc", "loop", [0], 5)]
    assert runner.warm(work, 1) == [2, 0, 3]
    assert worker.asked[-1]["work"] == [work[0], work[2]]
    assert isinstance(runner._served, NotedServer)
    assert runner._served.warmed == 3
    found = runner.measure(CASE, METERS, [0], Pace(3, 8), 1)
    assert found == Passes({"park/http_cpu": [3.0], "park/http_latency": [8.0]}, 1)
    assert runner.measure("park/total", ("loop",), [0], PACE, 1).passes == {"loop": [1.0]}


def test_both_are_ended(noted: tuple[ServedRunner, NotedWorker]) -> None:
    """The server and the worker are gone when the runner is closed."""
    runner, worker = noted
    runner.load(ALONE, 1)
    server = runner._served
    runner.close()
    assert worker.closed
    assert isinstance(server, NotedServer)
    assert server.closed
