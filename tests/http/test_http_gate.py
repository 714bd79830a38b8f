"""What the gate makes of files that have servers in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from garagebench.check.files import make_settings
from garagebench.check.revisions import Settings
from garagebench.engine import Contestant, Result
from garagebench.engine.result import RowTerms
from garagebench.gate.case import CaseKey, Thresholds
from garagebench.gate.files import parse_case
from garagebench.gate.trees.git import NotComparable
from garagebench.http.stage import ServedExperiment
from garagebench.run.experiment import Settings as RunSettings

HTTP = RowTerms("park/http", {"park/http_cpu": 1}, {})
TOTAL = RowTerms("park/total", {"park/total": 1}, {})


@pytest.fixture
def base() -> Result:
    """Return a run of `lists` and `heap` with a server, in which each has one row."""
    experiment = ServedExperiment(RunSettings(("heap",), servers=("wire",)))
    entrants, _ = experiment.enter()
    settings = experiment.describe()
    contestants = tuple(
        Contestant(entrant.name, (HTTP if entrant.name in settings["served"] else TOTAL,))
        for entrant in entrants
    )
    return Result(contestants, settings)


def test_a_case_says_its_server() -> None:
    """Behind two servers an implementation is two cases; without one it is named as ever."""
    name = "lists@cpython3.11/seed/fill/{}park/http"
    assert parse_case(name.format("wire/")) == CaseKey("lists", "cpython3.11/wire", "park", "http")
    assert parse_case(name.format("")) == CaseKey("lists", "cpython3.11", "park", "http")


def test_a_file_with_servers_is_measured_again_without_them(base: Result) -> None:
    """Of a base with servers, the stages without HTTP are judged."""
    settings = make_settings(base, Settings(base="file", thresholds=Thresholds(5)))
    assert (settings.stages, settings.servers) == (("total",), ())


def test_a_file_of_servers_alone_is_not_judged(base: Result) -> None:
    """Where nothing else was measured, it is said."""
    served = base.settings["served"]
    alone = replace(base, contestants=tuple(one for one in base.contestants if one.name in served))
    with pytest.raises(NotComparable, match="figures over HTTP alone"):
        make_settings(alone, Settings(base="file", thresholds=Thresholds(5)))
