"""The unchanging description of a garage: floors, rows, kinds, and the tiers of each vehicle."""

from __future__ import annotations

import os
from array import array
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from garagebench.errors import LayoutError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Longest value that an error message shows.
SHOWN_LETTERS = 80

#: Largest floor, row or space number (what a request may name).
LARGEST_NUMBER = 2**31 - 1

#: Spaces up to which a table may have an entry of some 130 bytes for each.
SPACES_LIMIT = 100_000

#: Bytes that a space needs in the tables and the most generous pool, measured at a million spaces (about 150).
BYTES_PER_SPACE = 200

#: Bytes that a row needs besides, measured at a million rows of one space (about 270).
BYTES_PER_ROW = 300

SEED: dict[str, Any] = {
    "name": "seed",
    "vehicles": {
        "small": [["small"], ["large"]],
        "large": [["large"]],
        "handicap": [["handicap"], ["small", "large"]],
    },
    "floors": [
        {
            "rows": [
                {"kind": "handicap", "spaces": 10, "repeat": 2},
                {"kind": "small", "spaces": 10, "repeat": 2},
            ]
        },
        {
            "rows": [
                {"kind": "small", "spaces": 10, "repeat": 3},
                {"kind": "large", "spaces": 10, "repeat": 2},
            ]
        },
        {
            "rows": [
                {"kind": "small", "spaces": 10, "repeat": 2},
                {"kind": "large", "spaces": 10, "repeat": 3},
            ]
        },
    ],
}

BUILTIN: Mapping[str, Mapping[str, Any]] = {"seed": SEED}


class Location(NamedTuple):
    """Where a space is: 1-based whole numbers, as people read them on the wall."""

    floor: int
    row: int
    space: int


class FloorRow(NamedTuple):
    """One row of a floor: `spaces` of `kind`, the first of which has index `first` in the pool of that kind."""

    kind: int
    first: int
    spaces: int


