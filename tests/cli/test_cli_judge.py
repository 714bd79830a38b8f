"""`check --output`, `--shard`, `--resume` and `judge`, with real workers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from test_cli_check import garagebench, git
from test_cli_subject import write

Done = subprocess.CompletedProcess[str]
Part = Callable[..., Done]

#: As much as a test needs; a threshold that no machine's noise comes near.
LITTLE = ("--generations", "15", "--max-slowdown", "60")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two functions."""
    place = tmp_path / "repository"
    (place / "bench").mkdir(parents=True)
    git(place, "init", "--initial-branch", "main")
    write(place, 20)
    git(place, "add", "--all")
    git(place, "commit", "--message", "one")
    return place


@pytest.fixture
def part(repository: Path, tmp_path: Path) -> Part:
    """Measure a part of the two functions; what the command did."""

    def run(shard: str | None, name: str, *more: str) -> Done:
        shared = () if shard is None else ("--shard", shard)
        subject = ("--base", "HEAD", "--subject", "bench/words.py:both")
        output = ("--output", str(tmp_path / name))
        return garagebench(repository, "check", *subject, *shared, *output, *LITTLE, *more)

    return run


def judge(repository: Path, *files: Path) -> Done:
    """Judge files as JSON."""
    return garagebench(repository, "judge", *map(str, files), "--format", "json")


def test_two_parts_and_their_verdict(repository: Path, part: Part, tmp_path: Path) -> None:
    """A job that measures a part ends with 0 though it is slower; `judge` says that it is, and names it."""
    write(repository, 80)
    files = []
    for number in (1, 2):
        done = part(f"{number}/2", f"{number}.json")
        assert done.returncode == 0, done.stderr
        assert f"part {number} of 2 measured: 1 of 2 cases" in done.stdout
        files.append(tmp_path / f"{number}.json")
    found = judge(repository, *files)
    verdict = json.loads(found.stdout)
    assert (found.returncode, verdict["verdict"]) == (3, "slower")
    assert {case["case"]: case["verdict"] for case in verdict["cases"]} == {
        "both/parse": "slower",
        "both/level": "not slower",
    }
    assert verdict["head"].startswith("working tree")


def test_parts_of_the_generations(repository: Path, part: Part, tmp_path: Path) -> None:
    """Each of three jobs measures all cases in a third of the generations; together they are judged."""
    files = [tmp_path / f"{number}.json" for number in (1, 2, 3)]
    for number, file in enumerate(files, 1):
        done = part(f"{number}/3", file.name, "--shard-by", "generations")
        assert done.returncode == 0, done.stderr
        assert "2 of 2 cases, 5 generations" in done.stdout
    found = judge(repository, *files)
    verdict = json.loads(found.stdout)
    assert (found.returncode, verdict["verdict"]) == (0, "not slower")
    assert [case["generations"] for case in verdict["cases"]] == [15, 15]
    lacking = judge(repository, *files[:2])
    assert (lacking.returncode, lacking.stderr) == (1, "Error: part 3 of 3 missing\n")


def test_the_file_of_a_whole_check_has_its_verdict(
    repository: Path, part: Part, tmp_path: Path
) -> None:
    """Without --shard the check says its verdict itself, and `judge` says the same of its file."""
    done = part(None, "whole.json", "--format", "json")
    own = json.loads(done.stdout)
    again = json.loads(judge(repository, tmp_path / "whole.json").stdout)
    assert own["verdict"] == again["verdict"] == "not slower"
    kept = ("case", "verdict", "change_percent", "low", "high", "generations")
    assert [[case[key] for key in kept] for case in own["cases"]] == [
        [case[key] for key in kept] for case in again["cases"]
    ]


def test_an_interrupted_check_goes_on_at_its_looks(
    repository: Path, part: Part, tmp_path: Path
) -> None:
    """What was measured up to the last look is kept, and not measured again."""
    path = tmp_path / "part.json"
    assert part(None, path.name).returncode == 0
    whole = json.loads(path.read_text())
    # As it was at its first look, when the process was killed.
    first = {**whole, "is_whole": False, "done": 6}
    first["cases"] = [{**one, "changes": one["changes"][:6]} for one in whole["cases"]]
    first["cases"][0]["changes"] = [0.9, -0.9] * 3  # open after six
    path.write_text(json.dumps(first))
    subject = ("--base", "HEAD", "--subject", "bench/words.py:both", *LITTLE)
    done = garagebench(repository, "check", *subject, "--resume", str(path))
    assert done.returncode in (0, 4), done.stderr
    after = json.loads(path.read_text())
    assert after["is_whole"]
    assert after["cases"][0]["changes"][:6] == [0.9, -0.9] * 3
    assert len(after["cases"][0]["changes"]) == 15
    assert after["cases"][1]["changes"] == first["cases"][1]["changes"]
    refused = garagebench(repository, "check", *subject, "--resume", str(path))
    assert refused.returncode == 1
    assert "has come to its end already" in refused.stderr


def test_a_part_of_another_revision_is_refused(
    repository: Path, part: Part, tmp_path: Path
) -> None:
    """Parts of two working trees make no verdict."""
    assert part("1/2", "1.json").returncode == 0
    write(repository, 21)
    assert part("2/2", "2.json").returncode == 0
    found = judge(repository, tmp_path / "1.json", tmp_path / "2.json")
    assert found.returncode == 1
    assert "not the same head" in found.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--shard", "3/2", "--output", "x"), "parts are numbered from 1 to N"),
        (("--shard", "a/b", "--output", "x"), "'a/b' is not I/N, as in 2/3"),
        (("--shard", "1/2"), "--shard needs --output FILE"),
        (("--output", "words.txt"), "words.txt is there already"),
        (("--resume", "nowhere.json"), "'nowhere.json' does not exist"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    repository: Path, options: tuple[str, ...], reason: str
) -> None:
    """A usage error, before anything is measured, and a file that is there is not touched."""
    (repository / "words.txt").write_text("mine")
    done = garagebench(
        repository, "check", "--base", "HEAD", "--subject", "bench/words.py:both", *options
    )
    assert done.returncode == 2
    assert reason in " ".join(done.stderr.split())
    assert (repository / "words.txt").read_text() == "mine"
