"""What `garagebench verify` does: the conformance suite on an interpreter, in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from garagebench.engine.channel import Channel
from garagebench.engine.interpreter import find_interpreter
from garagebench.impls.registry import find_entry
from garagebench.run.recipes import Recipe, check_impl

#: Seconds after which an implementation that is being verified counts as hung.
VERIFY_TIMEOUT_S = 120.0

_PACKAGES = {"garagebench": str(Path(__file__).parents[1])}


@dataclass(frozen=True)
class Conformity:
    """What `verify` found."""

    text: str
    exit_code: int


def verify_impl(
    impl: str, runtime: str | None, seed: int, variants: Mapping[str, str] | None = None
) -> Conformity:
    """Run the conformance suite on the interpreter, in a process of its own."""
    recipe = Recipe(impl, variants or {})
    check_impl(impl)
    interpreter = find_interpreter(
        runtime if runtime is not None else find_entry(impl).runtime or ""
    )
    command = {
        "do": "call",
        "packages": _PACKAGES,
        "target": "garagebench.conformance.counterexample:verify",
        "arguments": {**recipe.arguments, "seed": seed},
    }
    with Channel(interpreter.path) as channel:
        found = channel.ask(command, VERIFY_TIMEOUT_S)["result"]
    name = f"{recipe.label} on {interpreter.label}"
    if found["failure"] is None:
        return Conformity(f"{name} gives the right answers", 0)
    return Conformity(f"{name} gives a wrong answer\n\n{found['failure']}", 3)
