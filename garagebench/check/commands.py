"""Commands as pairs of sides: `--command CMD`, run in the copy of each side."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from garagebench.engine.interpreter import find_interpreter
from garagebench.errors import GarageError
from garagebench.gate.pairs import Pair
from garagebench.gate.trees.git import NotComparable
from garagebench.gate.trees.revisions import Tree, Trees
from garagebench.run.commands import make_command_target, split_command, try_command
from garagebench.subjects.commands import CommandFailed


@dataclass(frozen=True)
class CommandSettings:
    """What is run. setup: once in each copy, before anything is measured; prepare: before each run."""

    commands: tuple[str, ...] = ()
    setup: str | None = None
    prepare: str | None = None


class FailedInHead(GarageError):
    """A command fails in head."""


def prepare_commands(
    settings: CommandSettings, trees: Trees, package: Path
) -> tuple[list[Pair], tuple[str, ...]]:
    """Run everything once on both sides; return a pair for each command, and what is to be known of their times.

    Raises NotComparable, FailedInHead, CommandError.
    """
    commands = {
        shlex.join(words): words for words in map(split_command, dict.fromkeys(settings.commands))
    }
    before = [split_command(text) for text in (settings.setup, settings.prepare) if text]
    sides = [
        (tree, tree.path / trees.locate(Path.cwd())[1].relative_to(trees.head.path))
        for tree in (trees.base, trees.head)
    ]
    caveats: list[str] = []
    for tree, directory in reversed(sides):
        for words in before:
            _try(words, tree, directory, is_head=tree is trees.head)
        for words in commands.values():
            caveats += _try(words, tree, directory, is_head=tree is trees.head)
    interpreter = find_interpreter("")
    pairs = []
    for name, words in commands.items():
        base, head = (
            make_command_target(
                {name: words}, directory, _find_paths(directory), settings.prepare, package
            ).move(str(trees.working_tree), str(tree.path))
            for tree, directory in sides
        )
        pairs.append(Pair(name, "", interpreter.path, (base, head)))
    # Both sides say it, in figures that differ a little.
    told = {caveat.partition(" in ")[0].partition(" uses ")[0]: caveat for caveat in caveats}
    return pairs, tuple(told.values())


def _try(words: Sequence[str], tree: Tree, directory: Path, *, is_head: bool) -> list[str]:
    try:
        return list(try_command(words, directory, _find_paths(directory)))
    except CommandFailed as failure:
        said = f"{tree.label}: {str(failure).replace(f'{tree.path}/', '')}"
        if is_head:
            raise FailedInHead(said) from None
        raise NotComparable(f"nothing to compare with: {said}") from None


def _find_paths(directory: Path) -> tuple[Path, Path]:
    """Return where Python finds the modules of a copy, whether they are installed or not."""
    return directory / "src", directory
