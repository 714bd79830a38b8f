"""Which files are benchmarks and which are what they measure, in two trees."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from filecmp import cmp
from fnmatch import fnmatch
from pathlib import Path

from garagebench.errors import GarageError
from garagebench.gate.trees.git import NotComparable
from garagebench.gate.trees.revisions import Trees
from garagebench.gate.trees.scratch import OWN

#: What is a benchmark file by its name, where a directory also holds what is measured.
PATTERNS = ("test_*.py", "*_test.py", "bench*.py", "*_bench.py", "conftest.py")

#: At the top of a repository, but nothing that is measured.
NO_MODULES = ("conftest", "setup", "noxfile", "tasks", "docs", "doc", "tests", "test", "testing")


class SharedFiles:
    """The files of the benchmarks, and of every `conftest.py` above them.

    paths: files and directories as pytest is given them, relative to the current directory. folder: where that is in the
    repository. shared_from: the side whose files both have; None: each has its own. Raises GarageError.
    """

    def __init__(self, trees: Trees, paths: tuple[str, ...]) -> None:
        self._trees = trees
        self.shared_from: str | None = None
        here = trees.locate(Path.cwd())[1]
        self.folder = here.relative_to(trees.head.path)
        self._places: list[Path] = []
        self._nodes: list[str] = []  # what of the file is meant
        for path in paths:
            file, colons, node = path.partition("::")
            place = trees.locate(Path(file))[1].relative_to(trees.head.path)
            if not any((tree.path / place).exists() for tree in (trees.head, trees.base)):
                raise GarageError(f"{file}: no such file or directory in {trees.head.label}")
            self._places.append(place)
            self._nodes.append(f"{colons}{node}")

    @property
    def paths(self) -> list[str]:
        """The places as pytest is given them in a copy, relative to where it is started."""
        return [
            f"{os.path.relpath(place, self.folder)}{node}"
            for place, node in zip(self._places, self._nodes, strict=True)
        ]

    def holds(self, inside: Path) -> bool:
        """Tell whether a file of a tree is a benchmark's."""
        if inside.name == "conftest.py":
            return True
        for place in self._places:
            if inside == place or inside.is_relative_to(place):
                return not self._is_mixed(place) or _is_benchmark(inside)
        return False

    def _is_mixed(self, place: Path) -> bool:
        """Tell whether a directory also holds what is measured: a module that can be imported from the top or from src."""
        top = self._trees.head.path / self.folder
        own = [top / where / name for name in find_own_modules(top) for where in ("", "src")]
        whole = self._trees.head.path / place
        return whole.is_dir() and any(
            module.exists()
            and (module == whole or module.is_relative_to(whole))
            and module != whole
            for path in own
            for module in (path, path.with_suffix(".py"))
        )

    def _list(self, tree: Path) -> Iterator[Path]:
        """Yield the benchmark files of a tree, relative to it."""
        for place in self._places:
            whole = tree / place
            for folder in place.parents:
                if (tree / folder / "conftest.py").is_file():
                    yield folder / "conftest.py"
            if whole.is_file():
                yield place
            for folder_name, names, files in os.walk(whole):
                names[:] = [name for name in names if name != "__pycache__"]
                inside = [Path(folder_name).relative_to(tree) / name for name in files]
                yield from (path for path in inside if self.holds(path))

    def differ(self) -> bool:
        """Tell whether the sides have other benchmark files."""
        base, head = (set(self._list(tree.path)) for tree in (self._trees.base, self._trees.head))
        return base != head or not all(
            cmp(self._trees.base.path / path, self._trees.head.path / path, shallow=False)
            for path in base
        )

    def share(self, side: str) -> None:
        """Let both sides have the benchmark files of that one, from now on."""
        trees = self._trees
        source, other = (trees.head, trees.base) if side == "head" else (trees.base, trees.head)
        self.shared_from = side
        self._move(other.path, self._own)
        for path in self._list(source.path):
            _make_room(other.path / path)
            shutil.copy(source.path / path, other.path / path, follow_symlinks=False)
        trees.set_times()

    @contextlib.contextmanager
    def unshared(self) -> Iterator[None]:
        """Meanwhile, let the other side have its own again."""
        side = str(self.shared_from)
        other = self._trees.base if side == "head" else self._trees.head
        for path in list(self._list(other.path)):
            os.unlink(other.path / path)
        self._move(self._own, other.path)
        try:
            yield
        finally:
            self.share(side)

    @property
    def _own(self) -> Path:
        return self._trees.base.path.parent / OWN

    def _move(self, source: Path, aim: Path) -> None:
        for path in list(self._list(source)):
            _make_room(aim / path)
            os.rename(source / path, aim / path)


def share_files(
    trees: Trees, paths: tuple[str, ...], side: str, *, allow_different: bool
) -> SharedFiles:
    """Return the benchmark files, which both sides share where theirs differ. side: whose; "each": none are shared.

    Raises GarageError, NotComparable.
    """
    files = SharedFiles(trees, paths)
    if not files.differ():
        return files
    if side != "each":
        files.share(side)
    elif not allow_different:
        raise NotComparable(
            "the benchmark files differ between the sides: --benchmarks-from head uses the same on both, "
            "--allow-different-answers compares them as they are"
        )
    return files


def _make_room(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)


def _is_benchmark(path: Path) -> bool:
    return any(fnmatch(path.name, pattern) for pattern in PATTERNS)


def find_own_modules(top: Path) -> set[str]:
    """Return the modules that a repository offers, by its layout: what can be imported from its top and from src."""
    found = set()
    for folder in (top, top / "src"):
        for entry in folder.iterdir() if folder.is_dir() else ():
            name = entry.stem if entry.suffix == ".py" else entry.name
            if not name.isidentifier() or name in NO_MODULES or _is_benchmark(entry):
                continue
            is_package = (entry / "__init__.py").is_file()
            is_namespace = entry.is_dir() and folder != top and any(entry.glob("*/__init__.py"))
            if is_package or is_namespace or (entry.is_file() and entry.suffix == ".py"):
                found.add(name)
    return found


def find_ignored(said: str, trees: Trees) -> Path | None:
    """Return the file of the working tree that an import misses in the copies: it is generated or built, and not tracked."""
    found = re.search(r"(?:No module named '|cannot import name '\w+' from ')([\w.]+)'", said)
    if found is None:
        return None
    place = Path(*found[1].split("."))
    for top in ("", "src"):
        folder = trees.working_tree / top / place.parent
        for path in sorted(folder.glob(f"{place.name}.*")):
            inside = path.relative_to(trees.working_tree)
            if path.suffix in (".py", ".so", ".pyd") and not (trees.head.path / inside).exists():
                return inside
    return None
