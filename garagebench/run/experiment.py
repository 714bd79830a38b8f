"""A run of the stages: from what the user asked for to contestants and their results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from garagebench.core.layout import BUILTIN as LAYOUTS
from garagebench.core.layout import Layout
from garagebench.core.workload import BUILTIN as WORKLOADS
from garagebench.core.workload import make_workload, park_body
from garagebench.engine import Contestant, Entrant, Progress, Result
from garagebench.engine.candidate import ColdStart
from garagebench.engine.channel import WorkerFailed
from garagebench.engine.contestant import Problem, RowTerms
from garagebench.engine.extent import Extent, enough
from garagebench.engine.interpreter import Interpreter
from garagebench.engine.runner import Runner, start_runner
from garagebench.engine.target import Target
from garagebench.errors import UnknownName
from garagebench.run.conduct import conduct
from garagebench.run.recipes import (
    REFERENCE,
    Interpreters,
    Recipe,
    check_impl,
    impl_label,
    pair,
)
from garagebench.run.recorded import SettingsError
from garagebench.stats.estimate import LEAST_GENERATIONS
from garagebench.subjects.requests import BATCHES, STAGES, rules_of

__all__ = ["REFERENCE", "RunSettings", "impl_label", "load_layout", "run"]

CLASSIC = ("lists", "numpy", "numba", "pypy")

#: What `--operation` takes -> the operations that are measured.
OPERATION_CHOICES: Mapping[str, tuple[str, ...]] = {
    "park": ("park",),
    "unpark": ("unpark",),
    "both": ("park", "unpark"),
    "park_many": ("park_many",),
    "unpark_many": ("unpark_many",),
    "many": tuple(BATCHES),
}

_PACKAGES = {"garagebench": str(Path(__file__).parents[1])}


@dataclass(frozen=True)
class RunSettings:
    """What a run measures. runtimes: empty for each implementation's own; spaces: None for the layout's own.

    variants: stage -> variant, of every implementation but the reference. servers: behind which the API is measured,
    too; ladder: with servers that leave something out. budget_s: seconds that are spent; generations: so many instead;
    neither: as long as intervals take.
    """

    impls: tuple[str, ...] = CLASSIC
    runtimes: tuple[str, ...] = ()
    layout: str = "seed"
    spaces: int | None = None
    workload: str = "fill"
    operation: str = "both"
    stages: tuple[str, ...] = ()
    budget_s: float | None = None
    seed: int = 0
    variants: Mapping[str, str] = field(default_factory=dict)
    servers: tuple[str, ...] = ()
    ladder: bool = False
    generations: int | None = None


def run(
    settings: RunSettings,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    output: Path | None = None,
) -> Result:
    """Measure what the settings say, in lock-step; contestants that cannot run are in the result with the reason."""
    return conduct(
        Experiment(settings),
        choose_extent(settings),
        settings.seed,
        on_progress=on_progress,
        output=output,
    )


def choose_extent(settings: RunSettings) -> Extent:
    """Return how much is measured."""
    return enough(settings.budget_s, settings.generations, LEAST_GENERATIONS)


class Experiment:
    """The settings, resolved: a layout, a workload, operations, and the pairs of implementation and interpreter."""

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        for impl in settings.impls:
            check_impl(impl)
        self.layout = load_layout(settings.layout, settings.spaces)
        if settings.workload not in WORKLOADS and not looks_like_file(settings.workload):
            raise UnknownName(
                f"unknown workload {settings.workload!r}; there is: {', '.join(WORKLOADS)}, or a file of JSON lines"
            )
        self.workload = make_workload(settings.workload, self.layout, settings.seed)
        self.operations = choose_operations(
            settings, {block.operation for block in self.workload.blocks}
        )
        stages = settings.stages or tuple(
            dict.fromkeys(stage for names in STAGES.values() for stage in names)
        )
        self.stages = stages
        self._interpreters = Interpreters()
        self._labels: dict[str, tuple[str, str]] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of any figure should know beforehand."""
        return self.workload.caveats

    def start_runner(self, python: str, core: int | None, environment: dict[str, str]) -> Runner:
        """Start a process for a contestant."""
        return start_runner(python, core, environment)

    def judge(self, result: Result) -> Result:
        """Return the result without figures that do not hold."""
        return result

    def enter(self) -> tuple[list[Entrant], list[Contestant]]:
        """Return the entrants, the reference first, and the contestants that have no interpreter to run on."""
        entrants: list[Entrant] = []
        absent: list[Contestant] = []
        known: dict[str, str] = {}
        settings = self._settings
        for recipe, runtime in pair(settings.impls, settings.variants, settings.runtimes):
            interpreter = self._interpreters.find(runtime)
            label = interpreter.label if isinstance(interpreter, Interpreter) else runtime
            name = f"{recipe.label}@{label}/{self._layout_label}/{self.workload.name}"
            what = f"{recipe.arguments['impl']} on {interpreter.path if isinstance(interpreter, Interpreter) else runtime}"
            if known.setdefault(name, what) != what:
                raise SettingsError(
                    f"two contestants are called {name}: {known[name]}, and {what}; leave one out"
                )
            if name in self._labels:
                continue
            self._labels[name] = (recipe.label, label)
            rows = tuple(self._row_names())
            if isinstance(interpreter, WorkerFailed):
                absent.append(
                    Contestant(
                        name,
                        problem=Problem("unavailable", str(interpreter)),
                        row_names=rows,
                        subject=recipe.label,
                        runtime=label,
                    )
                )
            else:
                entrants.append(
                    Entrant(
                        name,
                        interpreter.path,
                        self._make_target(recipe),
                        self._cold(recipe),
                        rows,
                        subject=recipe.label,
                        runtime=label,
                    )
                )
        return entrants, absent

    def describe(self) -> dict[str, Any]:
        """Return the settings for the result file, with what each contestant's name stands for."""
        return {
            **asdict(self._settings),
            "impls": list(self._settings.impls),
            "runtimes": list(self._settings.runtimes),
            "stages": list(self._settings.stages),
            "servers": list(self._settings.servers),
            "layout_label": self._layout_label,
            "workload_label": self.workload.name,
            "spaces": sum(self.layout.capacities),
            "requests": {
                operation: self._requests(operation)
                for operation in self.operations
                if operation != "start"
            },
            "collector": "off during slices",
            "contestants": {name: list(labels) for name, labels in self._labels.items()},
        }

    @property
    def _layout_label(self) -> str:
        return label_layout(self.layout, self._settings.spaces)

    def _row_names(self) -> Iterator[str]:
        for operation in self.operations:
            for stage in STAGES[operation]:
                if stage in self.stages and stage != "compile":
                    yield f"{operation}/{stage}"

    def _make_target(self, recipe: Recipe) -> Target:
        arguments = {
            **recipe.arguments,
            "layout": self.layout.to_data(),
            "workload": self.workload.to_data(),
            "operations": self.operations,
            "stages": self.stages,
        }
        return Target("garagebench.subject:make_subject", arguments, _PACKAGES)

    def _cold(self, recipe: Recipe) -> ColdStart | None:
        if "start" not in self.operations:
            return None
        arguments = {
            **recipe.arguments,
            "layout": self.layout.to_data(),
            # Not the workload's first: what a trace begins with may be refused.
            "body": park_body(next(iter(self.layout.tiers))).decode(),
        }
        call = {
            "packages": _PACKAGES,
            "target": "garagebench.subject:cold_start",
            "arguments": arguments,
        }
        rows = {
            stage: RowTerms(f"start/{stage}", {f"start/{stage}": 1}, **rules_of("start", stage))
            for stage in STAGES["start"]
            if stage in self.stages
        }
        return ColdStart(call, rows, caches=["NUMBA_CACHE_DIR"])  # only the cold start compiles

    def _requests(self, operation: str) -> int:
        operation = BATCHES.get(operation, operation)
        return sum(
            len(block.requests) for block in self.workload.blocks if block.operation == operation
        )


