"""`--install`: real environments, made by real pip from packages that need no network."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from garagebench.gate.trees.environment_cache import MOST_S, EnvironmentCache
from garagebench.gate.trees.environments import (
    Dependency,
    Environments,
    InstallFailed,
    InstallPlan,
    clean,
    make_environments,
)
from garagebench.gate.trees.git import NotComparable
from garagebench.gate.trees.revisions import Trees, two_trees
from garagebench.system.supervised import Supervised

#: Builds a wheel of `words`, whose version is that of the nearest tag, and writes into the tree, as in-place builds do.
BACKEND = """
import pathlib, subprocess, zipfile

def describe():
    words = subprocess.run(["git", "describe", "--tags", "--dirty"], capture_output=True, text=True, check=True).stdout.strip()
    tag, *rest = words.lstrip("v").split("-")
    return tag + ("+" + ".".join(rest) if rest else "")

def get_requires_for_build_wheel(settings=None):
    return []

def build_wheel(folder, settings=None, metadata=None):
    version = describe()
    pathlib.Path("generated.txt").write_text(version)
    with open("LOG", "a") as log:
        log.write(version + "\\n")
    name = f"words-{version}"
    info = f"{name}.dist-info"
    files = {
        "words.py": pathlib.Path("words.py").read_text(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\\nName: words\\nVersion: {version}\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{info}/entry_points.txt": "[console_scripts]\\nwords = words:main\\n",
        f"{info}/RECORD": f"words.py,,\\n{info}/METADATA,,\\n",
    }
    file = f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, file), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return file
"""

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""

WORDS = "def main():\n    print({side!r})\n"


def git(place: Path, *arguments: str) -> None:
    """Let git do something that must not fail."""
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=place, check=True, capture_output=True)


def commit(place: Path, **files: str) -> None:
    """Write files (_ in a name is a dot) and commit them."""
    for name, text in files.items():
        (place / name.replace("_", ".")).write_text(text)
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--allow-empty", "--message=x")


def make_wheel(place: Path, version: str) -> None:
    """Write a wheel of the package `dep`."""
    place.mkdir(exist_ok=True)
    info = f"dep-{version}.dist-info"
    with zipfile.ZipFile(place / f"dep-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr("dep.py", f"VERSION = {version!r}\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: dep\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{info}/RECORD", f"dep.py,,\n{info}/METADATA,,\n")


def make_repository(place: Path) -> Path:
    """Base asks for dep 1.0 and is tagged; head asks for dep 2.0."""
    make_wheel(place / "wheels", "1.0")
    make_wheel(place / "wheels", "2.0")
    path = place / "repository"
    path.mkdir()
    git(path, "init", "--quiet")
    files = {"backend_py": BACKEND, "pyproject_toml": PYPROJECT, "words_py": WORDS.format(side=0)}
    commit(path, **files, needs_txt="dep==1.0\n")
    git(path, "tag", "v1.0")
    commit(path, words_py=WORDS.format(side=1), needs_txt="dep==2.0\n")
    return path


def make_plan(place: Path, *more: tuple[str, ...], same: bool = False) -> InstallPlan:
    """How the repository is installed, without a network."""
    offline = ("--no-index", "--find-links", str(place / "wheels"), "--quiet")
    install = ("pip", "install", *offline, ".", "-r", "needs.txt")
    return InstallPlan(sys.executable, (install, *more), same_dependencies=same)


def run(*words: str | Path) -> str:
    """Return what a program prints."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the repository and the wheels that it needs are."""
    place = tmp_path_factory.mktemp("environments")
    make_repository(place)
    return place


