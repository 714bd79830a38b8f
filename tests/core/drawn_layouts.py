"""Layouts that Hypothesis draws: kinds interleaved over the rows, groups of several kinds."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from garagebench import Layout

KINDS = ("a", "b", "c", "d")


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Small garages in which a kind turns up again and again."""
    row = st.fixed_dictionaries(
        {"kind": st.sampled_from(KINDS), "spaces": st.integers(1, 4)},
        optional={"repeat": st.integers(1, 2)},
    )
    floor = st.fixed_dictionaries({"rows": st.lists(row, min_size=1, max_size=4)})
    floors = draw(st.lists(floor, min_size=1, max_size=3))
    kinds = sorted({row["kind"] for floor in floors for row in floor["rows"]})
    vehicles = {
        name: draw(tiers(kinds)) for name in ("small", "large", "van")[: draw(st.integers(1, 3))]
    }
    data: dict[str, Any] = {"name": "drawn", "vehicles": vehicles, "floors": floors}
    return Layout.from_data(data)


@st.composite
def tiers(draw: st.DrawFn, kinds: list[str]) -> list[list[str]]:
    """Some of the kinds in any order, cut into groups anywhere."""
    order = draw(st.permutations(kinds))[: draw(st.integers(1, len(kinds)))]
    groups = [[order[0]]]
    for kind in order[1:]:
        if draw(st.booleans()):
            groups.append([])
        groups[-1].append(kind)
    return groups
