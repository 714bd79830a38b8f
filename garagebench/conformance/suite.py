"""The one conformance suite: what every implementation must answer, whatever it is made of.

`check` is the fixed tape that runs before anything is timed. `counterexample` searches further.
"""

from __future__ import annotations

from typing import Any

from garagebench.conformance.bench import Failure, describe_answer
from garagebench.conformance.tapes import fixed_tapes
from garagebench.core import refusals
from garagebench.core.garage import Garage
from garagebench.core.layout import Layout
from garagebench.errors import WrongAnswer

#: Bytes of a refused body that a failure shows.
SHOWN = 100


def find_refusal_failure(impl: Any) -> Failure | None:
    """Send every refused body; none may be answered, raise another error, or change the garage."""
    garage = Garage(Layout.builtin("seed"), impl)
    garage.park("small")
    before = garage.free
    for name, handle, table in (
        ("handle_park", garage.handle_park, refusals.PARK),
        ("handle_unpark", garage.handle_unpark, refusals.UNPARK),
    ):
        for body, error, problem in table:
            wanted = f"{error.__name__}{f' ({problem})' if problem else ''}"
            try:
                got = describe_answer(handle(body))
            except Exception as raised:  # noqa: BLE001  a wrong answer like any other
                right = type(raised) is error and (
                    not problem or getattr(raised, "problem", "") == problem
                )
                got = wanted if right else f"{type(raised).__name__}: {raised}"
            if got != wanted or garage.free != before:
                shown = body if len(body) <= SHOWN else body[:SHOWN] + b"..."
                changed = "" if garage.free == before else " and the garage is changed"
                return Failure("a garage", ((name, shown),), got + changed, wanted)
    return None


def check(impl: Any) -> None:
    """Replay the fixed tapes; WrongAnswer names the first that differs."""
    for bench, calls in fixed_tapes(impl):
        failure = bench.replay(calls)
        if failure is not None:
            raise WrongAnswer(describe_briefly(failure))
    failure = find_refusal_failure(impl)
    if failure is not None:
        raise WrongAnswer(describe_briefly(failure))


def describe_briefly(failure: Failure) -> str:
    """Return one sentence: the last call and the two answers."""
    name, *arguments = failure.calls[-1]
    call = f"{name}({', '.join(map(repr, arguments))})"
    got, expected = failure.shortened()
    return f"call {len(failure.calls)} on {failure.subject}, {call}, answers {got}; expected {expected}"
