"""Functions of the user's files as pairs of sides: `--subject FILE.py:NAME`."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from garagebench.engine.conductor import TIMEOUT_S
from garagebench.engine.interpreter import find_interpreter
from garagebench.engine.runner import start_runner
from garagebench.engine.target import Target
from garagebench.errors import GarageError, UnknownName
from garagebench.gate.pairs import Pair
from garagebench.gate.trees.revisions import Trees

FACTORY = "garagebench.subjects.functions:make_subject"

#: Nanoseconds that a pass should take, and calls that it has at most: both sides have as many, whoever is quicker.
PASS_NS = 50_000
MOST_CALLS = 1_000

#: Calls before the number of calls is chosen.
WARM_UP = 20


def make_function_pairs(
    subjects: Sequence[str],
    runtime: str | None,
    trees: Trees,
    locate: Callable[[str, Trees], tuple[str, str]],
    package: Path,
) -> Iterator[Pair]:
    """Yield each subject on both sides. locate: where a FILE.py:NAME is in base and in head. Raises UnknownName."""
    interpreter = find_interpreter(runtime or "")
    known: set[str] = set()
    for subject in dict.fromkeys(subjects):
        path, _, name = subject.rpartition(":")
        if not path.endswith(".py") or not name:
            raise UnknownName(f"{subject} is not path/to/file.py:NAME")
        if name in known:
            raise GarageError(f"two subjects are called {name}; check them one by one")
        known.add(name)
        tree = str(trees.working_tree)
        places = [
            Target(
                FACTORY,
                {"file": place.rpartition(":")[0], "name": name},
                {"garagebench": str(package)},
            ).move(tree, str(root))
            for place, root in zip(
                locate(subject, trees), (trees.base.path, trees.head.path), strict=True
            )
        ]
        yield Pair(name, interpreter.label, interpreter.path, (places[0], places[1]))


def choose_calls(pair: Pair) -> Pair:
    """Return the pair with as many calls for a pass on both sides, from what head takes in a process of its own."""
    with contextlib.closing(start_runner(pair.python)) as runner:
        cases = runner.load(pair.places[1], TIMEOUT_S).cases
        work = [(case.name, "loop", [0], WARM_UP) for case in cases]
        passes_ns = runner.warm(work, TIMEOUT_S)
    calls = {
        case.name: min(MOST_CALLS, math.ceil(PASS_NS / max(ns, 1)))
        for case, ns in zip(cases, passes_ns, strict=True)
    }
    base, head = (
        replace(target, arguments={**target.arguments, "calls": calls}) for target in pair.places
    )
    return replace(pair, places=(base, head))
