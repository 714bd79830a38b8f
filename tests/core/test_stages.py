"""The stages that are no `validate`: exact replies, and look-ups that are each other's inverse."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from drawn_layouts import layouts
from hypothesis import given

from garagebench import GarageFull, Layout, Location, NoSuchSpace
from garagebench.conformance.bench import PoolModel
from garagebench.conformance.tapes import TINY
from garagebench.impls.lists import ListPool
from garagebench.stages import encode, floor_lookup, sequence, space_lookup


def test_a_place_is_encoded_compactly(seed: Layout) -> None:
    """No blanks, and floor, row, space in this order."""
    encoder = encode.json_park(seed)
    assert encoder(Location(1, 3, 1)) == b'{"floor":1,"row":3,"space":1}'


def test_a_kind_is_encoded_by_name(seed: Layout) -> None:
    """The reply has the kind's name, not its number."""
    encoder = encode.json_unpark(seed)
    assert [encoder(kind) for kind in range(3)] == [
        b'{"kind":"handicap"}',
        b'{"kind":"small"}',
        b'{"kind":"large"}',
    ]


@pytest.mark.parametrize("name", ["größer", '"quoted"', "back\\slash", "停"])
def test_any_kind_is_encoded_as_json(name: str) -> None:
    """A name that JSON must escape comes out again."""
    rows = [{"kind": name, "spaces": 1}]
    layout = Layout.from_data(
        {"name": "any", "vehicles": {"v": [[name]]}, "floors": [{"rows": rows}]}
    )
    assert json.loads(encode.json_unpark(layout)(0)) == {"kind": name}


@given(layouts())
def test_the_lookups_are_inverse(drawn: Layout) -> None:
    """The space lookup leads from every place back to the (kind, index) it was looked up for."""
    place_of, space_of = floor_lookup.table(drawn), space_lookup.table(drawn)
    for kind, count in enumerate(drawn.capacities):
        for index in range(count):
            assert space_of(place_of(kind, index)) == (kind, index)


@given(layouts())
def test_a_place_that_is_not_there(drawn: Layout) -> None:
    """Whatever number is outside, 0 and negative ones too, there is NoSuchSpace and nothing else."""
    lookup = space_lookup.table(drawn)
    places = {place for table in drawn.locations for place in table}
    for numbers in itertools.product([-1, 0, 1, 2, 3, 4, 5, 2**31 - 1], repeat=3):
        if numbers not in places:
            with pytest.raises(NoSuchSpace):
                lookup(Location(*numbers))


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (Location(0, 1, 1), "there is no row 1 on floor 0"),
        (Location(1, 5, 1), "there is no row 5 on floor 1"),
        (Location(2, 1, 11), "row 1 on floor 2 has no space 11: it has 10"),
        (Location(2, 1, 0), "row 1 on floor 2 has no space 0: it has 10"),
    ],
)
def test_what_is_not_there_is_named(seed: Layout, place: Location, message: str) -> None:
    """The error says which of the numbers leads nowhere."""
    with pytest.raises(NoSuchSpace) as caught:
        space_lookup.table(seed)(place)
    assert str(caught.value) == message


class WatchedPool(PoolModel):
    """A pool that writes down what it is asked."""

    def __init__(self, kind: str, capacity: int, asked: list[str]) -> None:
        super().__init__(capacity)
        self._kind = kind
        self._asked = asked

    def take(self) -> int:
        self._asked.append(f"take {self._kind}")
        return (self.take_many(1) or [-1])[0]

    def nearest(self) -> int:
        self._asked.append(f"nearest {self._kind}")
        return super().nearest()


@pytest.mark.parametrize(
    ("vehicle", "free", "answer", "asked"),
    [
        ("small", [2, 3, 1], (1, 0), ["take a"]),
        ("small", [2, 0, 1], (0, 0), ["take a", "take b"]),
        ("large", [0, 3, 1], None, ["take b"]),
        ("handicap", [2, 3, 1], (2, 0), ["take c"]),
        ("handicap", [2, 3, 0], (0, 0), ["take c", "nearest b", "nearest a", "take b"]),
        ("handicap", [1, 3, 0], (1, 0), ["take c", "nearest b", "nearest a", "take a"]),
        ("handicap", [0, 1, 0], (1, 2), ["take c", "nearest b", "nearest a", "take a"]),
        ("handicap", [0, 0, 0], None, ["take c", "nearest b", "nearest a"]),
    ],
)
def test_the_sequencer_asks_in_order(
    vehicle: str, free: list[int], answer: tuple[int, int] | None, asked: list[str]
) -> None:
    """One kind is taken at once; of several the nearest is found before one is taken; full tiers fall back."""
    calls: list[str] = []
    pools: list[Any] = [
        WatchedPool(kind, count, calls)
        for kind, count in zip(TINY.kinds, TINY.capacities, strict=True)
    ]
    for pool, count in zip(pools, free, strict=True):
        pool.take_many(pool.capacity - count)
    park = sequence.tiers(TINY, pools)
    if answer is None:
        with pytest.raises(GarageFull, match=f"^no free space for vehicle '{vehicle}'$"):
            park(vehicle)
    else:
        assert park(vehicle) == answer
    assert calls == asked


@pytest.mark.parametrize("variant", [sequence.tiers, sequence.unrolled])
def test_another_process_was_quicker(variant: Any) -> None:
    """Where the space that was seen in one of several kinds is gone when it is to be taken, the next one is taken."""
    layout = Layout.builtin("seed")
    pools = [ListPool(capacity) for capacity in layout.capacities]
    small, large = (layout.kinds.index(kind) for kind in ("small", "large"))
    handicap = pools[layout.kinds.index("handicap")]
    while handicap.take() >= 0:
        pass
    looks = []

    def nearest() -> int:
        """Answer the space that another process is about to take."""
        looks.append(1)
        return 0 if len(looks) == 1 else -1

    pools[small].nearest = nearest  # type: ignore[method-assign]
    pools[small].take = lambda: -1  # type: ignore[method-assign]
    assert sequence.insisting(variant)(layout, pools)("handicap") == (large, 0)
    assert len(looks) == 2
