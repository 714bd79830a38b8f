"""`--command`: whole processes in `run` and `check`, with real commands."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_cli_check import git

WORK = """
from words import turns
total = 0
for number in range(turns):
    total += number
"""

#: Without site-packages, a process of Python starts in 15 ms.
PYTHON = f"{shlex.quote(sys.executable)} -S -E"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a script and a module in src that it imports, though it is not installed."""
    place = tmp_path / "repository"
    (place / "src").mkdir(parents=True)
    (place / "work.py").write_text(WORK)
    write(place, 100_000)
    git(place, "init", "--initial-branch", "main")
    git(place, "add", "--all")
    git(place, "commit", "--message", "one")
    return place


def write(place: Path, turns: int) -> None:
    """Write the module; turns: how much work the script does."""
    (place / "src" / "words.py").write_text(f"turns = {turns}\n")


def garagebench(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the repository."""
    return subprocess.run(
        [sys.executable, "-m", "garagebench", *arguments],
        cwd=place,
        env={**os.environ, "XDG_CACHE_HOME": str(place.parent / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


def check(place: Path, *more: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Check the script against HEAD; what the command did, and its JSON."""
    # PYTHONPATH is how a side's modules are found.
    command = f"{shlex.quote(sys.executable)} -S work.py"
    named = ("--base", "HEAD", "--command", command, "--format", "json")
    done = garagebench(place, "check", *named, "--max-slowdown", "60", *more)
    return done, json.loads(done.stdout) if done.stdout else {}


def test_a_command_is_run_in_each_tree(repository: Path) -> None:
    """Its CPU time is compared: three times the work is slower, though it is the module of the side that does it."""
    write(repository, 3_000_000)
    before = git(repository, "status", "--porcelain", "--ignored")
    done, verdict = check(repository, "--generations", "15")
    assert done.returncode == 3, done.stderr
    (case,) = verdict["cases"]
    assert case["case"].endswith("work.py")
    assert case["verdict"] == "slower"
    assert (case["operation"], case["stage"], case["part_of"]) == (None, None, None)
    assert git(repository, "status", "--porcelain", "--ignored") == before


def test_identical_commands_are_level(repository: Path) -> None:
    """And setup is run once in each copy, prepare before each run."""
    log = repository.parent / "log"
    note = f'{PYTHON} -c \'open("{log}", "a").write("%s")\''
    done, _ = check(
        repository, "--generations", "6", "--setup", note % "s", "--prepare", note % "p"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert log.read_text().count("s") == 2
    assert log.read_text().count("p") >= 2 * 6 * 2


def test_commands_are_set_in_a_ratio_to_the_first(repository: Path) -> None:
    """Of `run`, each is a line; what is known of their times stands below."""
    commands = [f"{PYTHON} -c 'sum(range({size}))'" for size in (1_000_000, 4_000_000)]
    named = (word for command in commands for word in ("--command", command))
    done = garagebench(repository, "run", *named, "--generations", "6", "--format", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    first, second = report["rows"]
    assert [row["impl"] for row in report["rows"]] == commands
    assert (first["unit"], first["case"], second["case"]) == ("ns", "call", "call")
    assert second["ratio_low"] > 1.1
    assert (
        report["caveats"][0]
        == "the time of a command is the CPU time of its processes, on one core"
    )


def test_wall_time_and_peak_memory_explain(repository: Path) -> None:
    """What the command takes when it runs alone is told of both sides: head keeps 40 MB more, and sleeps."""
    with (repository / "work.py").open("a") as file:
        file.write("import time\nkept = b'x' * 40_000_000\ntime.sleep(0.3)\n")
    _, verdict = check(repository, "--generations", "1", "--allow-different-answers")
    (process,) = verdict["processes"]
    assert process["case"].endswith("work.py")
    assert process["head_wall_s"] > 0.3
    assert process["head_peak_bytes"] - process["base_peak_bytes"] > 35_000_000
    assert any(note.startswith("alone, ") and "MB, head" in note for note in verdict["notes"])


def test_a_command_is_of_the_environment_of_its_side(repository: Path) -> None:
    """With --install, the program that was installed on each side is run, and two places of it are one command."""
    write(repository, 3_000_000)
    script = (
        "import os, pathlib; place = pathlib.Path(os.environ['VIRTUAL_ENV'], 'bin', 'words'); "
        "place.write_text(f'#!{place.parent}/python\\n' + pathlib.Path('src/words.py').read_text() + "
        "'for _ in range(turns): pass\\n'); place.chmod(0o755)"
    )
    done = garagebench(
        repository,
        "check",
        *("--base", "HEAD", "--command", "words", "--install", f'python -c "{script}"'),
        *("--generations", "15", "--format", "json"),
    )
    assert done.returncode == 3, done.stdout + done.stderr
    verdict = json.loads(done.stdout)
    assert [case["case"] for case in verdict["cases"]] == ["words"]
    assert verdict["dependencies"] == []


def test_the_same_dependencies_need_an_environment(repository: Path) -> None:
    """--same-dependencies alone is a usage error that names the option that it belongs to."""
    done = garagebench(repository, "check", "--base", "HEAD", "--same-dependencies")
    assert done.returncode == 2
    assert "--install" in done.stderr


def test_a_command_that_waits_is_told(repository: Path) -> None:
    """CPU time does not show it."""
    done = garagebench(
        repository, "run", "--command", "sleep 0.2", "--generations", "1", "--format", "csv"
    )
    assert done.returncode == 0, done.stderr
    assert "sleep 0.2 waits in " in done.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-program", "no-such-program: there is no such command"),
        (f"{PYTHON} -c 'raise SystemExit(7)'", "exit code 7"),
        (f"{PYTHON} -c 'import os; os.kill(os.getpid(), 9)'", "signal 9"),
        (f"{PYTHON} -c 'print(1/0)'", "exit code 1: "),
        ("'no end", "no closing quotation"),
        ("", "a command is empty"),
    ],
)
@pytest.mark.parametrize("what", ["check", "run"])
def test_a_command_that_fails_is_an_error(
    repository: Path, command: str, said: str, what: str
) -> None:
    """One sentence with what it wrote, and exit code 1, before anything is measured."""
    base = ("--base", "HEAD") if what == "check" else ()
    done = garagebench(repository, what, *base, "--command", command)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_command_that_only_base_lacks_is_inconclusive(repository: Path) -> None:
    """There is nothing to compare it with."""
    (repository / "new.py").write_text("")
    done = garagebench(
        repository, "check", "--base", "HEAD", "--command", f"{PYTHON} new.py", "--format", "json"
    )
    assert done.returncode == 4, done.stderr
    assert json.loads(done.stdout)["notes"][0].startswith("nothing to compare with: HEAD")


def test_setup_without_a_command_is_refused(repository: Path) -> None:
    """It would be ignored."""
    for words in (("run", "--setup", "true"), ("check", "--base", "HEAD", "--prepare", "true")):
        done = garagebench(repository, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "is of commands: name one with --command CMD" in done.stderr


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="apt-get install valgrind")
def test_instructions_of_a_command_are_counted(repository: Path) -> None:
    """With those of the processes that it starts: three times the work has more of them, whatever else runs."""
    write(repository, 300_000)
    done, verdict = check(repository, "--generations", "1", "--count", "instructions")
    assert done.returncode == 4, done.stderr
    (counted,) = verdict["instructions"]
    assert counted["case"].endswith("work.py")
    assert counted["change_percent"] > 20
