"""`run --processes N` with real processes, and where its settings come from."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Finished, Garagebench, Invoke, assert_one_sentence

from garagebench.errors import GarageError
from garagebench.run import experiment
from garagebench.sharing import race

LABELS = ["shared+processes=1", "shared+processes=2"]


@pytest.fixture(scope="module")
def ran(
    garagebench: Garagebench, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Finished, Path]:
    """Two real processes for a moment, as JSON, and the result file."""
    pytest.importorskip("numba")
    file = tmp_path_factory.mktemp("processes") / "two.json.gz"
    options = ("--processes", "2", "--budget", "1", "--format", "json", "--output", file)
    return garagebench("run", *options), file


def test_two_processes_are_measured_beside_one(ran: tuple[Finished, Path]) -> None:
    """Each has rows of all, of the slowest and of the fastest, whose ratio refers to one process."""
    finished, _ = ran
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout)
    assert list(dict.fromkeys(row["impl"] for row in report["rows"])) == LABELS
    assert {row["status"] for row in report["rows"]} == {"ok"}
    assert {row["reference"].partition("@")[0] for row in report["rows"]} == {LABELS[0]}
    assert [row["ratio"] for row in report["rows"][:9]] == [1.0] * 9
    said = [caveat for caveat in report["caveats"] if caveat.startswith("fairness of ")]
    assert len(said) == 3


@pytest.mark.parametrize("form", ["json", "csv", "markdown"])
def test_report_reads_its_file(
    ran: tuple[Finished, Path], garagebench: Garagebench, form: str
) -> None:
    """The result file is like any other: `report` prints it in every format."""
    finished, file = ran
    text = garagebench("report", file, "--format", form).stdout
    if form == "json":
        assert text == finished.stdout
    elif form == "csv":
        lines = list(csv.DictReader(io.StringIO(text)))
        assert list(dict.fromkeys(line["impl"] for line in lines)) == LABELS
    else:
        titles = [line for line in text.splitlines() if line.startswith("**")]
        assert [title.strip("*").partition(":")[0] for title in titles] == [
            "park",
            "unpark",
            "both",
        ]
        assert text.count("| requests/s |") == 3
        assert "total of all of them together" in text


def test_without_its_packages_it_is_1(garagebench: Garagebench, tmp_path: Path) -> None:
    """`shared` is what was asked for: that it cannot run is an error with the fix, in its rows, too."""
    (tmp_path / "numba.py").write_text("raise ImportError('numba is broken here')\n")
    options = ("--processes", "2", "--budget", "1", "--format", "json")
    ran = garagebench("run", *options, PYTHONPATH=str(tmp_path))
    assert ran.returncode == 1
    assert {row["status"] for row in json.loads(ran.stdout)["rows"]} == {"unavailable"}
    assert "pip install 'garagebench[numba]'" in ran.stderr


def test_too_small_a_garage_is_1(invoke: Invoke) -> None:
    """That not all processes have room is said before any is started."""
    result = invoke("run", "--processes", "36")
    assert_one_sentence(result, 1, "70 spaces for 'small' are too few for 36", "--spaces")


def test_defaults_of_other_runs_give_way(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pyproject.toml says of implementations, interpreters and stages is not meant for it; the rest is."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.garagebench]\nimpl = ["numpy"]\nruntime = ["pypy3"]\nstage = ["total"]\n'
        'workload = "churn"\nwith = ["encode=rendered"]\nbudget = 7\n'
    )
    taken: list[Any] = []

    def take(settings: experiment.RunSettings, number: int, **_: object) -> None:
        taken.extend((settings, number))
        raise GarageError("enough")

    monkeypatch.setattr(race, "run", take)
    assert_one_sentence(invoke("run", "--processes", "3"), 1, "enough")
    settings, number = taken
    assert (settings.impls, settings.runtimes, settings.stages) == (("shared",), (), ())
    assert (settings.variants, settings.budget_s, number) == ({"encode": "rendered"}, 7.0, 3)
