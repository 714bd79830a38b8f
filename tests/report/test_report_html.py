"""Reports as one HTML file."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from verdicts import make_case, make_verdict

from garagebench.engine import Result
from garagebench.gate.trees.environments import Dependency
from garagebench.load.latencies import Latencies
from garagebench.load.row import LoadReport, LoadRow
from garagebench.report.html import render_load, render_results, render_scale, render_verdict
from garagebench.report.html.bars import make_charts
from garagebench.report.html.forest import MARGIN, WIDTH, Axis, draw_case
from garagebench.run.rows import make_report
from garagebench.scale.report import from_json

RESULTS = Path(__file__).parents[2] / "results"

#: Of a file with 100 cases.
MOST_BYTES = 300 * 1024


class Reader(HTMLParser):
    """Takes a document apart. elements: name and attributes of each; words: all text that is shown."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.data = ""
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close it."""
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self._open[-1:] == ["script"]:
            self.data += data
        elif self._open[-1:] != ["style"]:
            self.words += data


EVIL = "test_x[</script><script>alert(1)</script>&<b>]"

PAGES = {
    "verdict": lambda: render_verdict(
        make_verdict(
            make_case("a", 12, "slower"),
            make_case(EVIL, 0.1),
            dependencies=(Dependency("six", "1", None),),
        )
    ),
    "results": lambda: render_results({"seed": make_report(Result.load(RESULTS / "seed.json.gz"))}),
    "scale": lambda: render_scale(from_json((RESULTS / "scale.json").read_text())),
    "load": lambda: render_load(
        LoadReport(
            environment={},
            settings={},
            rows=(
                LoadRow(
                    driver="open",
                    status="ok",
                    connections=4,
                    rate=500.0,
                    p50_us=100.0,
                    p99_us=900.0,
                ),
                LoadRow(
                    driver="open",
                    status="ok",
                    connections=4,
                    rate=900.0,
                    p50_us=100.0,
                    max_us=9000.0,
                ),
            ),
        )
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_report_is_whole_without_network_and_scripts(name: str) -> None:
    """It loads nothing, runs nothing, and its only script is the data, which is JSON."""
    text = PAGES[name]()
    reader = Reader(text)
    assert not [tag for tag, _ in reader.elements if tag in ("link", "img", "iframe", "object")]
    attributes = [(key, value) for _, about in reader.elements for key, value in about.items()]
    assert not [key for key, _ in attributes if key in ("src", "href") or key.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text
    scripts = [about for tag, about in reader.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "garagebench-data"}]
    assert json.loads(reader.data)


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_has_words_and_a_table(name: str) -> None:
    """A picture says in words what it shows, or is hidden from those who cannot see; and there is a table."""
    reader = Reader(PAGES[name]())
    pictures = [about for tag, about in reader.elements if tag == "svg"]
    assert pictures
    assert all(about.get("aria-label") or about.get("aria-hidden") for about in pictures)
    assert [tag for tag, _ in reader.elements].count("table") >= 1


@pytest.mark.parametrize("name", PAGES)
def test_a_report_is_small(name: str) -> None:
    """It is smaller than 300 KiB."""
    assert len(PAGES[name]().encode()) < MOST_BYTES


def test_a_report_of_a_hundred_cases_is_small() -> None:
    """100 cases with 39 generations each, long names included, stay below the limit."""
    cases = [
        replace(
            make_case(f"benchmarks/test_a_long_name.py::test_{number}[{'x' * 40}]", 6.0, "slower"),
            changes_percent=tuple(round(0.123 * one, 3) for one in range(39)),
        )
        for number in range(100)
    ]
    assert len(render_verdict(make_verdict(*cases)).encode()) < MOST_BYTES


def test_names_are_text_and_never_markup() -> None:
    """A name that is markup is shown as it is."""
    reader = Reader(PAGES["verdict"]())
    assert EVIL in reader.words
    assert not [tag for tag, _ in reader.elements if tag == "b"]
    names = [case["case"] for case in json.loads(reader.data)["cases"]]
    assert EVIL in names


def test_the_verdict_comes_first_and_what_is_level_is_folded_away() -> None:
    """The headline, then the largest change first, then the level ones, then why to believe it."""
    words = Reader(
        render_verdict(
            make_verdict(
                make_case("small", 7, "slower"),
                make_case("large", 30, "slower"),
                make_case("level", 0),
            )
        )
    ).words
    order = ["slower: large", "Changes", "1 of 3 level", "level", "Why believe it"]
    places = [words.index(text) for text in order]
    assert places == sorted(places)
    table = words[words.index("undecided, the largest change first") :]
    assert table.index("large") < table.index("small")


def test_what_explains_a_verdict_is_in_the_report() -> None:
    """Machine, notes, the host's speeds and dependencies stand beside it."""
    text = Reader(PAGES["verdict"]()).words
    for told in ("a machine", "a note", "from 0.50 to 1.00", "six"):
        assert told in text


