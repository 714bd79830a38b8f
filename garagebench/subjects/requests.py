"""An implementation on a layout under a workload, as cases that can be timed.

The only place where the measured meets the measuring. It runs in the worker, under PyPy too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable, NamedTuple

from garagebench.conformance import suite
from garagebench.core.garage import Garage
from garagebench.core.layout import Layout
from garagebench.core.workload import Workload
from garagebench.errors import GarageError, SpaceEmpty
from garagebench.impls.registry import load_recipe
from garagebench.interface import INTERFACE_VERSION, Block, Case, RowSpec, Step
from garagebench.subjects.tape import RecordedBlock, Tape, TimedPool

#: Stages of each operation, in the order of the request.
STAGES: Mapping[str, tuple[str, ...]] = {
    "park": (
        "validate",
        "sequence",
        "assignment",
        "floor_lookup",
        "encode",
        "total",
        "unattributed",
    ),
    "unpark": ("validate", "space_lookup", "release", "encode", "total", "unattributed"),
    "both": ("total",),
    "park_many": ("total",),
    "unpark_many": ("total",),
    "start": ("import", "compile", "build", "first_request", "peak_memory"),
}

#: Operations whose requests go through as one batch, block by block -> the operation of the blocks.
BATCHES: Mapping[str, str] = {"park_many": "park", "unpark_many": "unpark"}

#: Measured quantities that are no stage: the sequencer with its pool calls, and those calls timed in the pipeline.
SEQUENCE_WHOLE = "sequence and assignment"
TIMED_POOLS = "assignment in context"


class _StageCall(NamedTuple):
    """A stage in the pipeline: what it is given, the call, and the statement around the call."""

    name: str
    given: str
    call: str
    statement: str


_PIPELINES: Mapping[str, tuple[_StageCall, ...]] = {
    "park": (
        _StageCall("validate", "body", "validate(body)", "vehicle = {}"),
        _StageCall("sequence", "vehicle", "sequence(vehicle)", "kind, index = {}"),
        _StageCall("floor_lookup", "kind, index", "floor_lookup(kind, index)", "place = {}"),
        _StageCall("encode", "place", "encode(place)", "reply = {}"),
    ),
    "unpark": (
        _StageCall("validate", "body", "validate(body)", "location = {}"),
        _StageCall("space_lookup", "location", "space_lookup(location)", "kind, index = {}"),
        _StageCall(
            "release",
            "kind, index",
            "release[kind](index)",
            "if not {}: raise SpaceEmpty(kind, index)",
        ),
        _StageCall("encode", "kind", "encode(kind)", "reply = {}"),
    ),
}

_CHANGES_STATE = ("sequence", "release")

_PARTS = ("assignment", *(stage.name for stages in _PIPELINES.values() for stage in stages))


def make_subject(arguments: Mapping[str, Any]) -> GarageSubject:
    """Return the subject that the engine's worker measures.

    arguments: impl (a name) and its variants (stage -> variant), layout and workload (as data), operations and stages
    (lists of names).
    Raises WrongAnswer before anything is timed where an answer differs from the model's.
    """
    impl = load_recipe(arguments)
    suite.check(impl)
    layout = Layout.from_data(arguments["layout"])
    tape = Tape(impl, layout, Workload.from_data(arguments["workload"]))
    intervals: list[int] = []
    timed_sequence = impl.sequence(
        layout, [TimedPool(pool, intervals) for pool in tape.garage.pools]
    )
    return GarageSubject(
        tape, timed_sequence, intervals, arguments["operations"], arguments["stages"]
    )


def rules_of(operation: str, stage: str) -> dict[str, Any]:
    """Return the rules of a stage's row, by the names that they have in a RowSpec."""
    if operation == "start":
        return {"unit": "bytes" if stage == "peak_memory" else "ns"}
    if stage == "unattributed":
        return {"part_of": f"{operation}/total", "is_judged": False}
    # What the sequencer takes is what its calls on the pools leave of it.
    yields = {"yields_to": f"{operation}/assignment"} if stage == "sequence" else {}
    return {"part_of": f"{operation}/total", **yields} if stage in _PARTS else {}


