"""Where the settings of a run come from: options, files, the environment, pyproject.toml."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from command_line import (
    QUICK,
    ROOT,
    Garagebench,
    Invoke,
    SettingsOf,
    WritePool,
    assert_one_sentence,
    rows_of,
)

from garagebench.core.layout import Layout
from garagebench.core.workload import BUILTIN as WORKLOADS

EXAMPLES = ROOT / "examples"
LAYOUT = EXAMPLES / "two-storeys.toml"

VEHICLES = '[vehicles]\ncar = [["normal"]]\n'
ROWS = '[[floors]]\nrows = [{ kind = "normal", spaces = 60 }]\n'
NAME = 'name = "mine"\n'

PARK = {"operation": "park", "body": {"vehicle": "small"}}
UNPARK = {"operation": "unpark", "body": {"floor": 1, "row": 3, "space": 1}}


def make_trace(path: Path, *requests: Mapping[str, object]) -> Path:
    """Write a trace file."""
    path.write_text("".join(json.dumps(request) + "\n" for request in requests))
    return path


def test_a_layout_file_gives_the_rows_its_name(garagebench: Garagebench) -> None:
    """--layout takes a TOML file; its name and its spaces are in the result."""
    ran = garagebench(
        *("run", "--impl", "lists", "--layout", LAYOUT, "--stage", "total"),
        *("--generations", "2", "--format", "json"),
    )
    assert ran.returncode == 0, ran.stderr
    assert {row["layout"] for row in rows_of(ran, "lists")} == {Layout.from_toml(LAYOUT).name}
    assert json.loads(ran.stdout)["settings"]["spaces"] == sum(Layout.from_toml(LAYOUT).capacities)


def test_a_layout_file_may_be_called_anything(invoke: Invoke, tmp_path: Path) -> None:
    """A file needs no special ending: what is there is read."""
    (tmp_path / "garage").write_text("name = 3\n")
    assert_one_sentence(invoke("run", "--layout", "garage"), 1, "garage", "vehicles")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (VEHICLES + ROWS, ["'name'", "missing"]),
        ('name = "mine"\ncolour = "red"\n' + VEHICLES + ROWS, ["colour", "unknown key"]),
        (NAME + '[vehicles]\ncar = [["norml"]]\n' + ROWS, ["vehicles.car[0]", "'norml'"]),
        (NAME + "[vehicles]\ncar = []\n" + ROWS, ["vehicles.car", "at least one"]),
        (NAME + VEHICLES + "[[floors]]\nrows = []\n", ["floors[0].rows", "at least one"]),
        (NAME + VEHICLES + ROWS.replace("60", "0"), ["floors[0].rows[0].spaces", "0"]),
        (NAME + VEHICLES + ROWS.replace("60", '"60"'), ["floors[0].rows[0].spaces", "'60'"]),
        (NAME + VEHICLES + ROWS.replace("60", "2000000000"), ["floors[0].rows[0]", "memory"]),
        ("][", ["not TOML"]),
    ],
)
def test_a_bad_layout_is_named_by_file_and_key(
    invoke: Invoke, tmp_path: Path, text: str, words: list[str]
) -> None:
    """What is no garage is one sentence with the file, the key and the value, before anything is measured."""
    file = tmp_path / "bad.toml"
    file.write_text(text)
    assert_one_sentence(invoke("run", "--layout", file), 1, f"{file}: ", *words)


def test_a_missing_layout_file_is_named(invoke: Invoke) -> None:
    """So is a file that is not there."""
    result = invoke("run", "--layout", "nosuch.toml")
    assert_one_sentence(result, 1, "nosuch.toml: cannot be read: No such file")


def test_spaces_scale_the_layout(garagebench: Garagebench) -> None:
    """--spaces N: the rows' layout is called so, and the result tells the number."""
    ran = garagebench("run", "--impl", "lists", *QUICK, "--format", "json")
    assert {row["layout"] for row in rows_of(ran, "lists")} == {"seed-20"}
    assert json.loads(ran.stdout)["settings"]["spaces"] == 20


