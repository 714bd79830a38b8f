"""Which interpreter runs each side: the usual one, or that of an environment of its own (`--install`)."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from garagebench.engine import Progress
from garagebench.engine.interpreter import find_interpreter
from garagebench.engine.target import Target
from garagebench.gate.trees.environments import (
    Dependency,
    Environments,
    InstallPlan,
    make_environments,
)
from garagebench.gate.trees.revisions import Trees
from garagebench.run.commands import split_command
from garagebench.system.cache import find_cache

#: Differing packages that are named in a note; all are in the JSON.
MOST_NAMED = 10

#: Environments that are made: for each side one at each place.
ALL = 4


@dataclass(frozen=True)
class InstallSettings:
    """What installs a side. commands: run in its tree, without a shell; none: both sides use the interpreter as it is.

    same_dependencies: whether base gets the versions that head has.
    """

    commands: tuple[str, ...] = ()
    same_dependencies: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """The options, as they are typed."""
        same = ("--same-dependencies",) if self.same_dependencies else ()
        return (*(f"--install {text}" for text in self.commands), *same)


@dataclass(frozen=True)
class SideInterpreters:
    """The interpreters of the sides. runtime: the name of the usual one, "" is this. environments: None: there are none."""

    runtime: str = ""
    environments: Environments | None = None

    @property
    def paths(self) -> tuple[str | None, str | None]:
        """The environments of the two places."""
        if self.environments is None:
            return None, None
        first, second = map(str, self.environments.paths)
        return first, second

    def find(self, name: str | None = None) -> tuple[str, str]:
        """Return label and path of the interpreter of that name, of both sides; None: the usual one. Raises WorkerFailed."""
        usual = self.runtime if name is None else name
        if self.environments is not None and usual == self.runtime:
            usual = self.environments.pythons[0]
        found = find_interpreter(usual)
        return found.label, found.path

    def equip(
        self, targets: tuple[Target, Target], name: str | None = None
    ) -> tuple[Target, Target]:
        """Return what is loaded at the two places, each with the interpreter of its environment, if it has one.

        name: as `find` takes it.
        """
        if self.environments is None or name not in (None, self.runtime):
            return targets
        first, second = (
            replace(target, python=python)
            for target, python in zip(targets, self.environments.pythons, strict=True)
        )
        return first, second

    @property
    def differing(self) -> tuple[Dependency, ...]:
        """The packages of others whose versions differ between the sides."""
        return self.environments.differing if self.environments else ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of the environments."""
        if not self.differing:
            return ()
        named = [
            f"{one.name} {one.base or 'absent'} -> {one.head or 'absent'}"
            for one in self.differing[:MOST_NAMED]
        ]
        more = len(self.differing) - len(named)
        told = ", ".join(named) + (f" and {more} more" if more else "")
        return (f"dependencies that differ between base and head: {told}",)


@contextlib.contextmanager
def install_sides(
    settings: InstallSettings,
    trees: Trees,
    runtime: str | None,
    *,
    on_progress: Callable[[Progress], None],
    on_output: Callable[[str], None],
) -> Iterator[SideInterpreters]:
    """Yield the interpreters of the sides; their environments are made before. Raises InstallFailed, NotComparable."""
    usual = runtime or ""
    if not settings.commands:
        yield SideInterpreters(usual)
        return
    begin = time.monotonic()

    def count(done: int) -> None:
        on_progress(Progress(done, ALL, time.monotonic() - begin, float("inf"), "environment"))

    plan = InstallPlan(
        find_interpreter(usual).path,
        tuple(tuple(split_command(text)) for text in settings.commands),
        trees.locate(Path.cwd())[1].relative_to(trees.head.path),
        settings.same_dependencies,
    )
    count(0)
    store = Path(find_cache(os.environ)) / "environments"
    with make_environments(plan, trees, store, on_made=count, on_output=on_output) as environments:
        yield SideInterpreters(usual, environments)
