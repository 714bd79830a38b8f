"""The stage http of a run: who takes part, which rows there are, and which figures hold."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from garagebench.engine import Contestant, Result
from garagebench.engine.contestant import Problem, RowTerms
from garagebench.errors import UnknownName
from garagebench.http import stage as module
from garagebench.http.runner import ServedTarget
from garagebench.http.stage import ServedExperiment, choose_stages, judge_contestant, run
from garagebench.http.tally import Tally
from garagebench.report import make_grids
from garagebench.run.experiment import RunSettings
from garagebench.run.recorded import SettingsError
from garagebench.run.report import Report, Row
from garagebench.run.rows import describe_problems, exit_code, make_report
from garagebench.server.registry import SERVERS
from garagebench.server.stages import HTTP_STAGES, RUNG_OF

PLACE = "cpython{}/seed/fill"
HTTP_ONLY = RunSettings(("lists",), stages=("http", "http_cpu", "http_latency"), servers=("wire",))

#: What a machine that does other things meanwhile may say against any figure.
BUSY = "the server waited for its core"


@pytest.fixture
def runtime() -> str:
    """Return the label of this interpreter."""
    experiment = ServedExperiment(HTTP_ONLY)
    entrants, _ = experiment.enter()
    return entrants[0].name.split("@")[1].split("/")[0]


@pytest.fixture(autouse=True)
def never_too_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take what other processes do on this machine for nothing: the tests are not about it."""
    monkeypatch.setattr(Tally, "add_core", lambda *_: None)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """Return the result of one generation of every server, with a ladder, and its file."""
    path = tmp_path_factory.mktemp("http") / "http.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tally, "add_core", lambda *_: None)
        settings = replace(HTTP_ONLY, servers=tuple(SERVERS), budget_s=3.0)
        return run(settings, output=path), path


def find_rows(report: Report, **wanted: object) -> list[Row]:
    """Return the rows with these values."""
    return [
        row
        for row in report.rows
        if all(getattr(row, name) == value for name, value in wanted.items())
    ]


def test_every_server_has_its_rows(everything: tuple[Result, Path]) -> None:
    """Park and unpark have http, the whole CPU time and the latency behind each server that runs here."""
    report = make_report(everything[0])
    found = {(row.operation, row.stage, row.server) for row in report.rows}
    assert found == {
        (operation, stage, server)
        for operation in ("park", "unpark")
        for stage in HTTP_ONLY.stages
        for server in SERVERS
    }
    assert all(row.unit == "ns" for row in report.rows)
    good = [row for row in report.rows if row.status == "ok"]
    assert {row.status for row in report.rows} <= {"ok", "unavailable"}
    assert all(row.median is not None and row.median > 0 for row in good)


def test_http_is_the_cpu_time_less_the_total(everything: tuple[Result, Path]) -> None:
    """Round by round, the stage is what a server takes beyond the same requests without one."""
    (wire,) = (one for one in everything[0].contestants if one.name.endswith("/wire"))
    (http,) = (row for row in wire.rows if row.name == "park/http")
    assert dict(http.isolated) == {
        "park/http_cpu": 1,
        "park/total": -1,
        "park/total (empty loop)": 1,
    }
    assert not http.single


def test_ratios_refer_to_the_first_server(everything: tuple[Result, Path], runtime: str) -> None:
    """Every row over HTTP is divided by that of `lists` behind the server that was named first."""
    report = make_report(everything[0])
    first = next(iter(SERVERS))
    good = [row for row in report.rows if row.status == "ok"]
    assert {row.reference for row in good} == {f"lists@{runtime}/{first}"}
    assert {row.ratio for row in good if row.server == first} == {1.0}


def test_a_result_file_keeps_the_servers(everything: tuple[Result, Path]) -> None:
    """What was written reads back as the same rows, servers and references."""
    result, path = everything
    assert make_report(Result.load(path)).rows == make_report(result).rows


def test_a_small_budget_says_how_much_is_needed(everything: tuple[Result, Path]) -> None:
    """Too few generations for intervals are no error, and the note says what would fix it."""
    assert any("6 need about" in note for note in everything[0].notes)


def test_the_grid_over_http_is_a_grid_of_its_own(everything: tuple[Result, Path]) -> None:
    """One line a server, with the requests a second that follow from the whole CPU time."""
    park, unpark = make_grids(make_report(everything[0]))
    assert (park.title, unpark.title) == (
        "park over HTTP: what one request costs the server",
        "unpark over HTTP: what one request costs the server",
    )
    assert [column.stage for column in park.columns] == [
        "http_cpu",
        "http",
        "http_latency",
        "requests/s",
    ]
    assert [line.subject.server for line in park.lines] == list(SERVERS)


def test_no_server_is_left_out_for_a_small_budget() -> None:
    """However little time there is, what was named is measured once."""
    settings = replace(HTTP_ONLY, servers=("tornado",), stages=("http_cpu",), budget_s=0.2)
    report = make_report(run(settings))
    assert {row.status for row in report.rows} == {"ok"}


