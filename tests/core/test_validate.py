"""Every variant of `validate` against the one table of refusals, and against whatever else comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from interpreters import run_python

from garagebench import (
    BadRequest,
    Garage,
    GarageError,
    Layout,
    Location,
    NoSuchSpace,
    SpaceEmpty,
    load_impl,
)
from garagebench.core import refusals
from garagebench.core.refusals import Refusal
from garagebench.stages import validate

VARIANTS = {
    operation: [getattr(validate, name) for name in dir(validate) if name.endswith(f"_{operation}")]
    for operation in ("park", "unpark")
}
VALIDATORS = [
    (operation, variant) for operation, variants in VARIANTS.items() for variant in variants
]
TABLES = {"park": refusals.PARK, "unpark": refusals.UNPARK}
LARGEST = 2**31 - 1

#: Prints a line for each refusal that comes out otherwise.
REPLAY = """
from garagebench import Layout
from garagebench.core import refusals
from garagebench.stages import validate
layout = Layout.builtin("seed")
for name in dir(validate):
    tables = {"park": refusals.PARK, "unpark": refusals.UNPARK}
    table = tables.get(name.rpartition("_")[2], ())
    for body, error, problem in table:
        try:
            print(name, body[:60], "accepted", getattr(validate, name)(layout)(body))
        except Exception as raised:
            if type(raised) is not error or (problem and raised.problem != problem):
                print(name, body[:60], repr(raised))
print("seen", len(refusals.PARK) + len(refusals.UNPARK))
"""


def show(body: bytes) -> str:
    """A body as a test's name."""
    return ascii(body[:40])[2:-1] + ("..." if len(body) > 40 else "")


CASES = [
    pytest.param(variant, refusal, id=f"{variant.__name__}-{number}-{show(refusal.body)}")
    for operation, variant in VALIDATORS
    for number, refusal in enumerate(TABLES[operation])
]


@pytest.mark.parametrize(("variant", "refusal"), CASES)
def test_a_refusal(
    variant: Callable[[Layout], Callable[[bytes], object]], refusal: Refusal, seed: Layout
) -> None:
    """Each body of the table is refused with its error, its problem, and a sentence."""
    with pytest.raises(GarageError) as caught:
        variant(seed)(refusal.body)
    assert type(caught.value) is refusal.error
    assert refusal.problem in ("", getattr(caught.value, "problem", None))
    assert str(caught.value)


def test_the_refusals_on_another_interpreter(other_python: str) -> None:
    """PyPy and the other CPythons refuse the same bodies with the same errors."""
    assert run_python(other_python, REPLAY) == f"seen {len(refusals.PARK) + len(refusals.UNPARK)}\n"


def test_the_table_has_what_the_issue_names() -> None:
    """Not JSON, no object, fields missing, unknown or wrongly typed, out of range, deep, long, not UTF-8."""
    park = {refusal.body for refusal in refusals.PARK}
    unpark = {refusal.body for refusal in refusals.UNPARK}
    for body in (
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"vehicle":"sm\xff"}',
        b"[" * 10_000 + b"]" * 10_000,
    ):
        assert body in park & unpark
    assert {
        b'{"vehicle":true}',
        b'{"vehicle":1}',
        b'{"vehicle":"bus"}',
        b'{"vehicle":"small","colour":"red"}',
    } <= park
    for key in ("floor", "row", "space"):
        for value in (True, False, 1.0, 0, -1, 2**31, "1", None):
            body = json.dumps({"floor": 1, "row": 1, "space": 1, key: value}, separators=(",", ":"))
            assert body.encode() in unpark
    assert any(len(refusal.body) == 4097 for refusal in refusals.BOTH)


@pytest.fixture(scope="module")
def garage(seed: Layout) -> Garage:
    """A garage in which a few cars stand."""
    parked = Garage(seed, load_impl("lists"))
    for vehicle in ("small", "large", "handicap"):
        parked.park(vehicle)
    return parked


names = st.sampled_from(["vehicle", "floor", "row", "space", "Vehicle", ""])
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["small", 1, True, 1.0]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)


