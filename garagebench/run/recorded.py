"""The settings of a run, as its result carries them: what was asked for, and what each contestant's name stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, cast

from garagebench.errors import GarageError

if TYPE_CHECKING:
    from garagebench.engine import Result


class SettingsError(GarageError):
    """What was asked for does not go together."""


class _Always(TypedDict):
    impls: list[str]
    runtimes: list[str]
    layout: str
    layout_label: str
    workload: str
    workload_label: str
    operation: str
    spaces: int
    seed: int
    contestants: dict[str, list[str]]


class RecordedSettings(_Always, total=False):
    """The keys that every run has, and those of some.

    contestants: name -> implementation and interpreter. kind: "benchmarks" for the user's own. left_out: contestant ->
    benchmark -> why it was not measured, as status and reason. served: name -> the server that it is behind. processes: of a
    run with several. spaces: of the layout, scaled or not.
    """

    kind: str
    left_out: dict[str, dict[str, list[str]]]
    stages: list[str]
    variants: dict[str, str]
    served: dict[str, str]
    servers: list[str]
    processes: int
    requests: dict[str, int]
    budget_s: float | None
    generations: int | None
    ladder: bool
    collector: str
    burst: int


def read_settings(result: Result) -> RecordedSettings:
    """Return the settings of the run that the result is of. Raises SettingsError for one of `garagebench.measure`."""
    if "contestants" not in result.settings:
        raise SettingsError(
            "these results are of garagebench.measure and have no stages: read them with Result.load(path).rows()"
        )
    return cast("RecordedSettings", result.settings)