def load_layout(name: str, spaces: int | None) -> Layout:
    """Return the built-in layout or the TOML file of that name, scaled where spaces are given."""
    if name not in LAYOUTS and not looks_like_file(name):
        raise UnknownName(
            f"unknown layout {name!r}; there is: {', '.join(LAYOUTS)}, or a TOML file"
        )
    layout = Layout.builtin(name) if name in LAYOUTS else Layout.from_toml(name)
    return layout if spaces is None else layout.scaled(spaces)


def label_layout(layout: Layout, spaces: int | None) -> str:
    """Return the name of a layout in tables; spaces: to how many it was scaled."""
    return layout.name if spaces is None else f"{layout.name}-{spaces}"


def looks_like_file(name: str) -> bool:
    """Tell whether the name of a layout or a workload is meant as a path: one that exists, or that has a dot or a directory."""
    path = Path(name)
    return path.exists() or path.suffix != "" or path.name != name


def choose_operations(settings: RunSettings, present: set[str]) -> list[str]:
    """Return the operations to measure, in order: those wanted that the workload has, and `start`."""
    wanted = OPERATION_CHOICES[settings.operation]
    if "both" in present and not set(wanted) & set(BATCHES):
        operations = ["both"]
    else:
        operations = [
            operation for operation in wanted if BATCHES.get(operation, operation) in present
        ]
        if not operations:
            lacks = f"{' or '.join(BATCHES.get(name, name) for name in wanted)} requests"
            lacks += " in a row" if "both" in present else ""
            raise SettingsError(f"the workload {settings.workload} has no {lacks}")
    if settings.operation == "both" or any(stage in STAGES["start"] for stage in settings.stages):
        operations.append("start")
    if settings.stages:
        known = {stage for operation in operations for stage in STAGES[operation]}
        unknown = [stage for stage in settings.stages if stage not in known]
        if unknown:
            raise UnknownName(
                f"unknown stage {unknown[0]!r} of {', '.join(operations)}; there is: {', '.join(sorted(known))}"
            )
        operations = [
            operation for operation in operations if set(STAGES[operation]) & set(settings.stages)
        ]
    return operations
