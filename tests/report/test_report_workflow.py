"""What a workflow of GitHub is given: annotations, and rows for the charts of github-action-benchmark."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from garagebench.check.verdict import CaseVerdict, Verdict
from garagebench.report import render
from garagebench.report.headline import make_headline
from garagebench.report.workflow import find_summary, make_annotation, wants_annotations
from garagebench.run.report import Report, ReportError

AssertGolden = Callable[[str, str], None]

CASE = CaseVerdict(
    case="Mine/park/total",
    impl="Mine",
    runtime="cpython3.11",
    operation="park",
    stage="total",
    verdict="slower",
    change_percent=6.1,
    low=5.2,
    high=7.0,
    threshold_percent=5.0,
)
VERDICT = Verdict(
    verdict="slower",
    exit_code=3,
    attributed_to="encode",
    seconds=30.0,
    cases=(CASE, replace(CASE, stage="encode", change_percent=15.0, low=14.0, high=16.0)),
    base="main",
    head="the working tree",
    notes=("100 % sure",),
)


def test_an_annotation_is_one_line() -> None:
    """Percent signs and ends of line are escaped as workflow commands ask; the title is ours."""
    assert make_annotation(VERDICT) == (
        "::error title=garagebench::"
        "slower: park total +6.1 %25 [5.2, 7.0], from encode%0A100 %25 sure"
    )


def make_slower(operation: str, stage: str, percent: float, impl: str = "Mine") -> CaseVerdict:
    """Return a case that became slower."""
    return replace(
        CASE,
        case=f"{impl}/{operation}/{stage}",
        impl=impl,
        operation=operation,
        stage=stage,
        change_percent=percent,
        low=1.0,
        high=99.0,
    )


@pytest.mark.parametrize(
    ("cases", "headline"),
    [
        (
            [("park", "total", 6.0), ("unpark", "total", 94.0), ("unpark", "release", 500.0)],
            "unpark total +94.0 % [1.0, 99.0], from release; park total +6.0 % [1.0, 99.0]",
        ),
        (
            [("park", "total", 6.0), ("unpark", "release", 35.0)],
            "unpark release +35.0 % [1.0, 99.0]",
        ),
        ([("unpark", "release", 35.0)], "unpark release +35.0 % [1.0, 99.0]"),
        ([("park", "total", 6.0)], "park total +6.0 % [1.0, 99.0]"),
    ],
)
def test_a_stage_is_named_with_the_total_that_it_is_in(
    cases: list[tuple[str, str, float]], headline: str
) -> None:
    """The operation of the cause comes first, and what else became slower behind it, never joined with it."""
    slower = tuple(make_slower(*case) for case in cases)
    names = {case.stage for case in slower}
    cause = "release" if "release" in names else None
    said = make_headline(replace(VERDICT, cases=slower, attributed_to=cause))
    assert said.startswith(f"slower: {headline}")


def test_a_function_is_named_by_its_whole_name() -> None:
    """Each that became slower, as it is a whole; one that is level does not show."""
    functions = [
        replace(
            CASE,
            case=name,
            impl="words",
            operation=None,
            stage=None,
            verdict=verdict,
        )
        for name, verdict in (("a", "slower"), ("b", "not slower"), ("c", "slower"))
    ]
    said = make_headline(replace(VERDICT, cases=tuple(functions), attributed_to=None))
    assert said == "slower: a +6.1 % [5.2, 7.0]; c +6.1 % [5.2, 7.0]"


def test_of_several_implementations_the_headline_names_the_one() -> None:
    """Where more than one was checked, it says which became slower."""
    cases = (replace(CASE, impl="Other", verdict="not slower"), make_slower("park", "total", 6.0))
    said = make_headline(replace(VERDICT, cases=cases, attributed_to=None))
    assert said == "slower: Mine park total +6.0 % [1.0, 99.0]"


@pytest.mark.parametrize(
    ("outcome", "level"),
    [("slower", "error"), ("inconclusive", "warning"), ("not slower", "notice")],
)
def test_how_loud_it_is(outcome: str, level: str) -> None:
    """Slower is an error, inconclusive a warning, not slower a notice."""
    verdict = replace(VERDICT, verdict=outcome, cases=())
    assert make_annotation(verdict).startswith(f"::{level} ")


def test_outside_of_a_workflow_nothing_is_shown() -> None:
    """Without the variables, or with empty ones, there is neither a summary nor an annotation."""
    assert find_summary({}) is None
    assert find_summary({"GITHUB_STEP_SUMMARY": ""}) is None
    assert find_summary({"GITHUB_STEP_SUMMARY": "file"}) == "file"
    assert not wants_annotations({"GITHUB_ACTIONS": "false"})
    assert wants_annotations({"GITHUB_ACTIONS": "true"})


def test_charts_are_as_agreed(report: Report, assert_golden: AssertGolden) -> None:
    """An array of name, unit, value, range and extra, as looked at by a person."""
    text = render(report, "github-action-benchmark")
    assert_golden("report-charts.json", text)
    keys = [set(benchmark) for benchmark in json.loads(text)]
    assert all({"name", "unit", "value"} <= known for known in keys)


def test_charts_have_ratios_only(report: Report) -> None:
    """The reference and what has no ratio is not charted; where nothing is left, that is an error."""
    alone = replace(report, rows=tuple(replace(row, ratio=None) for row in report.rows))
    with pytest.raises(ReportError, match="--impl"):
        render(alone, "github-action-benchmark")
    charted = json.loads(render(report, "github-action-benchmark"))
    assert charted
    assert {one["unit"] for one in charted} == {
        f"x {row.reference}" for row in report.rows if row.reference
    }
