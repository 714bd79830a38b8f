"""What a selftest found on this user's machine, kept in the cache, where `check` finds it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from garagebench.engine import Result
from garagebench.engine.files import write_whole
from garagebench.stats.levels import CERTAINTY, format_level
from garagebench.system.cache import find_cache


@dataclass(frozen=True)
class Count:
    """So many of so many gates."""

    count: int
    of: int


@dataclass(frozen=True)
class Certificate:
    """What was found, and where. Percent are of one stage's time; found_percent: None where none up to the most is.

    budget_s, limit_generations: what a gate could take; both None: as `check` does by default. generations: recorded.

    The live counts are of 0 gates where nothing was measured but replayed.
    """

    date: str
    version: str
    processor: str
    runtime: str
    budget_s: float | None
    limit_generations: int | None
    max_slowdown: float
    generations: int
    identical: Count
    identical_inconclusive: Count
    replayed: Count
    replayed_inconclusive: Count
    found_percent: float | None
    injected_percent: float | None
    injected_found: Count


def certificate_path(budget_s: float | None, generations: int | None, max_slowdown: float) -> Path:
    """Return where the certificate of such gates on this user's machine is: each mode has its own."""
    limit = "default" if budget_s is None else f"{budget_s:g}-seconds"
    limit = limit if generations is None else f"{generations}-generations"
    return Path(find_cache(os.environ)) / f"selftest-{limit}-{max_slowdown:g}-percent.json"


def recording_path() -> Path:
    """Return where the rounds of the last selftest are."""
    return Path(find_cache(os.environ)) / "selftest-rounds.json.gz"


def store(certificate: Certificate, recording: Result) -> None:
    """Write both to the user's cache, whole or not at all."""
    path = certificate_path(
        certificate.budget_s, certificate.limit_generations, certificate.max_slowdown
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    recording.save(recording_path())
    text = json.dumps(asdict(certificate), indent=2)
    write_whole(path, lambda whole: whole.write_text(text, encoding="utf-8"))


def load(
    budget_s: float | None, generations: int | None, max_slowdown: float
) -> Certificate | None:
    """Return this user's certificate of such gates; None where there is none that can be read."""
    try:
        path = certificate_path(budget_s, generations, max_slowdown)
        found = json.loads(path.read_text(encoding="utf-8"))
        values: dict[str, Any] = {
            key: Count(**one) if isinstance(one, dict) else one for key, one in found.items()
        }
        return Certificate(**values)
    except (OSError, ValueError, TypeError, AttributeError):  # none yet, or another version's
        return None


def cite(
    budget_s: float | None,
    generations: int | None,
    max_slowdown: float,
    processor: str,
    runtime: str,
) -> str | None:
    """Return in a sentence what is certified of such a gate on this machine; None where nothing is."""
    certificate = load(budget_s, generations, max_slowdown)
    if certificate is None or (processor, runtime) != (certificate.processor, certificate.runtime):
        return None
    alarms = certificate.replayed
    certainty = format_level(CERTAINTY)
    seen = (
        f"no slowdown is found with {certainty} certainty"
        if certificate.found_percent is None
        else f"{certificate.found_percent:g} % in a stage is found with {certainty} certainty"
    )
    return (
        f"selftest of {certificate.date} on this machine: of identical code "
        f"{alarms.count} of {alarms.of} gates are slower, {seen}"
    )
