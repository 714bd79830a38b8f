"""The Python interface that DESIGN.md fixes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import garagebench
from garagebench import (
    Garage,
    GarageError,
    GarageFull,
    Layout,
    LayoutError,
    Location,
    NoSuchSpace,
    SpaceEmpty,
    UnknownVehicle,
    load_impl,
)

DOCUMENTED = [
    "GarageFull",
    "SpaceEmpty",
    "NoSuchSpace",
    "UnknownVehicle",
    "BadRequest",
    "LayoutError",
]

#: Those of the worker become answers to the conductor and never reach a user; Misuse is click's.
#: A server turns those of its chunks into replies; a second signal is no error; the locustfile is for Locust's own
#: process: gevent would patch this one.
EXEMPT = {
    "garagebench.engine.worker.cases",
    "garagebench.engine.worker.loading",
    "garagebench.cli",
    "garagebench.__main__",
    "garagebench.server.chunks",
    "garagebench.server.front.watching",
    "garagebench.load.locustfile",
}
MODULES = [
    module.name
    for module in pkgutil.walk_packages(garagebench.__path__, "garagebench.")
    if module.name not in EXEMPT
]


@pytest.fixture
def garage() -> Garage:
    """Return the garage of the example."""
    return Garage(Layout.builtin("seed"), load_impl("lists"))


def test_the_example_works(garage: Garage) -> None:
    """The first small car gets the nearest small space, and gives it back."""
    location = garage.park("small")
    assert location == Location(floor=1, row=3, space=1)
    assert garage.unpark(location) == "small"


def test_a_full_garage_says_so(garage: Garage) -> None:
    """GarageFull where nothing fits: 120 small cars fill all that is not handicap."""
    for _ in range(120):
        garage.park("small")
    with pytest.raises(GarageFull):
        garage.park("small")


def test_what_is_not_there_is_an_error(garage: Garage) -> None:
    """SpaceEmpty for a space that is free, NoSuchSpace for none, UnknownVehicle for none."""
    with pytest.raises(SpaceEmpty):
        garage.unpark(Location(1, 3, 1))
    with pytest.raises(NoSuchSpace):
        garage.unpark(Location(9, 1, 1))
    with pytest.raises(UnknownVehicle):
        garage.park("submarine")


def test_a_layout_comes_from_a_file(tmp_path: Path) -> None:
    """Layout.from_toml reads a file, and raises LayoutError where it is no garage."""
    examples = Path(__file__).parents[2] / "examples"
    assert Layout.from_toml(examples / "two-storeys.toml").name == "two-storeys"
    with pytest.raises(LayoutError):
        Layout.from_toml(tmp_path / "nosuch.toml")


def test_an_implementation_comes_from_a_file() -> None:
    """load_impl takes file.py:NAME, and what it returns makes a garage."""
    example = Path(__file__).parents[2] / "examples" / "set_pool.py"
    garage = Garage(Layout.builtin("seed"), load_impl(f"{example}:SetPool"))
    assert garage.park("small") == Location(1, 3, 1)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_errors_are_garage_errors(name: str) -> None:
    """Every documented error can be imported from garagebench and caught as GarageError."""
    assert name in garagebench.__all__
    assert issubclass(getattr(garagebench, name), GarageError)


@pytest.mark.parametrize("name", garagebench.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """What the package says it has, it has."""
    assert getattr(garagebench, name) is not None


@pytest.mark.parametrize("name", MODULES)
def test_every_error_of_ours_is_a_garage_error(name: str) -> None:
    """Every exception class of the package can be caught as GarageError."""
    module = importlib.import_module(name)
    ours = [
        error
        for error in vars(module).values()
        if inspect.isclass(error) and issubclass(error, Exception) and error.__module__ == name
    ]
    assert [error.__name__ for error in ours if not issubclass(error, GarageError)] == []
