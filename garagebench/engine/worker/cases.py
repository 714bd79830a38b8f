"""Cases that are timed, pass by pass, and whose answers are compared."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Iterable
from typing import Any, Callable

from .loading import BadSubject
from .loops import compile_loop, compile_stepped_loop, sum_marks

#: Collecting garbage and warming up are not measured; a pass is what lies between two of these.
clock = time.perf_counter_ns

#: Whether the answers of timed passes are kept, or only those of the passes that lead in. PyPy's JIT deletes work whose
#: result is unused. On CPython the call that keeps an answer costs more behind a call of Python code than in the empty
#: loop: subtracted, a Python loop of 103 ns came out at 1.044 of what it costs (results/known_cost_before.txt).
KEEPS_ALL = platform.python_implementation() != "CPython"


class WrongResult(Exception):
    """A timed pass answered otherwise than the case expects."""

    status = "wrong"


def check_cases(cases: list[Any]) -> None:
    """Raise BadSubject for cases that cannot be measured, or not as they mean to be."""
    blocks: dict[str, int] = {}
    seen: set[str] = set()
    for case in cases:
        if case.name in seen:
            raise BadSubject(f"two cases are called {case.name!r}")
        seen.add(case.name)
        if not case.steps:
            raise BadSubject(f"case {case.name!r} has no steps, so there is nothing to time")
        if not case.blocks:
            raise BadSubject(f"case {case.name!r} has no blocks")
        if any(block.requests < 1 for block in case.blocks):
            raise BadSubject(f"case {case.name!r} has a block of fewer than one request")
        if blocks.setdefault(case.group, len(case.blocks)) != len(case.blocks):
            raise BadSubject(
                f"case {case.name!r} has {len(case.blocks)} blocks, another of its group {case.group!r} "
                f"has {blocks[case.group]}: give it a group of its own"
            )


class TimedCase:
    """A case and its loops: whole, with its answers kept, empty, and with the clock read between the steps."""

    def __init__(self, case: Any) -> None:
        self._case = case
        self._kept = compile_loop(case, case.steps, keeps=True)
        self._loop = self._kept if KEEPS_ALL else compile_loop(case, case.steps, keeps=False)
        self._empty = compile_loop(case, (), keeps=KEEPS_ALL)
        self._stepped = compile_stepped_loop(case)

    def describe(self) -> dict[str, Any]:
        """Return what the conductor needs to plan: no tapes."""
        case = self._case
        return {
            "name": case.name,
            "group": case.group,
            "requests": [block.requests for block in case.blocks],
            "steps": [step.name for step in case.steps],
            "in_context": case.in_context,
            "intervals": case.intervals is not None,
            # How often the clock is read for one request, on average over all blocks.
            "clock_reads": self._clock_reads(),
            # Two sides whose digests agree answer alike.
            "answers_digest": self._digest(),
        }

    def answers(self) -> list[str]:
        """Return every answer by which two sides are compared, as text."""
        own = getattr(self._case, "answers", None)  # an interface of before has none
        if own is not None:
            return list(own)
        return [repr(answer) for block in self._case.blocks for answer in block.expected or ()]

    def _digest(self) -> str:
        """Return a digest of the answers; an empty text where they are not compared."""
        answers = self.answers()
        return hashlib.sha256("\n".join(answers).encode()).hexdigest() if answers else ""

    def _clock_reads(self) -> dict[str, float]:
        requests = sum(block.requests for block in self._case.blocks)
        if not self._case.in_context and self._case.intervals is None:
            return {}
        counts: dict[str, int] = {}
        for block in self._case.blocks:
            for name, (_, count) in self._pass(
                block, "steps" if self._case.intervals is None else "intervals"
            ).items():
                counts[name] = counts.get(name, 0) + count
        return {name: count / requests for name, count in counts.items() if name != "clock"}

    def warm(self, mode: str, blocks: Iterable[int], passes: int) -> int:
        """Go through the blocks that often; the quickest pass over all of them, resets included, in ns."""
        quickest = 0
        chosen = [self._case.blocks[number] for number in blocks]
        if mode == "loop" and not KEEPS_ALL:
            for block in chosen:
                self._pass(block, "check")
        for _ in range(passes):
            begin = clock()
            for block in chosen:
                self._pass(block, mode)
            took = clock() - begin
            quickest = min(took, quickest or took)
        return quickest

    def requests(self, blocks: Iterable[int]) -> int:
        """Return how many requests these blocks have."""
        return sum(self._case.blocks[number].requests for number in blocks)

    def measure(
        self, mode: str, blocks: Iterable[int], lead_in: int, passes: int
    ) -> dict[str, list[float]]:
        """Time the blocks one after the other: for each, `lead_in` passes that do not count and `passes` that do.

        The first passes compare the answers, where the others do not. Series -> ns of each kept pass, added up over the blocks; the series "clock" is one empty interval.
        """
        totals: dict[str, list[float]] = {}
        for number in blocks:
            block = self._case.blocks[number]
            for _ in range(lead_in):
                self._pass(block, "check" if mode == "loop" else mode)
            kept = [self._pass(block, mode) for _ in range(passes)]
            for name in kept[0]:
                # The clock is one interval; everything else is the time over the block.
                times = [
                    ns / count if name == "clock" else ns
                    for ns, count in (one[name] for one in kept)
                ]
                previous = totals.get(name)
                if previous is None or name == "clock":
                    totals[name] = times
                else:
                    totals[name] = [before + now for before, now in zip(previous, times)]
        return totals

    def _pass(self, block: Any, mode: str) -> dict[str, tuple[float, int]]:
        """Go through the block once: series -> (ns, how many intervals that is the sum of)."""
        kept: list[Any] = []
        if mode == "empty":
            return {"empty": (self._run(self._empty, block, kept.append), 1)}
        if block.reset is not None:
            block.reset()
        if mode in ("loop", "check"):
            ns = self._run(self._loop if mode == "loop" else self._kept, block, kept.append)
            if mode == "check" or KEEPS_ALL:
                self._check(block, kept)
            return {"loop": (ns, 1)}
        intervals = self._case.intervals
        if intervals is not None:
            intervals.clear()
        marks: list[tuple[int | None, ...]] = []
        self._run(self._stepped, block, kept.append, marks.append)
        self._check(block, kept)
        sums = sum_marks(marks, [step.name for step in self._case.steps])
        if mode == "steps":
            return sums
        return {"intervals": (sum(intervals), len(intervals)), "clock": sums["clock"]}

    def _run(self, loop: Callable[..., int], block: Any, *more: Callable[[Any], None]) -> int:
        return loop(block.tape, clock, self._case.catches, *more, **self._case.names)

    def _check(self, block: Any, kept: list[Any]) -> None:
        if block.expected is None or kept == list(block.expected):
            return
        for number, (got, expected) in enumerate(zip(kept, block.expected), 1):
            if got != expected:
                raise WrongResult(
                    f"{self._case.name}: answer {number} is {got!r}, expected {expected!r}"
                )
        raise WrongResult(f"{self._case.name}: {len(kept)} answers, expected {len(block.expected)}")
