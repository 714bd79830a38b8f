"""Implementations by name, by file and by entry point, and every way in which that fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest
from interpreters import run_python

from garagebench import Impl, load_impl
from garagebench.conformance import suite
from garagebench.errors import ImplError, Unavailable, UnknownName
from garagebench.impls import lists, registry
from garagebench.impls.registry import BUILTIN, ENTRY_POINTS, Entry, entries, find_entry, is_file

POOL = """
from garagebench import Impl
from garagebench.impls.lists import ListPool


class Mine(ListPool):
    pass


MINE = Impl("my own", Mine)
NUMBER = 3


class Half:
    def take(self): ...
    def release(self, index): ...


def make(capacity):
    return Mine(capacity)
"""

Plug = Callable[..., None]


@pytest.fixture(autouse=True)
def import_state() -> Iterator[None]:
    """Loading a file makes its directory importable; that ends with the test."""
    path, modules = sys.path[:], set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("garagebench_user_"):
            del sys.modules[name]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A user's file with implementations."""
    path = tmp_path / "mine.py"
    path.write_text(POOL)
    return path


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Make it look as if packages with these entry points were installed."""

    def plug(**targets: str) -> None:
        points = [metadata.EntryPoint(name, value, ENTRY_POINTS) for name, value in targets.items()]
        points.append(metadata.EntryPoint("lists", "elsewhere:X", "another.group"))
        found = metadata.EntryPoints(points)
        monkeypatch.setattr(
            metadata, "entry_points", lambda **chosen: found.select(**chosen) if chosen else found
        )

    return plug


class TestByName:
    def test_the_four_classics(self) -> None:
        """They lead the written table, in this order; only pypy is meant for another interpreter."""
        assert list(BUILTIN)[:4] == ["lists", "numpy", "numba", "pypy"]
        assert {"heap", "tree", "c"} < set(BUILTIN)
        assert {name: entry.runtime for name, entry in BUILTIN.items() if entry.runtime} == {
            "pypy": "pypy3"
        }
        assert all(entry.about for entry in BUILTIN.values())

    def test_it_is_named_as_in_the_table(self, impl: Impl) -> None:
        """What is loaded has the name it was asked for, and is loaded once."""
        assert impl.name in BUILTIN
        assert load_impl(impl.name) is impl

    def test_the_package_has_it_too(self) -> None:
        """load_impl of the package is the registry's."""
        assert load_impl is registry.load_impl
        assert load_impl("lists") is lists.IMPL

    def test_an_unknown_name(self, plug: Plug) -> None:
        """The error lists what there is, plugged implementations too, and the form of a file."""
        plug(quick="quick_pools:IMPL")
        with pytest.raises(UnknownName) as caught:
            load_impl("list")
        assert str(caught.value) == (
            f"unknown implementation 'list'; there is: {', '.join(BUILTIN)}, quick, or path/to/file.py:NAME"
        )

    def test_a_built_in_name_does_not_look_at_packages(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Looking through all installed packages takes time, which the cold start would show."""
        monkeypatch.setattr(metadata, "entry_points", None)
        assert find_entry("lists") is BUILTIN["lists"]

    def test_nothing_third_party_is_imported(self) -> None:
        """Loading lists, and looking at the table, imports neither numpy nor numba."""
        source = (
            "import sys; from garagebench.impls import registry; registry.load_impl('lists');"
            "registry.entries(); print(sorted({'numpy', 'numba'} & set(sys.modules)))"
        )
        assert run_python(sys.executable, source) == "[]\n"


class TestUnavailable:
    def test_a_missing_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What cannot be imported here says why, and what would fix it."""
        monkeypatch.setitem(sys.modules, "garagebench.impls.numba_loop", None)
        monkeypatch.delattr("garagebench.impls.numba_loop", raising=False)
        with pytest.raises(Unavailable) as caught:
            load_impl("numba")
        assert caught.value.status == "unavailable"
        message = str(caught.value)
        assert message.startswith("numba cannot run on this interpreter: ")
        assert message.endswith(": pip install 'garagebench[numba]'")

    def test_a_plugged_one_has_no_fix(self, plug: Plug) -> None:
        """What another package needs, nobody here knows."""
        plug(quick="no_such_package_at_all:IMPL")
        with pytest.raises(Unavailable) as caught:
            load_impl("quick")
        assert str(caught.value) == (
            "quick cannot run on this interpreter: No module named 'no_such_package_at_all'"
        )

    @pytest.mark.parametrize(
        ("error", "fix"),
        [
            ("ImportError('no numba')", ": pip install 'garagebench[numba]'"),
            ("ValueError('no sense')", ": ValueError: no sense"),
            (
                "RuntimeError('cannot cache function: no locator available')",
                ": set NUMBA_CACHE_DIR to a directory that can be written",
            ),
        ],
    )
    def test_the_fix_fits_the_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str, fix: str
    ) -> None:
        """What is installed and fails is not to be installed; Numba needs a cache that it can write."""
        (tmp_path / "failing_pools.py").write_text(f"raise {error}\n")
        monkeypatch.syspath_prepend(tmp_path)
        entry = BUILTIN["numba"]._replace(target="failing_pools:IMPL")
        monkeypatch.setattr(registry, "BUILTIN", {"numba": entry})
        with pytest.raises(Unavailable) as caught:
            load_impl("numba")
        assert str(caught.value).endswith(fix)

    def test_an_implementation_that_knows_better(
        self, plug: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A module that raises Unavailable itself gives the reason and what would fix it."""
        (tmp_path / "picky_pools.py").write_text(
            "from garagebench.errors import Unavailable\nraise Unavailable('no fuel: buy some')\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        plug(picky="picky_pools:IMPL")
        with pytest.raises(Unavailable) as caught:
            load_impl("picky")
        assert str(caught.value) == "picky cannot run on this interpreter: no fuel: buy some"

    @pytest.mark.parametrize(
        "problem", ["raise RuntimeError('no GPU')", "def f(:", "1 / 0", "raise SystemExit(3)"]
    )
    def test_a_package_that_breaks_while_imported(
        self, plug: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: str
    ) -> None:
        """Whatever a package raises while it is imported is a reason, not a traceback, nor the end."""
        (tmp_path / "broken_pools.py").write_text(problem)
        monkeypatch.syspath_prepend(tmp_path)
        plug(broken="broken_pools:IMPL")
        with pytest.raises(Unavailable, match=r"^broken cannot run on this interpreter: \w+: "):
            load_impl("broken")

    def test_on_another_interpreter(self, pypy: str) -> None:
        """PyPy without NumPy says so in the same words."""
        source = (
            "from garagebench import load_impl\nfrom garagebench.errors import Unavailable\n"
            "for name in ('numpy', 'numba'):\n    try:\n        print(load_impl(name).name)\n"
            "    except Unavailable as error:\n        print(error)\n"
        )
        for name, line in zip(
            ("numpy", "numba"), run_python(pypy, source).splitlines(), strict=True
        ):
            assert line == name or line.endswith(f": pip install 'garagebench[{name}]'")


class TestEntryPoints:
    def test_they_are_found(self, plug: Plug, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An entry point of the group is an implementation, listed after the built-in ones."""
        monkeypatch.syspath_prepend(file.parent)
        plug(own="mine:MINE", pool="mine:Mine")
        assert list(entries()) == [*BUILTIN, "own", "pool"]
        assert entries()["own"] == Entry("mine:MINE", "from an installed package")
        assert load_impl("own").name == "my own"
        assert load_impl("pool").pool.__name__ == "Mine"

    def test_another_group_is_not_ours(self, plug: Plug) -> None:
        """Entry points of other groups do not count, whatever their names."""
        plug()
        assert entries() == dict(BUILTIN)

    def test_a_name_that_is_built_in(self, plug: Plug) -> None:
        """Two implementations of one name are an error that names both."""
        plug(numpy="fast_pools:IMPL")
        with pytest.raises(ImplError) as caught:
            entries()
        assert str(caught.value) == (
            "two implementations are named 'numpy': garagebench.impls.numpy_where:IMPL and fast_pools:IMPL;"
            " rename one entry point in the group 'garagebench.impls'"
        )

    def test_two_packages_with_one_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Likewise where neither is ours."""
        points = [
            metadata.EntryPoint("quick", f"{package}:IMPL", ENTRY_POINTS)
            for package in ("one", "two")
        ]
        monkeypatch.setattr(metadata, "entry_points", lambda **_: metadata.EntryPoints(points))
        with pytest.raises(
            ImplError, match="two implementations are named 'quick': one:IMPL and two:IMPL"
        ):
            load_impl("anything")

    def test_a_missing_attribute(
        self, plug: Plug, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The module is named, and what it lacks."""
        monkeypatch.syspath_prepend(file.parent)
        plug(own="mine:YOURS")
        with pytest.raises(ImplError, match=r"^mine has no 'YOURS'$"):
            load_impl("own")

    def test_they_are_found_on_other_interpreters(self, other_python: str, tmp_path: Path) -> None:
        """Also by the older importlib.metadata of Python 3.9, and without a warning."""
        package = tmp_path / "own-1.0.dist-info"
        package.mkdir()
        (package / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1.0\n")
        (package / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\nown = mine:MINE\n")
        (tmp_path / "mine.py").write_text(POOL)
        source = (
            "import sys, warnings; warnings.simplefilter('error'); sys.path.append(sys.argv[1]);"
            "from garagebench import load_impl; print(load_impl('own').name)"
        )
        assert run_python(other_python, source, str(tmp_path)) == "my own\n"

    def test_looking_them_up_warns_of_nothing(self, recwarn: pytest.WarningsRecorder) -> None:
        """The interface of this interpreter's importlib.metadata is used as it wants to be."""
        entries()
        assert [str(warning.message) for warning in recwarn] == []


class TestByFile:
    @pytest.mark.parametrize(
        ("name", "found"),
        [
            ("pool.py:Pool", True),
            ("../a b/pool.py:Pool", True),
            ("C:\\pools\\pool.py:Pool", True),
            ("pool.py", False),
            ("pool:Pool", False),
            ("lists", False),
            (".py", False),
        ],
    )
    def test_is_file(self, name: str, found: bool) -> None:
        """A file is named by its path, a colon, and the name in it."""
        assert is_file(name) is found

    def test_a_pool_class(self, file: Path) -> None:
        """It gets the default stages, and its own name."""
        impl = load_impl(f"{file}:Mine")
        assert impl == Impl("Mine", impl.pool)
        assert impl.pool(3).take() == 0
        suite.check(impl)

    def test_an_impl(self, file: Path) -> None:
        """An Impl is taken as it is."""
        assert load_impl(f"{file}:MINE").name == "my own"

    def test_its_neighbours_are_importable(self, file: Path) -> None:
        """As for a script, a module in the file's directory can be imported."""
        (file.parent / "neighbour_of_mine.py").write_text("from mine import Mine as Pool")
        file.with_name("other.py").write_text("from neighbour_of_mine import Pool")
        try:
            assert load_impl(f"{file.parent}/other.py:Pool").pool.__name__ == "Mine"
        finally:
            for name in ("mine", "neighbour_of_mine"):
                sys.modules.pop(name, None)

    def test_a_relative_path(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is relative to the working directory."""
        monkeypatch.chdir(file.parent)
        assert load_impl("mine.py:MINE").name == "my own"

    def test_dataclasses_work_in_it(self, file: Path) -> None:
        """What looks its own module up finds it."""
        file.write_text(
            "from __future__ import annotations\nimport dataclasses\n"
            + POOL.replace("from __future__", "#")
        )
        file.write_text(
            file.read_text() + "\n@dataclasses.dataclass\nclass Options:\n    size: int = 3\n"
        )
        assert load_impl(f"{file}:MINE").name == "my own"

    def test_no_such_file(self, tmp_path: Path) -> None:
        """The path is named in full."""
        with pytest.raises(ImplError) as caught:
            load_impl(f"{tmp_path}/none.py:Pool")
        assert str(caught.value) == f"{tmp_path}/none.py: no such file"

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("x = 1\ndef f(:\n", ":2: SyntaxError: "),
            (
                "x = 1\n\nimport no_such_module_at_all\n",
                ":3: ModuleNotFoundError: No module named 'no_such_module_at_all'",
            ),
            ("def f():\n    return 1 / 0\n\nf()\n", ":2: ZeroDivisionError: division by zero"),
            ("import json\njson.loads('{')\n", ":2: JSONDecodeError: "),
            ("import sys\nsys.exit(3)\n", ":2: SystemExit: 3"),
        ],
        ids=["syntax", "import", "function", "library", "exit"],
    )
    def test_a_file_that_breaks(self, file: Path, source: str, message: str) -> None:
        """The error names the file and the last of its lines that it came through."""
        file.write_text(source)
        with pytest.raises(ImplError) as caught:
            load_impl(f"{file}:Pool")
        assert str(caught.value).startswith(f"{file}{message}")
        assert "garagebench_user_mine" not in sys.modules

    def test_a_file_that_is_no_text(self, file: Path) -> None:
        """A file that Python cannot decode is one error, too."""
        file.write_bytes(b"x = '\xff'\n")
        with pytest.raises(ImplError, match=r"mine\.py.*: SyntaxError: "):
            load_impl(f"{file}:Pool")

    def test_a_missing_attribute(self, file: Path) -> None:
        """The file is named, and what it lacks."""
        with pytest.raises(ImplError) as caught:
            load_impl(f"{file}:Yours")
        assert str(caught.value) == f"{file} has no 'Yours'"

    @pytest.mark.parametrize(
        ("name", "lacks"),
        [("NUMBER", ""), ("make", ""), ("Half", " (it lacks nearest, save, restore)")],
    )
    def test_what_is_no_pool(self, file: Path, name: str, lacks: str) -> None:
        """A class says what it lacks; what is no class, that it is none."""
        with pytest.raises(ImplError) as caught:
            load_impl(f"{file}:{name}")
        assert str(caught.value) == f"{file}:{name} is neither an Impl nor a pool class{lacks}"
