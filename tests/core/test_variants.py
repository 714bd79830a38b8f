"""Every variant of every stage against the standard one, and how variants are chosen."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from drawn_layouts import layouts
from hypothesis import example, given
from hypothesis import strategies as st

from garagebench import GarageError, GarageFull, Impl, Layout, Location, load_impl
from garagebench.conformance.bench import PoolModel
from garagebench.conformance.tapes import TINY
from garagebench.core import refusals
from garagebench.core.refusals import Refusal
from garagebench.errors import Unavailable, UnknownName
from garagebench.stages import sequence, space_lookup, validate
from garagebench.stages.variants import VARIANTS, load_variant, with_variants

BASE = load_impl("lists")

#: Names that JSON must escape, or that look like another in bytes.
ODD = Layout.from_data(
    {
        "name": "odd",
        "vehicles": {name: [["k"]] for name in ("small", "größer", '"', "\\", "停", "ab/c")},
        "floors": [{"rows": [{"kind": "k", "spaces": 3}]}],
    }
)

VALIDATORS = {
    field: [name for name, fields in VARIANTS["validate"].items() if field in fields]
    for field in ("validate_park", "validate_unpark")
}


def load(stage: str, variant: str, field: str) -> Any:
    """The factory of a variant; a test whose package is missing is skipped."""
    try:
        return load_variant(stage, variant)[field]
    except Unavailable as error:
        pytest.skip(str(error))


def outcome(function: Any, *given: Any) -> tuple[object, ...]:
    """What comes of a call, so that it can be compared: the answer's type and value, or the whole error."""
    try:
        answer = function(*given)
    except GarageError as error:
        return type(error), getattr(error, "problem", None), str(error)
    return type(answer), answer


#: Bytes that may stand for a value, a name, or between them; not all of them may in JSON.
VALUES = [
    *(b"1", b"3", b"2147483647", b"2147483648", b"0", b"-0", b"-1", b"01", b"+1", b"1 ", b"0x1"),
    *(b"1.0", b"1e0", b"1E0", b"10e-1", b"1e400", b"1.", b"9" * 30, b"9" * 4100, b"NaN"),
    *(b"Infinity", b"-Infinity", b"true", b"false", b"null", b"", b"[]", b"[1]", b'{"vehicle":1}'),
    *(b'"small"', b'"Small"', b'"bus"', b'""', b'"1"', b"'small'", b'"sm\\u0061ll"', b'"sm\\/"'),
    *(b'"sm\xffll"', b'"sm\xc1\xa1ll"', b'"\\ud800"', b'"\xed\xa0\x80"', b'"small\\u0000"'),
    *(b'"small\x00"', b'"sm\tall"', b'"small', b'"\\\\"', b'"\\""', b'"ab\\/c"', b'"ab/c"'),
    *('"größer"'.encode(), b'"gr\\u00f6\\u00dfer"', '"größer"'.encode("latin-1"), "停".encode()),
    b"[" * 600 + b"]" * 600,
]
NAMES = [
    *(b'"vehicle"', b'"floor"', b'"row"', b'"space"', b'"vehic\\u006ce"', b'"\\u0066loor"'),
    *(b'"Vehicle"', b'"level"', b"vehicle", b"1", b'"vehicle\xff"', b'"space\\ud800"', b'""'),
]
BLANKS = [b"", b"", b"", b" ", b"\n\t\r ", b"\x0c", b"\xc2\xa0", b"\x00", b"\xef\xbb\xbf", b"//"]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """What is nearly a request: mostly the right names, any values, and sometimes a byte too many or too few."""
    names = draw(
        st.sampled_from(([b'"vehicle"'], [b'"floor"', b'"row"', b'"space"']))
        | st.lists(st.sampled_from(NAMES), max_size=5)
    )
    names = draw(st.permutations(names)) + draw(
        st.lists(st.sampled_from(names or NAMES), max_size=1)
    )
    likely = st.sampled_from([b'"small"' if b'"vehicle"' in names else b"1"])
    value = likely | likely | st.sampled_from(VALUES)
    pairs = [draw(st.sampled_from(BLANKS[:5])) + name + b":" + draw(value) for name in names]
    body = b"{" + b",".join(pairs) + draw(st.sampled_from([b"}", b"}", b"}", b",}", b"", b"}}"]))
    body = draw(st.sampled_from(BLANKS)) + body + draw(st.sampled_from(BLANKS))
    if draw(st.integers(0, 4)) == 0:
        place = draw(st.integers(0, len(body)))
        body = body[:place] + draw(st.binary(max_size=2)) + body[place + draw(st.integers(0, 1)) :]
    return body.ljust(4096 + draw(st.integers(-1, 1))) if draw(st.integers(0, 9)) == 0 else body


