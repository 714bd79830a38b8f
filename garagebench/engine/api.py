"""`measure`: the engine for any subject."""

from __future__ import annotations

import base64
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from garagebench.engine.candidate import Entrant
from garagebench.engine.conductor import Conductor
from garagebench.engine.metadata import collect_environment
from garagebench.engine.result import Result
from garagebench.errors import GarageError


class SubjectError(GarageError):
    """An object cannot be measured."""


def measure(
    subject: object | Mapping[str, object],
    *,
    budget_s: float = 30.0,
    seed: int = 0,
    python: str | None = None,
) -> Result:
    """Measure a subject, or several in lock-step given as {name: subject}; the first is the reference.

    subject: any object with `cases()`, see `garagebench.interface`. It is pickled into fresh worker processes,
    so it must come from an importable module or from a script that guards its own start with
    `if __name__ == "__main__":`. budget_s: seconds in all. seed: of the order of measuring.
    python: another interpreter that runs the workers. Raises SubjectError.
    """
    subjects = dict(subject) if isinstance(subject, Mapping) else {type(subject).__name__: subject}
    if not subjects:
        raise SubjectError("no subject was given")
    if not budget_s > 0:
        raise SubjectError(f"budget_s must be above 0, not {budget_s}")
    entrants = [
        Entrant(name, python or sys.executable, _describe(name, one))
        for name, one in subjects.items()
    ]
    settings = {"budget_s": budget_s, "seed": seed, "collector": "off during slices"}
    return Conductor(
        entrants, budget_s=budget_s, seed=seed, settings=settings, environment=collect_environment()
    ).run()


def _describe(name: str, subject: object) -> dict[str, Any]:
    if not callable(getattr(subject, "cases", None)):
        raise SubjectError(f"{name}: {type(subject).__name__} offers no cases()")
    try:
        pickled = pickle.dumps(subject, protocol=4)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise SubjectError(
            f"{name} cannot be sent to a worker: {error}; make its cases inside cases()"
        ) from None
    main = getattr(sys.modules["__main__"], "__file__", None)
    return {
        "pickled": base64.b64encode(pickled).decode(),
        "main": None if main is None else str(Path(main).resolve()),
        "path": sys.path,
    }
