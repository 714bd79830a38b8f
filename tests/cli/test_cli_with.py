"""`--with STAGE=VARIANT` and the batch operations: who is measured, under which name, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import (
    QUICK,
    Finished,
    Garagebench,
    Invoke,
    SettingsOf,
    assert_one_sentence,
    rows_of,
)

from garagebench import Impl
from garagebench.engine import Result
from garagebench.errors import UnknownName
from garagebench.run.experiment import Experiment
from garagebench.run.recipes import Recipe, parse_variants
from garagebench.subjects import requests

RENDERED = ("--with", "encode=rendered")
LABEL = "lists+encode=rendered"
BROKEN = "raise ImportError('msgspec is broken here')\n"


def run_without_msgspec(garagebench: Garagebench, folder: Path, *arguments: str) -> Finished:
    """Run with a msgspec in the way that cannot be imported."""
    (folder / "msgspec.py").write_text(BROKEN)
    options = ("--with", "validate=msgspec", *QUICK, "--format", "json")
    return garagebench("run", *arguments, *options, PYTHONPATH=str(folder))


def test_lists_with_variants_stands_beside_the_plain_reference(
    garagebench: Garagebench, tmp_path: Path
) -> None:
    """The reference stays plain; lists, when it is named, is a second contestant whose name tells the variants."""
    file = tmp_path / "with.json"
    ran = garagebench(
        *("run", "--impl", "lists", *RENDERED, *QUICK, "--stage", "encode"),
        *("--format", "json", "--output", file),
    )
    assert ran.returncode == 0, ran.stderr
    rows = json.loads(ran.stdout)["rows"]
    assert list(dict.fromkeys(row["impl"] for row in rows)) == ["lists", LABEL]
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["reference"].partition("@")[0] for row in rows} == {"lists"}
    assert json.loads(ran.stdout)["settings"]["variants"] == {"encode": "rendered"}
    assert garagebench("report", file, "--format", "json").stdout == ran.stdout
    assert [one.subject for one in Result.load(file).contestants] == ["lists", LABEL]


def test_all_but_the_reference_get_the_variants(settings_of: SettingsOf) -> None:
    """Workers are told the variants, in the cold start, too; that of the reference is told of none."""
    settings = settings_of("--impl", "heap", "--impl", "lists", *RENDERED)
    entrants, _ = Experiment(settings).enter()
    told = [(one.name.partition("@")[0], one.target.arguments["variants"]) for one in entrants]
    variants = {"encode": "rendered"}
    assert told == [("lists", {}), ("heap+encode=rendered", variants), (LABEL, variants)]
    cold = [one.cold.call["arguments"]["variants"] for one in entrants if one.cold]
    assert cold == [{}, variants, variants]


def test_a_label_has_the_stages_in_their_order() -> None:
    """The same choice has one name, however it was typed; saying a variant twice is no second choice."""
    variants = parse_variants(["encode=json", "validate=table", "encode=json"])
    assert Recipe("dir/my.py:Pool", variants).label == "Pool+validate=table+encode=json"
    assert Recipe("lists").label == "lists"


@pytest.mark.parametrize("text", ["encode=", "=json", ""])
def test_half_a_choice_is_refused(text: str) -> None:
    """What lacks its stage or its variant is an unknown name."""
    with pytest.raises(UnknownName):
        parse_variants([text])


def test_a_named_one_whose_variant_lacks_its_package_is_1(
    garagebench: Garagebench, tmp_path: Path
) -> None:
    """Its rows are unavailable with the reason and the fix; the plain reference is measured."""
    ran = run_without_msgspec(garagebench, tmp_path, "--impl", "lists")
    assert ran.returncode == 1
    assert [row["status"] for row in rows_of(ran, "lists")] == ["ok", "ok"]
    rows = rows_of(ran, "lists+validate=msgspec")
    assert [row["status"] for row in rows] == ["unavailable", "unavailable"]
    for text in (rows[0]["caveats"][0], ran.stderr):
        assert "validate=msgspec cannot run on this interpreter: msgspec is broken here" in text
        assert "pip install 'garagebench[fast]'" in text


def test_a_variant_that_runs_nowhere_is_1(garagebench: Garagebench, tmp_path: Path) -> None:
    """The variant was named, if no implementation: that nothing ran with it is an error."""
    ran = run_without_msgspec(garagebench, tmp_path)
    assert ran.returncode == 1
    assert [row["status"] for row in rows_of(ran, "numpy+validate=msgspec")] == ["unavailable"] * 2


def test_a_default_one_that_cannot_run_beside_others_is_0(
    garagebench: Garagebench, tmp_path: Path
) -> None:
    """The variant runs somewhere, and nobody named the implementation that is missing; who names it gets a 1."""
    (tmp_path / "numpy.py").write_text("raise ImportError('numpy is broken here')\n")
    options = (*RENDERED, *QUICK, "--format", "json")
    ran = garagebench("run", *options, PYTHONPATH=str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert [row["status"] for row in rows_of(ran, "numpy+encode=rendered")] == ["unavailable"] * 2
    named = ("--impl", "numpy", "--impl", "lists")
    assert garagebench("run", *named, *options, PYTHONPATH=str(tmp_path)).returncode == 1


def test_a_variant_with_wrong_answers_is_3(
    garagebench: Garagebench, invoke: Invoke, tmp_path: Path
) -> None:
    """The conformance suite is asked of the implementation with its variants, in `run` and in `verify`."""
    (tmp_path / "orjson.py").write_text(
        "loads, JSONDecodeError = None, ValueError\ndef dumps(*_, **__): return b'null'\n"
    )
    path = {"PYTHONPATH": str(tmp_path)}
    chosen = ("--with", "encode=orjson")
    ran = garagebench("run", "--impl", "lists", *chosen, *QUICK, "--format", "json", **path)
    assert ran.returncode == 3, ran.stderr
    assert {row["status"] for row in rows_of(ran, "lists+encode=orjson")} == {"wrong"}
    verified = garagebench("verify", "lists", *chosen, **path)
    assert verified.returncode == 3, verified.stderr
    assert verified.stdout.startswith("lists+encode=orjson on cpython3.")


def test_the_conformance_suite_is_asked_of_the_variants(
    settings_of: SettingsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a worker checks before it times anything is the implementation with its variants."""
    checked: list[Impl] = []
    monkeypatch.setattr(requests.suite, "check", checked.append)
    entrants, _ = Experiment(settings_of("--impl", "heap", *RENDERED)).enter()
    for entrant in entrants:
        requests.make_subject(entrant.target.arguments)
    assert [(impl.name, impl.encode_park.__name__) for impl in checked] == [
        ("lists", "json_park"),
        ("heap", "rendered_park"),
    ]