def test_a_ladder_has_a_rung_for_each_thing_left_out() -> None:
    """With a ladder the line of the reference has the CPU time of each rung, too."""
    stages = ("http_socket", "http_protocol", "http_framework", "http_decode", "http_cpu")
    settings = replace(
        HTTP_ONLY, impls=("heap",), stages=stages, ladder=True, operation="park", budget_s=1.5
    )
    report = make_report(run(settings))
    assert [row.stage for row in find_rows(report, impl="lists")] == [stages[-1], *stages[:-1]]
    assert [row.stage for row in find_rows(report, impl="heap")] == ["http_cpu"]
    assert {(row.status, row.server) for row in report.rows} == {("ok", "wire")}
    (grid,) = make_grids(report)
    assert [column.stage for column in grid.columns] == [*stages, "requests/s"]


def test_stages_without_http_are_measured_beside(runtime: str) -> None:
    """Without a choice of stages, servers come on top of everything that is measured anyway."""
    entrants, absent = ServedExperiment(replace(HTTP_ONLY, stages=())).enter()
    assert [entrant.name for entrant in entrants] == [
        f"lists@{runtime}/seed/fill",
        f"lists@{runtime}/seed/fill/wire",
    ]
    assert not absent
    assert [entrant.reference for entrant in entrants] == [None, entrants[1].name]


def test_each_implementation_is_put_behind_each_server(runtime: str) -> None:
    """The reference is the first of all, and nothing is there twice."""
    settings = replace(HTTP_ONLY, impls=("heap", "lists"), servers=("wire", "tornado", "wire"))
    entrants, _ = ServedExperiment(settings).enter()
    place = f"{runtime}/seed/fill"
    assert [(entrant.name, entrant.reference) for entrant in entrants] == [
        (f"lists@{place}/wire", f"lists@{place}/wire"),
        (f"lists@{place}/tornado", f"lists@{place}/wire"),
        (f"heap@{place}/wire", f"lists@{place}/wire"),
        (f"heap@{place}/tornado", f"lists@{place}/wire"),
    ]


def test_a_server_is_started_with_what_was_asked_for() -> None:
    """Implementation, server, layout and number of spaces reach `garagebench serve`."""
    settings = replace(HTTP_ONLY, impls=("heap",), spaces=300)
    entrants, _ = ServedExperiment(settings).enter()
    target = entrants[1].target
    assert isinstance(target, ServedTarget)
    assert list(target.order.arguments) == [
        "--impl",
        "heap",
        "--server",
        "wire",
        "--layout",
        "seed",
        "--spaces",
        "300",
    ]


@pytest.mark.parametrize("stage", ["http_cpu", "http_latency"])
def test_the_request_without_a_server_is_measured_where_it_is_needed(stage: str) -> None:
    """Only the difference needs it."""
    for wanted, needs in ((stage, False), ("http", True)):
        (entrant,) = ServedExperiment(replace(HTTP_ONLY, stages=(wanted,))).enter()[0]
        assert isinstance(entrant.target, ServedTarget)
        assert (entrant.target.beside is not None) is needs


