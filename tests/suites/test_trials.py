"""What of a suite can be judged: every benchmark is tried on both sides, from copies, before anything is measured."""

from __future__ import annotations

import contextlib
import importlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from garagebench.check.revisions import CheckSettings, Prepared, prepare
from garagebench.check.suites import BrokenHead, OneSided, SuiteSettings
from garagebench.errors import GarageError
from garagebench.gate.trees.git import NotComparable

WORDS = """
def count(text):
    return len(text.split())
"""

BENCH = """
from words import count

def test_count(benchmark):
    benchmark(count, "a b c")

def test_long(benchmark):
    benchmark(count, "a b c " * 50)
"""

Prepare = Callable[..., contextlib.AbstractContextManager[Prepared]]


def git(place: Path, *arguments: str) -> str:
    """Run git in a repository."""
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=place, check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a package in src that is not installed, and benchmarks; the current directory."""
    place = tmp_path / "repository"
    for folder in ("src/words", "bench"):
        (place / folder).mkdir(parents=True)
    (place / "src" / "words" / "__init__.py").write_text(WORDS)
    (place / "bench" / "test_words.py").write_text(BENCH)
    git(place, "init", "--initial-branch", "main")
    git(place, "add", "--all")
    git(place, "commit", "--message", "one")
    monkeypatch.chdir(place)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return place


@pytest.fixture
def ready(repository: Path) -> Prepare:
    """Prepare a check of the suite against HEAD."""

    @contextlib.contextmanager
    def run(*paths: str, allow: bool = False, **suite: object) -> Iterator[Prepared]:
        settings = CheckSettings(
            "HEAD",
            suite=SuiteSettings(paths or ("bench",), **suite),  # type: ignore[arg-type]
            allow_different_answers=allow,
        )
        with prepare(settings, repository, lambda _: None) as found:
            yield found

    return run


def write_bench(repository: Path, text: str) -> None:
    """Write the benchmark file of head."""
    (repository / "bench" / "test_words.py").write_text(text)


def test_what_works_on_both_sides_is_judged(repository: Path, ready: Prepare) -> None:
    """Each side imports the package from its own copy, though it is not installed, and nothing of the repository changes."""
    before = git(repository, "status", "--porcelain", "--ignored")
    with ready() as found:
        suite = found.suite
        assert suite is not None
        assert suite.cases == ("bench/test_words.py::test_count", "bench/test_words.py::test_long")
        assert suite.sources == {"words": ("src/words/__init__.py", "src/words/__init__.py")}
        assert (suite.one_sided, suite.notes) == ((), ())
        copies = found.trees.base.path.parent
    assert git(repository, "status", "--porcelain", "--ignored") == before
    assert not copies.exists()


def test_benchmark_files_are_those_of_head(repository: Path, ready: Prepare) -> None:
    """A benchmark that head changes is the same on both sides; one that is new is judged where base can run it, too."""
    write_bench(repository, BENCH + "\ndef test_new(benchmark):\n    benchmark(count, 'x')\n")
    with ready() as found:
        assert found.suite is not None
        assert len(found.suite.cases) == 3
        assert "benchmark files differ" in found.suite.notes[0]
        place = found.trees.base.path / "bench" / "test_words.py"
        assert "test_new" in place.read_text()
    with ready(benchmarks_from="base") as found:
        assert found.suite is not None
        assert len(found.suite.cases) == 2
    with (
        pytest.raises(NotComparable, match="the benchmark files differ"),
        ready(benchmarks_from="each"),
    ):
        pass
    with ready(benchmarks_from="each", allow=True) as found:
        assert found.suite is not None
        assert len(found.suite.cases) == 2
        assert [one.case.partition("::")[2] for one in found.suite.one_sided] == ["test_new"]


def test_a_benchmark_that_is_gone_in_head_is_told(repository: Path, ready: Prepare) -> None:
    """Deleted or skipped: it works in base, and is listed with what it is in head."""
    gone = BENCH.replace(
        "def test_long(benchmark):",
        "import pytest\n\n@pytest.mark.skip(reason='slow')\ndef test_count2(benchmark):",
    )
    write_bench(repository, gone)
    with ready() as found:
        assert found.suite is not None
        assert found.suite.cases == ("bench/test_words.py::test_count",)
        assert found.suite.one_sided == (
            OneSided("bench/test_words.py::test_count2", "skipped", "skipped", "slow"),
            OneSided(
                "bench/test_words.py::test_long",
                "ok",
                "absent",
                "it is not in these benchmark files",
            ),
        )


def test_a_head_that_breaks_a_benchmark_is_an_error(repository: Path, ready: Prepare) -> None:
    """It works in base and fails in head: the benchmark and its error are named."""
    (repository / "src" / "words" / "__init__.py").write_text(
        WORDS.replace("return", "if len(text) > 50: raise ValueError('too long')\n    return")
    )
    with pytest.raises(BrokenHead, match=r"test_long: ValueError: too long"), ready():
        pass


def test_an_api_that_base_does_not_have_is_told(repository: Path, ready: Prepare) -> None:
    """Where head's benchmark files cannot run on base, the advice is said."""
    (repository / "src" / "words" / "__init__.py").write_text(
        WORDS + "\ndef new(text): return text\n"
    )
    write_bench(repository, BENCH.replace("import count", "import count, new"))
    with (
        pytest.raises(NotComparable, match="use what base does not have, --benchmarks-from base"),
        ready(),
    ):
        pass


