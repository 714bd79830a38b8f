"""The stage `http` of a run: who takes part behind which server, and which figures hold.

Servers are contestants like any other: the conductor hands them slices in the same rounds, in an order drawn afresh,
all on the core that is kept for what is measured, the client on another. What a row says is the difference, within a
round, between a server's CPU time for one request and what the same request takes without a server.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from garagebench.engine import Contestant, Entrant, Progress, Result
from garagebench.engine.channel import Channel
from garagebench.engine.contestant import Problem
from garagebench.engine.interpreter import Interpreter
from garagebench.engine.runner import Runner
from garagebench.errors import Unavailable, UnknownName
from garagebench.http.burst import SIZE, make_burst
from garagebench.http.contestants import ServedRun
from garagebench.http.runner import ServedRunner
from garagebench.http.tally import Tally
from garagebench.run.conduct import conduct
from garagebench.run.experiment import OPERATION_CHOICES, Experiment, RunSettings, choose_extent
from garagebench.run.recipes import REFERENCE, Recipe, pair
from garagebench.run.recorded import SettingsError
from garagebench.server.registry import ELSEWHERE, check_interpreter, load_server
from garagebench.server.stages import HTTP_STAGES, RUNG_OF, SERVED
from garagebench.subjects.requests import STAGES

#: What `--operation` may be where servers are measured.
SERVED_OPERATIONS = (*SERVED, "both")


def run(
    settings: RunSettings,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    output: Path | None = None,
) -> Result:
    """Measure what the settings say, with and without servers; `output` as in `experiment.run`.

    Raises SettingsError, UnknownName, NothingToAsk.
    """
    return conduct(
        ServedExperiment(settings),
        choose_extent(settings),
        settings.seed,
        on_progress=on_progress,
        output=output,
    )


class ServedExperiment(Experiment):
    """An experiment with servers. Raises SettingsError, UnknownName, NothingToAsk."""

    def __init__(self, settings: RunSettings) -> None:
        check_settings(settings)
        stages = tuple(stage for stage in settings.stages if stage not in HTTP_STAGES)
        super().__init__(replace(settings, stages=stages))
        self._asked = settings
        self._has_stages_without = bool(stages) or not settings.stages
        self._burst = make_burst(self.layout, self.workload)
        self._tallies: dict[str, Tally] = {}
        self._served: dict[str, str] = {}
        self._reasons = {server: find_reason(server) for server in settings.servers}
        self._served_run = ServedRun(
            python=sys.executable,
            burst=self._burst,
            layout=self.layout.to_data(),
            layout_options=_layout_options(settings),
            operations=OPERATION_CHOICES[settings.operation],
            stages=choose_stages(settings),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of any figure should know beforehand."""
        size = len(self._burst.parks)
        few = (
            f"a burst has only {size} requests ({SIZE} are wanted): the figures of http are coarse"
        )
        return (*super().notes, *([few] if size < SIZE else []))

    def start_runner(self, python: str, core: int | None, environment: dict[str, str]) -> Runner:
        """Start a process for a contestant, which may have a server beside it."""
        return ServedRunner(Channel(python, core, environment), core, self._tallies)

    def enter(self) -> tuple[list[Entrant], list[Contestant]]:
        """Return those without a server where they are wanted, then those with one, and what cannot run."""
        entrants, absent = super().enter() if self._has_stages_without else ([], [])
        reference: str | None = None
        for recipe, runtime, server in self._combine():
            found = self._interpreters.find(runtime)
            label = found.label if isinstance(found, Interpreter) else runtime
            name = f"{recipe.label}@{label}/{self._layout_label}/{self.workload.name}/{server}"
            if name in self._served:
                continue
            reason = self._find_reason(recipe.impl, runtime, server)
            reference = reference or (None if reason else name)
            for one in self._enter_server(name, recipe, server, reference):
                entrant = replace(one, subject=recipe.label, runtime=f"{label}/{server}")
                self._served[entrant.name] = server
                self._labels[entrant.name] = (recipe.label, label)
                if reason:
                    problem = Problem("unavailable", reason)
                    absent.append(
                        Contestant(
                            entrant.name,
                            problem=problem,
                            row_names=entrant.row_names,
                            subject=entrant.subject,
                            runtime=entrant.runtime,
                        )
                    )
                else:
                    entrants.append(entrant)
        return entrants, absent

    def describe(self) -> dict[str, Any]:
        """Return the settings for the result file; `served`: which contestant is behind which server."""
        return {
            **super().describe(),
            "stages": list(self._asked.stages),
            "served": dict(self._served),
            "burst": len(self._burst.parks),
        }

    def judge(self, result: Result) -> Result:
        """Return the result in which what speaks against a server's figures takes their place."""
        contestants = tuple(
            judge_contestant(one, self._tallies.get(one.name, Tally()).find_reasons())
            if one.name in self._served
            else one
            for one in result.contestants
        )
        return replace(result, contestants=contestants)

    def _combine(self) -> Iterator[tuple[Recipe, str, str]]:
        settings = self._asked
        for recipe, runtime in pair(settings.impls, settings.variants, settings.runtimes):
            for server in settings.servers:
                yield recipe, runtime, server

    def _find_reason(self, impl: str, runtime: str, server: str) -> str:
        """Return why that cannot be measured here, or an empty text."""
        found = self._interpreters.find(runtime)
        if not isinstance(found, Interpreter):
            return str(found)
        if found != self._interpreters.find(""):
            return ELSEWHERE.format(found.label)
        try:
            check_interpreter(impl)  # as the server will, whatever the runtime that was named
        except Unavailable as error:
            return str(error)
        return self._reasons[server]

    def _enter_server(
        self, name: str, recipe: Recipe, server: str, reference: str | None
    ) -> Iterator[Entrant]:
        """Yield the whole server and, with the reference's implementation, its ladder."""
        impl = recipe.arguments["impl"]
        target = self._make_target(recipe)
        arguments = {
            **target.arguments,
            "workload": self._burst.to_workload().to_data(),
            "operations": self._served_run.operations,
            "stages": ("total",),
        }
        target = replace(target, arguments=arguments)
        whole = self._served_run.make_whole(name, server, impl, target, reference)
        if whole is not None:
            yield whole
        if self._asked.ladder and recipe.label == REFERENCE:
            yield from self._served_run.make_ladder(name, server, impl)