@pytest.fixture(scope="module")
def installed(place: Path) -> Iterator[tuple[Trees, Environments]]:
    """Both sides, installed."""
    repository, cache = place / "repository", place / "cache"
    with (
        two_trees(repository, "HEAD~1", "HEAD", cache, has_history=True) as trees,
        make_environments(make_plan(place), trees, place / "store") as environments,
    ):
        yield trees, environments


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `uv` that is quicker than venv: pip is that of this interpreter. Returns where it logs what it is told."""
    programs = tmp_path / "bin"
    programs.mkdir()
    lines = [
        "#!/bin/sh",
        f'echo "$@" >> {tmp_path}/log',
        "shift 5",
        f'{sys.executable} -m venv --without-pip "$1"',
        "echo '#!/bin/sh' > \"$1/bin/pip\"",
        f'echo "exec {sys.executable} -m pip --python $1/bin/python \\"\\$@\\"" >> "$1/bin/pip"',
        'chmod 755 "$1/bin/pip"',
    ]
    (programs / "uv").write_text("\n".join(lines) + "\n")
    (programs / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "log"


def test_each_place_has_what_was_installed_from_its_side(
    installed: tuple[Trees, Environments],
) -> None:
    """At first base is at the first place, and while the sides have changed places head is; scripts of both work there."""
    trees, environments = installed
    found = []
    for _ in range(2):
        found.append([run(path / "bin" / "words") for path in environments.paths])
        trees.exchange()
    assert found == [["0", "1"], ["1", "0"]]


def test_a_tree_travels_with_its_environment(installed: tuple[Trees, Environments]) -> None:
    """What is at a place while the sides have changed places is the tree of the side whose environment is there."""
    trees, _ = installed
    trees.exchange()
    found = [(tree.path / "words.py").read_text() for tree in (trees.base, trees.head)]
    trees.exchange()
    assert found == [WORDS.format(side=1), WORDS.format(side=0)]


def test_a_version_comes_from_tags(installed: tuple[Trees, Environments]) -> None:
    """Base is the tagged commit and head the one after it; neither looks changed to git."""
    _, environments = installed
    base, head = (
        next(one.version for one in side if one.name == "words") for side in environments.packages
    )
    assert base == "1.0"
    assert head.startswith("1.0+1.g")
    assert "dirty" not in head


def test_what_comes_from_a_tree_is_its_own(installed: tuple[Trees, Environments]) -> None:
    """The modules that were installed from the tree are told from those of others."""
    _, environments = installed
    assert environments.own_modules == ({"words"}, {"words"})


def test_dependencies_that_differ_are_named(installed: tuple[Trees, Environments]) -> None:
    """Packages of others whose versions differ are named, and the package of the repository is not."""
    _, environments = installed
    assert environments.differing == (Dependency("dep", "1.0", "2.0"),)


def test_git_in_a_copy_does_not_reach_the_repository(
    installed: tuple[Trees, Environments], place: Path
) -> None:
    """A commit and a tag that an installation makes in its copy are not the repository's."""
    trees, _ = installed
    before = run("git", "-C", place / "repository", "for-each-ref")
    git(trees.head.path, "commit", "--quiet", "--allow-empty", "--message=ours")
    git(trees.head.path, "tag", "ours")
    assert run("git", "-C", place / "repository", "for-each-ref") == before
    assert not [*(place / "repository" / ".git" / "worktrees").glob("*")]


@pytest.mark.usefixtures("uv")
def test_what_was_made_is_used_again(place: Path, tmp_path: Path) -> None:
    """The second check builds nothing, and finds in its trees what the first one had built there."""
    plan = make_plan(place)
    logs = []
    for _ in range(2):
        with (
            two_trees(
                place / "repository", "HEAD~1", "HEAD", tmp_path / "cache", has_history=True
            ) as trees,
            make_environments(plan, trees, tmp_path / "store") as environments,
        ):
            sides = trees.base, trees.head
            logs.append([(tree.path / "LOG").read_text() for tree in sides])
            assert [run(path / "bin" / "words") for path in environments.paths] == ["0", "1"]
            assert (trees.base.path / "generated.txt").read_text() == "1.0"
            # Told from a build by what only a build would undo.
            (environments.paths[0] / "here").touch(exist_ok=len(logs) > 1)
            assert len(logs) < 2 or (environments.paths[0] / "here").exists()
    assert logs[0] == logs[1]


