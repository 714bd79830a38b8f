"""The named implementation `fast`: what it is made of, and that it is there without what it is made of."""

from __future__ import annotations

import sys

import pytest
from interpreters import run_python

from garagebench import Garage, Layout, load_impl
from garagebench.impls import fast
from garagebench.stages import encode, sequence, space_lookup, validate

#: Prints whether the suite finds fast right, with packages missing that are named on the command line.
VERIFY = """
import sys
for name in sys.argv[1:]:
    sys.modules[name] = None
from garagebench import load_impl
from garagebench.conformance import suite
impl = load_impl("fast")
suite.check(impl)
print(impl.validate_unpark.keywords["others"].__module__)
"""


def test_it_is_made_of_tables() -> None:
    """A known body, the tiers, the spaces and the replies are all looked up."""
    impl = load_impl("fast")
    assert impl.name == "fast"
    assert impl.validate_park is validate.table_park
    assert impl.validate_unpark.func is validate.table_unpark
    assert impl.sequence is sequence.unrolled
    assert impl.space_lookup is space_lookup.spaces
    assert impl.encode_unpark is encode.rendered_unpark


@pytest.mark.parametrize(
    ("missing", "parser"),
    [
        ([], "by_msgspec"),
        (["msgspec"], "by_orjson"),
        (["msgspec", "orjson"], "validate"),
    ],
)
def test_it_takes_what_there_is(missing: list[str], parser: str) -> None:
    """Without a package it is made of the next best and gives the right answers."""
    for package in ("msgspec", "orjson"):
        if package not in missing:
            pytest.importorskip(package)
    found = run_python(sys.executable, VERIFY, *missing)
    assert found == f"garagebench.stages.{parser}\n"


def test_on_another_interpreter(other_python: str) -> None:
    """PyPy and the other CPythons have a `fast`, too, with what is installed there."""
    assert run_python(other_python, VERIFY).startswith("garagebench.stages.")


def test_on_pypy() -> None:
    """There the space is looked up by its row; all else is the same."""
    assert fast.make_fast("pypy") == fast.make_fast("cpython")._replace(
        space_lookup=space_lookup.table
    )


def test_the_reply_is_handed_through(seed: Layout) -> None:
    """Each park of one space answers with the very same bytes, made once."""
    garage = Garage(seed, load_impl("fast"))
    first = garage.handle_park(b'{"vehicle":"small"}')
    garage.handle_unpark(first)
    assert garage.handle_park(b' {"vehicle":"small"}') is first
