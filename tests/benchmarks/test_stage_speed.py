"""Each stage of park and unpark on the document's workload, implementations side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from garagebench import Impl, Layout
from garagebench.core.workload import make_workload
from garagebench.subjects.requests import STAGES
from garagebench.subjects.tape import Tape

TimeCalls = Callable[..., list[Any]]

#: The steps that are functions of their own: the others are sums and differences of these.
FUNCTIONS = [
    pytest.param(number, stage, id=f"{operation}-{stage}")
    for number, operation in enumerate(("park", "unpark"))
    for stage in STAGES[operation]
    if stage not in ("assignment", "unattributed")
]


def find_function(tape: Tape, operation: str, stage: str) -> Any:
    """The function of a stage; that of `total` is the garage's handler."""
    garage = tape.garage
    if stage == "total":
        return getattr(garage, f"handle_{operation}")
    if stage == "release":
        releases = [pool.release for pool in garage.pools]
        return lambda kind, index: releases[kind](index)
    return getattr(garage, f"{stage}_{operation}" if stage in ("validate", "encode") else stage)


@pytest.mark.parametrize(("number", "stage"), FUNCTIONS)
def test_stage(impl: Impl, number: int, stage: str, time_calls: TimeCalls) -> None:
    """Replay what the stage received while 120 small cars came and went."""
    seed = Layout.builtin("seed")
    tape = Tape(impl, seed, make_workload("fill", seed, 0))
    block = tape.blocks[number]
    given, expected = (block.bodies, block.replies) if stage == "total" else block.stages[stage]
    arguments = given if stage in ("floor_lookup", "release") else [(one,) for one in given]
    function = find_function(tape, block.operation, stage)
    answers = time_calls(f"{block.operation} {stage}", function, arguments, block.reset)
    assert answers == expected
