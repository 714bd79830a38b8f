"""Commands as targets: `--command CMD`."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from garagebench.engine.target import Target
from garagebench.errors import GarageError
from garagebench.subjects.commands import add_paths, read_cpu_ns, run_command

FACTORY = "garagebench.subjects.commands:make_subject"

#: Seconds that a command may take: what takes longer is not repeated often enough for a verdict.
MOST_S = 60.0

#: A command that uses its core for a smaller share of its time waits, even where other programs take half of it. One that
#: uses more than one core has several threads.
WAITS, HAS_THREADS = 0.4, 1.1


class CommandError(GarageError):
    """A command cannot be taken apart; the text says why."""


def split_command(text: str) -> list[str]:
    """Return the words of a command, as a shell would. Raises CommandError."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise CommandError(f"{text}: {str(error).lower()}") from None
    if not words:
        raise CommandError("a command is empty: name a program, as in --command 'python script.py'")
    return words


def make_command_target(
    commands: dict[str, list[str]],
    directory: Path,
    paths: Sequence[Path],
    prepare: str | None,
    package: Path,
    environment: str | None = None,
) -> Target:
    """Return what a worker loads. commands: name -> words. paths: first in PYTHONPATH. package: where garagebench is.

    environment: whose programs come first.
    """
    arguments = {
        "commands": commands,
        "directory": str(directory),
        "paths": list(map(str, paths)),
        "environment": environment,
        "prepare": None if prepare is None else split_command(prepare),
    }
    return Target(FACTORY, arguments, {"garagebench": str(package)})


def try_command(
    words: Sequence[str],
    directory: Path,
    paths: Sequence[Path] = (),
    environment: str | None = None,
) -> Iterator[str]:
    """Run a command once; yield what is to be known of its times. Raises CommandFailed."""
    begin, before = time.monotonic_ns(), read_cpu_ns()
    run_command(words, str(directory), add_paths(list(map(str, paths)), environment), MOST_S)
    share = (read_cpu_ns() - before) / (time.monotonic_ns() - begin)
    name = shlex.join(words)
    if share < WAITS:
        yield f"{name} waits in {100 * (1 - share):.0f} % of its time: only its CPU time is measured"
    if share > HAS_THREADS:
        yield f"{name} uses {share:.1f} cores: measured is their CPU time together, on one core"
