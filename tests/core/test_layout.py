"""Layouts: the numbers of the seed, every error of a file, scaling, the tables."""

from __future__ import annotations

import copy
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from drawn_layouts import layouts
from hypothesis import given
from hypothesis import strategies as st

from garagebench import Garage, GarageFull, Layout, Location, load_impl
from garagebench.core import layout
from garagebench.core.layout import LARGEST_NUMBER, SEED
from garagebench.errors import LayoutError

GOOD = """\
name = "corner"

[vehicles]
small = [["small"], ["large"]]
large = [["large"]]

[[floors]]
rows = [{ kind = "small", spaces = 4, repeat = 2 }, { kind = "large", spaces = 2 }]

[[floors]]
rows = [{ kind = "large", spaces = 3 }]
"""

#: What is replaced in GOOD, by what, and the error without the file's name.
ERRORS = [
    # Vehicles and their tiers.
    (
        '[["large"]]\n',
        '[["huge"]]\n',
        "vehicles.large[0]: unknown kind 'huge'; the floors have large, small",
    ),
    (
        '[["large"]]\n',
        '[["Large"]]\n',
        "vehicles.large[0]: unknown kind 'Large'; the floors have large, small",
    ),
    ('[["large"]]\n', "[]\n", "vehicles.large: at least one of tiers is needed"),
    ('[["large"]]\n', "[[]]\n", "vehicles.large[0]: at least one of kinds is needed"),
    ('[["large"]]\n', '"large"\n', "vehicles.large: a list of tiers was expected, not 'large'"),
    (
        '[["large"]]\n',
        '["large"]\n',
        "vehicles.large[0]: a list of kinds was expected, not 'large'",
    ),
    ('[["large"]]\n', "[[1]]\n", "vehicles.large[0]: a printable text was expected, not 1"),
    (
        '["large"]]\n',
        '["small"]]\n',
        "vehicles.small[1]: the kind 'small' is listed twice for this vehicle",
    ),
    ("large = [", '" " = [', "vehicles: a printable text was expected, not ' '"),
    (
        'small = [["small"], ["large"]]\nlarge = [["large"]]\n',
        "",
        "vehicles: a table of at least one vehicle was expected, not {}",
    ),
    ("[vehicles]", "[cars]", "the key 'vehicles' is missing"),
    # Counts.
    (
        "spaces = 4",
        "spaces = 0",
        f"floors[0].rows[0].spaces: 0 is not between 1 and {LARGEST_NUMBER}",
    ),
    (
        "spaces = 3",
        "spaces = -1",
        f"floors[1].rows[0].spaces: -1 is not between 1 and {LARGEST_NUMBER}",
    ),
    (
        "spaces = 2",
        "spaces = 2147483648",
        f"floors[0].rows[1].spaces: 2147483648 is not between 1 and {LARGEST_NUMBER}",
    ),
    (
        "repeat = 2",
        "repeat = 0",
        f"floors[0].rows[0].repeat: 0 is not between 1 and {LARGEST_NUMBER}",
    ),
    (
        "spaces = 4",
        "spaces = true",
        "floors[0].rows[0].spaces: a whole number was expected, not True",
    ),
    (
        "repeat = 2",
        "repeat = true",
        "floors[0].rows[0].repeat: a whole number was expected, not True",
    ),
    (
        "spaces = 4",
        "spaces = 4.0",
        "floors[0].rows[0].spaces: a whole number was expected, not 4.0",
    ),
    (
        "spaces = 4",
        'spaces = "4"',
        "floors[0].rows[0].spaces: a whole number was expected, not '4'",
    ),
    # Floors and rows.
    (
        'rows = [{ kind = "large", spaces = 3 }]',
        "rows = []",
        "floors[1].rows: at least one of rows is needed",
    ),
    ('rows = [{ kind = "large", spaces = 3 }]', "", "floors[1]: the key 'rows' is missing"),
    ('[{ kind = "large", spaces = 3 }]', "3", "floors[1].rows: a list of rows was expected, not 3"),
    (
        '{ kind = "large", spaces = 3 }',
        '"large"',
        "floors[1].rows[0]: a table was expected, not 'large'",
    ),
    ('kind = "large", spaces = 3', "spaces = 3", "floors[1].rows[0]: the key 'kind' is missing"),
    (", spaces = 3", "", "floors[1].rows[0]: the key 'spaces' is missing"),
    (
        'kind = "small"',
        'kind = ""',
        "floors[0].rows[0].kind: a printable text was expected, not ''",
    ),
    ('kind = "small"', "kind = 1", "floors[0].rows[0].kind: a printable text was expected, not 1"),
    ("[[floors]]", "[[levels]]", "the key 'floors' is missing"),
    # Keys that nobody knows.
    ("name =", "colour = 1\nname =", "colour: unknown key; known are name, vehicles, floors"),
    ("[[floors]]", "[[floors]]\nheight = 2", "floors[0].height: unknown key; known are rows"),
    (
        "spaces = 3",
        "spaces = 3, space = 3",
        "floors[1].rows[0].space: unknown key; known are kind, spaces, repeat",
    ),
    # The name.
    ('name = "corner"', "", "the key 'name' is missing"),
    ('name = "corner"', "name = 7", "name: a printable text was expected, not 7"),
    (
        'name = "corner"',
        'name = "two\\nlines"',
        "name: a printable text was expected, not 'two\\nlines'",
    ),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the test's layout file is written."""
    return tmp_path / "corner.toml"


def test_the_seed_has_the_numbers_of_the_document(seed: Layout) -> None:
    """20 handicap, 70 small and 50 large spaces, ten a row, on three floors of 4, 5 and 5 rows."""
    assert dict(zip(seed.kinds, seed.capacities, strict=True)) == {
        "handicap": 20,
        "small": 70,
        "large": 50,
    }
    assert [[(seed.kinds[row.kind], row.spaces) for row in floor] for floor in seed.floors] == [
        [("handicap", 10)] * 2 + [("small", 10)] * 2,
        [("small", 10)] * 3 + [("large", 10)] * 2,
        [("small", 10)] * 2 + [("large", 10)] * 3,
    ]


def test_the_first_small_space_of_the_seed(seed: Layout) -> None:
    """The first small car stands on floor 1, in row 3, on space 1."""
    assert Garage(seed, load_impl("lists")).park("small") == Location(floor=1, row=3, space=1)


def test_120_small_cars_fill_the_seed(seed: Layout) -> None:
    """They take all that is not handicap; the next is refused."""
    garage = Garage(seed, load_impl("lists"))
    places = {garage.park("small") for _ in range(120)}
    assert len(places) == 120
    assert garage.free == {"handicap": 20, "small": 0, "large": 0}
    with pytest.raises(GarageFull):
        garage.park("small")


def test_a_file_is_read(path: Path) -> None:
    """A layout file gives its name, kinds in order of appearance, rows with their repeats, and tiers."""
    path.write_text(GOOD)
    corner = Layout.from_toml(path)
    assert (corner.name, corner.kinds, corner.capacities) == ("corner", ("small", "large"), (8, 5))
    assert [[tuple(row) for row in floor] for floor in corner.floors] == [
        [(0, 0, 4), (0, 4, 4), (1, 0, 2)],
        [(1, 2, 3)],
    ]
    assert corner.tiers == {"small": ((0,), (1,)), "large": ((1,),)}


@pytest.mark.parametrize(("old", "new", "message"), ERRORS, ids=[message for *_, message in ERRORS])
def test_an_error_in_a_file_names_file_and_key(
    path: Path, old: str, new: str, message: str
) -> None:
    """Each mistake gives one LayoutError: the file, the key, what was found and what belongs there."""
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(LayoutError) as caught:
        Layout.from_toml(path)
    assert str(caught.value) == f"{path}: {message}"


def test_more_spaces_than_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A garage that memory cannot hold is refused, with both figures and the row that was one too many."""
    monkeypatch.setattr(layout, "_memory_bytes", lambda: 2**30)
    path.write_text(GOOD.replace("spaces = 3", "spaces = 10_000_000"))
    with pytest.raises(LayoutError) as caught:
        Layout.from_toml(path)
    assert str(caught.value) == (
        f"{path}: floors[1].rows[0]: 10000010 spaces need about 1.9 GiB, more than this machine's memory of 1.0 GiB"
    )


def test_a_row_needs_memory_too() -> None:
    """Rows of one space take more than their spaces do, and are counted."""
    data = copy.deepcopy(SEED)
    data["floors"][2]["rows"][0] = {"kind": "small", "spaces": 1, "repeat": 3_000_000}
    with pytest.raises(
        LayoutError, match=r"^layout: floors\[2\]\.rows\[0\]: 3000090 spaces need about 1\.4 GiB"
    ):
        Layout.from_data(data, memory_bytes=2**30)
    data["floors"][2]["rows"][0] = {"kind": "small", "spaces": 3_000_000}
    assert Layout.from_data(data, memory_bytes=2**30).capacities[1] == 3_000_050


@pytest.mark.parametrize("spaces", [1, LARGEST_NUMBER])
def test_a_huge_repeat_is_refused_before_it_is_written_out(spaces: int) -> None:
    """A garage that is too large takes no memory: it is refused before its rows are made."""
    data = copy.deepcopy(SEED)
    data["floors"][0]["rows"][0] = {"kind": "small", "spaces": spaces, "repeat": 10**7}
    tracemalloc.start()
    try:
        with pytest.raises(LayoutError, match="spaces need about"):
            Layout.from_data(data, memory_bytes=2**30)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1_000_000


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"name = ", "not TOML: "),
        (b"name = 1\nname = 2", "not TOML: "),
        (b'name = "\xff"', "not TOML: 'utf-8' codec can't decode"),
        (b"name = " + b"1" * 5000, "not TOML: "),
        (b"name = " + b"[" * 20_000, "not TOML: "),
        (
            b"name = 0x" + b"f" * 5000 + b"\nvehicles = 1\nfloors = 1",
            "name: a printable text was expected, not ",
        ),
    ],
    ids=["half", "twice", "latin", "digits", "nesting", "hexadecimal"],
)
def test_what_is_not_toml(path: Path, content: bytes, problem: str) -> None:
    """A file that the parser cannot read, for whatever reason, is one LayoutError that names it."""
    path.write_bytes(content)
    with pytest.raises(LayoutError) as caught:
        Layout.from_toml(path)
    assert str(caught.value).startswith(f"{path}: {problem}")
    assert len(str(caught.value)) < 300


def test_a_long_value_is_cut(path: Path) -> None:
    """A message shows the beginning of what was found, not a page of it."""
    path.write_text(GOOD.replace('"corner"', "[" + "1, " * 500 + "]"))
    with pytest.raises(LayoutError) as caught:
        Layout.from_toml(path)
    beginning = ("[" + "1, " * 500)[:77]
    assert str(caught.value) == f"{path}: name: a printable text was expected, not {beginning}..."


def test_a_missing_file(path: Path) -> None:
    """A file that is not there, and one that is a directory, are named with the reason."""
    with pytest.raises(LayoutError) as caught:
        Layout.from_toml(path)
    assert str(caught.value) == f"{path}: cannot be read: No such file or directory"
    with pytest.raises(LayoutError, match=r": cannot be read: Is a directory$"):
        Layout.from_toml(path.parent)


def test_an_unknown_builtin() -> None:
    """The error says what there is."""
    with pytest.raises(LayoutError, match=r"^no built-in layout 'sed'; there is: seed$"):
        Layout.builtin("sed")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


def find_error(mapping: Any) -> str:
    """What is wrong with the data; empty where it is a layout."""
    try:
        Layout.from_data(mapping, memory_bytes=2**20)
    except LayoutError as error:
        return str(error)
    return ""


@given(st.data(), json_values)
def test_no_data_raises_anything_but_layout_errors(data: st.DataObject, value: object) -> None:
    """Whatever stands in whatever place of a layout, it is a layout or one LayoutError."""
    whole: Any = copy.deepcopy(SEED)
    place, key = whole, data.draw(st.sampled_from(list(whole)))
    while isinstance(place[key], (dict, list)) and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(
            st.sampled_from(list(place) if isinstance(place, dict) else range(len(place)))
        )
    place[key] = value
    for mapping in (whole, value):
        error = find_error(mapping)
        assert not error or error.startswith("layout: ")


@given(layouts())
def test_data_round_trip(drawn: Layout) -> None:
    """from_data makes an equal layout of to_data."""
    again = Layout.from_data(drawn.to_data())
    assert vars(again) == vars(Layout.from_data(again.to_data()))
    assert (again.name, again.kinds, again.capacities) == (
        drawn.name,
        drawn.kinds,
        drawn.capacities,
    )
    assert (again.floors, again.tiers) == (drawn.floors, drawn.tiers)


@pytest.mark.parametrize(
    ("rows", "spaces", "scaled"),
    [
        ([10, 20, 30], 6, [1, 2, 3]),
        ([10, 20, 30], 120, [20, 40, 60]),
        ([1, 1, 1], 4, [1, 2, 1]),
        ([1, 9, 9], 3, [1, 1, 1]),
        ([9, 1, 1], 3, [1, 1, 1]),
        ([1, 100], 10, [1, 9]),
    ],
)
def test_scaled_by_hand(rows: list[int], spaces: int, scaled: list[int]) -> None:
    """Row ends are rounded; a row whose share is less than one gets one, and leaves one to those after it."""
    floor = {"rows": [{"kind": "a", "spaces": count} for count in rows]}
    layout = Layout.from_data({"name": "l", "vehicles": {"v": [["a"]]}, "floors": [floor]})
    assert [row.spaces for row in layout.scaled(spaces).floors[0]] == scaled


@given(layouts(), st.integers(1, 500))
def test_scaled_shares_out_in_proportion(drawn: Layout, spaces: int) -> None:
    """The total is exact, no row is empty, and each is within one of its share where all shares reach one."""
    rows = [row for floor in drawn.floors for row in floor]
    if spaces < len(rows):
        with pytest.raises(
            LayoutError, match=f"has {len(rows)} rows and cannot be scaled to {spaces}"
        ):
            drawn.scaled(spaces)
        return
    scaled = drawn.scaled(spaces)
    scaled_rows = [row for floor in scaled.floors for row in floor]
    assert sum(scaled.capacities) == sum(row.spaces for row in scaled_rows) == spaces
    assert [len(floor) for floor in scaled.floors] == [len(floor) for floor in drawn.floors]
    assert all(row.spaces >= 1 for row in scaled_rows)
    total = sum(drawn.capacities)
    if min(row.spaces for row in rows) * spaces >= total:
        assert all(
            abs(row.spaces * total - before.spaces * spaces) <= total
            for row, before in zip(scaled_rows, rows, strict=True)
        )


@given(layouts())
def test_scaled_keeps_the_rest(drawn: Layout) -> None:
    """Name, kinds and tiers stay, and its own size is the layout itself."""
    scaled = drawn.scaled(100)
    assert (scaled.name, scaled.kinds, scaled.tiers) == (drawn.name, drawn.kinds, drawn.tiers)
    assert drawn.scaled(sum(drawn.capacities)).to_data() == drawn.to_data()


def test_scaled_beyond_memory(seed: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scale that memory does not hold is refused like a file, and named as what it is."""
    monkeypatch.setattr(layout, "_memory_bytes", lambda: 2**30)
    with pytest.raises(
        LayoutError, match=r"^layout 'seed' with 10000000 spaces: floors\[\d\]\.rows\[\d\]: "
    ):
        seed.scaled(10_000_000)


def test_scaled_seed_keeps_the_proportions(seed: Layout) -> None:
    """Of a million spaces a seventh is handicap, half small, five fourteenths large."""
    assert seed.scaled(1_000_000).capacities == (142_857, 500_000, 357_143)


@given(layouts())
def test_locations_list_every_space_nearest_first(drawn: Layout) -> None:
    """Each kind's locations are sorted by floor, row, space, and together they are all spaces once."""
    assert [len(table) for table in drawn.locations] == list(drawn.capacities)
    assert all(table == sorted(table) for table in drawn.locations)
    assert sorted(location for table in drawn.locations for location in table) == [
        (floor_number, row_number, space)
        for floor_number, floor in enumerate(drawn.floors, 1)
        for row_number, row in enumerate(floor, 1)
        for space in range(1, row.spaces + 1)
    ]


@given(layouts())
def test_a_row_knows_where_it_is_in_its_pool(drawn: Layout) -> None:
    """The first space of a row has the index in the pool that the row says."""
    for floor_number, floor in enumerate(drawn.floors, 1):
        for row_number, row in enumerate(floor, 1):
            assert drawn.locations[row.kind][row.first] == (floor_number, row_number, 1)


@given(layouts())
def test_positions_rank_all_spaces(drawn: Layout) -> None:
    """Of two spaces of any kinds the nearer has the smaller position, and positions count from 0."""
    ranked = [
        (position, location)
        for positions, locations in zip(drawn.positions, drawn.locations, strict=True)
        for position, location in zip(positions, locations, strict=True)
    ]
    assert [position for position, _ in sorted(ranked)] == list(range(sum(drawn.capacities)))
    assert sorted(ranked) == sorted(ranked, key=lambda pair: pair[1])
