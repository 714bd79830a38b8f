"""A gate on code that is no garage: one plain function, whose rules are those of any whole."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from fake_host import NOTHING, FakeHost, FakeSubject

from garagebench.engine import Conductor, Entrant, Result
from garagebench.gate.case import CaseKey, GateResult, Thresholds
from garagebench.gate.limit import Limit, Work
from garagebench.gate.live import LiveGate
from garagebench.gate.pairs import Pair

FUNCTION = Pair("parse", "cpython3.11", "python", (NOTHING, NOTHING))
CASE = CaseKey("parse", "cpython3.11", "parse")

#: Milliseconds for which the host keeps its speed, and how much longer everything takes at the other one.
KEEPS_MS, SLOWER = 5, 1.8


def go_at_two_speeds(now_s: float) -> float:
    """Return how slow the host is: each few ms it draws one of its two speeds, whoever works then."""
    return random.Random(int(now_s * 1e3 / KEEPS_MS)).choice([1.0, SLOWER])


def run_gate(head_ns: float, limit: Limit | None = None) -> GateResult:
    """Run a whole gate, with the real conductor, on a host without a clock; base takes 2,000 ns."""
    host = FakeHost(
        {"base": FakeSubject({"parse": 2_000.0}), "head": FakeSubject({"parse": head_ns})},
        slowness=go_at_two_speeds,
    )

    def measure(entrants: list[Entrant], work: Work) -> Result:
        sides = [replace(one, python=one.name.partition(" ")[0]) for one in entrants]
        return Conductor(
            sides,
            extent=work.extent,
            seed=work.seed,
            slice_ns=400_000,
            start_runner=host.start_runner,
            clock=host.clock,
        ).run()

    gate = LiveGate(
        [FUNCTION],
        thresholds=Thresholds(5.0),
        limit=limit or Limit(),
        seed=1,
        measure=measure,
        clock=host.clock,
    )
    return gate.run()


def test_a_function_that_did_not_change_is_not_slower() -> None:
    """It has a verdict of its own, though it is no total of anything, on a host that goes at two speeds."""
    result = run_gate(2_000.0)
    assert result.outcome == "not slower"
    assert {case: found.outcome for case, found in result.cases.items()} == {CASE: "not slower"}
    assert result.attributed_to is None


def test_a_slower_function_is_slower() -> None:
    """+10 % is found, and measured as that."""
    result = run_gate(2_200.0)
    assert result.outcome == "slower"
    assert result.cases[CASE].change == pytest.approx(0.095, abs=0.02)


def test_a_function_that_is_not_decided_leaves_the_gate_inconclusive() -> None:
    """It is a whole without a verdict, never a part that may stay unresolved: six generations cannot confirm +10 %."""
    result = run_gate(2_200.0, Limit(generations=6))
    assert result.outcome == "inconclusive"
    assert result.cases[CASE].outcome == "inconclusive"