def test_too_few_spaces_are_refused(invoke: Invoke) -> None:
    """Fewer spaces than rows cannot be shared out; the least is said."""
    assert_one_sentence(invoke("run", "--spaces", "3"), 1, "3 spaces", "the least is 14")


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_workload_runs(garagebench: Garagebench, workload: str) -> None:
    """Each workload of the list is measured, and the rows bear its name."""
    ran = garagebench(
        *("run", "--impl", "lists", "--spaces", "60", "--stage", "total", "--generations", "2"),
        *("--workload", workload, "--format", "json"),
    )
    assert ran.returncode == 0, ran.stderr
    rows = rows_of(ran, "lists")
    assert sorted(row["operation"] for row in rows) == ["park", "unpark"]
    assert {row["workload"] for row in rows} == {workload}
    assert None not in [row["median"] for row in rows]


def test_a_trace_of_blocks_has_both_operations(garagebench: Garagebench) -> None:
    """A trace that seldom changes operation is measured like a workload, under its file's name."""
    ran = garagebench(
        *("run", "--impl", "lists", "--layout", LAYOUT, "--workload", EXAMPLES / "trace.jsonl"),
        *("--stage", "total", "--generations", "2", "--format", "json"),
    )
    assert ran.returncode == 0, ran.stderr
    assert [(row["workload"], row["operation"]) for row in rows_of(ran, "lists")] == [
        ("trace", "park"),
        ("trace", "unpark"),
    ]


def test_a_trace_in_turns_is_measured_as_both(garagebench: Garagebench, tmp_path: Path) -> None:
    """A trace that changes operation too often gives `total` of operation `both`, and says why."""
    trace = make_trace(tmp_path / "turns.jsonl", *[PARK, UNPARK] * 60)
    ran = garagebench(
        *("run", "--impl", "lists", "--workload", trace, "--generations", "2", "--format", "json"),
        *("--operation", "park"),
    )
    assert ran.returncode == 0, ran.stderr
    (row,) = rows_of(ran, "lists")
    assert (row["operation"], row["stage"], row["status"]) == ("both", "total", "ok")
    assert any("operation both" in caveat for caveat in json.loads(ran.stdout)["caveats"])


def test_a_trace_may_begin_with_a_refusal(garagebench: Garagebench, tmp_path: Path) -> None:
    """What a trace begins with is no reason why nothing else is measured; the cold start asks what it can get."""
    refused = {"operation": "park", "body": {"vehicle": "submarine"}}
    trace = make_trace(tmp_path / "refused.jsonl", refused, *[PARK] * 100)
    ran = garagebench(
        *("run", "--impl", "lists", "--workload", trace, "--generations", "2", "--format", "json"),
        *("--stage", "total", "--stage", "first_request"),
    )
    assert ran.returncode == 0, ran.stderr
    assert [(row["stage"], row["status"]) for row in rows_of(ran, "lists")] == [
        ("total", "ok"),
        ("first_request", "ok"),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", ["not JSON"]),
        ('{"operation":"fly","body":{}}', ["park or unpark", "'fly'"]),
        ('{"operation":"park"}', ['{"operation":"park","body":{...}}', '{"operation":"park"}']),
        ("[]", ["[]"]),
    ],
)
def test_a_bad_line_of_a_trace_is_named(
    invoke: Invoke, tmp_path: Path, line: str, words: list[str]
) -> None:
    """A line that is no request is one sentence with file and line number; empty lines count, too."""
    file = make_trace(tmp_path / "bad.jsonl", PARK)
    file.write_text(f"{file.read_text()}\n{line}\n")
    assert_one_sentence(invoke("run", "--workload", file), 1, f"{file}:3: ", *words)


