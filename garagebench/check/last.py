"""What the last check of a repository left slower or undecided, for `--last-slower`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from garagebench.check.verdict import Verdict
from garagebench.engine.files import write_whole
from garagebench.errors import GarageError
from garagebench.system.cache import find_cache

#: Verdicts of a case that are worth another look.
OPEN = ("slower", "inconclusive", "unresolved")


def remember(
    verdict: Verdict, repository: Path, environment: Mapping[str, str] = os.environ
) -> None:
    """Keep the names of the cases that are slower or undecided; beside the repository, which is not changed."""
    if verdict.cases:
        names = [case.case for case in verdict.cases if case.verdict in OPEN]
        path = _place(repository, environment)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda whole: whole.write_text(json.dumps(names), encoding="utf-8"))


def recall(repository: Path, environment: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Return those names. Raises GarageError where there are none."""
    try:
        names = json.loads(_place(repository, environment).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        names = None
    if not names:
        why = (
            "no check of this repository was made here"
            if names is None
            else "nothing was slower or undecided"
        )
        raise GarageError(f"--last-slower: {why}: run the check without it")
    return frozenset(names)


def _place(repository: Path, environment: Mapping[str, str]) -> Path:
    digest = hashlib.sha256(str(repository.resolve()).encode()).hexdigest()[:16]
    return Path(find_cache(environment)) / "last" / f"{digest}.json"
