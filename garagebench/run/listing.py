"""What there is to choose from: the contents of `garagebench list`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from garagebench.core.layout import BUILTIN as LAYOUTS
from garagebench.core.layout import Layout
from garagebench.core.workload import BUILTIN as WORKLOADS
from garagebench.engine.channel import Channel, WorkerFailed
from garagebench.engine.interpreter import Interpreter, find_interpreter
from garagebench.errors import Unavailable
from garagebench.impls.registry import entries
from garagebench.server.registry import SERVERS, load_server
from garagebench.server.stages import HTTP_STAGES, SERVED
from garagebench.stages.variants import VARIANTS
from garagebench.subjects.requests import STAGES

Item = dict[str, str]

#: Names under which interpreters are looked for, besides this one.
RUNTIMES = ("pypy3", *(f"python3.{minor}" for minor in range(9, 16)))

_PACKAGES = {"garagebench": str(Path(__file__).parents[1])}


def list_impls() -> Iterator[Item]:
    """Yield the implementations, each tried on the interpreter that it runs on by default."""
    for name, entry in entries().items():
        try:
            interpreter = find_interpreter(entry.runtime or "")
            with Channel(interpreter.path) as channel:
                command = {
                    "do": "call",
                    "packages": _PACKAGES,
                    "target": "garagebench.impls.registry:try_impl",
                    "arguments": name,
                }
                channel.ask(command, timeout_s=60)
            runs = "yes"
            label = interpreter.label
        except WorkerFailed as failure:
            runs, label = f"no: {failure}", entry.runtime or find_interpreter("").label
        yield {"impl": name, "runtime": label, "runs": runs, "about": entry.about}


def list_runtimes() -> Iterator[Item]:
    """Yield the interpreters that are found on the PATH, this one first."""
    known: set[str] = set()
    for name in ("", *RUNTIMES):
        try:
            found: Interpreter = find_interpreter(name)
        except WorkerFailed:
            continue
        if found.label not in known:
            known.add(found.label)
            yield {
                "runtime": name or sys.executable,
                "label": found.label,
                "version": found.environment["python_version"],
            }


def list_stages() -> Iterator[Item]:
    """Yield the stages of each operation, in the order of the request, each with its variants, the usual one first.

    Last those of servers.
    """
    known = [*STAGES.items(), *((operation, HTTP_STAGES) for operation in SERVED)]
    return (
        {"operation": operation, "stage": stage, "variants": describe_variants(operation, stage)}
        for operation, stages in known
        for stage in stages
    )


def describe_variants(operation: str, stage: str) -> str:
    """Return what `--with STAGE=` takes for the stage of an operation; "none", or the stage that brings its variants."""
    fields = (f"{stage}_{operation}", stage)
    names = [
        name
        for name, factories in VARIANTS.get(stage, {}).items()
        if any(field in factories for field in fields)
    ]
    brings = [
        other
        for other, variants in VARIANTS.items()
        if any(stage in factories for factories in variants.values())
    ]
    return ", ".join(names or (f"with {other}" for other in brings)) or "none"


def list_layouts() -> Iterator[Item]:
    """Yield the built-in layouts."""
    for name in LAYOUTS:
        layout = Layout.builtin(name)
        spaces = ", ".join(
            f"{count} {kind}" for kind, count in zip(layout.kinds, layout.capacities, strict=True)
        )
        yield {
            "layout": name,
            "floors": str(len(layout.floors)),
            "spaces": spaces,
            "vehicles": ", ".join(layout.tiers),
        }


def list_workloads() -> Iterator[Item]:
    """Yield the built-in workloads."""
    for name, make in WORKLOADS.items():
        yield {"workload": name, "about": (make.__doc__ or "").splitlines()[0]}


def list_servers() -> Iterator[Item]:
    """Yield the servers, each with whether it runs here."""
    for name, entry in SERVERS.items():
        try:
            load_server(name)
            runs = "yes"
        except Unavailable as error:
            runs = f"no: {error}"
        yield {"server": name, "runs": runs, "about": entry.about}


TOPICS: Mapping[str, Callable[[], Iterator[Item]]] = {
    "impls": list_impls,
    "runtimes": list_runtimes,
    "stages": list_stages,
    "layouts": list_layouts,
    "workloads": list_workloads,
    "servers": list_servers,
}