def test_verify_names_the_variants(garagebench: Garagebench) -> None:
    """`verify --with` says whom it verified."""
    ran = garagebench("verify", "lists", *RENDERED)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(f"{LABEL} on cpython3.")


@pytest.mark.parametrize(
    ("operation", "measured"),
    [
        ("park_many", ["park_many"]),
        ("unpark_many", ["unpark_many"]),
        ("many", ["park_many", "unpark_many"]),
    ],
)
def test_batches_are_measured(
    garagebench: Garagebench, operation: str, measured: list[str]
) -> None:
    """A batch operation has one row, `total`, and its requests are those of the blocks."""
    options = ("--operation", operation, "--spaces", "20", "--generations", "2", "--format", "json")
    ran = garagebench("run", "--impl", "heap", *options)
    assert ran.returncode == 0, ran.stderr
    rows = rows_of(ran, "heap")
    assert [(row["operation"], row["stage"], row["status"]) for row in rows] == [
        (name, "total", "ok") for name in measured
    ]
    assert json.loads(ran.stdout)["settings"]["requests"] == dict.fromkeys(measured, 17)


def test_a_trace_in_turns_has_no_batches(invoke: Invoke, tmp_path: Path) -> None:
    """Where park and unpark take turns there is no batch, which is said before anything is measured."""
    place = '{"operation":"unpark","body":{"floor":1,"row":3,"space":1}}'
    park = '{"operation":"park","body":{"vehicle":"small"}}'
    (tmp_path / "turns.jsonl").write_text(f"{park}\n{place}\n" * 60)
    result = invoke("run", "--workload", "turns.jsonl", "--operation", "park_many")
    assert_one_sentence(result, 1, "turns.jsonl", "no park requests in a row")
