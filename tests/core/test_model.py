"""The model that all implementations are held to, held to something simpler still."""

from __future__ import annotations

import itertools

import pytest
from drawn_layouts import layouts
from hypothesis import given
from hypothesis import strategies as st

from garagebench import GarageFull, Layout, NoSuchSpace, SpaceEmpty
from garagebench.core.model import Model


def park_by_search(
    layout: Layout, free: set[tuple[int, int]], vehicle: str
) -> tuple[int, int] | None:
    """The nearest of all free spaces in the first group that has one, by looking at every one."""
    for group in layout.tiers[vehicle]:
        fitting = [
            (layout.locations[kind][index], kind, index) for kind, index in free if kind in group
        ]
        if fitting:
            _, kind, index = min(fitting)
            return kind, index
    return None


def all_spaces(layout: Layout) -> set[tuple[int, int]]:
    """Every space as (kind, index)."""
    return {(kind, index) for kind, count in enumerate(layout.capacities) for index in range(count)}


@given(layouts(), st.data())
def test_the_model_agrees_with_a_search_of_all_spaces(drawn: Layout, data: st.DataObject) -> None:
    """From any start, through any parks and releases, it gives out what min() over all free spaces finds."""
    free = data.draw(st.sets(st.sampled_from(sorted(all_spaces(drawn)))))
    start = [sorted(index for of, index in free if of == kind) for kind in range(len(drawn.kinds))]
    model = Model(drawn, start)
    for _ in range(data.draw(st.integers(0, 40))):
        vehicle = data.draw(st.sampled_from(list(drawn.tiers)))
        expected = park_by_search(drawn, free, vehicle)
        assert model.fits(vehicle) == (expected is not None)
        if expected is None:
            with pytest.raises(GarageFull):
                model.park(vehicle)
        else:
            assert model.park(vehicle) == expected
            free.remove(expected)
        space = data.draw(st.sampled_from(sorted(all_spaces(drawn))))
        if space in free:
            with pytest.raises(SpaceEmpty):
                model.release(*space)
        elif data.draw(st.booleans()):
            model.release(*space)
            free.add(space)
        assert sum(model.free()) == len(free)
        assert set(model.taken()) == all_spaces(drawn) - free


def test_the_model_starts_free(seed: Layout) -> None:
    """Without a start given, all spaces are free."""
    model = Model(seed)
    assert model.free() == [20, 70, 50]
    assert model.taken() == []


@given(layouts())
def test_a_location_is_found_where_the_table_has_it(drawn: Layout) -> None:
    """locate() is the inverse of the table of locations, and NoSuchSpace for all that is not in it."""
    where = {
        place: (kind, index)
        for kind, table in enumerate(drawn.locations)
        for index, place in enumerate(table)
    }
    model = Model(drawn)
    for place in itertools.product(range(-1, 7), repeat=3):
        if place in where:
            assert model.locate(place) == where[place]
        else:
            with pytest.raises(NoSuchSpace):
                model.locate(place)
