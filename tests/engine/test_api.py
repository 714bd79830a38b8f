"""`garagebench.measure` as a user calls it: real processes, a second each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toys import Adder

import garagebench
from garagebench.engine.api import SubjectError
from garagebench.engine.result import EVERYTHING, Result, ResultRow
from garagebench.interface import Block, Case, Step

ROOT = Path(__file__).parents[2]

BUDGET_S = 1.2

FIX = "make its cases inside cases()"


@pytest.fixture(scope="module")
def pair() -> Result:
    """Two adders and one whose answers are not what it expects, measured in lock-step."""
    subjects = {
        "one": Adder(1, 1),
        "two": Adder(2, 2),
        "mistaken": Adder(1, 2, in_context=False),
    }
    return garagebench.measure(subjects, budget_s=BUDGET_S, seed=7)


def find(result: Result, contestant: str) -> dict[str, ResultRow]:
    """The contestant's rows by name."""
    return {row.name: row for row in result.rows() if row.contestant == contestant}


def test_a_mapping_is_measured_side_by_side(pair: Result) -> None:
    """The first is the reference; the others have ratios to it, with intervals where there are enough generations."""
    one, two = find(pair, "one"), find(pair, "two")
    assert list(one) == list(two) == ["add", "append"]
    assert {row.status for row in (*one.values(), *two.values())} == {"ok"}
    assert (one["append"].ratio, one["append"].reference) == (1, "one")
    assert two["append"].reference == "one"
    assert two["append"].ratio is not None
    assert two["append"].ratio > 0
    contestants = {contestant.name: contestant for contestant in pair.contestants}
    generations = len(contestants["two"].series["append"])
    assert (two["append"].ratio_low is not None) is (generations >= 6)


def test_wrong_answers_have_no_time(pair: Result) -> None:
    """A subject whose answers differ from what it expects has status wrong, and the first difference is named."""
    for row in find(pair, "mistaken").values():
        assert (row.status, row.median, row.ratio) == ("wrong", None, None)
        assert "add: answer 1 is 1, expected 2" in row.caveats[0]
    assert list(find(pair, "mistaken")) == ["add", "append"]


def test_settings_and_machine_are_kept(pair: Result) -> None:
    """The result says how it was measured, where and by what."""
    assert (pair.settings["budget_s"], pair.settings["seed"]) == (BUDGET_S, 7)
    assert pair.environment["cpu_count"] >= 1
    assert pair.reference.environment["python_implementation"] == sys.implementation.name.replace(
        "cpython", "CPython"
    )


def test_a_result_is_saved_and_loaded(pair: Result, tmp_path: Path) -> None:
    """What is loaded gives the very same rows."""
    for name in ("r.json", "r.json.gz"):
        pair.save(tmp_path / name)
        loaded = Result.load(tmp_path / name)
        assert loaded.rows() == pair.rows()
        assert loaded == pair


def test_a_subject_is_measured() -> None:
    """Alone it is called as its class, and every case is a row with a time."""
    result = garagebench.measure(Adder(), budget_s=0.5)
    rows = result.rows()
    assert [(row.contestant, row.name, row.status) for row in rows] == [
        ("Adder", "add", "ok"),
        ("Adder", "append", "ok"),
    ]
    assert all(row.unit == "ns" and row.median is not None and row.median > 0 for row in rows)


def test_another_interpreter_runs_the_workers(pypy: str) -> None:
    """A subject whose module both can import is measured on PyPy, and finds PyPy's standard library."""
    result = garagebench.measure(Adder(), budget_s=1.0, python=pypy)
    assert {row.status for row in result.rows()} == {"ok"}
    assert result.reference.environment["python_implementation"] == "PyPy"


def test_an_interpreter_that_is_not_there() -> None:
    """It is unavailable: there is a row that says so."""
    (row,) = garagebench.measure(Adder(), budget_s=0.5, python="/no/such/python").rows()
    assert (row.name, row.status, row.median) == (EVERYTHING, "unavailable", None)
    assert row.caveats == ("/no/such/python cannot be started: No such file or directory",)


class WithoutCases:
    """Anything."""


class Unpicklable:
    """Holds what no worker can get."""

    def __init__(self) -> None:
        self.function = lambda: 1

    def cases(self) -> Iterator[Case]:
        """Nothing."""
        return iter(())


