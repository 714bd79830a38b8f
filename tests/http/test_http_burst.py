"""What a server is asked, and what it must answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from garagebench.core.layout import Layout
from garagebench.core.workload import Block, Workload, make_workload, park_body
from garagebench.http.burst import NothingToAsk, describe_reply, make_burst
from garagebench.impls.registry import load_impl
from garagebench.subjects.tape import Tape

SEED = Layout.builtin("seed")


def make_trace(*requests: tuple[str, bytes]) -> Workload:
    """Return a workload of these requests."""
    return Workload("mine", (Block("both", requests),))


@pytest.mark.parametrize("name", ["fill", "mixed", "churn"])
def test_a_burst_is_the_workloads_first_parks(name: str) -> None:
    """A hundred parks of the workload that an empty garage grants, and the unparks that undo them."""
    workload = make_workload(name, SEED, 0)
    burst = make_burst(SEED, workload)
    assert len(burst.parks) == len(burst.unparks) == len(burst.kinds) == 100
    asked = [body for block in workload.blocks for of, body in block.requests if of == "park"]
    assert list(burst.parks) == asked[:100]


@pytest.mark.parametrize("name", ["fill", "mixed"])
def test_a_garage_answers_as_the_burst_says(name: str) -> None:
    """The replies that are expected of a server are those of a garage without one."""
    burst = make_burst(SEED, make_workload(name, SEED, 0))
    tape = Tape(load_impl("lists"), SEED, burst.to_workload())
    assert [block.operation for block in tape.blocks] == ["park", "unpark"]
    assert [block.replies for block in tape.blocks] == [list(burst.unparks), list(burst.kinds)]
    assert all(
        count == full
        for count, full in zip(tape.garage.free.values(), SEED.capacities, strict=True)
    )


def test_what_is_refused_is_no_part_of_it() -> None:
    """Requests that are no such requests, unknown vehicles, and cars that find no space are left out."""
    layout = SEED.scaled(28)
    parks = [("park", b"{}"), ("park", park_body("tank")), *[("park", park_body("small"))] * 40]
    burst = make_burst(layout, make_trace(*parks))
    assert set(burst.parks) == {park_body("small")}
    assert len(burst.parks) == 24  # 14 small and 10 large spaces
    assert len(set(burst.unparks)) == len(burst.unparks)


def test_a_workload_without_parks_has_nothing_to_ask() -> None:
    """Where no request can be put to a server, the error says why and what to do."""
    with pytest.raises(
        NothingToAsk, match=r"workload mine has no park request.*another --workload"
    ):
        make_burst(SEED, make_trace(("unpark", b'{"floor":1,"row":3,"space":1}')))


def test_a_constant_burst_expects_the_first_reply_always() -> None:
    """A server without a garage is asked to free what it always gives."""
    burst = make_burst(SEED, make_workload("fill", SEED, 0)).constant()
    assert len(burst.parks) == len(burst.unparks) == len(burst.kinds) == 100
    assert set(burst.replies["park"]) == set(burst.requests["unpark"]) == {burst.unparks[0]}
    assert set(burst.replies["unpark"]) == {b'{"kind":"small"}'}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"title":"Conflict","detail":"no free space"}', "no free space"),
        (b'{"kind":"small"}', '{"kind":"small"}'),
        (b"[1]", "[1]"),
        (b"\xff oops", "b'\\xff oops'"),
    ],
)
def test_a_reply_is_told_shortly(body: bytes, text: str) -> None:
    """Of a problem its detail, of other JSON the text, of anything else its bytes."""
    assert describe_reply(body) == text


def test_a_trace_of_a_server_can_be_asked(tmp_path: Path) -> None:
    """A recorded trace in which parks and unparks alternate is asked in bursts, too."""
    lines = [
        {"operation": "park", "body": {"vehicle": "large"}},
        {"operation": "unpark", "body": {"floor": 2, "row": 4, "space": 1}},
    ]
    path = tmp_path / "trace.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines * 60))
    burst = make_burst(SEED, make_workload(str(path), SEED, 0))
    assert len(burst.parks) == SEED.capacities[SEED.kinds.index("large")]
