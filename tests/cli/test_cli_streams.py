"""What goes where: standard output, standard error, terminals, and the result file."""

from __future__ import annotations

import errno
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest
from command_line import (
    QUICK,
    Finished,
    Garagebench,
    Invoke,
    WholeRun,
    assert_one_sentence,
    make_command,
    make_environment,
)

from garagebench.engine import Result

STYLE = re.compile(r"\x1b\[([\d;]*)m")
#: SGR parameters that choose a colour; the others are bold, dim, underlined and their ends.
COLOUR = re.compile(r"(3[0-8]|4[0-8]|9[0-7]|10[0-7])")


def run_on_terminal(*arguments: object, stream: str, **environment: str) -> tuple[Finished, str]:
    """Run the command with this stream on a terminal; also return what the terminal was sent."""
    ours, theirs = pty.openpty()
    streams: dict[str, int] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: theirs}
    process = subprocess.Popen(
        make_command(*arguments),
        env=make_environment(TERM="xterm-256color", COLUMNS="100", **environment),
        stdin=subprocess.DEVNULL,
        text=True,
        cwd="/",
        **streams,  # type: ignore[call-overload]
    )
    os.close(theirs)
    sent = b""
    try:
        while chunk := os.read(ours, 1 << 16):
            sent += chunk
    except OSError as error:  # how Linux tells that the other end is closed
        if error.errno != errno.EIO:
            raise
    finally:
        os.close(ours)
    stdout, stderr = process.communicate(timeout=60)
    finished = subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)
    return finished, sent.decode().replace("\r\n", "\n")


def colours(text: str) -> list[str]:
    """Return the styles in the text that have a colour."""
    return [
        style
        for style in STYLE.findall(text)
        if any(COLOUR.fullmatch(part) for part in style.split(";"))
    ]


def test_a_table_is_the_default_on_a_terminal(whole: WholeRun) -> None:
    """On a terminal there is a drawn table, no Markdown; what matters is set off by style."""
    finished, sent = run_on_terminal("report", whole.file, stream="stdout")
    assert finished.returncode == 0, finished.stderr
    assert "──" in sent
    assert "| :---" not in sent
    assert colours(sent) != []


def test_no_color_is_honoured(whole: WholeRun) -> None:
    """With NO_COLOR set, the table on a terminal has the same text and no colour."""
    _, coloured = run_on_terminal("report", whole.file, stream="stdout")
    _, plain = run_on_terminal("report", whole.file, stream="stdout", NO_COLOR="1")
    assert colours(plain) == []
    assert STYLE.sub("", plain) == STYLE.sub("", coloured)


def test_markdown_is_the_default_elsewhere(whole: WholeRun, garagebench: Garagebench) -> None:
    """Where standard output is no terminal, it gets Markdown."""
    default = garagebench("report", whole.file).stdout
    assert "| :--- | ---: |" in default
    assert default == garagebench("report", whole.file, "--format", "markdown").stdout


def test_a_table_in_a_file_has_no_styles(whole: WholeRun, garagebench: Garagebench) -> None:
    """A table that is asked for elsewhere is plain text."""
    text = garagebench("report", whole.file, "--format", "table").stdout
    assert "──" in text
    assert "\x1b" not in text


def test_progress_goes_to_standard_error(garagebench: Garagebench) -> None:
    """Elsewhere than on a terminal, progress is a line on standard error and no bar."""
    ran = garagebench("run", "--impl", "lists", *QUICK)
    assert ran.stderr == "measuring\n"
    assert ran.stdout.startswith("**park")


def test_caveats_that_csv_cannot_hold_go_to_standard_error(garagebench: Garagebench) -> None:
    """What holds for the whole result is in every other format; beside CSV it is told on standard error."""
    caveat = "a block has only 17 requests"
    beside = garagebench("run", "--impl", "lists", *QUICK, "--format", "csv")
    assert caveat not in beside.stdout
    assert f"note: {caveat}" in beside.stderr
    within = garagebench("run", "--impl", "lists", *QUICK, "--format", "markdown")
    assert caveat in within.stdout
    assert caveat not in within.stderr


def test_progress_is_a_bar_on_a_terminal() -> None:
    """On a terminal, standard error has a bar with the time left; standard output has none of it."""
    finished, sent = run_on_terminal(
        "run", "--impl", "lists", *QUICK, "--format", "csv", stream="stderr"
    )
    assert finished.returncode == 0, sent
    assert re.search(r"\d+ s left", sent)
    assert "━" in sent
    assert "Traceback" not in sent
    assert finished.stdout.startswith("impl,runtime")
    assert "\x1b" not in finished.stdout


@pytest.mark.parametrize(
    "arguments", [("list", "stages"), ("report", "{file}", "--format", "json")]
)
def test_nobody_reads_on(whole: WholeRun, arguments: tuple[str, ...]) -> None:
    """Standard output is closed early, as by `| head -1`: the command ends without a word."""
    process = subprocess.Popen(
        make_command(*(argument.format(file=whole.file) for argument in arguments)),
        env=make_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(timeout=60)


def test_nobody_reads_what_was_measured(tmp_path: Path) -> None:
    """The result file is written, whether or not anybody reads the table."""
    file = tmp_path / "result.json"
    process = subprocess.Popen(
        make_command("run", "--impl", "lists", *QUICK, "--output", file),
        env=make_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert said == "measuring\n"
    assert Result.load(file).rows() != []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_one_sentence() -> None:
    """Standard output that cannot be written to is told in one sentence."""
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            make_command("list", "stages"),
            env=make_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            check=False,
        )
    assert ran.returncode == 1
    assert ran.stderr == "Error: standard output: No space left on device\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("result.txt", [".json or .json.gz"]),
        ("nosuch/result.json", ["there is no directory nosuch"]),
        ("folder.json", ["is a directory"]),
    ],
)
def test_a_bad_output_is_told_before_anything_is_measured(
    invoke: Invoke, tmp_path: Path, name: str, words: list[str]
) -> None:
    """Where the result could not be written, nothing is measured for it: no progress is shown."""
    (tmp_path / "folder.json").mkdir()
    assert_one_sentence(invoke("run", "--output", name), 1, f"{name}: ", *words)


def test_a_result_that_cannot_be_written_is_printed(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk gets full during the run, the result is printed, and then told that it is not in the file."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.replace", refuse)
    ran = invoke("run", "--impl", "lists", *QUICK, "--format", "csv", "--output", "result.json")
    assert ran.exit_code == 1
    assert ran.stdout.startswith("impl,runtime")
    assert "result.json: cannot be written: No space left on device" in ran.stderr
    assert list(Path.cwd().iterdir()) == []


def test_an_existing_result_is_replaced(garagebench: Garagebench, tmp_path: Path) -> None:
    """--output onto a file that is there gives the new result, and nothing else stays beside it."""
    file = tmp_path / "result.json"
    file.write_text("old")
    ran = garagebench("run", "--impl", "lists", *QUICK, "--output", file)
    assert ran.returncode == 0, ran.stderr
    assert Result.load(file).rows() != []
    assert list(tmp_path.iterdir()) == [file]
