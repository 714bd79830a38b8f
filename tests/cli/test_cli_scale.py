"""`garagebench scale` as its users call it."""

from __future__ import annotations

import json
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from command_line import (
    MUTANTS,
    Garagebench,
    Invoke,
    assert_one_sentence,
    make_command,
    make_environment,
)

from garagebench.commands.scale import choose_sizes
from garagebench.scale.first_look import SIZES

#: A measurement of a few seconds.
QUICK = ("--impl", "lists", "--max-spaces", "100", "--workload", "fill", "--budget", "2")


def test_a_file_and_a_plot(garagebench: Garagebench, tmp_path: Path) -> None:
    """Standard output is what was asked for, the file holds the JSON, the plot is drawn; progress is on stderr."""
    pytest.importorskip(
        "matplotlib", reason="matplotlib not found: pip install 'garagebench[plot]'"
    )
    file, plot = tmp_path / "scale.json", tmp_path / "scale.svg"
    done = garagebench("scale", *QUICK, "--format", "json", "--output", file, "--plot", plot)
    assert done.returncode == 0, done.stderr
    assert file.read_text() == done.stdout
    assert {row["spaces"] for row in json.loads(done.stdout)["rows"]} == {100}
    assert plot.read_text().startswith("<?xml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scale.json", "scale.svg"]
    assert "measuring" in done.stderr


def test_markdown_where_there_is_no_terminal(garagebench: Garagebench) -> None:
    """Without a format, a pipe gets Markdown."""
    done = garagebench("scale", *QUICK)
    assert done.stdout.startswith("**fill: what one take costs, one space per call**\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--impl", "nonesuch"), 2, ["nonesuch"]),
        (("--spaces", "1"), 2, ["--spaces"]),
        (("--budget", "inf"), 2, ["inf"]),
        (("--plot", "plot.pdf"), 2, ["plot.pdf", ".svg", ".png"]),
        (("--plot", "same.svg", "--output", "./same.svg"), 2, ["same.svg", "two files"]),
        (("--plot", "nowhere/PLOT.SVG"), 1, ["nowhere"]),
        (("--output", "nowhere/scale.json"), 1, ["nowhere"]),
    ],
)
def test_mistakes_cost_no_measurement(
    invoke: Invoke, arguments: tuple[str, ...], code: int, words: list[str]
) -> None:
    """A wrong name, value or path is one sentence and the exit code of its kind."""
    assert_one_sentence(invoke("scale", *arguments), code, *words)


def test_wrong_answers_are_a_3(garagebench: Garagebench) -> None:
    """An implementation that breaks the nearest rule has no figures, and the exit code says so."""
    file = f"{MUTANTS}:IgnoresTheNearestRule"
    done = garagebench("scale", "--impl", file, *QUICK[2:], "--format", "json")
    assert done.returncode == 3, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert {(row["status"], row["median"]) for row in rows} == {("wrong", None)}
    assert not [row["reason"] for row in rows if row["reason"].count(" spaces") != 1]


def test_ctrl_c_prints_what_there_is(tmp_path: Path) -> None:
    """An interrupted measurement ends with 130, prints its tables, and leaves no worker."""
    process = subprocess.Popen(
        make_command("scale", "--impl", "lists", "--max-spaces", "1000", "--budget", "60"),
        cwd=tmp_path,
        env=make_environment(TMPDIR=str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    process.stderr.readline()  # it measures
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: the figures are of what was measured until then" in stdout
    assert _find_processes(tmp_path) == []


def _find_processes(directory: Path) -> list[str]:
    """Return the processes whose temporary files are in that directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or is somebody else's
            if f"TMPDIR={directory}".encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
    return found


@pytest.mark.parametrize(
    ("spaces", "largest", "sizes"),
    [
        ((), 10**4, (100, 1000, 10_000)),
        ((), 5000, (100, 1000, 5000)),
        ((), 50, (50,)),
        ((), 10**8, SIZES),
        ((), 10**9, (*SIZES, 10**9)),
        ((1000, 20, 1000), 10**8, (20, 1000)),
    ],
)
def test_sizes(spaces: tuple[int, ...], largest: int, sizes: tuple[int, ...]) -> None:
    """Powers of ten up to the largest size, which is one itself; or those that were named, ascending."""
    assert choose_sizes(spaces, largest, SIZES) == sizes