@pytest.mark.usefixtures("uv")
def test_other_code_is_built_anew(place: Path, tmp_path: Path) -> None:
    """What was made from another tree is not used."""
    repository = tmp_path / "repository"
    shutil.copytree(place / "repository", repository)
    found = []
    for side in (1, 2):
        (repository / "words.py").write_text(WORDS.format(side=side))
        with (
            two_trees(repository, "HEAD~1", None, tmp_path / "cache", has_history=True) as trees,
            make_environments(make_plan(place), trees, tmp_path / "store") as environments,
        ):
            found.append(run(environments.paths[1] / "bin" / "words"))
    assert found == ["1", "2"]


@pytest.mark.usefixtures("uv")
def test_base_gets_the_dependencies_of_head(place: Path, tmp_path: Path) -> None:
    """With the same dependencies, a base that takes any version gets the one that head asks for."""
    repository = tmp_path / "repository"
    shutil.copytree(place / "repository", repository)
    commit(repository, needs_txt="dep\n")
    commit(repository, needs_txt="dep==1.0\n")
    with (
        two_trees(repository, "HEAD~1", "HEAD", tmp_path / "cache", has_history=True) as trees,
        make_environments(make_plan(place, same=True), trees, tmp_path / "store") as environments,
    ):
        assert environments.differing == ()
        code = "import dep; print(dep.VERSION)"
        assert [run(python, "-c", code) for python in environments.pythons] == ["1.0", "1.0"]


@pytest.mark.usefixtures("uv")
@pytest.mark.parametrize(("failing", "error"), [("1", InstallFailed), ("0", NotComparable)])
def test_a_command_that_fails_is_told_with_its_output(
    place: Path, tmp_path: Path, failing: str, error: type[Exception]
) -> None:
    """Head that cannot be installed is an error, base leaves nothing to compare with; what the command wrote is shown."""
    check = (
        f"import sys; text = open('words.py').read(); '({failing})' in text and sys.exit('no good')"
    )
    plan = InstallPlan(sys.executable, (("python", "-c", check),))
    said: list[str] = []
    with (
        two_trees(place / "repository", "HEAD~1", "HEAD", tmp_path / "cache") as trees,
        pytest.raises(error, match=r"cannot be installed: python -c .* ended with exit code 1"),
        make_environments(plan, trees, tmp_path / "store", on_output=said.append),
    ):
        pass
    assert "no good" in "".join(said)


@pytest.mark.usefixtures("uv")
def test_a_program_that_is_not_there_is_told(place: Path, tmp_path: Path) -> None:
    """A command of a program that does not exist is told by its name."""
    said: list[str] = []
    with (
        two_trees(place / "repository", "HEAD~1", "HEAD", tmp_path / "cache") as trees,
        pytest.raises(InstallFailed, match="no-such-program"),
        make_environments(
            InstallPlan(sys.executable, (("no-such-program",),)),
            trees,
            tmp_path / "store",
            on_output=said.append,
        ),
    ):
        pass
    assert "No such file or directory" in "".join(said)


def make_entry(store: Path, tmp_path: Path) -> tuple[EnvironmentCache, Path, Path]:
    """Keep an environment under the key `key`."""
    environment, tree = tmp_path / "environment", tmp_path / "tree"
    for folder in (environment, tree):
        folder.mkdir()
    (tree / "built.so").write_text("x")
    kept = EnvironmentCache(store)
    kept.note("key", environment, tree, 0)
    kept.put_back(environment)
    assert not environment.exists()
    (tree / "built.so").unlink()
    return kept, environment, tree


def test_what_is_kept_comes_back_with_what_was_built_in_the_tree(tmp_path: Path) -> None:
    """An environment comes back to its path, and files that were made in its tree to the tree."""
    kept, environment, tree = make_entry(tmp_path / "store", tmp_path)
    assert kept.take("key", environment, tree)
    assert environment.is_dir()
    assert (tree / "built.so").read_text() == "x"


@pytest.mark.parametrize("what", ["whole", "environment"])
def test_half_of_an_environment_is_never_used(tmp_path: Path, what: str) -> None:
    """An entry without its mark, or whose environment went with a killed process, is not taken."""
    kept, environment, tree = make_entry(tmp_path / "store", tmp_path)
    part = tmp_path / "store" / "key" / what
    part.unlink() if part.is_file() else shutil.rmtree(part)
    assert not kept.take("key", environment, tree)