def is_request(value: Any, fields: dict[str, type]) -> bool:
    """Tell whether the value is an object of these fields, each of exactly that type."""
    return isinstance(value, dict) and {key: type(of) for key, of in value.items()} == fields


def is_no_json(body: bytes) -> bool:
    """Tell whether the bytes are no JSON: Hypothesis also draws requests that it finds in the source."""
    try:
        json.loads(body.decode())
    except ValueError:
        return True
    return False


@given(st.binary(max_size=50).filter(is_no_json) | st.binary(min_size=4097, max_size=4100))
def test_arbitrary_bytes_are_refused(garage: Garage, body: bytes) -> None:
    """Random bytes are never a request: a GarageError, and the garage is as before."""
    for handle in (garage.handle_park, garage.handle_unpark):
        before = garage.free
        with pytest.raises(GarageError):
            handle(body)
        assert garage.free == before


@given(json_values)
def test_arbitrary_json_is_refused_unless_it_is_a_request(garage: Garage, value: object) -> None:
    """JSON of another shape is "not a request"; only the right fields of the right types get past the validator."""
    body = json.dumps(value).encode()
    before = garage.free
    if not is_request(value, {"vehicle": str}):
        with pytest.raises(BadRequest, match=r"^not a request: "):
            garage.handle_park(body)
    if not is_request(value, {"floor": int, "row": int, "space": int}):
        with pytest.raises(BadRequest, match=r"^not a request: "):
            garage.handle_unpark(body)
    assert garage.free == before


@pytest.mark.parametrize("variant", VARIANTS["park"])
@given(vehicle=st.sampled_from(["small", "large", "handicap"]), data=st.data())
def test_a_park_request_is_accepted(
    seed: Layout, variant: Any, vehicle: str, data: st.DataObject
) -> None:
    """Blanks between the tokens and escapes in the texts are as good as none."""
    blank = st.text(" \t\r\n", max_size=3)
    letters = [data.draw(st.sampled_from([letter, f"\\u{ord(letter):04x}"])) for letter in vehicle]
    tokens = ["{", '"vehicle"', ":", f'"{"".join(letters)}"', "}", ""]
    body = "".join(data.draw(blank) + token for token in tokens)
    assert variant(seed)(body.encode()) == vehicle


@pytest.mark.parametrize("variant", VARIANTS["unpark"])
@given(
    location=st.builds(
        Location, *[st.integers(1, 9) | st.integers(1, LARGEST) | st.just(LARGEST)] * 3
    ),
    order=st.permutations(["floor", "row", "space"]),
    indent=st.none() | st.integers(0, 3),
)
def test_an_unpark_request_is_accepted(
    seed: Layout, variant: Any, location: Location, order: list[str], indent: int | None
) -> None:
    """The keys may come in any order, and the numbers up to 2^31 - 1; what exists is not its business."""
    body = json.dumps({key: getattr(location, key) for key in order}, indent=indent).encode()
    answer = variant(seed)(body)
    assert (type(answer), answer) == (Location, location)


@pytest.mark.parametrize(("operation", "variant"), VALIDATORS)
def test_4_kib_are_accepted(seed: Layout, operation: str, variant: Any) -> None:
    """A body of exactly 4096 bytes is read."""
    body = b'{"vehicle":"small"}' if operation == "park" else b'{"floor":1,"row":1,"space":1}'
    assert variant(seed)(body.ljust(4096))


@given(st.builds(Location, *[st.integers(1, 5)] * 3))
def test_what_is_no_error_of_the_request(garage: Garage, location: Location) -> None:
    """A location that is well-formed and free, or not there, is SpaceEmpty or NoSuchSpace, not BadRequest."""
    if location not in {(1, 3, 1), (2, 4, 1), (1, 1, 1)}:
        with pytest.raises((SpaceEmpty, NoSuchSpace)):
            garage.handle_unpark(json.dumps(location._asdict()).encode())


def test_the_problem_is_an_attribute() -> None:
    """A server tells the three kinds of bad requests apart by `problem`; the text begins with it."""
    error = BadRequest("not JSON", "it is a song")
    assert (error.problem, str(error)) == ("not JSON", "not JSON: it is a song")
