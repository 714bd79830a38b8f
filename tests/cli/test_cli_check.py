"""`garagebench check` and `compare` on a real repository, with real workers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
POOL = (ROOT / "examples" / "set_pool.py").read_text(encoding="utf-8")
SLOW = POOL.replace(
    "        index = self.nearest()\n", "        index = [self.nearest() for _ in range(3)][0]\n"
)
WRONG = POOL.replace("min(", "max(")

#: A garage so small that a generation takes a third of a second, and a search is long enough to be judged.
LAYOUT = """\
name = "small"
[vehicles]
small = [["small"]]
[[floors]]
rows = [{ kind = "small", spaces = 10, repeat = 4 }]
"""


def git(repository: Path, *arguments: str) -> None:
    """Run git as somebody."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=repository, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose first commit has the pool of the examples."""
    place = tmp_path / "repository"
    place.mkdir()
    git(place, "init", "--initial-branch", "main")
    (place / "pool.py").write_text(POOL)
    (place / "small.toml").write_text(LAYOUT)
    git(place, "add", "--all")
    git(place, "commit", "--message", "one")
    return place


def garagebench(repository: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the repository, with copies in a cache of its own."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(repository.parent / "cache"), **more}
    command = [sys.executable, "-m", "garagebench", *arguments]
    return subprocess.run(
        command, cwd=repository, env=environment, check=False, capture_output=True, text=True
    )


def check(repository: Path, *more: str) -> tuple[int, dict[str, object]]:
    """Run a check against HEAD, the same work on every machine; exit code and JSON."""
    common = ("--base", "HEAD", "--impl", "pool.py:SetPool", "--layout", "small.toml")
    done = garagebench(
        repository, "check", *common, "--generations", "15", "--format", "json", *more
    )
    return done.returncode, json.loads(done.stdout)


def test_a_much_slower_pool_is_slower_and_its_stage_named(repository: Path) -> None:
    """Three searches for one: exit code 3, from assignment, with the fixed keys; the repository is as it was."""
    (repository / "pool.py").write_text(SLOW)
    code, verdict = check(repository)
    assert (code, verdict["verdict"], verdict["attributed_to"]) == (3, "slower", "assignment")
    assert list(verdict)[:5] == ["verdict", "exit_code", "attributed_to", "seconds", "cases"]
    keys = ["case", "part_of", "impl", "runtime", "operation", "stage", "verdict"]
    keys += ["change_percent", "low", "high", "threshold_percent", "generations", "head_slower"]
    keys += ["changes_percent"]
    assert all(list(case) == keys for case in verdict["cases"])  # type: ignore[attr-defined]
    assert (repository / "pool.py").read_text() == SLOW
    assert not list((repository.parent / "cache" / "garagebench" / "trees").glob("*/a"))


def test_a_head_with_wrong_answers_is_3(repository: Path) -> None:
    """It is not compared, and no pass where only what is slower fails: exit code 3, with the answer in the notes."""
    (repository / "pool.py").write_text(WRONG)
    code, verdict = check(repository)
    assert (code, verdict["verdict"], verdict["exit_code"]) == (3, "inconclusive", 3)
    assert "expected" in verdict["notes"][0]  # type: ignore[index]


def test_a_base_with_wrong_answers_is_inconclusive(repository: Path) -> None:
    """Where head fixes what was wrong there is nothing to compare with: exit code 4, and the fix."""
    (repository / "pool.py").write_text(WRONG)
    git(repository, "commit", "--all", "--message", "two")
    (repository / "pool.py").write_text(POOL)
    code, verdict = check(repository)
    assert code == 4
    assert "nothing to compare with" in verdict["notes"][0]  # type: ignore[index]
    assert "name a base in which it works" in verdict["notes"][0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("code", "words"),
    [("class SetPool(:", "SyntaxError"), ("import nosuchmodule as SetPool", "nosuchmodule")],
)
def test_a_head_that_cannot_be_loaded_is_an_error(repository: Path, code: str, words: str) -> None:
    """Exit code 1 and one sentence, in which the copy that it was loaded from is not mentioned."""
    (repository / "pool.py").write_text(code)
    done = garagebench(repository, "check", "--base", "HEAD", "--impl", "pool.py:SetPool")
    assert (done.returncode, done.stdout) == (1, "")
    (said,) = done.stderr.splitlines()
    assert said.startswith("Error: SetPool@cpython3.")
    assert words in said
    assert "trees" not in said


@pytest.mark.parametrize("impl", ["pool.py:Nope", "nosuch.py:SetPool", "pool.py", "pool.py:"])
def test_an_implementation_that_head_lacks_is_a_usage_error(repository: Path, impl: str) -> None:
    """A name that is nowhere in the working tree: exit code 2 and one sentence with it."""
    done = garagebench(repository, "check", "--base", "HEAD", "--impl", impl)
    assert (done.returncode, done.stdout) == (2, "")
    (said,) = done.stderr.splitlines()
    assert impl in said


def test_two_of_one_name_are_refused(repository: Path) -> None:
    """One would be judged in the other's place: exit code 1, and both names."""
    (repository / "other.py").write_text(SLOW)
    pools = ("--impl", "pool.py:SetPool", "--impl", "other.py:SetPool")
    done = garagebench(repository, "check", "--base", "HEAD", *pools)
    assert done.returncode == 1
    assert "pool.py:SetPool and other.py:SetPool" in done.stderr


@pytest.mark.parametrize("leads_there", [True, False])
def test_what_the_pool_imports_comes_from_each_side(repository: Path, leads_there: bool) -> None:
    """PYTHONPATH that leads into the working tree leads into the copies: base has a helper that head has not."""
    (repository / "src").mkdir()
    (repository / "src" / "helper.py").write_text("NAME = 'SetPool'\n")
    (repository / "pool.py").write_text(f"import helper\n{POOL}")
    git(repository, "add", "--all")
    git(repository, "commit", "--message", "two")
    (repository / "src" / "helper.py").write_text("raise ValueError('this is head')\n")
    more = {"PYTHONPATH": os.pathsep.join([str(repository / "src"), str(ROOT)])}
    asked = ("compare", "HEAD", "HEAD") if leads_there else ("check", "--base", "HEAD")
    done = garagebench(
        repository, *asked, "--impl", "pool.py:SetPool", "--generations", "1", **more
    )
    assert ("this is head" in done.stderr) is not leads_there
    assert done.returncode == (4 if leads_there else 1)


def test_a_base_without_the_file_is_inconclusive(repository: Path) -> None:
    """An implementation that base does not have yet: exit code 4, and why."""
    git(repository, "mv", "pool.py", "other.py")
    done = garagebench(repository, "check", "--base", "HEAD", "--impl", "other.py:SetPool")
    assert done.returncode == 4
    assert "nothing to compare it with" in done.stdout


def test_a_missing_revision_is_an_error(repository: Path) -> None:
    """Exit code 1 and one sentence with the name."""
    done = garagebench(repository, "check", "--base", "nowhere", "--impl", "pool.py:SetPool")
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_implementation_of_garagebench_is_none_of_another_repository(repository: Path) -> None:
    """`lists` would be the same code on both sides: exit code 2 and what to name instead."""
    done = garagebench(repository, "check", "--base", "HEAD", "--impl", "lists")
    assert done.returncode == 2
    assert "path/to/file.py:NAME" in done.stderr


def test_a_result_file_is_a_base(repository: Path) -> None:
    """What a run wrote is the base of a later check, by ratios to `lists`: three searches for one are slower."""
    pool = ("--impl", "pool.py:SetPool", "--generations", "12")
    small = ("--layout", "small.toml", "--operation", "park", "--stage", "assignment")
    run = ("run", *pool, *small, "--output", "base.json.gz")
    assert garagebench(repository, *run).returncode == 0
    (repository / "pool.py").write_text(SLOW)
    done = garagebench(repository, "check", "--base", "base.json.gz", *pool, "--format", "json")
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["attributed_to"]) == (3, "assignment"), done.stdout
    assert "ratios to lists" in verdict["notes"][0]