def test_a_generated_file_that_the_copies_lack_is_named(repository: Path, ready: Prepare) -> None:
    """It is there and ignored by git: the import that misses it says so, and what would help."""
    (repository / ".gitignore").write_text("_version.py\n")
    (repository / "src" / "words" / "_version.py").write_text("version = 1\n")
    (repository / "src" / "words" / "__init__.py").write_text(
        "from words._version import version\n" + WORDS
    )
    with (
        pytest.raises(NotComparable, match=r"src/words/_version.py is there, but git ignores it"),
        ready(),
    ):
        pass


def test_different_answers_are_found(repository: Path, ready: Prepare) -> None:
    """Plain answers that differ between the sides keep them from being compared, unless that is allowed."""
    (repository / "src" / "words" / "__init__.py").write_text(WORDS.replace("len(", "1 + len("))
    with pytest.raises(NotComparable, match="test_count is 3 in base and 4 in head"), ready():
        pass
    with ready(allow=True) as found:
        assert found.suite is not None
        assert len(found.suite.cases) == 2


def test_answers_that_differ_from_process_to_process_are_not_compared(
    repository: Path, ready: Prepare
) -> None:
    """A side that does not agree with itself in another process says nothing about the other one."""
    text = "import os\n\ndef count(text):\n    return os.getpid()\n"
    (repository / "src" / "words" / "__init__.py").write_text(text)
    git(repository, "commit", "--all", "--message", "two")
    with ready() as found:
        assert found.suite is not None
        assert len(found.suite.cases) == 2
        assert "answers not compared of 2 of 2 benchmarks" in found.suite.notes[0]


def test_a_test_that_counts_its_calls_is_measured(repository: Path, ready: Prepare) -> None:
    """It fails only because it was called more often than by itself, and so is no broken benchmark."""
    write_bench(
        repository,
        "from words import count\n\ndef test_counts(benchmark):\n    calls = []\n"
        "    benchmark.pedantic(lambda: calls.append(count('a')), rounds=3)\n    assert len(calls) == 3\n",
    )
    with ready() as found:
        assert found.suite is not None
        assert found.suite.cases == ("bench/test_words.py::test_counts",)


