"""A verdict as JUnit's XML."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from verdicts import make_case, make_verdict

from garagebench.check.suites import OneSided
from garagebench.report.junit import render_junit


def test_a_slower_case_is_a_failure_and_an_undecided_one_is_skipped() -> None:
    """Every case is a test, and the counts of the suite are those of its tests."""
    verdict = make_verdict(
        make_case("a[<b>]", 12, "slower"), make_case("b", 1), make_case("c", 4, "inconclusive")
    )
    gone = OneSided("d", "ok", "absent", "it is not in these benchmark files")
    suite = ET.fromstring(render_junit(replace(verdict, one_sided=(gone,))))  # noqa: S314  our own
    counts = {key: suite.get(key) for key in ("tests", "failures", "skipped", "errors")}
    assert counts == {"tests": "4", "failures": "1", "skipped": "2", "errors": "0"}
    failed = [test.get("name") for test in suite if test.find("failure") is not None]
    assert failed == ["a[<b>]"]
    assert "+12.0 %" in str(suite.find("testcase/failure").get("message"))  # type: ignore[union-attr]


def test_a_check_without_cases_is_an_error() -> None:
    """Nothing was judged: that is no pass."""
    verdict = replace(make_verdict(), verdict="inconclusive", notes=("there is no base",))
    suite = ET.fromstring(render_junit(verdict))  # noqa: S314  our own
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
    assert "there is no base" in str(suite.find("testcase/error").get("message"))  # type: ignore[union-attr]


def test_what_xml_cannot_hold_is_replaced() -> None:
    """A control character in a name leaves the document readable."""
    suite = ET.fromstring(render_junit(make_verdict(make_case("a\x00\x1b[31mb", 0))))  # noqa: S314  our own
    assert suite.find("testcase").get("name") == "a\ufffd\ufffd[31mb"  # type: ignore[union-attr]
