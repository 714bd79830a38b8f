"""The documents as a site."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does: a link that leads nowhere is an error."""
    place = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-c",
        "docs",
        ".",
        str(place),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return place


def test_every_document_is_a_page_in_the_contents(site: Path) -> None:
    """None is forgotten in the list of conf.py."""
    page = (site / "index.html").read_text()
    named = set(re.findall(r'href="docs/([\w-]+)\.html"', page))
    assert named == {document.stem for document in (ROOT / "docs").glob("*.md")}


def test_links_within_the_site_lead_somewhere(site: Path) -> None:
    """Every page and file that a page links to is there, and so is the place in it."""
    gone = []
    for page in site.rglob("*.html"):
        text = page.read_text()
        for target, anchor in re.findall(r'href="([^":?#]*)(?:#([^"]*))?"', text):
            file = (page.parent / target) if target else page
            if not file.exists() or (anchor and f'id="{anchor}"' not in file.read_text()):
                gone.append(f"{page.relative_to(site)}: {target}#{anchor}")
    assert gone == []
