"""PreparedCommands as pairs of sides: `--command CMD`, run in the copy of each side."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from garagebench.check.environments import SideInterpreters
from garagebench.engine.instructions import NotCounted, count_command
from garagebench.engine.interpreter import find_interpreter
from garagebench.errors import GarageError
from garagebench.gate.case import CaseKey
from garagebench.gate.pairs import Pair
from garagebench.gate.trees.git import NotComparable
from garagebench.gate.trees.revisions import Tree, Trees
from garagebench.gate.witness import Counted, Witness, summarise
from garagebench.run.commands import (
    Start,
    format_use,
    make_command_target,
    run_alone,
    split_command,
    try_command,
)
from garagebench.subjects.commands import CommandFailed, add_paths


@dataclass(frozen=True)
class CommandSettings:
    """What is run. setup: once in each copy, before anything is measured; prepare: before each run."""

    commands: tuple[str, ...] = ()
    setup: str | None = None
    prepare: str | None = None


class FailedInHead(GarageError):
    """A command fails in head."""


@dataclass(frozen=True)
class Side:
    """Where the commands of a side are run. environment: whose programs come first, where it has one of its own."""

    tree: Tree
    directory: Path
    environment: str | None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where Python finds the modules of a copy, whether they are installed or not; nowhere, where they are."""
        return (self.directory / "src", self.directory) if self.environment is None else ()

    def start(self, words: Sequence[str], before: Sequence[str]) -> Start:
        """Return how a command is started here."""
        variables = add_paths([str(path) for path in self.paths], self.environment)
        return Start(words, self.directory, variables, before)

    def try_command(self, words: Sequence[str], *, is_head: bool) -> list[str]:
        """Run a command once; return what is to be known of its times. Raises FailedInHead, NotComparable."""
        try:
            return list(try_command(words, self.directory, self.paths, self.environment))
        except CommandFailed as failure:
            said = f"{self.tree.label}: {str(failure).replace(f'{self.tree.path}/', '')}"
            if is_head:
                raise FailedInHead(said) from None
            raise NotComparable(f"nothing to compare with: {said}") from None


@dataclass(frozen=True)
class Process:
    """What a command takes alone on each side, with the fields of its JSON: medians of a few runs in turn."""

    case: str
    base_wall_s: float
    head_wall_s: float
    base_peak_bytes: int
    head_peak_bytes: int


@dataclass(frozen=True)
class PreparedCommands:
    """PreparedCommands that are ready to be measured. notes: what is to be known of their times."""

    pairs: tuple[Pair, ...]
    processes: tuple[Process, ...]
    notes: tuple[str, ...]
    starts: Mapping[str, tuple[Start, Start]]

    def count(self, place: Path) -> Witness:
        """Count the instructions of every command on both sides. place: for what is written meanwhile."""
        cases: dict[CaseKey, Counted] = {}
        notes = []
        for pair in self.pairs:
            try:
                sides = [
                    count_command(
                        start.words, start.before, start.directory, start.variables, place
                    )
                    for start in self.starts[pair.subject]
                ]
            except NotCounted as error:
                notes.append(f"instructions of {pair.subject} are not counted: {error}")
                continue
            counts = list(zip(*sides, strict=True))
            cases[pair.make_key(pair.subject)] = summarise(counts)
        return Witness(cases, tuple(notes))


def prepare_commands(
    settings: CommandSettings, trees: Trees, interpreters: SideInterpreters, package: Path
) -> PreparedCommands:
    """Run everything once on both sides, and each command a few times more, alone.

    Raises NotComparable, FailedInHead, CommandError.
    """
    commands = {
        shlex.join(words): words for words in map(split_command, dict.fromkeys(settings.commands))
    }
    before = [split_command(text) for text in (settings.setup, settings.prepare) if text]
    folder = trees.locate(Path.cwd())[1].relative_to(trees.head.path)
    sides = [
        Side(tree, tree.path / folder, environment)
        for tree, environment in zip((trees.base, trees.head), interpreters.paths, strict=True)
    ]
    caveats: list[str] = []
    for side in reversed(sides):
        for words in before:
            side.try_command(words, is_head=side.tree is trees.head)
        for words in commands.values():
            caveats += side.try_command(words, is_head=side.tree is trees.head)
    interpreter = find_interpreter("")
    pairs = []
    for name, words in commands.items():
        base, head = (
            make_command_target(
                {name: words},
                side.directory,
                side.paths,
                settings.prepare,
                package,
                side.environment,
            ).move(str(trees.working_tree), str(side.tree.path))
            for side in sides
        )
        pairs.append(Pair(name, "", interpreter.path, (base, head)))
    # Both sides say it, in figures that differ a little.
    told = {caveat.partition(" in ")[0].partition(" uses ")[0]: caveat for caveat in caveats}
    prepare = split_command(settings.prepare) if settings.prepare else ()
    processes, alone = [], []
    starts = {}
    for name, words in commands.items():
        starts[name] = sides[0].start(words, prepare), sides[1].start(words, prepare)
        base_use, head_use = run_alone(starts[name])
        times = round(base_use.wall_s, 4), round(head_use.wall_s, 4)
        processes.append(Process(name, *times, base_use.peak_bytes, head_use.peak_bytes))
        uses = f"base {format_use(base_use)}, head {format_use(head_use)}"
        alone.append(f"alone, {name} takes: {uses}")
    return PreparedCommands(tuple(pairs), tuple(processes), (*told.values(), *alone), starts)
