"""A verdict as JUnit's XML, for what reads nothing else: each case is a test, and one that is slower has failed."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from garagebench.check.verdict import CaseVerdict, Verdict
from garagebench.report.headline import format_change, make_headline

SUITE = "garagebench"


def render_junit(verdict: Verdict) -> str:
    """Return the document. What was not judged is a test that was skipped; a check without cases is an error."""
    suite = ET.Element("testsuite", name=SUITE, time=f"{verdict.seconds:g}")
    for case in verdict.cases:
        _add_case(suite, case)
    for one in verdict.one_sided:
        test = ET.SubElement(suite, "testcase", classname=SUITE, name=_clean(one.case))
        reason = f"{one.base} in base, {one.head} in head{f': {one.reason}' * bool(one.reason)}"
        ET.SubElement(test, "skipped", message=_clean(reason))
    if not verdict.cases:
        test = ET.SubElement(suite, "testcase", classname=SUITE, name="check")
        ET.SubElement(test, "error", message=_clean(make_headline(verdict)))
    for kind, tag in (("failures", "failure"), ("skipped", "skipped"), ("errors", "error")):
        suite.set(kind, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    out = ET.SubElement(suite, "system-out")
    out.text = _clean("\n".join((make_headline(verdict), *verdict.notes)))
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _add_case(suite: ET.Element, case: CaseVerdict) -> None:
    test = ET.SubElement(
        suite, "testcase", classname=_clean(case.runtime or SUITE), name=_clean(case.case)
    )
    told = f"{format_change(case)}, threshold {case.threshold_percent:g} %"
    if case.verdict == "slower":
        ET.SubElement(test, "failure", message=f"slower: {told}")
    elif case.verdict != "not slower":
        ET.SubElement(test, "skipped", message=f"{case.verdict}: {told}")


def _clean(text: str) -> str:
    """Return the text without what XML cannot hold, not even escaped."""
    return "".join(
        sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text
    )
