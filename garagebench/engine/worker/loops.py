"""The timed loops of a case, compiled in the manner of `timeit`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable


def compile_loop(case: Any, steps: Iterable[Any], *, keeps: bool) -> Callable[..., int]:
    """Compile the timed loop of a case; without steps, the empty loop that is subtracted from it.

    keeps: whether the answers are kept.
    """
    sources = [step.source for step in steps]
    kept = case.result if sources else case.target.partition(",")[0].strip("(*[ ")
    body = [*sources, *([f"_keep({kept})"] if keeps else [])] or ["pass"]
    if case.catches:
        body = [
            "try:",
            *(f"    {line}" for line in body),
            "except _caught as _error:",
            "    _keep(_error.__class__)" if keeps else "    pass",
        ]
    return _define(case, "_keep", body)


def compile_stepped_loop(case: Any) -> Callable[..., int]:
    """Compile the loop that reads the clock before and after each step, and twice before the first.

    _mark((before, t0, t1, ..., raised)): t0 - before is an empty interval; what was not reached is None.
    """
    times = [f"_t{number}" for number in range(1, len(case.steps) + 1)]
    body = [f"{' = '.join(times)} = _raised = None", "_before = _clock()", "_t0 = _clock()", "try:"]
    for time_name, step in zip(times, case.steps):
        body += [f"    {step.source}", f"    {time_name} = _clock()"]
    body += [
        f"    _keep({case.result})",
        "except _caught as _error:",
        "    _raised = _clock()",
        "    _keep(_error.__class__)",
    ]
    body += [f"_mark((_before, _t0, {', '.join(times)}, _raised))"]
    return _define(case, "_keep, _mark", body)


def compile_calls(name: str, call: str, *, keeps: bool) -> Callable[..., int]:
    """Compile the loop around calls of one function; an empty text is the empty loop.

    keeps: whether all answers are kept, and not only the last one.
    """
    lines = [
        "def timed(_turns, _clock, _keep, _call, _args, _kwargs):",
        "    _begin = _clock()",
        "    for _turn in _turns:",
        f"        _answer = {call or None}",
        *(["        _keep(_answer)"] if keeps else []),
        "    _took = _clock() - _begin",
        "    _keep(_answer)",
        "    return _took",
    ]
    return _compile(name, lines)


def _define(case: Any, parameters: str, body: list[str]) -> Callable[..., int]:
    # Each case has a code object of its own, so that no specialisation and no trace is shared with another. Its own
    # names begin with an underscore, so that a step may call its variables as it likes.
    names = "".join(f", {name}" for name in case.names)
    lines = [
        f"def timed(_tape, _clock, _caught, {parameters}{names}):",
        "    _begin = _clock()",
        f"    for {case.target} in _tape:",
        *(f"        {line}" for line in body),
        "    return _clock() - _begin",
    ]
    return _compile(case.name, lines)


def _compile(name: str, lines: list[str]) -> Callable[..., int]:
    scope: dict[str, Any] = {}
    exec(compile("\n".join(lines), f"<loop of {name}>", "exec"), scope)  # noqa: S102  as `timeit` does
    timed: Callable[..., int] = scope["timed"]
    return timed


def sum_marks(marks: list[Any], steps: list[str]) -> dict[str, tuple[float, int]]:
    """Add up the intervals of each step, and the empty ones as "clock"; (ns, how many)."""
    sums = {name: [0, 0] for name in (*steps, "clock")}
    for before, first, *ends, raised in marks:
        _add(sums["clock"], first - before)
        begin = first
        for name, end in zip(steps, ends):
            _add(sums[name], (raised if end is None else end) - begin)
            if end is None:
                break
            begin = end
    return {name: (ns, count) for name, (ns, count) in sums.items()}


def _add(total: list[int], ns: int) -> None:
    total[0] += ns
    total[1] += 1
