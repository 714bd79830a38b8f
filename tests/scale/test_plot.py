"""The plot of `scale`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from test_report_scale import REPORT

from garagebench.report.plot import PlotError, check_plot, save_plot


@pytest.fixture
def svg(tmp_path: Path) -> str:
    """Return the plot of a report as SVG."""
    pytest.importorskip(
        "matplotlib", reason="matplotlib not found: pip install 'garagebench[plot]'"
    )
    save_plot(REPORT, tmp_path / "plot.svg")
    return (tmp_path / "plot.svg").read_text()


def test_the_same_report_gives_the_same_svg(svg: str, tmp_path: Path) -> None:
    """No date and nothing random is in the file, so that it can be committed."""
    save_plot(REPORT, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == svg
    assert "dc:date" not in svg


def test_the_plot_says_what_it_shows(svg: str) -> None:
    """Title, axes with units, and the name of each implementation are text."""
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert {"fill, single calls", "spaces", "time for one take", "lists", "1 ms"} <= set(texts)


def test_a_png(tmp_path: Path, svg: str) -> None:
    """A name that ends in .png gives one."""
    save_plot(REPORT, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_a_suffix_in_capitals(tmp_path: Path, svg: str) -> None:
    """It is the same format, and no moment is named in it either."""
    check_plot(tmp_path / "PLOT.SVG")
    save_plot(REPORT, tmp_path / "PLOT.SVG")
    assert (tmp_path / "PLOT.SVG").read_text() == svg


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    """The directory is looked for before anything is measured."""
    with pytest.raises(PlotError, match="there is no directory"):
        check_plot(tmp_path / "no" / "plot.svg")


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib one sentence says what installs it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PlotError, match=r"pip install 'garagebench\[plot\]'"):
        check_plot(tmp_path / "plot.svg")