def test_a_missing_or_empty_trace_is_named(invoke: Invoke, tmp_path: Path) -> None:
    """So is a trace that is not there, or has no requests."""
    result = invoke("run", "--workload", "nosuch.jsonl")
    assert_one_sentence(result, 1, "nosuch.jsonl: cannot be read: No such file")
    (tmp_path / "empty.jsonl").write_text("\n")
    assert_one_sentence(invoke("run", "--workload", "empty.jsonl"), 1, "empty.jsonl", "no requests")


def test_an_operation_that_the_workload_lacks_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    """A trace of parks has nothing to say on unpark."""
    trace = make_trace(tmp_path / "parks.jsonl", *[PARK] * 100)
    result = invoke("run", "--workload", trace, "--operation", "unpark")
    assert_one_sentence(result, 1, "parks.jsonl", "no unpark requests")


def write_configuration(folder: Path, text: str) -> Path:
    """Write the table [tool.garagebench] with these lines."""
    path = folder / "pyproject.toml"
    path.write_text(f"[tool.garagebench]\n{text}\n")
    return path


CONFIGURATION = """
impl = ["numpy", "lists"]
runtime = ["pypy3"]
layout = "seed"
spaces = 60
workload = "churn"
operation = "park"
stage = ["total", "validate"]
with = ["encode=rendered"]
budget = 7
seed = 3
format = "csv"
"""


@pytest.mark.parametrize("depth", ["", "sub", "sub/sub"])
def test_pyproject_sets_every_default(
    settings_of: SettingsOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth: str
) -> None:
    """[tool.garagebench] of the nearest pyproject.toml, here or above, gives the defaults of `run`."""
    write_configuration(tmp_path, CONFIGURATION)
    (tmp_path / depth).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / depth)
    settings = settings_of()
    assert (settings.impls, settings.runtimes) == (("numpy", "lists"), ("pypy3",))
    assert (settings.layout, settings.spaces, settings.workload) == ("seed", 60, "churn")
    assert (settings.operation, settings.stages) == ("park", ("total", "validate"))
    assert (settings.budget_s, settings.seed) == (7.0, 3)
    assert settings.variants == {"encode": "rendered"}