def cold_start(arguments: Mapping[str, Any]) -> dict[str, float]:
    """Do, in a fresh process, what a server does up to its first reply; nanoseconds for each part."""
    clock = time.perf_counter_ns
    marks = [("", clock())]
    impl = load_recipe(arguments)
    marks.append(("import", clock()))
    compile_pool = getattr(impl.pool, "compile", None)
    if compile_pool is not None:
        compile_pool()
        marks.append(("compile", clock()))
    garage = Garage(Layout.from_data(arguments["layout"]), impl)
    marks.append(("build", clock()))
    garage.handle_park(arguments["body"].encode())
    marks.append(("first_request", clock()))
    return {name: float(end - begin) for (_, begin), (name, end) in zip(marks, marks[1:])}


class GarageSubject:
    """The cases and rows of the wanted operations and stages of a recorded workload."""

    interface_version = INTERFACE_VERSION
    packages = ("numpy", "numba")

    def __init__(
        self,
        tape: Tape,
        timed_sequence: Callable[[str], tuple[int, int]],
        intervals: list[int],
        operations: Sequence[str],
        stages: Sequence[str],
    ) -> None:
        self._garage = tape.garage
        self._timed_sequence = timed_sequence
        self._intervals = intervals
        self._stages = stages
        self._blocks = {
            operation: blocks
            for operation in STAGES
            if operation in operations or operation == "both"
            if (blocks := _blocks_of(BATCHES.get(operation, operation), tape))
        }
        self.caveats: list[str] = []
        for operation, blocks in self._blocks.items():
            if all(isinstance(reply, type) for block in blocks for reply in block.replies):
                self.caveats.append(f"every {operation} request of the workload is refused")
        if "park" in self._blocks and not self._has_pool_calls:
            self.caveats.append(
                "the sequencer makes no call on the pools: assignment is part of sequence"
            )

    @property
    def _has_pool_calls(self) -> bool:
        return any(block.calls for block in self._blocks["park"])

    def rows(self) -> list[RowSpec]:
        """Return a row for each wanted stage of each operation, in order."""
        return [
            row
            for operation in self._blocks
            for stage in STAGES[operation]
            if stage in self._stages
            for row in self._row(operation, stage)
        ]

    def cases(self) -> Iterator[Case]:
        """Yield the cases that the rows refer to."""
        wanted = {quantity for row in self.rows() for quantity in (*row.isolated, *row.in_context)}
        for operation in self._blocks:
            for case in self._cases(operation):
                in_context = any(quantity.startswith(f"{case.name} (") for quantity in wanted)
                if case.name in wanted or in_context:
                    yield case._replace(in_context=in_context)

    def _row(self, operation: str, stage: str) -> Iterator[RowSpec]:
        name = f"{operation}/{stage}"
        total = f"{operation}/total"
        pipeline = _PIPELINES.get(operation, ())
        if stage == "total":
            # Its own whole stands beside the stages in context, where there are any.
            beside = any(step.name in self._stages for step in pipeline)
            yield RowSpec(name, {total: 1}, {total: 1} if beside else {})
            return
        part = RowSpec(name, {name: 1}, {f"{total} ({stage})": 1}, **rules_of(operation, stage))
        if stage == "unattributed":
            wholes = {f"{operation}/{_isolated_name(step.name)}": -1.0 for step in pipeline}
            steps = {f"{total} ({step.name})": -1.0 for step in pipeline}
            yield part._replace(isolated={total: 1, **wholes}, in_context={total: 1, **steps})
        elif stage == "assignment":
            if self._has_pool_calls:
                yield part._replace(in_context={f"{operation}/{TIMED_POOLS}": 1})
        elif stage == "sequence":
            assignment = {f"{operation}/assignment": -1.0} if self._has_pool_calls else {}
            timed = {f"{operation}/{TIMED_POOLS}": -1.0} if self._has_pool_calls else {}
            yield part._replace(
                isolated={f"{operation}/{SEQUENCE_WHOLE}": 1, **assignment},
                in_context={f"{total} (sequence)": 1, **timed},
            )
        else:
            yield part

    def _cases(self, operation: str) -> Iterator[Case]:
        if operation == "both":
            tapes = [
                (list(zip(block.handlers, block.bodies)), block.replies, block)
                for block in self._blocks["both"]
            ]
            yield self._case(
                "both/total",
                "handle, body",
                [Step("handle", "reply = handle(body)")],
                "reply",
                {},
                tapes,
            )
            return
        if operation in BATCHES:
            yield self._batch_case(operation)
            return
        names = self._names(operation)
        for stage in _PIPELINES[operation]:
            tapes = [
                (*block.stages.get(stage.name, ([], [])), block)
                for block in self._blocks[operation]
            ]
            name = f"{operation}/{_isolated_name(stage.name)}"
            steps = [Step(stage.name, f"answer = {stage.call}")]
            yield self._case(
                name,
                stage.given,
                steps,
                "answer",
                names,
                tapes,
                resets=stage.name in _CHANGES_STATE,
            )
        if operation == "park":
            yield from self._assignment_cases(names)
        yield self._whole("total", operation, names)

    def _batch_case(self, operation: str) -> Case:
        tapes = []
        for block in self._blocks[operation]:
            given, answers = block.batch(self._garage.layout)
            tapes.append(([given], [answers], block))
        names = {operation: getattr(self._garage, operation)}
        steps = [Step(operation, f"answers = {operation}(batch)")]
        return self._case(f"{operation}/total", "batch", steps, "answers", names, tapes)

    def _assignment_cases(self, names: Mapping[str, Any]) -> Iterator[Case]:
        blocks = self._blocks["park"]
        bare = not any(arguments for block in blocks for _, arguments, _ in block.calls)
        tapes = [
            (
                [call if bare else (call, arguments) for call, arguments, _ in block.calls],
                [answer for _, _, answer in block.calls],
                block,
            )
            for block in blocks
        ]
        given, source = (
            ("call", "answer = call()")
            if bare
            else ("call, arguments", "answer = call(*arguments)")
        )
        yield self._case(
            "park/assignment", given, [Step("assignment", source)], "answer", {}, tapes
        )
        timed = self._whole(TIMED_POOLS, "park", {**names, "sequence": self._timed_sequence})
        yield timed._replace(intervals=self._intervals)

    def _whole(self, name: str, operation: str, names: Mapping[str, Any]) -> Case:
        steps = [
            Step(stage.name, stage.statement.format(stage.call)) for stage in _PIPELINES[operation]
        ]
        tapes = [(block.bodies, block.replies, block) for block in self._blocks[operation]]
        return self._case(f"{operation}/{name}", "body", steps, "reply", names, tapes)

    def _names(self, operation: str) -> dict[str, Any]:
        garage = self._garage
        if operation == "park":
            return {
                "validate": garage.validate_park,
                "sequence": garage.sequence,
                "floor_lookup": garage.floor_lookup,
                "encode": garage.encode_park,
            }
        return {
            "validate": garage.validate_unpark,
            "space_lookup": garage.space_lookup,
            "release": tuple(pool.release for pool in garage.pools),
            "encode": garage.encode_unpark,
            "SpaceEmpty": SpaceEmpty,
        }

    @staticmethod
    def _case(
        name: str,
        target: str,
        steps: Sequence[Step],
        result: str,
        names: Mapping[str, Any],
        tapes: Sequence[tuple[Sequence[Any], Sequence[Any], RecordedBlock]],
        resets: bool = True,
    ) -> Case:
        blocks = [
            Block(given, answers, len(recorded.bodies), recorded.reset if resets else None)
            for given, answers, recorded in tapes
        ]
        refuses = any(
            isinstance(answer, type) for block in blocks for answer in block.expected or ()
        )
        used = {
            key: value for key, value in names.items() if any(key in step.source for step in steps)
        }
        operation = name.partition("/")[0]
        return Case(
            name, target, steps, result, used, blocks, (GarageError,) if refuses else (), operation
        )


def _blocks_of(operation: str, tape: Tape) -> list[RecordedBlock]:
    return [block for block in tape.blocks if block.operation == operation]


def _isolated_name(stage: str) -> str:
    return SEQUENCE_WHOLE if stage == "sequence" else stage
