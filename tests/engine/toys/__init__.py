"""Subjects that have nothing to do with parking, and functions that misbehave. Python 3.9: workers import it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from typing import Any

from garagebench.interface import Block, Case, RowSpec, Step

NUMBERS = tuple(range(100))


class Adder:
    """Adds to a hundred numbers and expects the sums with `expected`; appends them to a list that is emptied again."""

    def __init__(self, added: int = 1, expected: int = 1, *, in_context: bool = True) -> None:
        self._added = added
        self._expected = expected
        self._in_context = in_context

    def cases(self) -> list[Case]:
        """One case in context, one with a state."""
        self._state: list[int] = []
        block = Block(NUMBERS, [number + self._expected for number in NUMBERS], len(NUMBERS))
        emptied = Block(NUMBERS, range(1, 101), len(NUMBERS), self._state.clear)
        return [
            Case(
                "add",
                "number",
                [Step("add", "total = number + added")],
                "total",
                {"added": self._added},
                [block],
                in_context=self._in_context,
            ),
            Case(
                "append",
                "number",
                [Step("append", "append(number)"), Step("count", "count = len(state)")],
                "count",
                {"append": self._state.append, "state": self._state, "len": len},
                [emptied],
            ),
        ]


class Noisy(Adder):
    """Prints whatever it does."""

    caveats = ("it talks",)

    def cases(self) -> list[Case]:
        """Cases, with noise on both streams and on their descriptors."""
        sys.stdout.write("not an answer\n")
        os.write(1, b'{"error": "not this either"}\n')
        sys.stderr.write("nor here\n")
        return super().cases()

    def rows(self) -> list[RowSpec]:
        """The difference of its cases."""
        return [RowSpec("more", {"append": 1, "add": -1}, {"add (add)": 2})]


def make_adder(arguments: dict[str, int]) -> Adder:
    """The subject as a factory makes it."""
    return Adder(**arguments)


def make_noisy(_: Any) -> Noisy:
    """The subject as a factory makes it."""
    return Noisy()


def echo(arguments: Any) -> Any:
    """What it was given."""
    return arguments


def collects(_: Any) -> bool:
    """Whether the collector is on."""
    return gc.isenabled()


def imports(name: str) -> bool:
    """Whether a module of that name can be imported."""
    try:
        __import__(name)
    except ImportError:
        return False
    return True


class Unwilling(Exception):
    """Says itself what becomes of its rows."""

    status = "unavailable"


def refuse(reason: str) -> None:
    """Fail in a way of its own."""
    raise Unwilling(reason)


def divide(number: int) -> float:
    """Fail in an ordinary way for 0."""
    return 1 / number


def end_by_signal(number: int) -> None:
    """Die at once."""
    os.kill(os.getpid(), number)


def end_with_last_words(code: int) -> None:
    """Die with something on standard error that looks like a traceback."""
    sys.stderr.write(
        "Traceback (most recent call last):\n  in a function\nMemoryError: all gone\n\n"
    )
    sys.stderr.flush()
    os._exit(code)


def hang(seconds: float) -> None:
    """Say nothing for so long."""
    time.sleep(seconds)


def write_to_pipe(text: str) -> str:
    """Write to the pipe for answers before the answer."""
    os.write(int(sys.argv[2]), text.encode())
    return "the answer"


def close_pipe(_: Any) -> None:
    """Go on without the pipe for answers."""
    os.close(int(sys.argv[2]))
    time.sleep(60)


def start_child(fifo: str) -> None:
    """Leave a process behind that holds the fifo open and would write to it in the end."""
    source = "import sys, time; f = open(sys.argv[1], 'w'); f.write('begun '); f.flush(); time.sleep(10); f.write('survived')"
    subprocess.Popen([sys.executable, "-c", source, fifo])


def cores(_: Any) -> list[int]:
    """The cores on which a process that is started now may run."""
    source = "import os; print(*os.sched_getaffinity(0))"
    found = subprocess.run([sys.executable, "-c", source], stdout=subprocess.PIPE, check=True)
    return [int(core) for core in found.stdout.split()]


def variables(names: list[str]) -> list[Any]:
    """The values of environment variables."""
    return [os.environ.get(name) for name in names]
