"""The page of a history."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from test_history_changes import make_noise, make_series

from garagebench.history.overview import look_at
from garagebench.report.html.history import MOST_CHARTS, render_history

#: Of a page with 300 cases and 365 commits.
MOST_BYTES = 1024 * 1024

NAME = "benchmarks/test_a_module.py::test_case[{}-parameter]"


def make_page(cases: int, commits: int) -> str:
    """Twelve of the cases changed."""
    ratios = {
        NAME.format(number): [
            one * (1.2 if number < 12 and commit >= commits // 2 else 1)
            for commit, one in enumerate(make_noise(number, commits))
        ]
        for number in range(cases)
    }
    series = make_series(ratios)
    points = tuple(replace(point, report=f"r/{point.title}.html") for point in series.points)
    link = "https://example.org/owner/repository/commit/{}".format
    return render_history(look_at("a file", replace(series, points=points), link))


def test_a_page_of_many_cases_is_small() -> None:
    """300 cases, 365 commits, eight charts."""
    page = make_page(300, 365)
    assert len(page.encode()) < MOST_BYTES
    assert page.count("<figure>") == MOST_CHARTS


def test_every_point_leads_to_its_commit() -> None:
    """Each link of a chart has its target, which leads to the page of the commit and to its report."""
    page = make_page(12, 20)
    targets = set(re.findall(r'<tr id="(c\d+)"', page))
    assert set(re.findall(r'href="#(c\d+)"', page)) == targets
    assert len(targets) == 20
    assert page.count("https://example.org/owner/repository/commit/") >= 20
    assert '<a href="r/commit 3.html">report</a>' in page


def test_the_data_are_in_the_file() -> None:
    """All cases, with their change against the anchor in thousandths, and the changes."""
    page = make_page(12, 20)
    data = json.loads(page.partition('id="garagebench-data">')[2].partition("</script>")[0])
    assert len(data["changes_permille"]) == 12
    assert len(data["commits"]) == 20
    assert {one["case"] for one in data["changes"]} == {NAME.format(n) for n in range(12)}


def test_an_address_that_is_none_is_no_link() -> None:
    """What stands in the file may be anything."""
    series = make_series({"a": [1.0, 1.0]})
    points = tuple(replace(point, report="javascript:alert(1)") for point in series.points)
    page = render_history(look_at("a file", replace(series, points=points), lambda _: None))
    assert "javascript:" not in page
