"""Instruction counts beside the times, under a real valgrind."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from garagebench.check.revisions import CheckSettings, make_target
from garagebench.core.workload import make_workload
from garagebench.engine.instructions import CountError, find_valgrind
from garagebench.gate import witness as witnesses
from garagebench.gate.case import CaseKey, Thresholds
from garagebench.gate.pairs import Pair
from garagebench.gate.witness import Counted, count_pairs
from garagebench.run.experiment import load_layout
from garagebench.stats.judge import Judgement

CASE = CaseKey("mine", "cpython3.11", "park/total")
SLOWED = (
    "from garagebench.subjects.slowed import slowed\nIMPL = slowed('lists', 'park encode', {})\n"
)


@pytest.mark.parametrize(
    ("time_percent", "counted_percent", "is_said"),
    [(6.0, 0.02, True), (6.0, 3.0, False), (1.0, 0.02, False)],
)
def test_time_up_with_counts_level_is_suspect(
    time_percent: float, counted_percent: float, is_said: bool
) -> None:
    """Only a rise in time that no instructions explain is said to be layout or noise."""
    judgements = {CASE: Judgement("inconclusive", time_percent / 100, None, None, 9)}
    counted = {CASE: Counted(1000, 1000, counted_percent)}
    said = witnesses.testify(judgements, counted, Thresholds(5.0))
    assert [("suspected layout or noise" in one) for one in said] == [True] * is_said


def test_the_counts_shown_are_those_of_the_change() -> None:
    """Of three hash seeds the one with the median change gives both figures, so that the columns agree."""
    counted = witnesses.summarise([(100.0, 103.0), (110.0, 111.1), (90.0, 90.0)])
    assert (counted.base, counted.head) == (110.0, 111.1)
    assert counted.change_percent == pytest.approx(1.0)


def test_no_valgrind_is_an_error_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Absent, it is one sentence with what to install."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(CountError, match="apt-get install valgrind"):
        find_valgrind()


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="apt-get install valgrind")
def test_counts_see_half_a_percent(tmp_path: Path) -> None:
    """Every 100th encode made twice shows in encode; validate stays level, and NumPy is not counted."""
    layout = load_layout("seed", None)
    workload = make_workload("fill", layout, 0)
    targets = []
    for side, every in (("base", 0), ("head", 100)):
        (tmp_path / side).mkdir()
        (tmp_path / side / "mine.py").write_text(SLOWED.format(every))
        impl = f"{tmp_path / side / 'mine.py'}:IMPL"
        target = make_target(CheckSettings("", operation="park"), impl, layout, workload)
        few = {**target.arguments, "stages": ["validate", "encode"]}
        targets.append(replace(target, arguments=few))
    numpy = make_target(CheckSettings("", operation="park"), "numpy", layout, workload)
    pairs = [
        Pair("mine", "cpython3.11", sys.executable, (targets[0], targets[1])),
        Pair("numpy", "cpython3.11", sys.executable, (numpy, numpy)),
    ]
    witness = count_pairs(pairs, (str(tmp_path / "base"), str(tmp_path / "head")))
    encode = witness.cases[CaseKey("mine", "cpython3.11", "park/encode")]
    assert 0.3 < encode.change_percent < 1.2
    assert witness.cases[CaseKey("mine", "cpython3.11", "park/validate")].is_level
    assert len(witness.notes) == 1
    assert "numpy" in witness.notes[0]
