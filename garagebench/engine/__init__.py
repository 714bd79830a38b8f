"""The measuring engine, of use without garages: `measure(subject, budget_s=..., seed=...)`.

The package is not called `measure` because the function is: a module of that name would take its place.
"""

from garagebench.engine.api import measure
from garagebench.engine.candidate import Entrant
from garagebench.engine.conductor import Conductor
from garagebench.engine.contestant import Contestant
from garagebench.engine.extent import Progress
from garagebench.engine.result import Result, ResultRow
from garagebench.interface import Block, Case, RowSpec, Step

__all__ = [
    "Block",
    "Case",
    "Conductor",
    "Contestant",
    "Entrant",
    "Progress",
    "Result",
    "ResultRow",
    "RowSpec",
    "Step",
    "measure",
]