def test_the_nearest_pyproject_counts(
    settings_of: SettingsOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pyproject.toml further up is not looked at, even where the nearest says nothing of garagebench."""
    write_configuration(tmp_path, "budget = 7")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "pyproject.toml").write_text('[project]\nname = "mine"\n')
    monkeypatch.chdir(tmp_path / "sub")
    assert settings_of().budget_s is None


def test_pyproject_governs_the_format(garagebench: Garagebench, tmp_path: Path) -> None:
    """`format` is a default, too, seen from a directory below."""
    write_configuration(
        tmp_path, 'impl = ["lists"]\nspaces = 20\nstage = ["total"]\nbudget = 0.3\nformat = "csv"'
    )
    (tmp_path / "sub").mkdir()
    ran = garagebench("run", cwd=tmp_path / "sub")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("impl,runtime,layout")


def test_files_in_pyproject_are_beside_it(
    settings_of: SettingsOf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write_pool: WritePool,
) -> None:
    """Files that pyproject.toml names are found from every directory below it."""
    write_pool("class Pool(ListPool): pass\n")
    (tmp_path / "mine.toml").write_text(NAME + VEHICLES + ROWS)
    make_trace(tmp_path / "mine.jsonl", PARK)
    write_configuration(
        tmp_path,
        'impl = ["one_pool.py:Pool", "lists"]\nlayout = "mine.toml"\nworkload = "mine.jsonl"',
    )
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    settings = settings_of()
    assert settings.impls == (f"{tmp_path / 'one_pool.py'}:Pool", "lists")
    assert settings.layout == str(tmp_path / "mine.toml")
    assert settings.workload == str(tmp_path / "mine.jsonl")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("bugdet = 7", ["tool.garagebench.bugdet", "unknown key", "budget"]),
        ('output = "x.json"', ["tool.garagebench.output", "unknown key"]),
        ('budget = "7"', ["tool.garagebench.budget", "a number", "'7'"]),
        ("seed = 1.5", ["tool.garagebench.seed", "a whole number", "1.5"]),
        ("spaces = true", ["tool.garagebench.spaces", "a whole number", "True"]),
        ('impl = "lists"', ["tool.garagebench.impl", "a list of texts", "'lists'"]),
        ('stage = ["total", 3]', ["tool.garagebench.stage", "a list of texts", "3"]),
        ("layout = []", ["tool.garagebench.layout", "a text", "[]"]),
        ("][", ["not TOML"]),
        ("thresholds = 3", ["tool.garagebench.thresholds", "must be a table", "3"]),
        ('thresholds = {total = "2"}', ["tool.garagebench.thresholds.total", "a number", "'2'"]),
        ("check = 3", ["tool.garagebench.check", "must be a table", "3"]),
        ("check = {stage = ['total']}", ["tool.garagebench.check.stage", "unknown key"]),
        ("check = {max-slowdown = '2'}", ["tool.garagebench.check.max-slowdown", "a number"]),
    ],
)
def test_a_mistake_in_pyproject_is_named(
    invoke: Invoke, tmp_path: Path, line: str, words: list[str]
) -> None:
    """An unknown key or a value of the wrong type is one sentence with the file, the key and the value."""
    path = write_configuration(tmp_path, line)
    assert_one_sentence(invoke("run"), 1, f"{path}: ", *words)


def test_a_key_of_one_command_is_its_own(settings_of: SettingsOf, tmp_path: Path) -> None:
    """[tool.garagebench.run] beats [tool.garagebench], and what is of `check` is nothing to `run`."""
    write_configuration(
        tmp_path,
        "budget = 7\nseed = 2\n[tool.garagebench.run]\nbudget = 9\n[tool.garagebench.check]\nseed = 4",
    )
    settings = settings_of()
    assert (settings.budget_s, settings.seed) == (9.0, 2)


@pytest.mark.parametrize("text", ["tool = 3", "[tool]\ngaragebench = 3"])
def test_a_table_that_is_none_is_named(invoke: Invoke, tmp_path: Path, text: str) -> None:
    """So is a value where the table belongs."""
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    assert_one_sentence(invoke("run"), 1, f"{path}: ", "must be a table, not 3")


def test_a_mistake_in_pyproject_concerns_what_reads_it_only(invoke: Invoke, tmp_path: Path) -> None:
    """Commands that take nothing from it work in spite of it."""
    write_configuration(tmp_path, "][")
    assert invoke("list", "stages").exit_code == 0
    assert invoke("--help").exit_code == 0


def test_help_is_shown_in_spite_of_pyproject(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The help of `run` must be readable by whoever has a mistake to fix."""
    write_configuration(tmp_path, "][")
    monkeypatch.setattr("sys.argv", ["garagebench", "run", "--help"])
    assert invoke("run", "--help").exit_code == 0


def test_the_environment_sets_defaults(
    settings_of: SettingsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GARAGEBENCH_RUN_... sets an option, several values with blanks between them."""
    monkeypatch.setenv("GARAGEBENCH_RUN_BUDGET", "7")
    monkeypatch.setenv("GARAGEBENCH_RUN_IMPL", "numpy numba")
    settings = settings_of()
    assert (settings.budget_s, settings.impls) == (7.0, ("numpy", "numba"))


def test_a_mistake_in_the_environment_is_named(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that the option does not take is refused like on the command line."""
    monkeypatch.setenv("GARAGEBENCH_RUN_BUDGET", "much")
    assert_one_sentence(invoke("run"), 2, "--budget", "much")


def test_the_command_line_beats_the_environment_beats_pyproject(
    settings_of: SettingsOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several sources the one nearest to the call counts."""
    write_configuration(tmp_path, "budget = 5\nseed = 5\nspaces = 500")
    monkeypatch.setenv("GARAGEBENCH_RUN_BUDGET", "6")
    monkeypatch.setenv("GARAGEBENCH_RUN_SEED", "6")
    settings = settings_of("--budget", "7")
    assert (settings.budget_s, settings.seed, settings.spaces) == (7.0, 6, 500)