class Layout:
    """A checked garage. Kinds are numbered in the order of their first appearance on the floors.

    name: str. kinds: names, by number. capacities: spaces, by kind number.
    tiers: vehicle -> groups of kind numbers, in order of preference.
    floors: rows of each floor, nearest first.
    """

    def __init__(
        self,
        name: str,
        vehicles: Mapping[str, Sequence[Sequence[str]]],
        floors: Sequence[Sequence[tuple[str, int]]],
    ) -> None:
        numbers: dict[str, int] = {}
        capacities: list[int] = []
        tables: list[tuple[FloorRow, ...]] = []
        for floor in floors:
            rows = []
            for kind, spaces in floor:
                number = numbers.setdefault(kind, len(numbers))
                if number == len(capacities):
                    capacities.append(0)
                rows.append(FloorRow(number, capacities[number], spaces))
                capacities[number] += spaces
            tables.append(tuple(rows))
        self.name = name
        self.kinds = tuple(numbers)
        self.capacities = tuple(capacities)
        self.floors = tuple(tables)
        self.tiers = {
            vehicle: tuple(tuple(numbers[kind] for kind in group) for group in groups)
            for vehicle, groups in vehicles.items()
        }

    @classmethod
    def builtin(cls, name: str) -> Layout:
        """Return the built-in layout of that name; LayoutError for an unknown one."""
        if name not in BUILTIN:
            raise LayoutError(f"no built-in layout {name!r}; there is: {', '.join(BUILTIN)}")
        return cls.from_data(BUILTIN[name], source=f"built-in layout {name!r}")

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Layout:
        """Read and check a layout file; LayoutError names the file and the key."""
        try:
            import tomllib
        except ImportError:
            raise LayoutError(
                f"{path}: reading TOML needs Python 3.11 or later; pass Layout.from_data a mapping"
            ) from None
        try:
            with open(path, "rb") as file:
                data = tomllib.load(file)
        except OSError as error:
            raise LayoutError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError) as error:  # not UTF-8, or too many digits, too
            raise LayoutError(f"{path}: not TOML: {error}") from None
        return cls.from_data(data, source=str(path))

    @classmethod
    def from_data(
        cls, data: Mapping[str, Any], source: str = "layout", memory_bytes: int | None = None
    ) -> Layout:
        """Check a layout given as the mapping that its TOML file would give.

        source: what an error names; memory_bytes: what the machine has (default: ask it).
        """
        check = _Checker(source)
        check.keys("", data, required=("name", "vehicles", "floors"))
        name = check.text("name", data["name"])
        floors = check.floors(
            data["floors"], _memory_bytes() if memory_bytes is None else memory_bytes
        )
        vehicles = check.vehicles(data["vehicles"], {kind for floor in floors for kind, _ in floor})
        return cls(name, vehicles, floors)

    def to_data(self) -> dict[str, Any]:
        """Return the mapping from which `from_data` makes an equal layout."""
        return {
            "name": self.name,
            "vehicles": {
                vehicle: [[self.kinds[kind] for kind in group] for group in groups]
                for vehicle, groups in self.tiers.items()
            },
            "floors": [
                {"rows": [{"kind": self.kinds[row.kind], "spaces": row.spaces} for row in floor]}
                for floor in self.floors
            ],
        }

    def scaled(self, spaces: int) -> Layout:
        """Return the same floors and rows with `spaces` spaces in all, shared out in proportion.

        Row ends are rounded, so every row is within one space of its exact share. LayoutError where a row
        would be left without a space, or where memory would not do.
        """
        rows = sum(len(floor) for floor in self.floors)
        if spaces < rows:
            raise LayoutError(
                f"layout {self.name!r} has {rows} rows and cannot be scaled to {spaces} spaces; the least is {rows}"
            )
        total = sum(self.capacities)
        end = given = 0
        floors = []
        for floor in self.floors:
            scaled_rows = []
            for row in floor:
                end += row.spaces
                rows -= 1
                # At least one space for this row, and one left for each row to come.
                share = max(
                    1, min(spaces - given - rows, (2 * end * spaces + total) // (2 * total) - given)
                )
                given += share
                scaled_rows.append({"kind": self.kinds[row.kind], "spaces": share})
            floors.append({"rows": scaled_rows})
        return Layout.from_data(
            {**self.to_data(), "floors": floors},
            source=f"layout {self.name!r} with {spaces} spaces",
        )

    @cached_property
    def locations(self) -> tuple[list[Location], ...]:
        """The floor look-up table: for each kind, the location of every index."""
        tables: tuple[list[Location], ...] = tuple([] for _ in self.kinds)
        make = Location._make
        for floor_number, floor in enumerate(self.floors, 1):
            for row_number, row in enumerate(floor, 1):
                tables[row.kind].extend(
                    map(
                        make,
                        zip(repeat(floor_number), repeat(row_number), range(1, row.spaces + 1)),
                    )
                )
        return tables

    @cached_property
    def positions(self) -> tuple[array[int], ...]:
        """For each kind, the rank of every index among all spaces: a smaller one is nearer to the entrance."""
        tables: tuple[array[int], ...] = tuple(array("q") for _ in self.kinds)
        position = 0
        for floor in self.floors:
            for row in floor:
                tables[row.kind].extend(range(position, position + row.spaces))
                position += row.spaces
        return tables


class _Checker:
    """Turns untrusted layout data into typed values, or into one LayoutError with source, key and value."""

    def __init__(self, source: str) -> None:
        self._source = source

    def fail(self, key: str, problem: str) -> LayoutError:
        return LayoutError(
            f"{self._source}: {key}: {problem}" if key else f"{self._source}: {problem}"
        )

    def keys(
        self, key: str, value: object, required: tuple[str, ...], optional: tuple[str, ...] = ()
    ) -> None:
        if not isinstance(value, dict):
            raise self.fail(key, f"a table was expected, not {_show(value)}")
        for name in required:
            if name not in value:
                raise self.fail(key, f"the key {name!r} is missing")
        for name in value:
            if name not in required and name not in optional:
                raise self.fail(
                    f"{key}.{name}" if key else str(name),
                    f"unknown key; known are {', '.join(required + optional)}",
                )

    def text(self, key: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise self.fail(key, f"a printable text was expected, not {_show(value)}")
        return value

    def count(self, key: str, value: object) -> int:
        if type(value) is not int:
            raise self.fail(key, f"a whole number was expected, not {_show(value)}")
        if not 1 <= value <= LARGEST_NUMBER:
            raise self.fail(key, f"{_show(value)} is not between 1 and {LARGEST_NUMBER}")
        return value

    def items(self, key: str, value: object, what: str) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            raise self.fail(key, f"a list of {what} was expected, not {_show(value)}")
        if not value:
            raise self.fail(key, f"at least one of {what} is needed")
        return list(value)

    def floors(self, value: object, memory_bytes: int) -> list[list[tuple[str, int]]]:
        floors = []
        spaces = needed_bytes = 0
        for number, floor in enumerate(self.items("floors", value, "floors")):
            key = f"floors[{number}]"
            self.keys(key, floor, required=("rows",))
            rows: list[tuple[str, int]] = []
            for row_number, row in enumerate(self.items(f"{key}.rows", floor["rows"], "rows")):
                row_key = f"{key}.rows[{row_number}]"
                self.keys(row_key, row, required=("kind", "spaces"), optional=("repeat",))
                kind = self.text(f"{row_key}.kind", row["kind"])
                count = self.count(f"{row_key}.spaces", row["spaces"])
                times = self.count(f"{row_key}.repeat", row.get("repeat", 1))
                spaces += count * times
                needed_bytes += (count * BYTES_PER_SPACE + BYTES_PER_ROW) * times
                # Before the rows are written out: a repeat of 10^9 must not fill the memory.
                if needed_bytes > memory_bytes:
                    raise self.fail(
                        row_key,
                        f"{spaces} spaces need about {needed_bytes / 2**30:.1f} GiB, more than this machine's memory of {memory_bytes / 2**30:.1f} GiB",
                    )
                rows.extend([(kind, count)] * times)
            floors.append(rows)
        return floors

    def vehicles(self, value: object, kinds: set[str]) -> dict[str, list[list[str]]]:
        if not isinstance(value, dict) or not value:
            raise self.fail(
                "vehicles", f"a table of at least one vehicle was expected, not {_show(value)}"
            )
        vehicles = {}
        for vehicle, groups in value.items():
            key = f"vehicles.{self.text('vehicles', vehicle)}"
            seen: set[str] = set()
            vehicles[vehicle] = [
                self.group(f"{key}[{number}]", group, kinds, seen)
                for number, group in enumerate(self.items(key, groups, "tiers"))
            ]
        return vehicles

    def group(self, key: str, value: object, kinds: set[str], seen: set[str]) -> list[str]:
        group = self.items(key, value, "kinds")
        for kind in group:
            if self.text(key, kind) not in kinds:
                raise self.fail(
                    key, f"unknown kind {kind!r}; the floors have {', '.join(sorted(kinds))}"
                )
            if kind in seen:
                raise self.fail(key, f"the kind {kind!r} is listed twice for this vehicle")
            seen.add(kind)
        return group


def _show(value: object) -> str:
    """Return the value as Python writes it, cut to what fits a message."""
    try:
        shown = repr(value)
    except (ValueError, RecursionError):  # more digits, or deeper, than Python writes out
        return f"a {type(value).__name__} too large to show"
    return shown if len(shown) <= SHOWN_LETTERS else f"{shown[: SHOWN_LETTERS - 3]}..."


def _memory_bytes() -> int:
    """Physical memory, or what no layout reaches where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**63
