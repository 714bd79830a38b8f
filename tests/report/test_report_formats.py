"""Grids as text, Markdown, CSV and JSON."""

# ruff: noqa: RUF001 - the signs that users see

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from garagebench.commands.options import RUN_FORMATS
from garagebench.report import Format, render, render_csv, render_markdown, render_text, to_json
from garagebench.report.drawing import escape
from garagebench.run.report import ROW_KEYS, Report, ReportError, Row

MakeRow = Callable[..., Row]
MakeReport = Callable[..., Report]
AssertGolden = Callable[[str, str], None]


def draw(report: Report, width: int = 100, **options: Any) -> str:
    """Return what a console of that width is given."""
    file = io.StringIO()
    render_text(report, Console(file=file, width=width, **options))
    return file.getvalue()


def test_what_is_offered_can_be_rendered() -> None:
    """The formats that `--format` of run and report takes are those that a report has."""
    assert set(RUN_FORMATS) == set(get_args(Format))


@pytest.mark.parametrize("width", [100, 80])
def test_text_is_as_agreed(report: Report, assert_golden: AssertGolden, width: int) -> None:
    """The tables at two widths, as looked at by a person."""
    assert_golden(f"report-{width}.txt", draw(report, width))


@pytest.mark.parametrize("form", ["markdown", "csv", "json"])
def test_other_formats_are_as_agreed(
    report: Report, assert_golden: AssertGolden, form: Any
) -> None:
    """The other formats of the same report, as looked at by a person."""
    ending = {"markdown": "md"}.get(form, form)
    assert_golden(f"report.{ending}", render(report, form))


@pytest.mark.parametrize("width", [60, 79, 80, 99, 100, 120, 200])
def test_text_fits_its_width(report: Report, width: int) -> None:
    """No line is longer than the console is wide, or ends in blanks."""
    lines = draw(report, width).splitlines()
    assert max(map(len, lines)) <= width
    assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_no_number_is_lost_where_it_is_narrow(report: Report, width: int) -> None:
    """Columns that do not fit go to another table; no number is cut or broken."""
    assert re.findall(r"[\d.]+–[\d.]+", draw(report, width)).count("1710–1750") == 1
    numbers = sorted(re.findall(r"×[\d.]+", draw(report, width)))
    assert numbers == sorted(re.findall(r"×[\d.]+", draw(report, 500)))


def test_text_is_one_table_where_it_is_wide(report: Report) -> None:
    """At 100 columns each operation of the four classic implementations is one table."""
    assert draw(report).count("requests/s") == 2
    assert len(re.findall("(?m)^─+$", draw(report))) == 4
    assert len(re.findall("(?m)^─+$", draw(report, 80))) == 6


def test_the_best_is_seen_without_colour(report: Report) -> None:
    """A star stands at the best of a column, and the legend says what it means."""
    assert "61.3*" in draw(report)
    assert "* lowest of its column" in draw(report)


def test_the_legend_explains_no_mark_that_is_not_there(
    make_row: MakeRow, make_report: MakeReport
) -> None:
    """One lonely number needs no legend."""
    assert "lowest" not in draw(make_report(make_row()))
    assert "ratio" not in draw(make_report(make_row()))
    assert "interval" not in draw(make_report(make_row()))


def test_no_legend_leaves_no_trace(make_row: MakeRow, make_report: MakeReport) -> None:
    """Where there is no figure there is no mark to explain: no paragraph, and no blank lines in its place."""
    report = make_report(make_row(status="invalid", median=None), caveats=("a busy host",))
    blocks = render_markdown(report).split("\n\n")
    assert (len(blocks), blocks[2]) == (3, "Note: a busy host\n")
    assert blocks[1].startswith("| ")
    assert "\n\n\n" not in draw(report)
    assert draw(report).endswith("\n\nnote a busy host\n")


def test_no_color_is_honoured(report: Report) -> None:
    """With NO_COLOR nothing is coloured, though bold and dim stay; without it the best is green."""
    options: dict[str, Any] = {"force_terminal": True, "color_system": "truecolor"}
    colour = re.compile(r"\x1b\[[\d;]*\b(3\d|4\d|9\d)m")
    plain = draw(report, **options, _environ={"NO_COLOR": "1"})
    assert not colour.search(plain)
    assert "\x1b[1m61.3*" in plain
    assert "\x1b[1;32m61.3*" in draw(report, **options, _environ={})


def test_text_is_no_markup(make_row: MakeRow, make_report: MakeReport) -> None:
    """Square brackets in a name or a caveat are shown, not obeyed."""
    row = make_row(impl="[red]", stage="encode", caveats=("see [bold]this[/bold]",))
    drawn = draw(make_report(row, caveats=("[i]all[/i]",)))
    assert "[red]" in drawn
    assert "[1] see [bold]this[/bold]" in drawn
    assert "note [i]all[/i]" in drawn


def test_text_can_be_ascii(report: Report) -> None:
    """Where the encoding has no dash or multiplication sign, ASCII stands for it, sign for sign."""
    file = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", newline="\n")
    render_text(report, Console(file=file, width=100))
    file.seek(0)
    drawn = file.read()
    assert drawn.isascii()
    unicode = draw(report)
    assert drawn == unicode.translate(str.maketrans("–−×µ≈─", "--xu~-"))


def test_a_long_name_is_folded(make_row: MakeRow, make_report: MakeReport) -> None:
    """A path as a name takes two lines rather than all of the width, and is not cut."""
    name = "examples/a/rather/long/path/to/file.py:Pool"
    rows = [make_row(impl=name, stage=stage) for stage in ("encode", "total")]
    drawn = draw(make_report(*rows), 80)
    assert name not in drawn
    assert name[:20] in drawn
    assert name[-10:] in drawn