def test_a_verdict_without_cases_says_why() -> None:
    """A check that could not be made has a report all the same."""
    verdict = replace(make_verdict(), verdict="inconclusive", notes=("there is no base",))
    assert "inconclusive: there is no base" in Reader(render_verdict(verdict)).words


def test_the_axis_keeps_the_order_and_bends_far_changes() -> None:
    """A change of +260 % and one of +6 % are on one axis, in order, and inside of the picture."""
    cases = [
        make_case("far", 260, "slower"),
        make_case("near", 6, "slower"),
        make_case("fast", -40),
    ]
    axis = Axis(cases)
    places = [axis.place(percent) for percent in (-40, 0, 5, 6, 260)]
    assert places == sorted(places)
    assert places[0] >= MARGIN
    assert places[-1] <= WIDTH - MARGIN
    # As far from 0 to the threshold as that is of use: a tenth of the width and more.
    assert axis.place(5) - axis.place(0) > WIDTH / 20
    labels = [label for _, label in axis.ticks]
    assert "0" in labels
    assert "+5" in labels


def test_a_dot_is_drawn_for_each_generation() -> None:
    """As many dots as generations that have a change; one without is left out."""
    case = make_case("a", 1)
    case = replace(case, changes_percent=(*case.changes_percent[:3], None))
    picture = draw_case(case, Axis([case]))
    assert picture.dots.count("M") == 3
    assert "threshold 5 %" in picture.text


def test_a_bar_is_made_of_its_stages() -> None:
    """The pieces of a bar follow each other and end where their sum does; the longest bar is the whole width."""
    charts = make_charts(make_report(Result.load(RESULTS / "seed.json.gz")))
    assert [chart.title.partition(",")[0] for chart in charts] == ["park", "unpark"]
    for chart in charts:
        ends = []
        for bar in chart.bars:
            places = [(piece.begin, piece.begin + piece.width) for piece in bar.pieces]
            assert places[0][0] == 0
            for (_, end), (begin, _) in itertools.pairwise(places):
                assert begin == pytest.approx(end, abs=0.03)
            ends.append(places[-1][1])
        assert max(ends) == pytest.approx(100, abs=0.1)


def test_a_line_has_a_point_for_each_percentile_that_is_known() -> None:
    """Of two rates, two lines; a percentile that nobody knows has no point."""
    text = PAGES["load"]()
    lines = re.findall(r'class="line t\d" points="([^"]*)"', text)
    assert [len(line.split()) for line in lines] == [2, 2]


@pytest.mark.parametrize(("damage", "points"), [("", 32), ("x", 2)])
def test_a_whole_histogram_is_a_curve(damage: str, points: int) -> None:
    """Of all latencies, ten points for each nine and the largest; what cannot be read leaves what the row has."""
    histogram = Latencies((us, 1) for us in range(1, 10_001)).encode()
    row = LoadRow(
        driver="open", status="ok", p50_us=5000, max_us=10_000, histogram=f"{damage}{histogram}"
    )
    text = render_load(LoadReport(environment={}, settings={}, rows=(row,)))
    (line,) = re.findall(r'class="line t\d" points="([^"]*)"', text)
    heights = [float(point.partition(",")[2]) for point in line.split()]
    assert len(heights) == points
    assert heights == sorted(heights, reverse=True)
    assert "50 %: 5.00 ms" in text


def test_http_is_a_part_of_bars_of_their_own() -> None:
    """A server's bar has the stages inside the process, and what HTTP adds; bars without HTTP are another chart."""
    charts = make_charts(make_report(Result.load(RESULTS / "http.json.gz")))
    titles = [chart.title.partition(",")[0] for chart in charts]
    assert titles == ["park", "park over HTTP", "unpark", "unpark over HTTP"]
    inside, served = charts[:2]
    assert [bar.name for bar in inside.bars] == ["lists@cpython3.11"]
    assert "http" not in dict(inside.stages)
    assert len(served.bars) == 7
    for bar in served.bars:
        assert [piece.stage for piece in bar.pieces][-2:] == ["encode", "http"]
    assert served.bars[0].name == "lists@cpython3.11 behind tornado"
