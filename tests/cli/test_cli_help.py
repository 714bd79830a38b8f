"""Help, version, shell completion, and what starting the command costs."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from command_line import AssertGolden, Invoke, make_command, make_environment

import garagebench
from garagebench.cli import main
from garagebench.stages.variants import VARIANTS

#: Of a group its commands, too: "history add".
COMMANDS = {
    f"{group} {name}": command
    for group, parent in sorted(main.commands.items())
    if isinstance(parent, click.Group)
    for name, command in sorted(parent.commands.items())
} | dict(sorted(main.commands.items()))

#: What no help needs: each takes longer to load than all the rest together.
HEAVY = {"numpy", "numba", "pyperf", "rich", "statistics", "asyncio", "multiprocessing"}


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_as_agreed(
    invoke: Invoke, assert_golden: AssertGolden, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The help of each command, as looked at by a person, on a terminal of 80 letters."""
    monkeypatch.setenv("COLUMNS", "80")
    result = invoke(*command.split(), "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert_golden(f"help{'-' if command else ''}{command.replace(' ', '-')}.txt", result.stdout)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_examples(invoke: Invoke, command: str) -> None:
    """The help of each command has examples, one a line, each with its command."""
    _, found, examples = invoke(*command.split(), "--help").stdout.partition("  Examples:\n")
    lines = examples.partition("\n\n")[0].splitlines()
    assert found
    assert lines
    assert [line for line in lines if not line.startswith(f"    garagebench {command}")] == []


def test_every_example_is_understood(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example in the help names a command and options that there are."""
    for command in COMMANDS.values():
        monkeypatch.setattr(command, "callback", lambda **_: None)
    for name in COMMANDS:
        examples = invoke(*name.split(), "--help").stdout.partition("  Examples:\n")[2]
        for line in examples.partition("\n\n")[0].splitlines():
            _, *arguments = shlex.split(line)
            result = invoke(*arguments)
            assert result.exit_code == 0, result.output


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_both_names_of_help(invoke: Invoke, option: str) -> None:
    """-h is short for --help."""
    assert invoke("run", option).stdout.startswith("Usage: garagebench run [OPTIONS] ")


def test_version(invoke: Invoke) -> None:
    """--version prints name and version."""
    result = invoke("--version")
    assert (result.exit_code, result.stdout) == (
        0,
        f"garagebench, version {garagebench.__version__}\n",
    )


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("--version",)])
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """Help and version load none of the packages that measure or draw, and little of ours."""
    python, *command = make_command(*arguments)
    ran = subprocess.run(
        [python, "-X", "importtime", *command],
        env=make_environment(),
        capture_output=True,
        text=True,
        cwd="/",
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "click" in loaded
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()
    ours = {name for name in loaded if name.startswith("garagebench.")}
    assert {name for name in ours if not name.startswith("garagebench.commands")} == {
        "garagebench.cli",
        "garagebench.errors",
        "garagebench.exit_codes",
    }


@pytest.fixture
def on_path(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose PATH begins with a `garagebench` that runs this source."""
    script = tmp_path / "bin" / "garagebench"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nfrom garagebench.cli import main\nmain()\n")
    script.chmod(0o755)
    environment = make_environment()
    return {**environment, "PATH": f"{script.parent}:{environment['PATH']}"}


def complete(on_path: dict[str, str], line: str) -> list[str]:
    """Return what bash is offered at the end of the line."""
    words = line.split(" ")
    ran = subprocess.run(
        ["garagebench"],
        env={
            **on_path,
            "_GARAGEBENCH_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        },
        capture_output=True,
        text=True,
        cwd="/",
        check=True,
    )
    assert ran.stderr == ""
    return [offered.partition(",")[2] for offered in ran.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("garagebench ver", ["verify"]),
        ("garagebench run --impl num", ["numpy", "numba"]),
        ("garagebench verify l", ["lists"]),
        ("garagebench run --operation un", ["unpark", "unpark_many"]),
        ("garagebench run --with enc", [f"encode={name}" for name in VARIANTS["encode"]]),
        ("garagebench run --spa", ["--spaces"]),
        ("garagebench list sta", ["stages"]),
    ],
)
def test_completion_offers_what_there_is(
    on_path: dict[str, str], line: str, offered: list[str]
) -> None:
    """Commands, options, their values and the names of implementations are completed."""
    assert complete(on_path, line) == offered


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash not found: apt-get install bash")
def test_completion_is_set_up_as_the_help_says(on_path: dict[str, str]) -> None:
    """The line in the help makes bash complete `garagebench`."""
    text = subprocess.run(
        ["garagebench", "--help"],
        env=on_path,
        capture_output=True,
        text=True,
        cwd="/",
        check=True,
    ).stdout
    (line,) = [line.strip() for line in text.splitlines() if "bash_source" in line]
    ran = subprocess.run(
        ["bash", "--norc", "-c", f"{line}\ncomplete -p garagebench"],
        env=on_path,
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.rstrip().endswith("garagebench")
