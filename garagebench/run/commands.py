"""Commands as targets: `--command CMD`."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from garagebench.engine.target import Target
from garagebench.errors import GarageError
from garagebench.subjects.commands import CommandFailed, add_paths, read_cpu_ns, run_command
from garagebench.system import alone

FACTORY = "garagebench.subjects.commands:make_subject"

#: Seconds that a command may take: what takes longer is not repeated often enough for a verdict.
MOST_S = 60.0

#: A command that uses its core for a smaller share of its time waits, even where other programs take half of it. One that
#: uses more than one core has several threads.
WAITS, HAS_THREADS = 0.4, 1.1


#: What a command does alone, its wall time and peak memory, is measured so often, in at most so many seconds.
RUNS_ALONE, MOST_ALONE_S = 5, 10.0


@dataclass(frozen=True)
class Use:
    """What a process takes when it runs alone: seconds by the clock on the wall, and the most memory that it had."""

    wall_s: float
    peak_bytes: int


@dataclass(frozen=True)
class Start:
    """A command, and where and how it is started. before: the words of one that runs first, if any."""

    words: Sequence[str]
    directory: Path
    variables: Mapping[str, str]
    before: Sequence[str] = ()

    def run(self) -> Use:
        """Run it once. Raises CommandFailed."""
        if self.before:
            run_command(self.before, str(self.directory), self.variables)
        done = subprocess.run(
            [sys.executable, "-I", "-S", alone.__file__, *self.words],
            cwd=self.directory,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        code, wall_s, peak_bytes = json.loads(done.stdout) if done.stdout else (1, 0.0, 0)
        if code:
            raise CommandFailed(
                f"{shlex.join(self.words)}: exit code {code}, after it had ended well"
            )
        return Use(wall_s, peak_bytes)


def run_alone(starts: Sequence[Start]) -> list[Use]:
    """Return the medians of what each takes alone, one after the other in turn. Raises CommandFailed."""
    begin = time.monotonic()
    rounds = [[start.run() for start in starts]]
    round_s = time.monotonic() - begin
    while len(rounds) < RUNS_ALONE and time.monotonic() - begin + round_s < MOST_ALONE_S:
        rounds.append([start.run() for start in starts])
    return [
        Use(median(use.wall_s for use in uses), int(median(use.peak_bytes for use in uses)))
        for uses in zip(*rounds, strict=True)
    ]


def format_use(use: Use) -> str:
    """Return it for people."""
    return f"{use.wall_s:.3g} s by the clock and at most {use.peak_bytes / 1e6:.1f} MB"


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
