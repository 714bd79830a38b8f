"""Workloads: what is in their blocks, that a seed reproduces them, and traces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from drawn_layouts import layouts
from hypothesis import given
from hypothesis import strategies as st

from garagebench import Garage, GarageError, GarageFull, Layout, Location, load_impl
from garagebench.core import workload
from garagebench.core.workload import (
    BLOCK,
    REQUESTS,
    Block,
    Workload,
    make_workload,
    trace,
    unpark_body,
)
from garagebench.errors import WorkloadError
from garagebench.subjects.tape import set_free

PARK = '{"operation":"park","body":{"vehicle":"small"}}'
UNPARK = '{"operation":"unpark","body":{"floor":1,"row":3,"space":1}}'


def play(layout: Layout, work: Workload) -> Iterator[tuple[Block, list[object], int]]:
    """Each block, its answers (an error as its class), and how many spaces are taken after it."""
    garage = Garage(layout, load_impl("lists"))
    set_free(garage, work.free)
    for block in work.blocks:
        answers: list[object] = []
        for operation, body in block.requests:
            try:
                answers.append(
                    garage.handle_park(body) if operation == "park" else garage.handle_unpark(body)
                )
            except GarageError as error:
                answers.append(type(error))
        yield block, answers, sum(layout.capacities) - sum(garage.free.values())


def one_kind(spaces: int, unused: int = 0) -> Layout:
    """A garage for one vehicle, and perhaps spaces that none may use."""
    rows = [{"kind": "other", "spaces": unused}] if unused else []
    rows.append({"kind": "car", "spaces": spaces})
    return Layout.from_data(
        {"name": "one", "vehicles": {"car": [["car"]]}, "floors": [{"rows": rows}]}
    )


class TestFill:
    def test_the_blocks_on_the_seed(self, seed: Layout) -> None:
        """120 small cars park, then 120 leave in the same order: all small spaces, then all large ones."""
        small = [(1, 3), (1, 4), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2)]
        large = [(2, 4), (2, 5), (3, 3), (3, 4), (3, 5)]
        places = [Location(*row, space) for row in small + large for space in range(1, 11)]
        assert make_workload("fill", seed, 0) == Workload(
            "fill",
            (
                Block("park", (("park", b'{"vehicle":"small"}'),) * 120),
                Block("unpark", tuple(("unpark", unpark_body(place)) for place in places)),
            ),
        )

    def test_it_is_the_same_for_every_seed(self, seed: Layout) -> None:
        """Nothing is drawn."""
        assert make_workload("fill", seed, 1) == make_workload("fill", seed, 2)

    def test_a_large_garage_is_not_filled(self, seed: Layout) -> None:
        """At most so many requests of an operation are made as a pass can take."""
        work = make_workload("fill", seed.scaled(100_000), 0)
        assert [(block.operation, len(block.requests)) for block in work.blocks] == [
            ("park", REQUESTS),
            ("unpark", REQUESTS),
        ]

    def test_a_layout_without_small_cars(self) -> None:
        """It is filled with its first vehicle."""
        work = make_workload("fill", one_kind(150), 0)
        assert work.blocks[0].requests == (("park", b'{"vehicle":"car"}'),) * 150


class TestMixed:
    def test_it_contains_refusals_and_ends_empty(self, seed: Layout) -> None:
        """Cars of all kinds park until none fits and a fifth beyond; then all leave."""
        (parks, parked, taken), (unparks, replies, left) = play(
            seed, make_workload("mixed", seed, 3)
        )
        assert (parks.operation, unparks.operation, taken, left) == ("park", "unpark", 140, 0)
        assert {body for _, body in parks.requests} == {
            b'{"vehicle":"%s"}' % vehicle for vehicle in (b"small", b"large", b"handicap")
        }
        assert GarageFull in parked
        assert parked[-28:] == [GarageFull] * 28
        assert sum(answer is not GarageFull for answer in parked) == len(unparks.requests) == 140
        assert not any(isinstance(reply, type) for reply in replies)

    def test_they_leave_in_another_order(self, seed: Layout) -> None:
        """The order of the departures is drawn."""
        (_, parked, _), (unparks, _, _) = play(seed, make_workload("mixed", seed, 3))
        arrived = [reply for reply in parked if reply is not GarageFull]
        left = [body for _, body in unparks.requests]
        assert left != arrived
        assert sorted(left) == sorted(arrived)

    def test_a_large_garage_starts_nearly_full(self, seed: Layout) -> None:
        """Its last spaces, drawn at random, are filled, so that refusals come in reach."""
        large = seed.scaled(10_000)
        work = make_workload("mixed", large, 0)
        assert work.free is not None
        assert sum(map(len, work.free)) == REQUESTS * 4 // 5
        (_, parked, taken), (_, _, left) = play(large, work)
        assert (GarageFull in parked, taken, left) == (True, 10_000, 10_000 - REQUESTS * 4 // 5)


class TestChurn:
    def test_it_is_at_90_percent_at_the_start_and_after_arrivals(self, seed: Layout) -> None:
        """126 of the seed's 140 spaces are taken; as many leave as come, twice, and nobody is refused."""
        work = make_workload("churn", seed, 5)
        assert work.free is not None
        assert sum(map(len, work.free)) == 14
        played = list(play(seed, work))
        assert [(block.operation, len(block.requests), taken) for block, _, taken in played] == [
            ("unpark", 100, 26),
            ("park", 100, 126),
        ] * 2
        assert not any(isinstance(answer, type) for _, answers, _ in played for answer in answers)

    def test_a_large_garage_stays_near_90_percent(self, seed: Layout) -> None:
        """Where blocks are small beside the garage, they hardly change how full it is."""
        large = seed.scaled(10_000)
        work = make_workload("churn", large, 5)
        assert all(len(block.requests) >= BLOCK for block in work.blocks)
        assert [taken for _, _, taken in play(large, work)] == [9000 - REQUESTS // 2, 9000] * 2

    def test_spaces_that_no_vehicle_may_use_stay_out_of_it(self) -> None:
        """90 % is of the spaces that can be parked on."""
        layout = one_kind(200, unused=50)
        played = list(play(layout, make_workload("churn", layout, 5)))
        assert [taken for _, _, taken in played] == [80, 180, 80, 180]
        assert not any(isinstance(answer, type) for _, answers, _ in played for answer in answers)

    def test_a_garage_of_one_space(self) -> None:
        """Where nobody can leave while another stays there is no churn, and the error says so."""
        with pytest.raises(WorkloadError, match=r"^churn needs at least 2 spaces .*'one' has 1$"):
            make_workload("churn", one_kind(1, unused=9), 0)


@pytest.mark.parametrize("name", ["mixed", "churn"])
def test_a_seed_reproduces_a_workload(seed: Layout, name: str) -> None:
    """The same seed draws the same requests, another one others."""
    assert make_workload(name, seed, 1) == make_workload(name, seed, 1)
    assert make_workload(name, seed, 1) != make_workload(name, seed, 2)


@pytest.mark.parametrize("spaces", [140, 141, 1000, 5000, 50_000])
@pytest.mark.parametrize("name", workload.BUILTIN)
def test_blocks_are_large_and_of_one_operation(seed: Layout, name: str, spaces: int) -> None:
    """From the seed's size on every block has at least 100 requests, all of its operation."""
    work = make_workload(name, seed.scaled(spaces), 7)
    for block in work.blocks:
        assert len(block.requests) >= 100
        assert {operation for operation, _ in block.requests} == {block.operation}
    assert work.caveats == ()


@pytest.mark.parametrize("name", workload.BUILTIN)
def test_a_small_garage_has_a_caveat(name: str) -> None:
    """Blocks of fewer requests are measured all the same, and that is said."""
    (caveat,) = make_workload(name, one_kind(50), 7).caveats
    assert caveat.startswith("a block has only ")
    assert caveat.endswith("requests (at least 100 are wanted): the figures are coarse")


@given(layouts(), st.sampled_from(sorted(workload.BUILTIN)), st.integers(0, 9))
def test_every_layout_has_every_workload(drawn: Layout, name: str, draw: int) -> None:
    """On any garage a workload has blocks, its departures are all of cars that are there, or it says why not."""
    try:
        work = make_workload(name, drawn, draw)
    except WorkloadError:
        assert name == "churn"
        return
    for block, answers, _ in play(drawn, work):
        assert len(answers) > 0
        if block.operation == "unpark" or name == "churn":
            assert not any(isinstance(answer, type) for answer in answers)
    assert "unpark" in {block.operation for block in work.blocks}


@pytest.mark.parametrize("name", workload.BUILTIN)
def test_data_round_trip(seed: Layout, name: str) -> None:
    """What JSON carries to the worker is the same workload there."""
    work = make_workload(name, seed, 1)._replace(caveats=("a caveat",))
    assert Workload.from_data(json.loads(json.dumps(work.to_data()))) == work


@given(st.binary())
def test_any_body_survives_the_round_trip(body: bytes) -> None:
    """Bytes that are no text do, too."""
    work = Workload("bytes", (Block("park", (("park", body),)),))
    assert Workload.from_data(json.loads(json.dumps(work.to_data()))) == work


class TestTrace:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Where the test's trace is written."""
        return tmp_path / "monday.jsonl"

    def test_blocks(self, path: Path) -> None:
        """Runs of at least 100 requests are blocks; its name is the file's; bodies are written compactly."""
        path.write_text(f"{PARK}\n" * 150 + f"{UNPARK}\n".replace(":1", ": 1") * 100)
        assert trace(path) == Workload(
            "monday",
            (
                Block("park", (("park", b'{"vehicle":"small"}'),) * 150),
                Block("unpark", (("unpark", b'{"floor":1,"row":3,"space":1}'),) * 100),
            ),
        )

    def test_make_workload_reads_it(self, path: Path, seed: Layout) -> None:
        """A name that is not built in is a file's."""
        path.write_text(f"{PARK}\n" * 100)
        assert make_workload(str(path), seed, 0) == trace(path)

    @pytest.mark.parametrize(
        ("length", "parts"), [(399, [399]), (400, [200, 200]), (1050, [210] * 5)]
    )
    def test_a_long_run_is_cut(self, path: Path, length: int, parts: list[int]) -> None:
        """A run of 200 requests and more becomes blocks of nearly equal size."""
        path.write_text(f"{PARK}\n" * length)
        assert [len(block.requests) for block in trace(path).blocks] == parts

    @pytest.mark.parametrize("run", [1, 99])
    def test_a_trace_that_changes_too_often(self, path: Path, run: int) -> None:
        """It is measured as operation both, and says so; the order stays."""
        path.write_text((f"{PARK}\n" * run + f"{UNPARK}\n" * 150) * 2)
        work = trace(path)
        assert {block.operation for block in work.blocks} == {"both"}
        assert [operation for block in work.blocks for operation, _ in block.requests] == (
            ["park"] * run + ["unpark"] * 150
        ) * 2
        assert work.caveats == (
            "the trace changes operation too often for blocks of 100: measured as operation both, total only",
        )

    def test_a_short_trace(self, path: Path) -> None:
        """One run is a block however short it is, with the caveat of small blocks."""
        path.write_text(f"{PARK}\n" * 3)
        work = trace(path)
        assert [block.operation for block in work.blocks] == ["park"]
        assert work.caveats == (
            "a block has only 3 requests (at least 100 are wanted): the figures are coarse",
        )

    def test_any_body_is_a_request(self, path: Path) -> None:
        """What the body is, is the validator's to say: a trace may have bad requests."""
        path.write_text('{"operation":"unpark","body":[null, "\\u00e9"]}')
        assert trace(path).blocks[0].requests == (("unpark", b'[null,"\\u00e9"]'),)

    def test_blank_lines_are_left_out(self, path: Path) -> None:
        """They are no requests, and count as lines."""
        path.write_text(f"\n{PARK}\n  \n{PARK}\n\npark\n")
        with pytest.raises(WorkloadError, match=r"monday\.jsonl:6: not JSON"):
            trace(path)
        path.write_text(f"\n{PARK}\n  \n{PARK}\n\n")
        assert len(trace(path).blocks[0].requests) == 2

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            (b"{", "not JSON: "),
            (b"\xff", "not JSON: 'utf-8' codec can't decode byte 0xff"),
            (b'"' + b"[" * 50_000, "not JSON: "),
            (b"[" * 50_000, "not JSON: "),
            (b'{"operation":"park","body":' + b"9" * 5000 + b"}", "not JSON: "),
            (b"[]", 'a line must be {"operation":"park","body":{...}}, not []'),
            (b'"park"', 'a line must be {"operation":"park","body":{...}}, not "park"'),
            (
                b'{"operation":"park"}',
                'a line must be {"operation":"park","body":{...}}, not {"operation":"park"}',
            ),
            (b'{"body":1}', 'a line must be {"operation":"park","body":{...}}, not {"body":1}'),
            (
                b'{"operation":"park","body":1,"at":2}',
                'a line must be {"operation":"park","body":{...}}, not {"operation":"park","body":1,"at":2}',
            ),
            (b'{"operation":"Park","body":1}', "operation must be park or unpark, not 'Park'"),
            (b'{"operation":["park"],"body":1}', "operation must be park or unpark, not ['park']"),
            (b'{"operation":null,"body":1}', "operation must be park or unpark, not None"),
        ],
        ids=lambda value: ascii(value[:30]) if isinstance(value, bytes) else "",
    )
    def test_a_bad_line_is_named(self, path: Path, line: bytes, problem: str) -> None:
        """The error begins with file and line, and says what is wrong in one short sentence."""
        path.write_bytes(f"{PARK}\n{UNPARK}\n".encode() + line + b"\n")
        with pytest.raises(WorkloadError) as caught:
            trace(path)
        message = str(caught.value)
        if problem.endswith(": ") or "codec" in problem:
            assert message.startswith(f"{path}:3: {problem}")
        else:
            assert message == f"{path}:3: {problem}"
        assert len(message) < len(str(path)) + 200

    @pytest.mark.parametrize("content", ["", "\n \n"])
    def test_an_empty_file(self, path: Path, content: str) -> None:
        """A trace without requests is an error."""
        path.write_text(content)
        with pytest.raises(WorkloadError) as caught:
            trace(path)
        assert str(caught.value) == f"{path}: the trace has no requests"

    def test_a_missing_file(self, path: Path) -> None:
        """The error names the file and the reason."""
        with pytest.raises(WorkloadError) as caught:
            trace(path)
        assert str(caught.value) == f"{path}: cannot be read: No such file or directory"

    def test_a_trace_that_is_too_long(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is refused at the line from which on there is no room."""
        monkeypatch.setattr(workload, "TRACE_REQUESTS", 100)
        path.write_text(f"{PARK}\n" * 100)
        assert len(trace(path).blocks) == 1
        path.write_text(f"{PARK}\n" * 102)
        with pytest.raises(
            WorkloadError, match=r":101: more than 100 requests; cut the trace into parts$"
        ):
            trace(path)
