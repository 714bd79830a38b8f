"""The progress of a long run, on standard error."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from rich.console import Console


#: What is counted while environments are made.
ENVIRONMENT = "environment"


class Step(Protocol):
    """How far a run is: generations done and planned (None: not known yet), seconds gone and expected in all."""

    @property
    def generation(self) -> int:
        """Generations done."""

    @property
    def generations(self) -> int | None:
        """Generations planned."""

    @property
    def what(self) -> str:
        """What is counted, in the singular."""

    @property
    def elapsed_s(self) -> float:
        """Seconds gone."""

    @property
    def expected_s(self) -> float:
        """Seconds expected in all; infinite where nobody knows."""


@contextlib.contextmanager
def show_progress(console: Console) -> Iterator[Callable[[Step], None]]:
    """Yield a function that moves a bar with the time left; on no terminal, a line a minute and no bar."""
    if not console.is_terminal:
        yield _LineAMinute(console)
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=1.0, left="")

        def move(step: Step) -> None:
            planned = "" if step.generations is None else f" of {step.generations}"
            left_s = max(0.0, step.expected_s - step.elapsed_s)
            progress.update(
                task,
                description=f"{step.what} {step.generation + 1}{planned}" if left_s else "done",
                completed=step.elapsed_s / step.expected_s,
                left=f"{left_s:.0f} s left" if math.isfinite(left_s) else "",
            )

        yield move


class _LineAMinute:
    """For logs: a word at the start, and one a minute."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = 0.0

    def __call__(self, step: Step) -> None:
        if step.elapsed_s >= self._next_s:
            self._next_s = step.elapsed_s + 60
            left_s = max(0.0, step.expected_s - step.elapsed_s)
            left = f", about {left_s:.0f} s left" if math.isfinite(left_s) else ""
            doing = "measuring" if step.what != ENVIRONMENT else "installing both sides"
            self._console.print(f"{doing}{left}", highlight=False)


class SecondsLine:
    """The seconds of a run that must not be disturbed: no thread draws here, and a second costs one short write.

    On no terminal, a line at the start and nothing after it. Use it as a context manager: it leaves no line behind.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._what = ""
        self._expected_s: float | None = None

    def begin(self, what: str, expected_s: float | None) -> None:
        """Say what is done now, and how long it takes; None: until it is stopped."""
        self._what, self._expected_s = what, expected_s
        if self._console.is_terminal:
            self.tick(0.0)
            return
        until = "until Ctrl-C" if expected_s is None else f"{expected_s:g} s"
        self._console.print(f"{what}, {until}", highlight=False, soft_wrap=True)

    def tick(self, elapsed_s: float) -> None:
        """Say how many seconds are gone."""
        if self._console.is_terminal:
            planned = "" if self._expected_s is None else f" of {self._expected_s:g}"
            self._write(f"\r\x1b[K{self._what}: {elapsed_s:.0f}{planned} s")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._what and self._console.is_terminal:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()
