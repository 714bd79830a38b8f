"""A virtual environment for each side, made by the user's own commands: `--install`.

An environment holds its own path, in the first line of a script, say. The sides change places, so each has two of them,
made in two copies of its tree: one for each place. What was made is kept for a day, by all that it was made from: an older
one would hold older dependencies than one that is made today, and the sides would differ in more than their code.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from garagebench.errors import GarageError
from garagebench.gate.trees.digest import digest_tree
from garagebench.gate.trees.environment_cache import EnvironmentCache
from garagebench.gate.trees.git import HANDED_ON, NotComparable
from garagebench.gate.trees.packages import Package, list_packages
from garagebench.gate.trees.revisions import Tree, Trees, find_time_ns, set_times
from garagebench.gate.trees.scratch import ENVIRONMENTS, OTHER, PLACES, TEMPORARY
from garagebench.system.supervised import Supervised

#: Variables that change what is built or installed.
OF_BUILDS = ("CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "RUSTFLAGS")
OF_INSTALLERS = ("PIP_", "UV_")

#: Grows with each change of how environments are made.
SCHEMA = 1


class InstallFailed(GarageError):
    """Head cannot be installed."""


@dataclass(frozen=True)
class InstallPlan:
    """How environments are made. python: the interpreter that they are of; commands: their words, run in this order.

    folder: where in a tree they are run. same_dependencies: whether base gets the versions that head has.
    """

    python: str
    commands: tuple[tuple[str, ...], ...]
    folder: Path = Path()
    same_dependencies: bool = False


@dataclass(frozen=True)
class Dependency:
    """A package whose version is not the same on the sides; None: it is not there."""

    name: str
    base: str | None
    head: str | None


@dataclass(frozen=True)
class Environments:
    """The environments of both sides. paths: of the first place and of the second. packages: of base and of head."""

    paths: tuple[Path, Path]
    packages: tuple[tuple[Package, ...], tuple[Package, ...]]

    @property
    def pythons(self) -> tuple[str, str]:
        """The interpreters of the two places."""
        first, second = (str(path / "bin" / "python") for path in self.paths)
        return first, second

    @property
    def own_modules(self) -> tuple[frozenset[str], frozenset[str]]:
        """The modules that were installed from base's tree and from head's."""
        base, head = (
            frozenset(module for one in side if one.is_own for module in one.modules)
            for side in self.packages
        )
        return base, head

    @property
    def differing(self) -> tuple[Dependency, ...]:
        """The packages of others whose versions differ."""
        base, head = (
            {one.name: one.version for one in side if not one.is_own} for side in self.packages
        )
        return tuple(
            Dependency(name, base.get(name), head.get(name))
            for name in sorted({*base, *head})
            if base.get(name) != head.get(name)
        )


@dataclass(frozen=True)
class Installation:
    """One side at one place: its tree, and where its environment is made."""

    side: int
    tree: Path
    environment: Path


@contextlib.contextmanager
def make_environments(
    plan: InstallPlan,
    trees: Trees,
    store: Path,
    *,
    variables: Mapping[str, str] = os.environ,
    on_made: Callable[[int], None] = lambda _done: None,
    on_output: Callable[[str], None] = lambda _text: None,
) -> Iterator[Environments]:
    """Install both sides, each for both places, and let the trees exchange what belongs to a place with all that it holds.

    store: where environments are kept. on_made: is told how many are ready. on_output: is given what a command wrote that
    failed. Raises InstallFailed, NotComparable.
    """
    directory = trees.base.path.parent
    kept = EnvironmentCache(store)
    _copy_trees(directory)
    builder = Builder(plan, trees, kept, variables, on_made, on_output)
    try:
        builder.make_all()
        yield Environments(
            (directory / ENVIRONMENTS / PLACES[0], directory / ENVIRONMENTS / PLACES[1]),
            builder.packages,
        )
    finally:
        # Wherever they are by now: each says itself what it was made from.
        for folder in (directory, directory / OTHER):
            for place in PLACES:
                kept.put_back(folder / ENVIRONMENTS / place)


def _copy_trees(directory: Path) -> None:
    """Make, for each place, what it holds while the sides have changed places."""
    for folder in (directory, directory / OTHER):
        (folder / ENVIRONMENTS).mkdir(parents=True)
        for place in PLACES:
            (folder / ENVIRONMENTS / place).mkdir()  # so that there is one to exchange
    for place, other in zip(PLACES, reversed(PLACES), strict=True):
        shutil.copytree(directory / place, directory / OTHER / other, symlinks=True)


class Builder:
    """Makes the four environments."""

    def __init__(
        self,
        plan: InstallPlan,
        trees: Trees,
        kept: EnvironmentCache,
        variables: Mapping[str, str],
        on_made: Callable[[int], None],
        on_output: Callable[[str], None],
    ) -> None:
        self.packages: tuple[tuple[Package, ...], tuple[Package, ...]] = ((), ())
        self._plan = plan
        self._trees = trees
        self._kept = kept
        self._variables = clean(variables)
        self._on_made = on_made
        self._on_output = on_output
        self._made = 0
        self._running: list[Supervised] = []
        self._said: dict[int, str] = {}  # side -> what a command wrote that failed
        self._is_stopped = False
        self._pins: Path | None = None
        self._digests = [digest_tree(tree.path) for tree in (trees.base, trees.head)]

    def make_all(self) -> None:
        """Make all before anything is measured. Raises InstallFailed, NotComparable."""
        paths = self._trees.base.path, self._trees.head.path
        installations = [
            Installation(side, path, path.parent / ENVIRONMENTS / path.name)
            for side, path in enumerate(paths)
        ]
        if self._plan.same_dependencies:
            (head,) = self._make([installations[1]])
            self._pins = self._write_pins(head)
            (base,) = self._make([installations[0]])
        else:
            base, head = self._make(installations)
        self.packages = base, head
        self._trees.exchange()
        try:
            self._make(
                [
                    Installation(1 - installation.side, installation.tree, installation.environment)
                    for installation in installations
                ]
            )
        finally:
            self._trees.exchange()
        if self._plan.same_dependencies:
            self._check_pins()

    def _make(self, installations: Sequence[Installation]) -> list[tuple[Package, ...]]:
        """Make several at once; return the packages of each."""
        with ThreadPoolExecutor(len(installations)) as pool:
            runs = [pool.submit(self._make_one, installation) for installation in installations]
            try:
                # Head's first: what is wrong with it is an error, whatever is wrong with base.
                for installation, run in sorted(
                    zip(installations, runs, strict=True), key=lambda one: -one[0].side
                ):
                    if run.exception() is not None:
                        self._on_output(self._said.get(installation.side, ""))
                    run.result()
            except BaseException:
                self._stop()
                raise
        return [run.result() for run in runs]

    def _make_one(self, installation: Installation) -> tuple[Package, ...]:
        key = self._make_key(installation)
        if not self._kept.take(key, installation.environment, installation.tree):
            self._build(installation)
            self._kept.note(
                key, installation.environment, installation.tree, find_time_ns(installation.side)
            )
        set_times(installation.tree, installation.side)
        self._made += 1
        self._on_made(self._made)
        return list_packages(installation.environment / "bin" / "python", installation.tree)

    def _make_key(self, installation: Installation) -> str:
        """Return what an environment was made from, as a short text."""
        tree = self._find_tree(installation)
        parts = [
            SCHEMA,
            self._digests[installation.side],
            tree.commit,
            tree.history,
            str(installation.environment),
            os.path.realpath(self._plan.python),
            list(self._plan.commands),
            str(self._plan.folder),
            self._pins.read_text() if self._pins and installation.side == 0 else "",
            shutil.which("uv", path=self._variables.get("PATH")),
            sorted(item for item in self._variables.items() if _changes_builds(item[0])),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]

    def _find_tree(self, installation: Installation) -> Tree:
        return self._trees.head if installation.side else self._trees.base

    def _build(self, installation: Installation) -> None:
        shutil.rmtree(installation.environment)
        uv = shutil.which("uv", path=self._variables.get("PATH"))
        python, path = self._plan.python, str(installation.environment)
        by_uv = [str(uv), "venv", "--quiet", "--seed", "--python", python, path]
        self._run(installation, [python, "-m", "venv", path] if uv is None else by_uv)
        for words in self._plan.commands:
            self._run(installation, words)

    def _run(self, installation: Installation, words: Sequence[str]) -> None:
        """Run a command in an environment and a tree. Raises InstallFailed, NotComparable."""
        environment = activate(installation.environment, self._variables)
        if self._pins is not None and installation.side == 0:
            environment |= add_constraints(self._pins, environment)
        directory = installation.tree / self._plan.folder
        with tempfile.TemporaryFile() as output:
            program = Supervised(words, directory, environment, output, (self._trees.mark,))
            self._running.append(program)
            try:
                code = 0 if self._is_stopped else program.wait()
            finally:
                program.stop()
            output.seek(0)
            said = (
                output.read().decode(errors="replace").replace(f"{installation.tree}/", "").strip()
            )
        if self._is_stopped:
            raise InstallFailed("interrupted")
        if code == 0:
            return
        tree = self._find_tree(installation)
        told = f"{shlex.join(words)} in {tree.label}:"
        self._said[installation.side] = f"{told}\n{said}"
        why = f"{tree.label} cannot be installed: {shlex.join(words)} ended with exit code {code}"
        if installation.side:
            raise InstallFailed(f"{why}; its output is above")
        raise NotComparable(f"nothing to compare with: {why}")

    def _stop(self) -> None:
        """End what runs, from another thread."""
        self._is_stopped = True
        for program in self._running:
            program.stop()

    def _write_pins(self, packages: Sequence[Package]) -> Path:
        """Write the versions of head's dependencies to a file, as pip and uv take them."""
        place = self._trees.base.path.parent / TEMPORARY
        place.mkdir(exist_ok=True)
        lines = [f"{one.name}=={one.version}\n" for one in packages if one.is_public]
        (place / "constraints.txt").write_text("".join(lines))
        return place / "constraints.txt"

    def _check_pins(self) -> None:
        there = [one for one in self._find_differing() if one.base and one.head]
        if there:
            names = ", ".join(f"{one.name} {one.base} and {one.head}" for one in there)
            raise NotComparable(
                f"--same-dependencies: these differ all the same: {names}: the commands of --install must heed "
                "PIP_CONSTRAINT or UV_CONSTRAINT"
            )

    def _find_differing(self) -> Sequence[Dependency]:
        return Environments((Path(), Path()), self.packages).differing


def clean(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those that would lead out of an environment and its tree."""
    leading = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_REQUIRE_VIRTUALENV")
    return {
        name: value
        for name, value in variables.items()
        if name not in leading and HANDED_ON.match(name)
    }


def activate(environment: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which a program uses an environment."""
    path = os.pathsep.join([str(environment / "bin"), variables.get("PATH", os.defpath)])
    return {
        **variables,
        "PATH": path,
        "VIRTUAL_ENV": str(environment),
        "UV_PROJECT_ENVIRONMENT": str(environment),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def add_constraints(file: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that let pip and uv heed a file of versions besides those that they heed already."""
    return {
        name: " ".join(filter(None, [variables.get(name), str(file)]))
        for name in ("PIP_CONSTRAINT", "UV_CONSTRAINT")
    }


def _changes_builds(name: str) -> bool:
    return name in OF_BUILDS or name.startswith(OF_INSTALLERS)
