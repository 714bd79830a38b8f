"""Cases that a subject holds open one after the other: a test suite goes its own way, and stops at each benchmark.

Such a subject has a method `run(holder)` in place of `cases()`. It tells `open` which cases there are, and brings about
the one that it is given; where that comes to the call that is to be measured, it calls `hold`, which comes back when the
call has been measured. `next` tells how the case ended and gives the next one, None when there is nothing more to do.
`run` may return why it ended, if it was before that.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, Callable, NamedTuple

from .cases import KEEPS_ALL
from .loops import compile_calls
from .machine import RunDelay

clock = time.perf_counter_ns

#: One for all cases: it keeps a file open.
RUN_DELAY = RunDelay()

#: A slice leads in for about so long, in calls that do not count; a call as long as many of them needs no lead-in.
LEAD_NS = 150_000
NO_LEAD_FROM_NS = 20 * LEAD_NS

#: A call from so long on is made by both sides at once, so that the kernel alternates them: one after the other they would
#: meet the host at different speeds. One that does not use its core for so large a share of its time is not: it waits for
#: something, which CPU time would not show.
AT_ONCE_FROM_NS = 8_000_000
LEAST_CPU_SHARE = 0.98

#: What is always made at once lasts for so long at least, so that the kernel has time to alternate, and has so many calls
#: at most.
AT_ONCE_NS = 20_000_000
MOST_AT_ONCE = 20

#: Calls in a slice, at most: an empty function is no reason to measure without end.
MOST_CALLS = 100_000

#: What is prepared before each call is not measured: a slice of it ends after so long in all, however short the calls.
MOST_PREPARED_NS = 8_000_000


class Call(NamedTuple):
    """What is measured. prepare: returns the arguments before each measurement; finish: is given them after it.

    iterations: calls between the two. answers: returns by what two sides are told to answer alike, as text. cpu_clock:
    tells the CPU time that calls take, if it is not that of this process: such calls are always made by both sides at once.
    time_ns: makes so many calls and returns the ns of one, where the call reads the clock by itself; or the bytes of one,
    where its row is in bytes.
    """

    function: Callable[..., Any]
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = {}
    prepare: Callable[[], tuple[Sequence[Any], Mapping[str, Any]]] | None = None
    finish: Callable[..., Any] | None = None
    iterations: int = 1
    answers: Callable[[], Sequence[str]] = tuple
    cpu_clock: Callable[[], int] | None = None
    time_ns: Callable[[int], float] | None = None


class Turn(NamedTuple):
    """The case that the subject should come to now, and the one after it; None: it is the last one so far."""

    case: str
    upcoming: str | None


class HeldCase:
    """A call that is made as often as a slice takes; the clock is read before the first and after the last."""

    def __init__(self, name: str, call: Call) -> None:
        self._call = call
        # Calls of a subject from before had none.
        self._cpu_clock: Callable[[], int] | None = getattr(call, "cpu_clock", None)
        self._time_ns: Callable[[int], float] | None = getattr(call, "time_ns", None)
        self.last: list[Any] = []  # what the last measured call answered, if there was one
        self._loop = compile_calls(name, "_call(*_args, **_kwargs)", keeps=KEEPS_ALL)
        self._empty = compile_calls(name, "", keeps=KEEPS_ALL)

    def answers(self) -> list[str]:
        """Return the answer as text; none where it cannot be compared."""
        return list(self._call.answers())

    def requests(self, blocks: Sequence[int]) -> int:
        """Return what a pass's time is divided by."""
        return 1

    def warm(self, mode: str, blocks: Sequence[int], passes: int) -> int:
        """Make so many calls; return the ns of one."""
        return math.ceil(min(self._time(mode, passes)))

    def measure(
        self, mode: str, blocks: Sequence[int], lead_in: int, passes: int
    ) -> dict[str, list[float]]:
        """Return the ns of one call: the mean of all, or each where something is prepared before it.

        In the mode "cpu" they are CPU time, and the empty loop comes with them.
        """
        if mode == "cpu":
            took = self._time("loop", passes, self._cpu_clock or time.process_time_ns)
            return {"loop": took, "empty": self._time("empty", passes)}
        if lead_in:
            self._time(mode, lead_in)
        return {mode: self._time(mode, passes)}

    def _time(
        self, mode: str, calls: int, own_clock: Callable[[], int] | None = None
    ) -> list[float]:
        call = self._call
        if self._time_ns is not None:
            self.last = [None]  # it was called
            return [self._time_ns(calls) if mode == "loop" else 0.0]
        read = own_clock or clock
        loop = self._empty if mode == "empty" else self._loop
        is_prepared = call.prepare is not None or call.finish is not None
        if mode == "loop" and is_prepared:
            return [self._time_prepared(read) for _ in range(calls)]
        # What is prepared is measured call by call, and so its empty loop is as short.
        turns = call.iterations if is_prepared else calls
        return [self._run(loop, turns, call.args, call.kwargs, read, keeps=mode == "loop")]

    def _time_prepared(self, read: Callable[[], int]) -> float:
        call = self._call
        args, kwargs = (call.args, call.kwargs) if call.prepare is None else call.prepare()
        call_ns = self._run(self._loop, call.iterations, args, kwargs, read, keeps=True)
        if call.finish is not None:
            call.finish(*args, **kwargs)
        return call_ns

    def _run(
        self,
        loop: Callable[..., int],
        turns: int,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        read: Callable[[], int],
        *,
        keeps: bool,
    ) -> float:
        kept: list[Any] = []
        took_ns = loop(range(turns), read, kept.append, self._call.function, args, kwargs)
        if keeps:
            self.last = kept[-1:]
        return took_ns / turns

    def find_pace(self, slice_ns: int) -> list[int]:
        """Return the pace of a slice of about that length: calls that lead in, calls in it, and whether all make it at once."""
        self._time("loop", 1)  # the first is slower than all others
        if self._cpu_clock is not None:
            begin = clock()
            self._time("loop", 1)
            return [0, max(1, min(math.ceil(AT_ONCE_NS / (clock() - begin)), MOST_AT_ONCE)), True]
        calls, spent_ns, cpu_ns, waited_ns, call_ns = 1, 0, 0, 0, 1.0
        while spent_ns < slice_ns / 4 and calls < MOST_CALLS:
            begin, cpu_ns = clock(), time.process_time_ns()
            waited_ns = RUN_DELAY.read_ns() or 0
            call_ns = max(1.0, min(self._time("loop", calls)))
            spent_ns = clock() - begin
            cpu_ns = time.process_time_ns() - cpu_ns
            waited_ns = (RUN_DELAY.read_ns() or 0) - waited_ns
            calls *= 4
        whole_ns = spent_ns / max(1, calls // 4)  # of a call with what is prepared for it
        passes = max(1, min(math.ceil(slice_ns / call_ns), MOST_CALLS))
        if whole_ns > 2 * call_ns:
            passes = max(1, min(passes, int(MOST_PREPARED_NS / whole_ns)))
        lead_in = 0 if call_ns >= NO_LEAD_FROM_NS else math.ceil(LEAD_NS / whole_ns)
        is_busy = cpu_ns >= LEAST_CPU_SHARE * (spent_ns - waited_ns)
        # By its own clock, nobody else's turns are left out.
        is_alone = self._time_ns is not None
        at_once = call_ns >= AT_ONCE_FROM_NS and is_busy and not is_alone
        return [min(lead_in, passes), passes, at_once]


class Holder:
    """Stands between a subject that goes its own way and the worker's commands.

    serve: answers commands until one of those named comes, which it returns; None: there are no more. write: answers.
    """

    def __init__(
        self,
        serve: Callable[..., dict[str, Any] | None],
        write: Callable[[dict[str, Any]], None],
        cases: dict[str, Any],
        loaded: Callable[..., dict[str, Any]],
    ) -> None:
        self._serve = serve
        self._write = write
        self._cases = cases
        self._loaded = loaded
        self._entered: dict[str, Any] | None = None
        self._leaves = False

    def open(self, names: Sequence[str], **details: Any) -> Turn | None:
        """Say which cases there are; return the first one that is wanted. details: of the answer to `load`."""
        cases = [{"name": name} for name in names]
        self._write(self._loaded(cases=cases, in_turn=True, **details))
        return self._wait()

    def hold(self, call: Call) -> list[Any]:
        """Let the call be measured; return what it answered last, nothing where it was not called."""
        if self._entered is None:
            raise RuntimeError("a case is measured once")
        command = self._entered
        held = HeldCase(command["case"], call)
        pace = command["pace"] or held.find_pace(command["slice_ns"])
        self._cases.clear()
        self._cases[command["case"]] = held
        self._entered = None
        self._write({"name": command["case"], "pace": pace})
        self._leaves = self._serve("leave") is not None
        return held.last

    def next(self, status: str, reason: str) -> Turn | None:
        """Say how the case that was given ended ("passed", "failed", "skipped") and why; return the next one."""
        self._cases.clear()
        if self._entered is not None:
            # It never came to a call.
            self._write({"error": reason, "status": status, "trace": ""})
        elif not self._leaves:
            return None
        else:
            self._write({"status": status, "reason": reason})
        return self._wait()

    def _wait(self) -> Turn | None:
        self._leaves = False
        self._entered = self._serve("enter")
        return self._entered and Turn(self._entered["case"], self._entered["upcoming"])  # type: ignore[return-value]