@pytest.mark.parametrize("layout", [Layout.builtin("seed"), ODD], ids=["seed", "odd"])
@pytest.mark.parametrize(
    ("field", "variant"), [(field, name) for field, names in VALIDATORS.items() for name in names]
)
@given(body=bodies())
@example(b'{"floor":1,"row":1,"space":1.0}')
@example(b'{"floor":1,"row":true,"space":1}')
@example(b'{"floor":1,"row":1,"space":1,"level":1}')
@example(b'{"floor":"x","floor":1,"row":1,"space":1}')
@example(b'{"floor":1,"row":1,"space":2147483648}')
@example(b'{"floor":0,"row":1,"space":1}')
@example(b'{"vehicle":1,"vehicle":"small"}')
@example(b'{"vehicle":"small","colour":"red"}')
@example(b'{"vehicle":["small"]}')
@example(b'{"vehicle":"small"}'.ljust(4096))
@example(b'{"vehicle":"small"}'.ljust(4097))
@example(b'{"floor":1,"row":1,"space":1}'.ljust(4097))
def test_a_validator_answers_as_the_standard_one(
    layout: Layout, field: str, variant: str, body: bytes
) -> None:
    """For any body: the same vehicle or location, or the same error in the same words."""
    standard = load("validate", "json", field)(layout)
    validate = load("validate", variant, field)(layout)
    assert outcome(validate, body) == outcome(standard, body)


@pytest.mark.parametrize(
    ("field", "variant", "refusal"),
    [
        pytest.param(field, name, refusal, id=f"{field}-{name}-{number}")
        for field, table in (("validate_park", refusals.PARK), ("validate_unpark", refusals.UNPARK))
        for name in VALIDATORS[field]
        for number, refusal in enumerate(table)
    ],
)
def test_a_refusal(field: str, variant: str, refusal: Refusal, seed: Layout) -> None:
    """Each body of the table of refusals is refused with its error and its problem."""
    error, problem, _ = outcome(load("validate", variant, field)(seed), refusal.body)
    assert error is refusal.error
    assert refusal.problem in ("", problem)


@pytest.mark.parametrize("variant", VALIDATORS["validate_park"])
def test_every_vehicle_is_known(variant: str) -> None:
    """Whatever its name, escaped or not."""
    validate = load("validate", variant, "validate_park")(ODD)
    for name in ODD.tiers:
        escaped = "".join(f"\\u{ord(letter):04x}" for letter in name)
        assert validate(b'{"vehicle":"%s"}' % escaped.encode()) == name
    assert validate('{"vehicle":"größer"}'.encode()) == "größer"


@pytest.mark.parametrize("variant", VARIANTS["encode"])
@given(drawn=layouts())
@example(drawn=TINY)
def test_the_replies_are_the_same_bytes(variant: str, drawn: Layout) -> None:
    """Floor lookup and encode give, for every space, the reply of the standard variants."""
    replies = []
    for name in ("json", variant):
        look_up = load("encode", name, "floor_lookup")(drawn)
        encode = load("encode", name, "encode_park")(drawn)
        replies.append(
            [
                encode(look_up(kind, index))
                for kind, count in enumerate(drawn.capacities)
                for index in range(count)
            ]
        )
    assert replies[0] == replies[1]
    assert {type(reply) for reply in replies[1]} == {bytes}


