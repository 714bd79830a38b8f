"""What a selftest found on this user's machine, kept in the cache, where `check` finds it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from garagebench.cache import find_cache
from garagebench.engine import Result
from garagebench.engine.files import write_whole


@dataclass(frozen=True)
class Count:
    """So many of so many gates."""

    count: int
    of: int


@dataclass(frozen=True)
class Certificate:
    """What was found, and where. Percent are of one stage's time; found_percent: None where none up to the most is.

    The live counts are of 0 gates where nothing was measured but replayed.
    """

    date: str
    version: str
    processor: str
    runtime: str
    budget_s: float
    max_slowdown: float
    generations: int
    identical: Count
    identical_inconclusive: Count
    replayed: Count
    replayed_inconclusive: Count
    found_percent: float | None
    injected_percent: float | None
    injected_found: Count


def certificate_path() -> Path:
    """Return where the certificate of this user's machine is."""
    return Path(find_cache(os.environ)) / "selftest.json"


def recording_path() -> Path:
    """Return where the rounds that the certificate rests on are."""
    return certificate_path().with_name("selftest-rounds.json.gz")


def store(certificate: Certificate, recording: Result) -> None:
    """Write both to the user's cache, whole or not at all."""
    path = certificate_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    recording.save(recording_path())
    text = json.dumps(asdict(certificate), indent=2)
    write_whole(path, lambda whole: whole.write_text(text, encoding="utf-8"))


def load() -> Certificate | None:
    """Return the certificate of this user; None where there is none that can be read."""
    try:
        found = json.loads(certificate_path().read_text(encoding="utf-8"))
        values: dict[str, Any] = {
            key: Count(**one) if isinstance(one, dict) else one for key, one in found.items()
        }
        return Certificate(**values)
    except (OSError, ValueError, TypeError, AttributeError):  # none yet, or another version's
        return None


def cite(budget_s: float, max_slowdown: float, processor: str, runtime: str) -> str | None:
    """Return in a sentence what is certified of such a gate on this machine; None where nothing is."""
    certificate = load()
    asked = budget_s, max_slowdown, processor, runtime
    if certificate is None or asked != (
        certificate.budget_s,
        certificate.max_slowdown,
        certificate.processor,
        certificate.runtime,
    ):
        return None
    alarms = certificate.replayed
    seen = (
        "no slowdown is found with 95 % certainty"
        if certificate.found_percent is None
        else f"{certificate.found_percent:g} % in a stage is found with 95 % certainty"
    )
    return (
        f"selftest of {certificate.date} on this machine: of identical code "
        f"{alarms.count} of {alarms.of} gates are slower, {seen}"
    )