def test_thresholds_come_from_pyproject_and_the_command_line(repository: Path) -> None:
    """A slowdown of a factor is allowed for the stage and for total in one, and refused by the other."""
    (repository / "pool.py").write_text(SLOW)
    (repository / "pyproject.toml").write_text(
        "[tool.garagebench]\ngenerations = 3\n[tool.garagebench.thresholds]\nassignment = 900\n"
        "[tool.garagebench.check]\nmax-slowdown = 900\ngenerations = 15\nimpl = ['pool.py:SetPool']\n"
        "layout = 'small.toml'\n"
    )
    done = garagebench(repository, "check", "--base", "HEAD")
    assert done.returncode == 0, done.stdout + done.stderr
    done = garagebench(repository, "check", "--base", "HEAD", "--threshold", "assignment=10")
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compare", "nosuch.json", "HEAD"), "nosuch.json: no such file"),
        (("check", "--base", "nosuch.json.gz"), "nosuch.json.gz: no such file"),
    ],
)
def test_a_file_that_is_not_there_is_no_revision(
    repository: Path, arguments: tuple[str, ...], words: str
) -> None:
    """What is called like a result file is looked for as one: exit code 1, and git is not blamed."""
    done = garagebench(repository, *arguments, "--impl", "pool.py:SetPool")
    assert (done.returncode, done.stderr) == (1, f"Error: {words}\n")


