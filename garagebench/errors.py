"""Every error that garagebench raises on purpose."""

from __future__ import annotations


class GarageError(Exception):
    """Base of all errors of garagebench; its text is one sentence for a person."""


class GarageFull(GarageError):
    """No space that the vehicle may use is free."""


class SpaceEmpty(GarageError):
    """The space exists and is free already."""


class NoSuchSpace(GarageError):
    """The layout has no such floor, row or space."""


class UnknownVehicle(GarageError):
    """The layout declares no such vehicle."""


class BadRequest(GarageError):
    """The body is not a request; `problem` says in which of three ways.

    `problem` is "too large" (over the size limit), "not JSON", or "not a request" (JSON of another shape).
    """

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(f"{problem}: {detail}")
        self.problem = problem


class LayoutError(GarageError):
    """A layout is not a garage; the text names the file, the key and the value."""


class WorkloadError(GarageError):
    """A workload cannot be made or read; a trace is named by file and line."""


class ImplError(GarageError):
    """A file or object is not an implementation, or two share one name."""

    status = "invalid"


class UnknownName(GarageError):
    """A name that nothing is registered under."""


class Unavailable(GarageError):
    """Known, but it cannot run here; the text ends with what would fix it."""

    status = "unavailable"


class WrongAnswer(GarageError):
    """An implementation's answers differ from the model's."""

    status = "wrong"
