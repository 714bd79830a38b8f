"""Whole processes as cases: `--command CMD`. What is compared is their CPU time, that of all that they start included."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional

from garagebench.errors import GarageError
from garagebench.subjects.surroundings import activate

#: Lines of what a command that failed has written that are told.
MOST_LINES = 3


class CommandFailed(GarageError):
    """A command cannot be started, or did not end with exit code 0; the text has what it wrote."""

    status = "invalid"


def make_subject(arguments: Mapping[str, Any]) -> Commands:
    """Return the commands.

    arguments: commands, name -> its words; only, the names that are offered, where it is not all; directory, in which they
    run; paths, which come first in PYTHONPATH; environment, whose programs come first, or None; prepare, the words of one that runs before each measurement, or None.
    """
    directory, environment = (
        arguments["directory"],
        add_paths(arguments["paths"], arguments.get("environment")),
    )

    def run(words: Sequence[str]) -> None:
        run_command(words, directory, environment)

    only = arguments.get("only")
    commands = {
        name: words for name, words in arguments["commands"].items() if only is None or name in only
    }
    return Commands(commands, arguments["prepare"], run)


def add_paths(
    paths: Sequence[str],
    programs: Optional[str] = None,  # noqa: UP045  3.9
) -> dict[str, str]:
    """Return the variables, with those of the paths that are there at the beginning of PYTHONPATH.

    programs: an environment whose programs come first, too.
    """
    environment = {**os.environ, **({} if programs is None else activate(programs))}
    known = [path for path in paths if os.path.isdir(path)]
    if known:
        before = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([*known, *([before] if before else [])])
    return environment


class Commands:
    """Runs commands, one after the other."""

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        prepare: Optional[Sequence[str]],  # noqa: UP045  3.9
        run: Callable[[Sequence[str]], None],
    ) -> None:
        self._commands = commands
        self._prepare = prepare
        self._run = run

    def run(self, holder: Any) -> None:
        """Let the holder measure each command as often as it likes."""
        turn = holder.open(list(self._commands))
        while turn is not None:
            holder.hold(Call(self._run, self._commands[turn.case], self._prepare))
            turn = holder.next("passed", "")


class Call:
    """What the holder measures, with the fields that it looks for."""

    iterations = 1
    finish = None

    def __init__(
        self,
        run: Callable[[Sequence[str]], None],
        words: Sequence[str],
        prepare: Optional[Sequence[str]],  # noqa: UP045  3.9
    ) -> None:
        self.function = run
        self.args = (words,)
        self.kwargs: Mapping[str, Any] = {}
        self.cpu_clock = read_cpu_ns
        self._words = prepare
        self.prepare = None if prepare is None else self._run_before

    def _run_before(self) -> Any:
        self.function(self._words or ())
        # What it took is not the command's.
        return self.args, self.kwargs

    def run(self) -> None:
        """Run it once."""
        self.function(*self.args)

    def answers(self) -> list[str]:
        """Return nothing: what a process writes is not compared."""
        return []


def read_cpu_ns() -> int:
    """Return the CPU time of all processes that were started here and have ended, with those that they started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int(1e9 * (used.ru_utime + used.ru_stime))


def run_command(
    words: Sequence[str],
    directory: str,
    environment: Mapping[str, str],
    most_s: Optional[float] = None,  # noqa: UP045  3.9
) -> None:
    """Run a command to its end. most_s: seconds that it may take; None: any. Raises CommandFailed."""
    try:
        done = subprocess.run(
            words,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            timeout=most_s,
        )
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"{' '.join(words)}: it takes more than {most_s:g} s") from None
    except OSError as error:
        is_known = shutil.which(words[0], path=environment.get("PATH")) is not None
        why = error.strerror if is_known else "there is no such command"
        raise CommandFailed(f"{words[0]}: {why}") from None
    if done.returncode:
        how = (
            f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        )
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        said = " / ".join(line.strip() for line in lines[-MOST_LINES:])
        raise CommandFailed(f"{' '.join(words)}: {how}{f': {said}' if said else ''}")
