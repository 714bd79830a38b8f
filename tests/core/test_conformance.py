"""The one conformance run: every implementation on every runtime, and mutants that it must catch."""

from __future__ import annotations

from typing import Any

import mutants
import pytest
from interpreters import run_python

from garagebench import Impl, Layout
from garagebench.conformance import counterexample, suite
from garagebench.conformance.bench import SHOWN_ANSWER, Bench, Failure, PoolModel, Side, pool_bench
from garagebench.conformance.tapes import TINY
from garagebench.errors import WrongAnswer
from garagebench.impls.registry import BUILTIN

RUN = """
import sys
from garagebench import load_impl
from garagebench.conformance import suite
from garagebench.conformance import counterexample
impl = load_impl(sys.argv[1])
suite.check(impl)
print(counterexample.find_failure(impl))
"""

#: What needs no third-party package runs on every interpreter.
PORTABLE = [name for name, entry in BUILTIN.items() if entry.fix is None]

TAKE = ("take",)

#: Mutant -> the shortest calls that show it, worked out by hand.
SHORTEST = {
    "GivesOutTheLastSpaceTwice": [TAKE, TAKE],
    "IgnoresTheNearestRule": [TAKE],
    "SaysThatItFreedAFreeSpace": [("release", 0)],
    "CountsOneFreeTooMany": [("release", 0)],
    "WrapsNegativeIndices": [("release", -1)],
    "RestoreSharesTheState": [("save",), ("restore",), TAKE, ("restore",), TAKE],
    "SaveSharesTheState": [("save",), TAKE, ("restore",), TAKE],
    "ReturnsANumpyIndex": [TAKE],
    "ReturnsANumpyBool": [("release", 0)],
    "ReturnsABoolIndex": [("nearest",)],
    "TakesZeroWhenFull": [TAKE, TAKE],
    "TakesTheLastReleasedFirst": [TAKE, TAKE, ("release", 0), ("release", 1), TAKE],
    "NearestTakes": [("nearest",)],
    "ForgetsWhatIsBeyondAWord": [TAKE] * 65,
    "TakesAllForANegativeCount": [("take_many", -1)],
    "TakesAtMost4096": [("take_many", 64 * 64 + 1)],
    "ReleasesOnlyLists": [("release_many", (0, 0))],
    "BreaksDown": [TAKE],
    "TakesTheFirstKindOfAGroup": [("park", "large"), ("park", "handicap"), ("park", "handicap")],
    "TakesTheNearestOfAllTiers": [("park", "small")],
    "AcceptsABooleanFloor": [("handle_unpark", b'{"floor":true,"row":1,"space":1}')],
    "EncodesWithBlanks": [("park", "small")],
    "TakesFloor0AsTheLast": [("space_lookup", 0, 1, 1)],
}


@pytest.fixture(params=mutants.IMPLS, ids=lambda impl: impl.name)
def mutant(request: pytest.FixtureRequest) -> Impl:
    """Every implementation that is wrong in one way."""
    wrong: Impl = request.param
    if "Numpy" in wrong.name:
        pytest.importorskip("numpy")
    return wrong


def test_every_implementation_conforms_here(impl: Impl) -> None:
    """On this interpreter no implementation fails the fixed tapes or the search."""
    suite.check(impl)
    assert counterexample.find_failure(impl) is None


@pytest.mark.parametrize("name", PORTABLE)
def test_every_portable_implementation_conforms_elsewhere(other_python: str, name: str) -> None:
    """On PyPy and every other CPython no standard-library implementation fails them either."""
    assert run_python(other_python, RUN, name) == "None\n"


def test_check_catches(mutant: Impl) -> None:
    """The fixed tapes catch every mutant, and say in one sentence what it answered and should have."""
    with pytest.raises(
        WrongAnswer, match=r"^call \d+ on a (pool|garage).*, answers .*; expected [^\n]+$"
    ):
        suite.check(mutant)


def test_find_failure_returns_the_shortest_calls(mutant: Impl) -> None:
    """The search finds every mutant and returns the shortest sequence that shows it."""
    failure = counterexample.find_failure(mutant)
    assert failure is not None
    assert list(failure.calls) == SHORTEST[mutant.name]


def test_find_failure_finds_what_only_a_long_sequence_shows() -> None:
    """What no short sequence shows is found at random, and shrunk until no call can be left out."""
    failure = counterexample.find_failure(Impl("late", TakesFourteenthTwice))
    assert failure is not None
    assert failure.calls == (TAKE,) * 15


class TakesFourteenthTwice(mutants.ListPool):
    """Wrong only in a garage of a size that no fixed tape has."""

    def take(self) -> int:
        index = super().take()
        return 13 if self.capacity == 100 and index == 14 else index


def test_shrinking_leaves_out_what_is_not_needed() -> None:
    """Of a long failing tape only the calls that matter remain, whatever stands between them."""
    bench = pool_bench(mutants.TakesTheLastReleasedFirst, 9)
    noise = [("nearest",), ("release", 7), ("capacity",), ("save",)]
    tape = [
        TAKE,
        *noise,
        TAKE,
        *noise,
        ("release", 0),
        *noise,
        ("release", 1),
        *noise,
        TAKE,
        *noise,
    ]
    failure = bench.replay(tape)
    assert failure is not None
    assert (
        list(counterexample.shrink(bench, failure).calls) == SHORTEST["TakesTheLastReleasedFirst"]
    )