def check_settings(settings: RunSettings) -> None:
    """Raise SettingsError for what servers cannot be measured with, UnknownName for a stage that there is not."""
    if settings.operation not in SERVED_OPERATIONS:
        raise SettingsError(
            f"a server has no operation {settings.operation}; --server takes {', '.join(SERVED_OPERATIONS)}"
        )
    if settings.variants:
        raise SettingsError(
            "--server cannot be combined with --with: a server takes an implementation as it is; "
            "an Impl in a file of yours may have the variants"
        )
    known = dict.fromkeys(stage for names in (*STAGES.values(), HTTP_STAGES) for stage in names)
    unknown = [stage for stage in settings.stages if stage not in known]
    if unknown:
        raise UnknownName(f"unknown stage {unknown[0]!r}; there is: {', '.join(known)}")
    if not choose_stages(settings):
        raise SettingsError(
            f"--stage leaves out all that --server measures: add --stage http, or one of {', '.join(HTTP_STAGES)}"
        )
    lower = [stage for stage in settings.stages if stage in RUNG_OF]
    if lower and not settings.ladder:
        raise SettingsError(f"stage {lower[0]} is a rung of the ladder: add --ladder")


def choose_stages(settings: RunSettings) -> list[str]:
    """Return the stages over HTTP that are wanted; of a ladder all rungs, unless some are named."""
    named = set(settings.stages or HTTP_STAGES)
    rungs = (named & set(RUNG_OF) or set(RUNG_OF)) if settings.ladder else set()
    return [stage for stage in HTTP_STAGES if stage in (rungs if stage in RUNG_OF else named)]


def find_reason(server: str) -> str:
    """Return why the server cannot run here, or an empty text. Raises UnknownName."""
    try:
        load_server(server)
    except Unavailable as error:
        return str(error)
    return ""


def judge_contestant(contestant: Contestant, reasons: list[str]) -> Contestant:
    """Return the contestant without its figures where they do not hold: a part of them would be no better."""
    problem = contestant.problem
    if problem is None and not reasons:
        return contestant
    if problem is None or problem.status == "invalid":
        said = [] if problem is None else [problem.reason]
        problem = Problem("invalid", "; ".join(dict.fromkeys([*said, *reasons])))
    return replace(contestant, rows=(), series={}, problem=problem)


def _layout_options(settings: RunSettings) -> list[str]:
    spaces = [] if settings.spaces is None else ["--spaces", str(settings.spaces)]
    return ["--layout", settings.layout, *spaces]
