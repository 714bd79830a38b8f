"""Functions of a user's file as a subject."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from garagebench.subjects.functions import NoSubject, encode, make_subject


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test imports is gone after it, and so is what it adds to the path."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def subject_of(place: Path, source: str, name: str, file: str = "words.py", **more: Any) -> Any:
    """Return the subject of a file with that source."""
    path = place / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return make_subject({"file": str(path), "name": name, **more})


def test_a_function_is_one_case(tmp_path: Path) -> None:
    """It has its own name, is called as often as is asked for, and says by what its sides are compared."""
    subject = subject_of(
        tmp_path, "def split(): return 'a,b'.split(',')", "split", calls={"split": 7}
    )
    (case,) = subject.cases()
    assert (case.name, case.answers, case.blocks[0].requests) == ("split", ["list('a', 'b')"], 7)
    assert len(case.blocks[0].tape) == 7
    assert case.names["call"]() == ["a", "b"]
    assert subject.caveats == []


def test_a_mapping_is_a_case_for_each(tmp_path: Path) -> None:
    """Under its keys; a list under the names of its functions."""
    source = (
        "def one(): return 1\ndef two(): return 2\nboth = {'x': one, 'y': two}\nlisted = [one, two]"
    )
    assert [case.name for case in subject_of(tmp_path, source, "both").cases()] == ["x", "y"]
    assert [case.name for case in subject_of(tmp_path, source, "listed").cases()] == ["one", "two"]


def test_an_object_with_cases_is_a_subject_itself(tmp_path: Path) -> None:
    """So is a class, which is called without arguments; dots lead into classes."""
    source = "class Own:\n    class Inner:\n        def cases(self): return ['its own']\nmade = Own.Inner()"
    assert list(subject_of(tmp_path, source, "Own.Inner").cases()) == ["its own"]
    assert list(subject_of(tmp_path, source, "made").cases()) == ["its own"]


def test_a_coroutine_function_is_run_to_its_end(tmp_path: Path) -> None:
    """On an event loop of its own, again and again."""
    source = "import asyncio\nasync def wait():\n    await asyncio.sleep(0)\n    return 7"
    (case,) = subject_of(tmp_path, source, "wait").cases()
    assert [case.names["call"]() for _ in range(2)] == [7, 7]


def test_what_answers_otherwise_each_time_is_not_compared(tmp_path: Path) -> None:
    """Nor what is no plain data: a repr may hold an address. A caveat says so."""
    source = "seen = []\ndef grow():\n    seen.append(1)\n    return len(seen)\ndef make(): return object()"
    for name in ("grow", "make"):
        subject = subject_of(tmp_path, source, name)
        (case,) = subject.cases()
        assert case.answers == []
        assert subject.caveats == [f"{name}: answers not compared"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gone", "words.py has no gone"),
        ("number", "number is no function, but int"),
        ("picky", r"picky needs arguments \(text, much\)"),
        ("nothing", "nothing is empty"),
        ("twice", "two functions of twice have the same name"),
    ],
)
def test_what_cannot_be_timed_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    """With the name, and what would do."""
    source = "number = 3\ndef picky(text, *, much, some=1): return text\nnothing = {}\ntwice = [len, len]"
    with pytest.raises(NoSubject, match=reason):
        list(subject_of(tmp_path, source, name).cases())


def test_a_module_of_a_package_imports_its_neighbours(tmp_path: Path) -> None:
    """It is imported under its whole name, so that relative imports work."""
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    (tmp_path / "outer" / "__init__.py").write_text("")
    (tmp_path / "outer" / "inner" / "__init__.py").write_text("")
    (tmp_path / "outer" / "helper.py").write_text("VALUE = 9")
    source = "from ..helper import VALUE\ndef give(): return VALUE"
    (case,) = subject_of(tmp_path, source, "give", file="outer/inner/words.py").cases()
    assert case.names["call"]() == 9


@pytest.mark.parametrize("file", ["json.py", "two-words.py"])
def test_a_file_may_be_called_like_another_module(tmp_path: Path, file: str) -> None:
    """Or as no module can be."""
    (case,) = subject_of(tmp_path, "def own(): return 'mine'", "own", file=file).cases()
    assert case.names["call"]() == "mine"


def test_plain_data_is_encoded_alike_whatever_its_order() -> None:
    """Sets and dictionaries have none; kinds are told apart, and floats keep every digit."""
    assert encode({"b": {2, 1}, "a": (1.5, None)}) == encode({"a": (1.5, None), "b": {1, 2}})
    assert encode([1]) != encode((1,))
    assert encode(1) != encode(1.0)
    assert encode(True) != encode(1)
    assert encode(0.1 + 0.2) != encode(0.3)


def test_other_things_are_not_encoded() -> None:
    """An object, a list that holds one, a structure that holds itself, and one beyond all measure."""
    endless: list[Any] = []
    endless.append(endless)
    for value in (object(), [object()], endless, list(range(200_000)), {1: iter(())}):
        assert encode(value) is None