@pytest.mark.parametrize("variant", VARIANTS["encode"])
@pytest.mark.parametrize("names", [["größer", "a"], ['"quoted"'], ["back\\slash", "a/b"], ["停"]])
def test_a_kind_is_escaped_the_same_way(variant: str, names: list[str]) -> None:
    """Names that JSON must escape, or may, are the same bytes in every variant."""
    layout = Layout.from_data(
        {
            "name": "escapes",
            "vehicles": {"v": [names]},
            "floors": [{"rows": [{"kind": name, "spaces": 1} for name in names]}],
        }
    )
    standard = load("encode", "json", "encode_unpark")(layout)
    encode = load("encode", variant, "encode_unpark")(layout)
    for kind in range(len(names)):
        assert encode(kind) == standard(kind)


@pytest.mark.parametrize("variant", VARIANTS["space_lookup"])
@given(drawn=layouts(), numbers=st.lists(st.tuples(*[st.integers(-1, 6)] * 3), max_size=30))
def test_a_space_lookup_answers_as_the_standard_one(
    variant: str, drawn: Layout, numbers: list[tuple[int, int, int]]
) -> None:
    """For every space and for what is none, a Location or a plain tuple, in the same words."""
    standard = load("space_lookup", "table", "space_lookup")(drawn)
    look_up = load("space_lookup", variant, "space_lookup")(drawn)
    for location in [place for table in drawn.locations for place in table]:
        assert look_up(location) == look_up(tuple(location)) == standard(location)
    for location in numbers:
        assert outcome(look_up, Location(*location)) == outcome(standard, Location(*location))