class Locked:
    """Wrong at the end, unless it was shut and not opened."""

    free = 0

    def __init__(self) -> None:
        self._open, self._shut = False, False

    def unlock(self) -> None:
        self._open = True

    def shut(self) -> None:
        self._shut = True

    def end(self) -> bool:
        return self._open or not self._shut


class Right(Locked):
    def end(self) -> bool:
        return False


def test_shrinking_tries_again() -> None:
    """What could not be left out at first is left out once that is gone which it was needed for."""
    bench = Bench("a lock", Locked, Right)
    failure = bench.replay([("unlock",), ("shut",), ("end",)])
    assert failure is not None
    assert counterexample.shrink(bench, failure).calls == (("end",),)


def test_replay_stops_at_the_first_difference() -> None:
    """A failure's calls end with the one that is answered wrongly."""
    bench = pool_bench(mutants.TakesZeroWhenFull, 1)
    failure = bench.replay([("nearest",), TAKE, TAKE, TAKE])
    assert failure == Failure(
        "a pool of 1", (("nearest",), TAKE, TAKE), "0, free: 0", "-1, free: 0"
    )
    assert bench.replay([TAKE]) is None


def test_a_failure_describes_itself() -> None:
    """The text has what it is about, the calls one a line, and the two answers."""
    failure = counterexample.find_failure(Impl("mutant", mutants.GivesOutTheLastSpaceTwice))
    assert failure is not None
    assert failure.describe() == (
        "a pool of 1:\n  take()\n  take()\n  answers 0, free: 0\n  expected -1, free: 0"
    )
    assert suite.describe_briefly(failure) == (
        "call 2 on a pool of 1, take(), answers 0, free: 0; expected -1, free: 0"
    )


def test_a_long_answer_is_shown_where_it_differs() -> None:
    """Of thousands of indices a person sees those around the first that is wrong, and how it goes on in both."""
    right = ", ".join(map(str, range(4000)))
    got, expected = Failure("a pool", (TAKE,), right.replace(" 2000,", " 7,"), right).shortened()
    assert "1999, 7, 2001" in got
    assert "1999, 2000, 2001" in expected
    assert got.startswith("...")
    assert max(len(got), len(expected)) == SHOWN_ANSWER + 6
    short = Failure("a pool", (TAKE,), right[:4], right).shortened()
    assert short == (right[:4], right[:SHOWN_ANSWER] + "...")


class Answers:
    """Answers whatever it is told to."""

    free = 1

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def take(self) -> Any:
        return self._answer


class Whole(int):
    """A number that looks like an int and is none, as older NumPy's did."""


DIFFERENT = (0, False, Whole(0), 0.0, None, "0", [], [0], [False], [Whole(0)], b"0")


@pytest.mark.parametrize("number", range(len(DIFFERENT)))
def test_an_answer_of_another_type_is_another_answer(number: int) -> None:
    """0, False, 0.0 and an empty list are told apart, also within a list."""
    for other, answer in enumerate(DIFFERENT):
        sides = lambda: Answers(DIFFERENT[number]), lambda answer=answer: Answers(answer)
        assert (Bench("answers", *sides).replay([TAKE]) is None) == (other == number)


def test_an_error_is_an_answer() -> None:
    """An error that the contract names is an answer by its type; any other is told with its text."""
    assert Side(lambda: PoolModel(1)).answer(("release", 1)) == "IndexError, free: 1"
    assert Side(lambda: mutants.BreaksDown(1)).answer(TAKE) == "RuntimeError: no battery"
    assert Side(lambda: None).answer(TAKE).startswith("AttributeError: ")


def test_the_tiny_layout_has_what_it_takes() -> None:
    """It has kinds interleaved over rows, a group of several kinds, and tiers that fall back."""
    assert TINY.kinds == ("b", "a", "c")
    assert TINY.capacities == (2, 3, 1)
    assert TINY.tiers == {"small": ((1,), (0,)), "large": ((0,),), "handicap": ((2,), (0, 1))}


def test_a_garage_that_a_refusal_changes_is_caught(seed: Layout) -> None:
    """A validator that parks before it refuses changes the garage, and that is said."""

    def sequence(layout: Layout, pools: Any) -> Any:
        right = mutants.Impl("right", mutants.ListPool).sequence(layout, pools)
        taken.append(pools[1].take)
        return right

    def validate_park(layout: Layout) -> Any:
        right = mutants.Impl("right", mutants.ListPool).validate_park(layout)

        def validate(body: bytes) -> str:
            if body == b"null":
                taken[-1]()
            return right(body)

        return validate

    taken: list[Any] = []
    impl = Impl("mutant", mutants.ListPool, validate_park=validate_park, sequence=sequence)
    failure = suite.find_refusal_failure(impl)
    assert failure == Failure(
        "a garage",
        (("handle_park", b"null"),),
        "BadRequest (not a request) and the garage is changed",
        "BadRequest (not a request)",
    )