def test_benchmarks_of_nothing_are_refused(repository: Path, ready: Prepare) -> None:
    """Where nothing of the repository is imported, both sides would be the same, and no verdict is given."""
    write_bench(repository, "def test_it(benchmark):\n    benchmark(int)\n")
    with (
        pytest.raises(NotComparable, match="import nothing of this repository but themselves"),
        ready(),
    ):
        pass


def test_a_module_from_elsewhere_is_refused(
    repository: Path, ready: Prepare, tmp_path: Path
) -> None:
    """A package that conftest.py takes from another place is not that of the copies: the fix is named."""
    other = tmp_path / "elsewhere" / "words"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text(WORDS)
    (repository / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(other.parent)!r})\n"
    )
    with (
        pytest.raises(NotComparable, match=r"words comes from .*elsewhere.*pip install --editable"),
        ready(),
    ):
        pass


def test_a_benchmark_that_hangs_is_left_out(
    repository: Path, ready: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process is ended, the others are tried in another one, and it is listed."""
    monkeypatch.setattr("garagebench.run.trials.MOST_TRIAL_S", 2.0)
    write_bench(
        repository,
        BENCH
        + "\nimport time\ndef test_a_sleeps(benchmark):\n    count('a')\n    benchmark(time.sleep, 60)\n",
    )
    with ready() as found:
        assert found.suite is not None
        assert len(found.suite.cases) == 2
        (one,) = found.suite.one_sided
        assert (one.case.partition("::")[2], one.base, one.head) == (
            "test_a_sleeps",
            "too slow",
            "too slow",
        )


def test_a_path_that_is_not_there(ready: Prepare) -> None:
    """The file is named, before anything runs."""
    with (
        pytest.raises(GarageError, match="nowhere: no such file or directory in working tree"),
        ready("nowhere"),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("pluggy", "PluginManager, 'x'"),
        ("attr", "make_class, 'C', ['x']"),
        ("pytest_benchmark", "utils.format_time, 1.0"),
    ],
)
def test_a_package_under_test_may_be_one_that_pytest_uses(
    repository: Path, ready: Prepare, name: str, call: str
) -> None:
    """A suite of pluggy, or of the plugin itself, takes it from the copies, and pytest runs on that."""
    module = importlib.import_module(name)
    assert module.__file__ is not None
    shutil.copytree(
        Path(module.__file__).parent,
        repository / "src" / name,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    write_bench(
        repository,
        f"import {name}\n\ndef test_it(benchmark):\n    benchmark({name}.{call})\n",
    )
    git(repository, "add", "--all")
    git(repository, "commit", "--message", "two")
    with ready(options=("-p", "pytest_benchmark.plugin")) as found:
        assert found.suite is not None
        source = f"src/{name}/__init__.py"
        assert found.suite.sources[name] == (source, source)


def test_ids_that_hold_an_address_are_matched_by_order(repository: Path, ready: Prepare) -> None:
    """Where the sides have as many; else they are not judged, and all others are."""
    bench = (
        BENCH
        + """

import pytest
import words

@pytest.mark.parametrize("thing", words.THINGS, ids=repr)
def test_thing(benchmark, thing):
    benchmark(count, "a b c")
"""
    )
    package = repository / "src" / "words" / "__init__.py"
    package.write_text(WORDS + "\nTHINGS = [object(), object()]\n")
    write_bench(repository, bench)
    git(repository, "commit", "--all", "--message", "things")
    things = [f"bench/test_words.py::test_thing[<object object at 0x...>] {n}" for n in (1, 2, 3)]
    with ready() as found:
        assert found.suite is not None
        assert found.suite.cases[2:] == tuple(things[:2])
    package.write_text(WORDS + "\nTHINGS = [object(), object(), object()]\n")
    with ready() as found:
        assert found.suite is not None
        assert len(found.suite.cases) == 2
        assert [one.case for one in found.suite.one_sided] == things
        assert {one.reason for one in found.suite.one_sided} == {
            "its id holds an address, and there are 2 such in base and 3 in head"
        }
