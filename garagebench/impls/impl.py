"""What an implementation is: a pool class and one variant of each stage."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from garagebench.stages import encode, floor_lookup, sequence, space_lookup, validate

Factory = Callable[..., Any]


class Impl(NamedTuple):
    """A named recipe. `pool` is called with a capacity; a stage with what the table in docs/plugging-in.md says."""

    name: str
    pool: Factory
    validate_park: Factory = validate.json_park
    sequence: Factory = sequence.tiers
    floor_lookup: Factory = floor_lookup.table
    encode_park: Factory = encode.json_park
    validate_unpark: Factory = validate.json_unpark
    space_lookup: Factory = space_lookup.table
    encode_unpark: Factory = encode.json_unpark
