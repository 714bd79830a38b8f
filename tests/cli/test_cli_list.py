"""`garagebench list`: what there is to choose from, and what of it runs here."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest
from command_line import Garagebench, Invoke, assert_one_sentence

from garagebench.impls.registry import BUILTIN
from garagebench.run import listing
from garagebench.server.stages import HTTP_STAGES
from garagebench.subjects.requests import STAGES

Listings = dict[str, list[dict[str, str]]]

TOPICS = ["impls", "runtimes", "stages", "layouts", "workloads", "servers"]
THIS = f"cpython3.{sys.version_info.minor}"


@pytest.fixture(scope="session")
def listings(garagebench: Garagebench) -> Listings:
    """Return everything that there is, as JSON."""
    ran = garagebench("list", "--format", "json")
    assert ran.returncode == 0, ran.stderr
    found: Listings = json.loads(ran.stdout)
    return found


@pytest.fixture
def listed(listings: Listings, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Return the command with what was found before, so that nothing is tried anew."""
    topics = {topic: lambda items=items: iter(items) for topic, items in listings.items()}
    monkeypatch.setattr(listing, "TOPICS", topics)
    return invoke


def test_json_has_every_topic(listings: Listings) -> None:
    """Without a topic there is all of them, in this order; no list is empty, all texts are on one line."""
    assert list(listings) == TOPICS
    assert all(listings.values())
    texts = [text for items in listings.values() for item in items for text in item.values()]
    assert [text for text in texts if not text or "\n" in text] == []


@pytest.mark.parametrize("topic", TOPICS)
def test_json_of_a_topic(listed: Invoke, listings: Listings, topic: str) -> None:
    """With a topic, JSON is an object with that one."""
    result = listed("list", topic, "--format", "json")
    assert json.loads(result.stdout) == {topic: listings[topic]}


@pytest.mark.parametrize("topic", TOPICS)
def test_csv_of_a_topic(listed: Invoke, listings: Listings, topic: str) -> None:
    """CSV has a header and a line for each item."""
    result = listed("list", topic, "--format", "csv")
    assert list(csv.DictReader(io.StringIO(result.stdout))) == listings[topic]


@pytest.mark.parametrize("topic", TOPICS)
def test_markdown_of_a_topic(listed: Invoke, listings: Listings, topic: str) -> None:
    """Markdown, the default elsewhere than on a terminal, is a table with a line for each item."""
    text = listed("list", topic).stdout
    assert text == listed("list", topic, "--format", "markdown").stdout
    header, rule, *lines = text.splitlines()
    assert header == f"| {' | '.join(listings[topic][0])} |"
    assert set(rule) == set("| -")
    assert len(lines) == len(listings[topic])


@pytest.mark.parametrize("topic", TOPICS)
def test_table_of_a_topic(
    listed: Invoke, listings: Listings, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table shows every word of every item."""
    monkeypatch.setenv("COLUMNS", "200")
    text = listed("list", topic, "--format", "table").stdout
    words = [word for item in listings[topic] for value in item.values() for word in value.split()]
    assert [word for word in words if word not in text] == []


def test_every_implementation_runs_or_says_why_not(listings: Listings) -> None:
    """The list has all of the table, each with the interpreter that it was tried on."""
    items = {item["impl"]: item for item in listings["impls"]}
    assert list(items)[: len(BUILTIN)] == list(BUILTIN)
    assert (items["lists"]["runs"], items["lists"]["runtime"]) == ("yes", THIS)
    assert all(item["runs"] == "yes" or item["runs"].startswith("no: ") for item in items.values())


def test_what_cannot_run_stays_in_the_list(garagebench: Garagebench, tmp_path: Path) -> None:
    """An implementation that does not load is listed with the reason and what would fix it."""
    (tmp_path / "numpy.py").write_text("raise ImportError('numpy is broken here')\n")
    ran = garagebench("list", "impls", "--format", "csv", PYTHONPATH=str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    (line,) = [item for item in csv.DictReader(io.StringIO(ran.stdout)) if item["impl"] == "numpy"]
    assert line["runs"].startswith("no: ")
    assert "numpy is broken here" in line["runs"]
    assert "pip install 'garagebench[numpy]'" in line["runs"]


def test_what_has_no_interpreter_stays_in_the_list(
    garagebench: Garagebench, tmp_path: Path
) -> None:
    """Without a pypy3 on the PATH, pypy is listed with the command that installs it."""
    ran = garagebench("list", "impls", "--format", "csv", PATH=str(tmp_path))
    (line,) = [item for item in csv.DictReader(io.StringIO(ran.stdout)) if item["impl"] == "pypy"]
    assert line["runs"] == "no: pypy3 not found: apt-get install pypy3"
    assert line["runtime"] == "pypy3"


def test_this_interpreter_is_the_first_runtime(listings: Listings) -> None:
    """The interpreter of the command leads the list, with its whole version; each label stands there once."""
    first = listings["runtimes"][0]
    assert first["label"] == THIS
    assert first["version"] == ".".join(map(str, sys.version_info[:3]))
    labels = [item["label"] for item in listings["runtimes"]]
    assert len(labels) == len(set(labels))


def test_pypy_is_listed(listings: Listings, pypy: str) -> None:
    """A PyPy on the PATH is listed by the name that --runtime takes."""
    assert pypy
    assert "pypy3" in [item["runtime"] for item in listings["runtimes"]]


def test_stages_are_in_the_order_of_the_request(listings: Listings) -> None:
    """The stages of each operation stand as a request goes through them, those of servers last."""
    listed = [(item["operation"], item["stage"]) for item in listings["stages"]]
    served = [("park", HTTP_STAGES), ("unpark", HTTP_STAGES)]
    assert listed == [(of, stage) for of, stages in [*STAGES.items(), *served] for stage in stages]


def test_stages_are_listed_with_their_variants(listings: Listings) -> None:
    """What `--with STAGE=` takes stands beside the stage of each operation, the usual one first."""
    variants = {(item["operation"], item["stage"]): item["variants"] for item in listings["stages"]}
    assert variants["park", "validate"] == "json, msgspec, orjson, table"
    assert variants["unpark", "validate"] == "json, msgspec, orjson, table"
    assert variants["park", "floor_lookup"] == "with encode"
    assert variants["park", "total"] == "none"


def test_the_seed_layout_is_told_in_numbers(listings: Listings) -> None:
    """A layout is listed with what it is made of."""
    (seed,) = listings["layouts"]
    assert seed == {
        "layout": "seed",
        "floors": "3",
        "spaces": "20 handicap, 70 small, 50 large",
        "vehicles": "small, large, handicap",
    }


def test_an_unknown_topic_is_refused(invoke: Invoke) -> None:
    """What there is no list of is told with what there is."""
    assert_one_sentence(invoke("list", "nosuch"), 2, "nosuch", *TOPICS)