@pytest.mark.parametrize("limit", [139, 140])
def test_a_large_garage_has_no_entry_for_each_space(
    seed: Layout, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Beyond the limit a space is looked up by its row, with the same answer."""
    monkeypatch.setattr(space_lookup, "SPACES_LIMIT", limit)
    look_up = space_lookup.spaces(seed)
    assert isinstance(getattr(look_up, "__self__", None), dict) == (limit >= 140)
    assert look_up(Location(2, 4, 1)) == (2, 0)


@pytest.mark.parametrize("limit", [139, 140])
def test_a_large_garage_knows_no_body_of_unpark(
    seed: Layout, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Up to the limit the compact body of every space is known; the parser is asked of all others, beyond it of all."""
    monkeypatch.setattr(validate, "SPACES_LIMIT", limit)
    asked = []
    standard = validate.json_unpark(seed)

    def ask(body: bytes) -> Location:
        asked.append(body)
        return standard(body)

    accept = validate.table_unpark(seed, others=lambda _: ask)
    compact, spacious = b'{"floor":2,"row":4,"space":1}', b'{"floor": 2, "row": 4, "space": 1}'
    assert accept(compact) == accept(spacious) == Location(2, 4, 1)
    assert asked == ([spacious] if limit >= 140 else [compact, spacious])


class AskedPool(PoolModel):
    """A pool that writes down what it is asked."""

    def __init__(self, capacity: int, asked: list[object], kind: int) -> None:
        super().__init__(capacity)
        self._asked = asked
        self._kind = kind
        self._inside = False

    def take(self) -> int:
        self._asked.append(("take", self._kind))
        return (self.take_many(1) or [-1])[0]

    def nearest(self) -> int:
        self._asked.append(("nearest", self._kind))
        return super().nearest()


@pytest.mark.parametrize("variant", [name for name in VARIANTS["sequence"] if name != "tiers"])
@given(drawn=layouts(), data=st.data())
def test_a_sequencer_asks_and_answers_as_the_standard_one(
    variant: str, drawn: Layout, data: st.DataObject
) -> None:
    """Through parks and releases until full and beyond: the same spaces, the same questions to the pools."""
    asked: tuple[list[object], list[object]] = ([], [])
    sides = [
        [AskedPool(count, side, kind) for kind, count in enumerate(drawn.capacities)]
        for side in asked
    ]
    standard = sequence.tiers(drawn, sides[0])
    park = load("sequence", variant, "sequence")(drawn, sides[1])
    for _ in range(data.draw(st.integers(1, 30))):
        if data.draw(st.integers(0, 3)):
            vehicle = data.draw(st.sampled_from(list(drawn.tiers)))
            assert outcome(park, vehicle) == outcome(standard, vehicle)
        else:
            kind = data.draw(st.integers(0, len(drawn.kinds) - 1))
            index = data.draw(st.integers(0, drawn.capacities[kind] - 1))
            for side in sides:
                side[kind].release(index)
    assert asked[0] == asked[1]


@pytest.mark.parametrize("variant", VARIANTS["sequence"])
@pytest.mark.parametrize("vehicle", TINY.tiers)
def test_a_full_garage_is_refused(variant: str, vehicle: str) -> None:
    """Whichever tier is the last, a vehicle that finds all of them full is refused."""
    pools = [PoolModel(count) for count in TINY.capacities]
    park = load("sequence", variant, "sequence")(TINY, pools)
    for pool in pools:
        pool.take_many(pool.capacity)
    error, _, text = outcome(park, vehicle)
    assert (error, text) == (GarageFull, f"no free space for vehicle {vehicle!r}")


class TestChoosing:
    def test_both_operations(self) -> None:
        """A variant replaces the stage of both operations, and nothing else; the name stays."""
        changed = with_variants(BASE, {"validate": "json", "sequence": "unrolled"})
        assert changed == BASE._replace(sequence=sequence.unrolled)

    def test_rendered_brings_its_floor_lookup(self) -> None:
        """Rendered replies are found by the floor lookup; json after it brings the locations back."""
        rendered = with_variants(BASE, {"encode": "rendered"})
        assert rendered.floor_lookup(TINY)(0, 0) == b'{"floor":1,"row":1,"space":1}'
        assert with_variants(rendered, {"encode": "json"}) == BASE

    def test_an_unknown_variant(self) -> None:
        """The error lists those of the stage."""
        with pytest.raises(UnknownName) as caught:
            with_variants(BASE, {"validate": "simdjson"})
        assert str(caught.value) == (
            "unknown variant 'simdjson' of validate; there is: json, msgspec, orjson, table"
        )

    def test_an_unknown_stage(self) -> None:
        """The error lists the stages that have variants."""
        with pytest.raises(UnknownName) as caught:
            with_variants(BASE, {"total": "json"})
        assert str(caught.value) == (
            "the stage 'total' has no variants; these have: validate, sequence, space_lookup, encode"
        )

    @pytest.mark.parametrize("package", ["msgspec", "orjson"])
    @pytest.mark.parametrize("stage", ["validate", "encode"])
    def test_a_missing_package(
        self, monkeypatch: pytest.MonkeyPatch, package: str, stage: str
    ) -> None:
        """A variant whose package is not installed is Unavailable and says what would fix it."""
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.delitem(sys.modules, f"garagebench.stages.by_{package}", raising=False)
        with pytest.raises(Unavailable) as caught:
            with_variants(BASE, {stage: package})
        message = str(caught.value)
        assert message.startswith(f"{stage}={package} cannot run on this interpreter: ")
        assert message.endswith(": pip install 'garagebench[fast]'")

    @pytest.mark.parametrize(
        ("stage", "variant"), [(stage, name) for stage, names in VARIANTS.items() for name in names]
    )
    def test_every_variant_is_there(self, stage: str, variant: str) -> None:
        """Each of the table can be loaded, for fields that an implementation has."""
        try:
            changed = with_variants(BASE, {stage: variant})
        except Unavailable as error:
            pytest.skip(str(error))
        assert isinstance(changed, Impl)
