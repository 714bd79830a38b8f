"""What a subject offers to the measuring engine: the whole interface, version 1.

A subject is any object with a method `cases()` that yields `Case` objects. It may also have `rows()`, which
yields `RowSpec` objects (without it, every case is a row), and two attributes: `caveats`, a sequence of sentences, and
`packages`, the names of the packages whose versions belong to its results, and whose compiled code rules out counting
instructions once they are imported. An exception raised by a subject may carry an attribute `status`: "wrong" or "unavailable" (default "invalid").

The engine compiles one loop for each case, in the manner of `timeit`:

    for TARGET in tape:
        STEPS
        keep(RESULT)

and one without the steps over the same tape, which it subtracts. Where no JIT deletes work whose result is unused, only
the passes that lead in keep their results, and the timed ones leave that out. Names that begin with an underscore are the
engine's own. Standard library and Python 3.9 only: this module runs in every worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable, NamedTuple

INTERFACE_VERSION = 1


class Step(NamedTuple):
    """One statement of a loop: `source` is Python text, `name` what its time is called in context."""

    name: str
    source: str


class Block(NamedTuple):
    """What one pass goes through.

    tape: what the loop's target takes, one item a turn.
    expected: what the loop must keep, in order; an exception that the case catches is kept as its class. None: what it
    keeps is not compared.
    requests: what a pass's time is divided by.
    reset: brings the state back to the start of the block; called before each pass, untimed.
    """

    tape: Sequence[Any]
    expected: Sequence[Any] | None
    requests: int
    reset: Callable[[], object] | None = None


class Case(NamedTuple):
    """What one number belongs to.

    group: cases of one group are measured on the same blocks in a round, and must have as many.
    in_context: also read the clock between the steps of the loop.
    intervals: a list to which the case's own code appends clock intervals (ns); then these are what is measured.
    answers: by what two sides are told to answer alike, as text; None: what is expected, [] where they are not compared.
    """

    name: str
    target: str
    steps: Sequence[Step]
    result: str
    names: Mapping[str, Any]
    blocks: Sequence[Block]
    catches: tuple[type[Exception], ...] = ()
    group: str = ""
    in_context: bool = False
    intervals: list[int] | None = None
    answers: Sequence[str] | None = None


class RowSpec(NamedTuple):
    """One line of results: a sum of measured quantities, each with its factor.

    A quantity is a case's name (its loop less the empty loop), `CASE (STEP)` (a step in context less the clock),
    or the name of a case with `intervals` (their sum less the clock).
    part_of: the row of the whole that this one explains a part of; None: it is a whole itself. A gate takes its verdict
    from the wholes. is_judged: whether a gate says anything of it. yields_to: the row that is named in its place where
    both are slower: what this one is the rest of. unit: "ns" or "bytes".
    """

    name: str
    isolated: Mapping[str, float]
    in_context: Mapping[str, float] = {}
    part_of: str | None = None
    is_judged: bool = True
    yields_to: str | None = None
    unit: str = "ns"
