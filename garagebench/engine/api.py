"""`measure`: the engine for any subject."""

from __future__ import annotations

import base64
import math
import pickle
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from garagebench.engine.candidate import Entrant
from garagebench.engine.conductor import Conductor
from garagebench.engine.extent import Extent
from garagebench.engine.metadata import collect_environment
from garagebench.engine.result import Result
from garagebench.engine.target import Target
from garagebench.engine.worker.loading import MAIN, UNPICKLE
from garagebench.errors import GarageError

#: Where a worker on whatever interpreter finds `garagebench.interface`.
PACKAGES = {"garagebench": str(Path(__file__).parents[1])}


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
    python: another interpreter that runs the workers; the subject's module must be of use there, and lie in a
    directory of its own, as it does not see what is installed here. Raises SubjectError.
    """
    if MAIN in sys.modules:
        # A worker imports the script; without the guard it would start workers that import the script.
        raise SubjectError(
            'the script measures when imported: put that under if __name__ == "__main__":'
        )
    subjects = dict(subject) if isinstance(subject, Mapping) else {type(subject).__name__: subject}
    if not subjects:
        raise SubjectError("no subject was given")
    if not 0 < budget_s < math.inf:
        raise SubjectError(f"budget_s must be a number above 0, not {budget_s}")
    entrants = [
        Entrant(name, python or sys.executable, _make_target(name, one, python))
        for name, one in subjects.items()
    ]
    settings = {"budget_s": budget_s, "seed": seed, "collector": "off during slices"}
    return Conductor(
        entrants,
        extent=Extent(budget_s),
        seed=seed,
        settings=settings,
        environment=collect_environment(),
    ).run()


def _make_target(name: str, subject: object, python: str | None) -> Target:
    if not callable(getattr(subject, "cases", None)):
        raise SubjectError(f"{name}: {type(subject).__name__} offers no cases()")
    try:
        pickled = pickle.dumps(subject, protocol=4)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise SubjectError(
            f"{name} cannot be sent to a worker: {error}; make its cases inside cases()"
        ) from None
    main = None
    if b"__main__" in pickled:
        main = getattr(sys.modules["__main__"], "__file__", None)
        if main is None:
            raise SubjectError(
                f"{name} was made in an interactive session, where no worker finds it: put it in a file"
            )
        main = str(Path(main).resolve())
    return Target(
        UNPICKLE,
        {"pickled": base64.b64encode(pickled).decode(), "main": main},
        PACKAGES,
        tuple(sys.path if python is None else _foreign_path()),
    )


def _foreign_path() -> list[str]:
    """Return where modules are found, without what belongs to this interpreter alone."""
    paths = sysconfig.get_paths()
    own = {Path(paths[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    return [path for path in sys.path if not own & {Path(path), *Path(path).parents}]