def test_what_is_older_than_a_day_is_removed(tmp_path: Path) -> None:
    """An old environment has old dependencies: it is not used and does not stay."""
    kept, environment, tree = make_entry(tmp_path / "store", tmp_path)
    (tmp_path / "store" / "key" / "whole").write_text(f"{time.time() - MOST_S - 1}\n")
    assert not kept.take("key", environment, tree)
    assert not (tmp_path / "store" / "key").exists()


@pytest.mark.usefixtures("uv")
def test_an_interrupted_build_is_not_kept(place: Path, tmp_path: Path) -> None:
    """Ctrl-C ends what is being built, with all that it has started, and nothing of it is kept."""
    mark = tmp_path / "started"
    code = f"open({str(mark)!r}, 'a').close(); import time; time.sleep(600)"
    plan = InstallPlan(sys.executable, (("python", "-c", code),))

    def interrupt() -> None:
        while not mark.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with (
        two_trees(place / "repository", "HEAD~1", "HEAD", tmp_path / "cache") as trees,
        pytest.raises(KeyboardInterrupt),
        make_environments(plan, trees, tmp_path / "store"),
    ):
        pass
    assert not [*(tmp_path / "store").glob("*/*")]
    assert not find_processes(str(mark))


def find_processes(word: str) -> list[bytes]:
    """The command lines of running processes that have the word, but for our own."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if word.encode() in line and str(os.getpid()) != path.parent.name:
            found.append(line)
    return found


def test_what_a_program_has_started_ends_with_who_started_it(tmp_path: Path) -> None:
    """When the process that supervises is killed, its program and the programs of that are gone."""
    mark = str(tmp_path / "mark")
    sleeper = f"import time; time.sleep(600)  # {mark}"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {sleeper!r}])"
    code = f"""
import os, sys, tempfile
from pathlib import Path
from garagebench.system.supervised import Supervised
with tempfile.TemporaryFile() as output:
    Supervised([sys.executable, "-c", {parent!r}], Path({str(tmp_path)!r}), dict(os.environ), output).wait()
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    while len(find_processes(sleeper.replace("\\n", ""))) < 1:
        time.sleep(0.01)
    process.kill()
    process.wait()
    while find_processes(mark):
        time.sleep(0.01)


def test_a_signal_that_ends_a_program_is_told_as_a_shell_does(tmp_path: Path) -> None:
    """A program that is killed has the exit code 128 and the number of the signal."""
    code = "import os; os.kill(os.getpid(), 9)"
    with (tmp_path / "out").open("wb") as output:
        words = [sys.executable, "-c", code]
        program = Supervised(words, tmp_path, dict(os.environ), output)
        assert program.wait() == 128 + 9
        program.stop()


def test_variables_that_lead_elsewhere_are_left_out() -> None:
    """An installation sees no PYTHONPATH, no other environment and no repository of a hook, and keeps the rest."""
    variables = {"PYTHONPATH": "x", "VIRTUAL_ENV": "x", "GIT_DIR": "x", "HOME": "/h", "PATH": "p"}
    assert clean(variables) == {"HOME": "/h", "PATH": "p"}
    assert json.dumps(clean({"GIT_SSH_COMMAND": "ssh"})) == '{"GIT_SSH_COMMAND": "ssh"}'


def test_uv_makes_the_environments_where_it_is_there(place: Path, tmp_path: Path, uv: Path) -> None:
    """Environments are made with uv where it is found, which is told the interpreter and the path."""
    with (
        two_trees(place / "repository", "HEAD~1", "HEAD", tmp_path / "cache") as trees,
        make_environments(
            InstallPlan(sys.executable, ()), trees, tmp_path / "store"
        ) as environments,
    ):
        assert Path(environments.pythons[0]).exists()
    lines = uv.read_text().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith(f"venv --quiet --seed --python {sys.executable} ")