class Breaking:
    """Cannot make its cases."""

    def cases(self) -> Iterator[Case]:
        """Fail."""
        raise RuntimeError("no data today")


@pytest.mark.parametrize(
    ("subject", "budget_s", "reason"),
    [
        (WithoutCases(), 1, "WithoutCases: WithoutCases offers no cases()"),
        ({"a": Adder(), "b": WithoutCases()}, 1, "b: WithoutCases offers no cases()"),
        ({"a": None}, 1, "a: NoneType offers no cases()"),
        ({}, 1, "no subject was given"),
        (Adder(), 0, "budget_s must be a number above 0, not 0"),
        (Adder(), -1.5, "budget_s must be a number above 0, not -1.5"),
        (Adder(), float("nan"), "budget_s must be a number above 0, not nan"),
        (Adder(), float("inf"), "budget_s must be a number above 0, not inf"),
    ],
)
def test_what_cannot_be_measured(subject: Any, budget_s: float, reason: str) -> None:
    """It is refused before anything is started, with what is wrong."""
    with pytest.raises(SubjectError) as caught:
        garagebench.measure(subject, budget_s=budget_s)
    assert str(caught.value) == reason


def test_a_subject_that_cannot_be_sent() -> None:
    """It says why, and what to do."""
    with pytest.raises(SubjectError) as caught:
        garagebench.measure({"mine": Unpicklable()}, budget_s=1)
    assert str(caught.value).startswith("mine cannot be sent to a worker: ")
    assert str(caught.value).endswith(FIX)


def test_a_subject_that_breaks() -> None:
    """Its exception is the reason of its row, and not a traceback."""
    (row,) = garagebench.measure(Breaking(), budget_s=0.5).rows()
    assert row.status == "invalid"
    assert row.caveats == ("Breaking failed while it started: RuntimeError: no data today",)


SCRIPT = """
import garagebench
from garagebench.engine import Block, Case, Step


class Doubling:
    def cases(self):
        block = Block([1, 2, 3], [2, 4, 6], 3)
        yield Case("double", "n", [Step("double", "m = 2 * n")], "m", {}, [block])


def main():
    for row in garagebench.measure(Doubling(), budget_s=0.4).rows():
        print(row.contestant, row.name, row.status, *row.caveats[-1:], sep="|")


GUARD
    main()
"""


def run_script(tmp_path: Path, guard: str, name: str = "script.py") -> str:
    """What the script prints."""
    script = tmp_path / name
    script.write_text(SCRIPT.replace("GUARD", guard))
    run = subprocess.run(
        [sys.executable, str(script)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return run.stdout + run.stderr


@pytest.mark.parametrize("name", ["script.py", "script"])
def test_a_subject_comes_from_a_script(tmp_path: Path, name: str) -> None:
    """A worker imports the script, which guards its own start; it may be called like a command."""
    printed = run_script(tmp_path, 'if __name__ == "__main__":', name)
    assert printed.startswith("Doubling|double|ok")
    assert printed.count("\n") == 1


def test_a_script_without_a_guard(tmp_path: Path) -> None:
    """It does not start workers without end: its row says what is missing."""
    printed = run_script(tmp_path, "if True:")
    assert printed.startswith(f"Doubling|{EVERYTHING}|invalid|")
    assert "the script measures when imported" in printed
    assert printed.count("\n") == 1


def test_a_subject_of_an_interactive_session() -> None:
    """No worker could find its class: that is said before any is started."""
    source = SCRIPT.replace("GUARD", "if True:")
    run = subprocess.run(
        [sys.executable, "-c", source],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "SubjectError: Doubling was made in an interactive session" in run.stderr
    assert "put it in a file" in run.stderr


def test_a_script_is_imported_only_where_its_objects_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subject of some module needs nothing of the script that measures it, pytest for one."""
    main = tmp_path / "main.py"
    main.write_text("raise SystemExit('imported')\n")
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(main), raising=False)
    rows = garagebench.measure(Adder(), budget_s=0.3).rows()
    assert {row.status for row in rows} == {"ok"}


def test_the_library_offers_what_a_subject_is_made_of() -> None:
    """Everything that a subject and its reader need is to be had from `garagebench.engine`."""
    from garagebench import engine

    assert (engine.Block, engine.Case, engine.Step) == (Block, Case, Step)
    assert garagebench.measure is engine.measure
