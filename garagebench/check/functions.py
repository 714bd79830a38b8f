"""Functions of the user's files as pairs of sides: `--subject FILE.py:NAME`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from garagebench.check.environments import SideInterpreters
from garagebench.errors import GarageError
from garagebench.gate.pairs import Pair
from garagebench.gate.trees.revisions import Trees
from garagebench.run.functions import (
    count_calls,
    give_calls,
    make_function_target,
    split_subject,
)


def make_function_pairs(
    subjects: Sequence[str],
    trees: Trees,
    interpreters: SideInterpreters,
    locate: Callable[[str, Trees], tuple[str, str]],
    package: Path,
) -> Iterator[Pair]:
    """Yield each subject on both sides. locate: where a FILE.py:NAME is in base and in head. Raises UnknownName."""
    label, python = interpreters.find()
    known: set[str] = set()
    for subject in dict.fromkeys(subjects):
        _, name = split_subject(subject)
        if name in known:
            raise GarageError(f"two subjects are called {name}; check them one by one")
        known.add(name)
        tree = str(trees.working_tree)
        places = [
            replace(
                make_function_target(place.rpartition(":")[0], name, package),
                path=_find_modules(root) if environment is None else (),
            ).move(tree, str(root))
            for place, root, environment in zip(
                locate(subject, trees),
                (trees.base.path, trees.head.path),
                interpreters.paths,
                strict=True,
            )
        ]
        yield Pair(name, label, python, interpreters.equip((places[0], places[1])))


def _find_modules(root: Path) -> tuple[str, ...]:
    """Return where the modules of a tree are: first, or what is installed would be measured on both sides."""
    return tuple(str(path) for path in (root / "src", root) if path.is_dir())


def choose_calls(pair: Pair) -> Pair:
    """Return the pair with as many calls for a pass on both sides, from what head takes in a process of its own."""
    calls = count_calls(pair.pythons[1], pair.places[1])
    base, head = (give_calls(target, calls) for target in pair.places)
    return replace(pair, places=(base, head))
