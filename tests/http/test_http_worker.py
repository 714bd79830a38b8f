"""The adapter between the engine's passes and a server's bursts, with a server that only notes what it is asked."""

from __future__ import annotations

from typing import Any

import pytest

from garagebench.engine.candidate import make_slices
from garagebench.engine.terms import make_terms
from garagebench.http import worker as module
from garagebench.http.account import Account
from garagebench.http.burst import Burst
from garagebench.http.served import Order
from garagebench.http.worker import ACCOUNT, CASE, ORDER, PART_NS, WorkerWithServer

BURST = Burst((b"a",), (b"b",), (b"c",))
ORDERED = Order((), BURST, {"park": ("park/http_cpu", "park/http_latency")})
ROWS = [["park/http", {"park/http_cpu": 1, "park/total": -1}, {}]]
SOURCE = {ORDER: ORDERED.to_data(), ACCOUNT: "lists", "rows": ROWS}
SUBJECT = {"packages": {}, "factory": "x:y", "arguments": {}}


class NotedWorker:
    """A worker that answers what it is asked with what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.closed = False

    def ask(self, command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        self.asked.append(command)
        answers: dict[str, dict[str, Any]] = {
            "describe": {"environment": {"python_implementation": "CPython"}},
            "load": {"cases": [{"name": "park/total", "group": "park"}], "caveats": ["mind"]},
            "warm": {"pass_ns": [len(part[0]) for part in command.get("work", ())]},
        }
        return answers.get(command["do"], {"passes": {"loop": [1.0]}, "requests": 1})

    def close(self) -> None:
        self.closed = True


class NotedServer:
    """A server that was never started."""

    def __init__(self, order: Order, core: int | None, account: Account) -> None:
        self.made_with = order, core, account
        self.closed = False

    def warm(self, parts: int) -> None:
        self.warmed = parts

    def measure(self, lead_in: int, parts: int) -> dict[str, list[float]]:
        return {"park/http_cpu": [float(lead_in)], "park/http_latency": [float(parts)]}

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> tuple[WorkerWithServer, NotedWorker]:
    """Return the adapter, and the worker that it has."""
    monkeypatch.setattr(module, "Served", NotedServer)
    worker = NotedWorker()
    return WorkerWithServer("python", 1, {}, {}, lambda *_: worker), worker


def test_without_an_order_it_is_a_worker(noted: tuple[WorkerWithServer, NotedWorker]) -> None:
    """Whatever has no server beside it is measured as ever."""
    adapter, worker = noted
    for command in (
        {"do": "load", "source": SUBJECT},
        {"do": "warm", "work": [("x", "loop", [0], 1)]},
    ):
        assert adapter.ask(command, 1) == worker.ask(command, 1)
    adapter.close()
    assert worker.closed


def test_an_order_is_a_case_beside_the_subjects(
    noted: tuple[WorkerWithServer, NotedWorker],
) -> None:
    """The answer to `load` describes both; the subject's cases are in groups of their own."""
    adapter, worker = noted
    answer = adapter.ask({"do": "load", "source": {**SOURCE, **SUBJECT}}, 1)
    assert worker.asked == [{"do": "load", "source": SUBJECT}]
    assert [(case["name"], case["group"]) for case in answer["cases"]] == [
        ("park/total", "http park"),
        (CASE, CASE),
    ]
    assert (answer["rows"], answer["caveats"]) == (ROWS, ["mind"])


def test_an_order_alone_needs_no_subject(noted: tuple[WorkerWithServer, NotedWorker]) -> None:
    """Where no difference is wanted, the server is the only case."""
    adapter, worker = noted
    answer = adapter.ask({"do": "load", "source": SOURCE}, 1)
    assert [command["do"] for command in worker.asked] == ["describe"]
    assert [case["name"] for case in answer["cases"]] == [CASE]
    (row,) = make_terms(
        answer["cases"], [["park/http_cpu", {"park/http_cpu": 1}, {}]], in_context=True
    )
    assert (row.isolated, row.single) == ({"park/http_cpu": 1}, True)
    assert make_slices(answer["cases"][0], in_context=True) == [(CASE, ("account",))]


def test_an_account_is_kept_over_generations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fresh processes of one contestant have the account of those before."""
    monkeypatch.setattr(module, "Served", NotedServer)
    accounts: dict[str, Account] = {}
    made = []
    for _ in range(2):
        adapter = WorkerWithServer("python", 1, {}, accounts, lambda *_: NotedWorker())
        adapter.ask({"do": "load", "source": SOURCE}, 1)
        server = adapter._served
        assert isinstance(server, NotedServer)
        made.append(server.made_with)
    assert made == [(ORDERED, 1, accounts["lists"])] * 2
    assert made[0][2] is made[1][2]


def test_work_goes_to_whom_it_concerns(noted: tuple[WorkerWithServer, NotedWorker]) -> None:
    """Warming up is divided, its times come back in order; a slice of the server is bursts."""
    adapter, worker = noted
    adapter.ask({"do": "load", "source": SOURCE}, 1)
    work = [("ab", "loop", [0], 5), (CASE, "account", [0], 3), ("abc", "loop", [0], 5)]
    assert adapter.ask({"do": "warm", "work": work}, 1) == {"pass_ns": [2, PART_NS, 3]}
    assert worker.asked[-1]["work"] == [work[0], work[2]]
    assert isinstance(adapter._served, NotedServer)
    assert adapter._served.warmed == 3
    measure = {
        "do": "measure",
        "case": CASE,
        "modes": ("account",),
        "blocks": [0],
        "lead_in": 3,
        "passes": 8,
    }
    assert adapter.ask(measure, 1) == {
        "passes": {"park/http_cpu": [3.0], "park/http_latency": [8.0]},
        "requests": 1,
    }
    assert adapter.ask({**measure, "case": "park/total"}, 1)["passes"] == {"loop": [1.0]}


def test_both_are_ended(noted: tuple[WorkerWithServer, NotedWorker]) -> None:
    """The server and the worker are gone when the adapter is closed."""
    adapter, worker = noted
    adapter.ask({"do": "load", "source": SOURCE}, 1)
    server = adapter._served
    adapter.close()
    assert worker.closed
    assert isinstance(server, NotedServer)
    assert server.closed
