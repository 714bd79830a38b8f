"""What the gate makes of files that have servers in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from garagebench.check.files import make_settings
from garagebench.check.revisions import CheckSettings
from garagebench.engine import Contestant, Result
from garagebench.engine.contestant import RowTerms
from garagebench.gate.case import Thresholds
from garagebench.gate.trees.git import NotComparable
from garagebench.http.stage import ServedExperiment
from garagebench.run.experiment import RunSettings
from garagebench.run.rules import complete

HTTP = RowTerms("park/http", {"park/http_cpu": 1}, {})
TOTAL = RowTerms("park/total", {"park/total": 1}, {})


@pytest.fixture
def base() -> Result:
    """Return a run of `lists` and `heap` with a server, in which each has one row."""
    experiment = ServedExperiment(RunSettings(("heap",), servers=("wire",)))
    entrants, _ = experiment.enter()
    settings = experiment.describe()
    contestants = tuple(
        Contestant(
            entrant.name,
            (HTTP if entrant.name in settings["served"] else TOTAL,),
            subject=entrant.subject,
            runtime=entrant.runtime,
        )
        for entrant in entrants
    )
    return Result(contestants, settings)


def test_a_case_says_its_server(base: Result) -> None:
    """Behind two servers an implementation is two cases; without one it is named as ever. So in files of before."""
    without = tuple(replace(one, subject="", runtime="") for one in base.contestants)
    for result in (base, complete(replace(base, contestants=without))):
        assert [(one.subject, one.runtime) for one in result.contestants] == [
            (impl, f"cpython3.11{server}") for server in ("", "/wire") for impl in ("lists", "heap")
        ]


def test_a_file_with_servers_is_measured_again_without_them(base: Result) -> None:
    """Of a base with servers, the stages without HTTP are judged."""
    settings = make_settings(base, CheckSettings(base="file", thresholds=Thresholds(5)))
    assert (settings.stages, settings.servers) == (("total",), ())


def test_a_file_of_servers_alone_is_not_judged(base: Result) -> None:
    """Where nothing else was measured, it is said."""
    served = base.settings["served"]
    alone = replace(base, contestants=tuple(one for one in base.contestants if one.name in served))
    with pytest.raises(NotComparable, match="figures over HTTP alone"):
        make_settings(alone, CheckSettings(base="file", thresholds=Thresholds(5)))
