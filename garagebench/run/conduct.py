"""An experiment of any kind, measured: the result is kept in a file after each generation."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from garagebench.engine import Conductor, Contestant, Entrant, Progress, Result
from garagebench.engine.conductor import TIMEOUT_S
from garagebench.engine.extent import Extent
from garagebench.engine.files import ResultError
from garagebench.engine.metadata import collect_environment
from garagebench.engine.runner import Runner


class Experiment(Protocol):
    """What is measured against each other."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of any figure should know beforehand."""

    def enter(self) -> tuple[list[Entrant], list[Contestant]]:
        """Return the entrants, the reference first, and the contestants that cannot run."""

    def describe(self) -> dict[str, Any]:
        """Return the settings for the result file."""

    def start_runner(self, python: str, core: int | None, environment: dict[str, str]) -> Runner:
        """Start a process for a contestant."""

    def judge(self, result: Result) -> Result:
        """Return the result without figures that do not hold."""


def conduct(
    experiment: Experiment,
    extent: Extent,
    seed: int,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    output: Path | None = None,
) -> Result:
    """Measure all that takes part in the experiment.

    output: a file that is written after each generation, so that a crash loses little. A full disk does not end the
    run; `save` the result where it must be said.
    """

    def keep(result: Result) -> None:
        if output is not None:
            with contextlib.suppress(ResultError):
                save(experiment.judge(result), output)

    entrants, absent = experiment.enter()
    conductor = Conductor(
        entrants,
        extent=extent,
        seed=seed,
        absent=absent,
        notes=experiment.notes,
        settings=experiment.describe(),
        environment=collect_environment(),
        on_progress=on_progress,
        on_generation=keep,
        start_runner=experiment.start_runner,
        timeout_s=TIMEOUT_S,
    )
    result = conductor.run()
    keep(result)
    return experiment.judge(result)


def save(result: Result, output: Path) -> None:
    """Write the result file if anything was measured; ResultError where the system does not let us."""
    if any(contestant.series for contestant in result.contestants):
        result.save(output)