def test_a_server_that_is_not_installed_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows say how to install it, the others are measured, and the exit code is 1."""
    reasons = {"wire": "wire cannot run here: pip install it"}
    monkeypatch.setattr(module, "find_reason", lambda server: reasons.get(server, ""))
    experiment = ServedExperiment(replace(HTTP_ONLY, servers=("wire", "tornado")))
    entrants, absent = experiment.enter()
    assert [entrant.name.rpartition("/")[2] for entrant in entrants] == ["tornado"]
    assert [entrant.reference for entrant in entrants] == [entrants[0].name]
    good = Contestant(entrants[0].name)
    result = Result((good, *absent), {**experiment.describe()})
    rows = [row for row in make_report(result).rows if row.server == "wire"]
    assert {(row.status, row.caveats) for row in rows} == {("unavailable", (reasons["wire"],))}
    assert len(rows) == 6
    (sentence,) = describe_problems(result)
    assert sentence.endswith(f"/wire: {reasons['wire']}")
    assert exit_code(result, ()) == 1
    assert exit_code(replace(result, contestants=(good,)), ()) == 0


def test_another_interpreter_has_no_server(pypy: str) -> None:
    """What runs on PyPy is unavailable over HTTP, which is no error unless it was named."""
    experiment = ServedExperiment(replace(HTTP_ONLY, impls=("pypy",)))
    entrants, absent = experiment.enter()
    assert len(entrants) == 1
    (missing,) = absent
    assert missing.problem is not None
    assert missing.problem.reason.startswith(
        "a server runs on the interpreter of garagebench itself"
    )
    result = Result((Contestant(entrants[0].name), missing), experiment.describe())
    assert [exit_code(result, named) for named in ((), ("pypy",))] == [0, 1]


def test_a_server_refuses_what_is_for_another_interpreter() -> None:
    """Also where this interpreter was named for it: a server takes an implementation on its own only."""
    settings = replace(HTTP_ONLY, impls=("pypy",), runtimes=(sys.executable,))
    _, (missing,) = ServedExperiment(settings).enter()
    assert missing.problem is not None
    assert missing.problem.reason.endswith("not on pypy3: name another implementation")


@pytest.mark.parametrize(
    ("stages", "ladder", "chosen"),
    [
        ((), False, ["http_cpu", "http", "http_latency"]),
        ((), True, list(HTTP_STAGES)),
        (("http", "total"), False, ["http"]),
        (("http_cpu",), True, [*RUNG_OF, "http_cpu"]),
        (("http_socket", "http"), True, ["http_socket", "http"]),
        (("total",), True, list(RUNG_OF)),
    ],
)
def test_a_ladder_is_whole_unless_rungs_are_named(
    stages: tuple[str, ...], ladder: bool, chosen: list[str]
) -> None:
    """What is asked for with --stage and --ladder, in the order of the columns."""
    assert choose_stages(replace(HTTP_ONLY, stages=stages, ladder=ladder)) == chosen


def test_an_unknown_server_is_refused_before_anything_runs() -> None:
    """The error lists the servers that there are."""
    with pytest.raises(UnknownName, match="unknown server 'nope'; there is: tornado"):
        ServedExperiment(replace(HTTP_ONLY, servers=("nope",)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"operation": "park_many"}, "a server has no operation park_many"),
        ({"variants": {"encode": "json"}}, "--server cannot be combined with --with"),
        ({"stages": ("total",)}, "--stage leaves out all that --server measures"),
        ({"stages": ("http", "http_socket")}, "http_socket is a rung of the ladder: add --ladder"),
    ],
)
def test_what_has_no_sense_with_a_server_is_refused(
    changes: dict[str, object], reason: str
) -> None:
    """Settings that cannot be measured are an error, and it says which."""
    with pytest.raises(SettingsError, match=reason):
        ServedExperiment(replace(HTTP_ONLY, **changes))  # type: ignore[arg-type]


def test_a_small_garage_is_noted() -> None:
    """Where a burst is short of a hundred, the figures are coarse and a note says so."""
    assert not ServedExperiment(HTTP_ONLY).notes
    (note, other) = ServedExperiment(replace(HTTP_ONLY, spaces=28)).notes
    assert "block has only 24" in note
    assert "a burst has only 24 requests" in other


TERMS = RowTerms("park/http_cpu", {"park/http_cpu": 1}, {})
MEASURED = Contestant("lists@x/wire", (TERMS,), {"park/http_cpu": [[1.0]]}, row_names=(TERMS.name,))


def test_good_figures_stay_as_they_are() -> None:
    """Where nothing speaks against a contestant, it is returned."""
    assert judge_contestant(MEASURED, []) is MEASURED


def test_a_file_keeps_whom_a_contestant_is_divided_by(tmp_path: Path) -> None:
    """A reference that is not the first of all is written and read back."""
    behind = replace(MEASURED, name="b", reference=MEASURED.name)
    result = Result((replace(MEASURED, name="a"), MEASURED, behind))
    result.save(tmp_path / "three.json")
    loaded = Result.load(tmp_path / "three.json")
    assert [one.reference for one in loaded.contestants] == [None, None, MEASURED.name]
    assert [row.reference for row in loaded.rows()] == ["a", "a", MEASURED.name]


def test_figures_that_do_not_hold_are_replaced_by_the_reasons() -> None:
    """An invalid row has no figure and no ratio, and says why; nobody is divided by it."""
    judged = judge_contestant(MEASURED, ["one thing", "another"])
    other = replace(MEASURED, name="b", reference=MEASURED.name)
    bad, good = Result((judged, other)).rows()
    assert (bad.status, bad.median, bad.ratio) == ("invalid", None, None)
    assert bad.caveats == ("one thing; another",)
    assert (good.status, good.median, good.ratio) == ("ok", 1.0, None)


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (Problem("invalid", "it broke"), Problem("invalid", "it broke; a reason")),
        (Problem("wrong", "it lied"), Problem("wrong", "it lied")),
        (Problem("unavailable", "no"), Problem("unavailable", "no")),
    ],
)
def test_a_contestant_that_failed_keeps_no_figures(problem: Problem, expected: Problem) -> None:
    """Figures from before a failure are no better for it; why it failed comes first."""
    judged = judge_contestant(replace(MEASURED, problem=problem), ["a reason"])
    assert (judged.problem, judged.series, judged.rows) == (expected, {}, ())
    alone = judge_contestant(replace(MEASURED, problem=problem), [])
    assert (alone.problem, alone.series, alone.rows) == (problem, {}, ())


def test_an_experiment_judges_by_its_tallies() -> None:
    """What was seen of a contestant over the whole run decides, and only of those with a server."""
    experiment = ServedExperiment(HTTP_ONLY)
    (entrant,), _ = experiment.enter()
    experiment._tallies[entrant.name] = Tally(requests=1, replies=1, ok=1, served=2)
    served, other = replace(MEASURED, name=entrant.name), MEASURED
    judged = experiment.judge(Result((served, other)))
    assert [one.problem is None for one in judged.contestants] == [False, True]