def test_options_that_two_files_would_ignore_are_refused(tmp_path: Path) -> None:
    """Files are compared as they are: exit code 2 where an implementation or a budget is typed."""
    file = str(ROOT / "results" / "seed.json.gz")
    for option in (("--impl", "numba"), ("--budget", "3"), ("--layout", "seed")):
        done = garagebench(tmp_path, "compare", file, file, *option)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{option[0]} does not apply here" in done.stderr


@pytest.mark.parametrize("value", ["assignment", "=3", "total=-1", "total=nan", "total=many"])
def test_a_threshold_that_is_none_is_a_usage_error(repository: Path, value: str) -> None:
    """Exit code 2, with the value and how one is written."""
    done = garagebench(repository, "check", "--base", "HEAD", "--threshold", value)
    assert done.returncode == 2
    assert repr(value) in done.stderr
    assert "assignment=2" in done.stderr


def test_a_workflow_gets_summary_and_annotation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Markdown is appended to the job's summary, the annotation is on stderr, stdout stays JSON."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    file = str(ROOT / "results" / "seed.json.gz")
    done = garagebench(tmp_path, "compare", file, file, "--format", "json")
    verdict = json.loads(done.stdout)["verdict"]
    assert summary.read_text().startswith(f"before\n**{verdict}")
    assert done.stderr.startswith("::")
    assert len(done.stderr.splitlines()) == 1


def test_a_summary_that_cannot_be_written_changes_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is told on stderr, and the exit code is that of the verdict."""
    file = str(ROOT / "results" / "seed.json.gz")
    alone = garagebench(tmp_path, "compare", file, file)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "nowhere" / "summary.md"))
    done = garagebench(tmp_path, "compare", file, file)
    assert (done.returncode, done.stdout) == (alone.returncode, alone.stdout)
    assert "nowhere" in done.stderr


def test_two_files_are_compared(tmp_path: Path) -> None:
    """Compare FILE FILE: the same file twice has no case slower, and the caveat is told."""
    place = tmp_path / "repository"
    place.mkdir()
    run = (
        "run",
        "--impl",
        "lists",
        "--stage",
        "total",
        "--generations",
        "6",
        "--output",
        "a.json.gz",
    )
    assert garagebench(place, *run).returncode == 0
    done = garagebench(place, "compare", "a.json.gz", "a.json.gz")
    assert done.returncode in (0, 4)
    assert "share no rounds" in done.stdout


def test_budget_and_generations_are_not_both_named(repository: Path) -> None:
    """One would be ignored: exit code 2; one that is typed goes before the other in pyproject.toml."""
    both = ("--budget", "3", "--generations", "6")
    done = garagebench(repository, "check", "--base", "HEAD", "--impl", "pool.py:SetPool", *both)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--budget and --generations: name one of them" in done.stderr
    (repository / "pyproject.toml").write_text("[tool.garagebench]\nbudget = 0.001\n")
    code, _ = check(repository, "--max-slowdown", "900")
    assert code == 0


def test_a_file_of_a_submodule_is_no_side(repository: Path) -> None:
    """It is in no copy: exit code 4, with the name of the repository that it is of."""
    within = repository / "within"
    within.mkdir()
    git(within, "init")
    (within / "pool.py").write_text(POOL)
    git(within, "add", "--all")
    git(within, "commit", "--message", "one")
    git(repository, "add", "within")
    git(repository, "commit", "--message", "two")
    done = garagebench(repository, "check", "--base", "HEAD", "--impl", "within/pool.py:SetPool")
    assert done.returncode == 4
    assert "within/pool.py is in within, a repository of its own" in done.stdout
