"""Where the modules come from that the benchmarks of a suite import, on each side."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from garagebench.check.benchmark_files import SharedFiles, find_own_modules
from garagebench.check.environments import SideInterpreters
from garagebench.gate.trees.git import NotComparable
from garagebench.gate.trees.revisions import Tree, Trees

NOTHING = frozenset[str]()


def find_sources(
    modules: tuple[Mapping[str, str], Mapping[str, str]],
    trees: Trees,
    files: SharedFiles,
    interpreters: SideInterpreters,
) -> dict[str, tuple[str, str]]:
    """Return the repository's modules: name -> its file in base and in head, relative to a tree or an environment.

    modules: what was imported in base and in head: name -> file. Raises NotComparable where a module of the repository is not
    that of its side, and where there is none and so nothing that could differ.
    """
    own = find_own_modules(trees.head.path / files.folder)
    environments = interpreters.environments
    installed = (NOTHING, NOTHING) if environments is None else environments.own_modules
    base, head = (
        dict(_find(imported, tree, files, own | known, known, interpreters.paths[place]))
        for place, (imported, tree, known) in enumerate(
            zip(modules, (trees.base, trees.head), installed, strict=True)
        )
    )
    if not base and not head and not (environments and environments.differing):
        raise NotComparable(
            "the benchmarks import nothing of this repository but themselves, so that both sides would be the same: "
            "install it (pip install --editable .) and see that its modules are at the top or in src"
            if environments is None
            else "the benchmarks import nothing that was installed from this repository, so that both sides would be the "
            "same: is it among what --install installs (--install 'pip install .')?"
        )
    return {name: (base.get(name, ""), head.get(name, "")) for name in {**base, **head}}


def _find(
    imported: Mapping[str, str],
    tree: Tree,
    files: SharedFiles,
    own: Collection[str],
    installed: Collection[str],
    environment: str | None,
) -> Iterator[tuple[str, str]]:
    """Yield the modules of a side that are its own. installed: those that were installed from its tree."""
    for name, file in imported.items():
        path = Path(file)
        if path.is_relative_to(tree.path):
            inside = path.relative_to(tree.path)
            if not files.holds(inside):
                yield name, str(inside)
        elif environment is not None and path.is_relative_to(environment) and name in installed:
            yield name, str(path.relative_to(environment))
        elif name in own:
            fix = f"pip install --editable . (or pip uninstall {name})"
            if environment is not None:
                fix = "--install 'pip install .'"
            raise NotComparable(
                f"{name} comes from {file} and not from {tree.label}: what is installed is in the way: {fix}"
            )
