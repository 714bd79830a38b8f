"""Whole garages: both operations as a program calls them and as requests, against the model."""

from __future__ import annotations

from typing import Any

import pytest
from drawn_layouts import layouts
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import garagebench
from garagebench import (
    Garage,
    GarageError,
    GarageFull,
    Impl,
    Layout,
    Location,
    NoSuchSpace,
    SpaceEmpty,
    UnknownVehicle,
    errors,
)
from garagebench.core.model import Model
from garagebench.core.workload import encode_body, park_body, unpark_body


class GarageMachine(RuleBasedStateMachine):
    """A garage and its model on a drawn layout, to which the same things are done."""

    impl: Impl

    @initialize(layout=layouts())
    def build(self, layout: Layout) -> None:
        self.layout = layout
        self.garage = Garage(layout, self.impl)
        self.model = Model(layout)
        self.parked: list[Location] = []

    @rule(data=st.data(), by_request=st.booleans())
    def park(self, data: st.DataObject, by_request: bool) -> None:
        vehicle = data.draw(st.sampled_from(list(self.layout.tiers)))
        try:
            kind, index = self.model.park(vehicle)
        except GarageFull:
            with pytest.raises(GarageFull):
                self.send_park(vehicle, by_request)
            return
        location = self.layout.locations[kind][index]
        expected = unpark_body(location) if by_request else location
        assert self.send_park(vehicle, by_request) == expected
        self.parked.append(location)

    @rule(by_request=st.booleans(), data=st.data())
    def unpark(self, by_request: bool, data: st.DataObject) -> None:
        if self.parked:
            location = self.parked.pop(data.draw(st.integers(0, len(self.parked) - 1)))
            kind, index = self.model.locate(location)
            self.model.release(kind, index)
            name = self.layout.kinds[kind]
            expected = encode_body({"kind": name}) if by_request else name
            assert self.send_unpark(location, by_request) == expected

    @rule(location=st.tuples(*[st.integers(1, 9)] * 3), by_request=st.booleans())
    def unpark_where_nobody_stands(self, location: tuple[int, int, int], by_request: bool) -> None:
        if location not in self.parked:
            exists = any(location in table for table in self.layout.locations)
            with pytest.raises(SpaceEmpty if exists else NoSuchSpace):
                self.send_unpark(Location(*location), by_request)

    @invariant()
    def counts_agree(self) -> None:
        assert list(self.garage.free.values()) == self.model.free()
        assert tuple(self.garage.free) == self.layout.kinds

    def send_park(self, vehicle: str, by_request: bool) -> object:
        return (
            self.garage.handle_park(park_body(vehicle)) if by_request else self.garage.park(vehicle)
        )

    def send_unpark(self, location: Location, by_request: bool) -> object:
        if by_request:
            return self.garage.handle_unpark(unpark_body(location))
        return self.garage.unpark(location)


def test_a_garage_agrees_with_the_model(impl: Impl) -> None:
    """On any layout, through any parks and unparks, every answer and count is the model's."""
    wanted = impl

    class Machine(GarageMachine):
        impl = wanted

    # There are many implementations, and their pools are held to the model by themselves.
    run_state_machine_as_test(Machine, settings=settings(stateful_step_count=40, max_examples=60))


def test_the_example_of_the_documentation(impl: Impl, seed: Layout) -> None:
    """Park a small car, give its space back, and be refused the second time."""
    garage = Garage(seed, impl)
    location = garage.park("small")
    assert location == Location(floor=1, row=3, space=1)
    assert garage.unpark(location) == "small"
    with pytest.raises(SpaceEmpty, match=r"^the space is free already: floor 1, row 3, space 1$"):
        garage.unpark(location)


def test_a_location_may_be_a_plain_tuple(impl: Impl, seed: Layout) -> None:
    """Three numbers are as good as a Location."""
    garage = Garage(seed, impl)
    garage.park("small")
    assert garage.unpark((1, 3, 1)) == "small"


@pytest.mark.parametrize(
    "location", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1), (1, 5, 1), (4, 1, 1), (1, 1, 11)]
)
def test_no_such_space(impl: Impl, seed: Layout, location: tuple[int, int, int]) -> None:
    """0 and what is negative are no floor, row or space, and nothing is beyond the last."""
    garage = Garage(seed, impl)
    for _ in range(140):
        garage.park("handicap")
    with pytest.raises(NoSuchSpace):
        garage.unpark(location)
    assert sum(garage.free.values()) == 0


def test_an_unknown_vehicle(impl: Impl, seed: Layout) -> None:
    """The error names it and says what there is; the garage stays as it is."""
    garage = Garage(seed, impl)
    with pytest.raises(
        UnknownVehicle, match=r"^unknown vehicle 'bus'; there is: small, large, handicap$"
    ):
        garage.park("bus")
    assert garage.free == {"handicap": 20, "small": 70, "large": 50}


def test_a_full_garage(impl: Impl, seed: Layout) -> None:
    """GarageFull names the vehicle that found no space, however many do not fit."""
    garage = Garage(seed, impl)
    for _ in range(50):
        garage.park("large")
    for _ in range(3):
        with pytest.raises(GarageFull, match=r"^no free space for vehicle 'large'$"):
            garage.park("large")
    assert garage.free == {"handicap": 20, "small": 70, "large": 0}


def test_the_public_names_are_where_they_belong() -> None:
    """Every error of the design is the one that the core raises, and derives from GarageError."""
    for name in (
        "GarageFull",
        "SpaceEmpty",
        "NoSuchSpace",
        "UnknownVehicle",
        "BadRequest",
        "LayoutError",
    ):
        found: Any = getattr(garagebench, name)
        assert found is getattr(errors, name)
        assert issubclass(found, GarageError)


def test_an_unknown_public_name() -> None:
    """A name that the package lacks is an AttributeError, as of any module."""
    with pytest.raises(
        AttributeError, match=r"^module 'garagebench' has no attribute 'garage_full'$"
    ):
        _ = garagebench.garage_full
