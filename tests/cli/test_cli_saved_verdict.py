"""A verdict that was kept as JSON, in every format, and reports of commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Garagebench

INPUTS = Path(__file__).parents[2] / "results"


def keep_verdict(garagebench: Garagebench, place: Path) -> Path:
    """Compare two result files and keep the verdict."""
    file = INPUTS / "seed.json.gz"
    done = garagebench("compare", file, file, "--max-slowdown", "20", "--format", "json", cwd=place)
    assert done.returncode == 0, done.stderr
    path = place / "verdict.json"
    path.write_text(done.stdout)
    return path


@pytest.mark.parametrize(
    ("form", "beginning"),
    [
        ("markdown", "**not slower**"),
        ("html", "<!doctype html>"),
        ("junit", "<?xml "),
        ("openmetrics", "# TYPE garagebench_change_percent gauge"),
        ("csv", "case,"),
    ],
)
def test_a_kept_verdict_has_every_format(
    garagebench: Garagebench, tmp_path: Path, form: str, beginning: str
) -> None:
    """What `--format json` printed is read again."""
    path = keep_verdict(garagebench, tmp_path)
    done = garagebench("report", path, "--format", form)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(beginning)


def test_json_of_a_kept_verdict_is_the_same(garagebench: Garagebench, tmp_path: Path) -> None:
    """Nothing is lost on the way."""
    path = keep_verdict(garagebench, tmp_path)
    assert garagebench("report", path, "--format", "json").stdout == path.read_text()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": 1}, "schema 1"),
        ({"cases": [{"case": "x"}]}, "damaged"),
        ({"verdict": "fine"}, "damaged"),
        ({"seconds": "x"}, "damaged"),
        ({"notes": [1]}, "damaged"),
    ],
)
def test_what_cannot_be_read_is_told(
    garagebench: Garagebench, tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    """Of another version, or damaged: one sentence that names the file."""
    path = keep_verdict(garagebench, tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    done = garagebench("report", path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {path}: ")
    assert told in done.stderr


def test_a_report_is_written_beside_the_verdict(garagebench: Garagebench, tmp_path: Path) -> None:
    """--report writes the page, and standard output stays what --format says."""
    file, page = INPUTS / "seed.json.gz", tmp_path / "report.html"
    done = garagebench(
        "compare", file, file, "--max-slowdown", "20", "--format", "json", "--report", page
    )
    assert json.loads(done.stdout)["verdict"] == "not slower"
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("page", "code", "told"),
    [("report.txt", 2, "a report ends in .html"), ("nowhere/x.html", 1, "there is no directory")],
)
def test_a_report_that_cannot_be_written_is_told_first(
    garagebench: Garagebench, tmp_path: Path, page: str, code: int, told: str
) -> None:
    """Before anything is measured."""
    done = garagebench("run", "--report", tmp_path / page)
    assert done.returncode == code
    assert told in done.stderr


def test_formats_of_a_verdict_are_not_of_a_result(garagebench: Garagebench) -> None:
    """A result of `run` has no verdict that could be JUnit's."""
    done = garagebench("report", INPUTS / "seed.json.gz", "--format", "junit")
    assert done.returncode == 2
    assert "is of a verdict" in done.stderr


def test_a_run_has_a_report(garagebench: Garagebench, tmp_path: Path) -> None:
    """A function of one's own is a table in it."""
    (tmp_path / "mine.py").write_text("def f():\n    return sum(range(100))\n")
    page = tmp_path / "r.html"
    done = garagebench(
        "run", "--subject", "mine.py:f", "--generations", "1", "--report", page, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "what one call costs" in page.read_text()