def test_the_server_is_shown(make_row: MakeRow, make_report: MakeReport) -> None:
    """A line of a server has its name in every format."""
    report = make_report(make_row(server="falcon"))
    assert "falcon" in draw(report)
    assert "<sub>falcon</sub>" in render_markdown(report)


def test_a_cell_is_no_taller_than_three_lines(report: Report) -> None:
    """The reference's line of park is its median, interval and ratio, and no more."""
    lines = draw(report).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("lists "))
    assert lines[start + 3] == ""
    assert lines[start + 4].startswith("numpy ")


def test_nothing_measured_is_said(make_report: MakeReport) -> None:
    """A report without rows says so, and why."""
    report = make_report(caveats=("interrupted",))
    assert draw(report) == "no results\n\nnote interrupted\n"
    assert render_markdown(report) == "no results.\n\nNote: interrupted\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("my_pool", "my_pool"),
        ("_my_ __pool__", r"\_my\_ \_\_pool\_\_"),
        ("<b> & *x* `y` [z](u)", r"&lt;b&gt; &amp; \*x\* \`y\` \[z\](u)"),
        ("<!-- /garagebench:seed -->", "&lt;!-- /garagebench:seed --&gt;"),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_markdown_is_escaped(text: str, shown: str) -> None:
    """What Markdown would read as markup is shown as it is."""
    assert escape(text) == shown


@given(st.text())
def test_markdown_escapes_every_pipe(text: str) -> None:
    """No text, whatever it is, starts a new cell of a table."""
    assert not re.search(r"(?<!\\)(\\\\)*\|", escape(text))


def test_markdown_names_are_escaped(make_row: MakeRow, make_report: MakeReport) -> None:
    """A pipe in a name or a caveat breaks no table."""
    row = make_row(impl="a|b", layout="c|d", stage="encode", caveats=("e|f",))
    drawn = render_markdown(make_report(row, caveats=("g|h",)))
    for text in (r"a\|b", r"c\|d", r"e\|f", r"g\|h"):
        assert text in drawn


def test_markdown_lines_have_equally_many_cells(report: Report) -> None:
    """Every line of a table, also of an implementation that failed, has a cell for each column."""
    blocks = render_markdown(report).split("\n\n")
    tables = [block.splitlines() for block in blocks if block.startswith("|")]
    assert len(tables) == 4
    for table in tables:
        assert len({line.count("|") for line in table}) == 1


def test_csv_has_a_line_for_each_row(report: Report) -> None:
    """The header is the JSON keys, each row has one line, null is empty, numbers are exact."""
    lines = [*csv.DictReader(io.StringIO(render_csv(report)))]
    assert tuple(lines[0]) == ROW_KEYS
    assert len(lines) == len(report.rows)
    assert lines[0]["in_context"] == ""
    assert [float(line["median"] or -1) for line in lines] == [
        -1 if row.median is None else row.median for row in report.rows
    ]


def test_csv_joins_caveats(make_row: MakeRow, make_report: MakeReport) -> None:
    """Several caveats are one cell, whatever is in them."""
    drawn = render_csv(make_report(make_row(caveats=('say "a, b"', "c"))))
    assert next(csv.DictReader(io.StringIO(drawn)))["caveats"] == 'say "a, b"; c'


def test_render_chooses_the_format(report: Report) -> None:
    """One function for all formats returns what each of them makes."""
    assert render(report, "markdown") == render_markdown(report)
    assert render(report, "json") == to_json(report)
    assert render(report, "csv") == render_csv(report)


def test_render_returns_a_table_and_prints_nothing(report: Report) -> None:
    """A table is made for the console, with its width and colours, and left to the caller."""
    file = io.StringIO()
    assert render(report, "table", Console(file=file, width=80)) == draw(report, 80)
    assert file.getvalue() == ""


def test_a_table_needs_a_console(report: Report) -> None:
    """Without a console nobody knows how wide a table may be."""
    with pytest.raises(ReportError, match="a table needs the console that it is for"):
        render(report, "table")


def test_an_unknown_format_is_refused(report: Report) -> None:
    """The error names the format and those that there are."""
    with pytest.raises(ReportError, match="no format 'html'; formats: table, markdown, json, csv"):
        render(report, "html")  # type: ignore[arg-type]


def test_the_package_does_not_import_rich() -> None:
    """Who wants JSON does not wait for rich."""
    check = "import sys, garagebench.report; sys.exit('rich' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_the_origin_is_told(report: Report) -> None:
    """Machine, interpreters, date and settings stand at the end, without what is unknown."""
    last = " ".join(draw(report).splitlines()[-3:]).strip()
    assert last == (
        "Intel Xeon @ 2.50GHz; 2 processors; Linux-6.1.0-x86_64-with-glibc2.36; cpython3.11 "
        "(python 3.11.2, numpy 2.4.6), pypy3.9 (python 3.9.16, pypy 7.3.11); 2024-11-23 20:17:17; "
        "budget 30 s; seed 0; requests park 120, unpark 120"
    )
    assert render_markdown(report).splitlines()[-1] == f"Measured: {last}."


def test_a_mismatch_writes_beside_the_golden_file(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, assert_golden: AssertGolden
) -> None:
    """The golden file stays, what was seen stands beside it, and the failure names it."""
    monkeypatch.setitem(assert_golden.__globals__, "GOLDEN", tmp_path)  # type: ignore[attr-defined]
    (tmp_path / "x.txt").write_text("old")
    with pytest.raises(pytest.fail.Exception, match=r"x\.txt\.new"):
        assert_golden("x.txt", "new")
    assert (tmp_path / "x.txt").read_text() == "old"
    assert (tmp_path / "x.txt.new").read_text() == "new"
