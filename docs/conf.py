"""The documents as a site: `make docs`. The source is the whole repository, so that links lead where they do on a forge."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "garagebench"
author = "The garagebench authors"

extensions = ["myst_parser"]
include_patterns = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/*.md", "results/*.md"]
exclude_patterns = [".*", "build", "dist"]
root_doc = "README"
myst_heading_anchors = 4

html_theme = "furo"
html_title = "garagebench"
html_copy_source = False

#: The list of pages, which the README itself does not need: it links to them.
CONTENTS = """
```{{toctree}}
:hidden:
:caption: {caption}
{pages}
```
"""

PAGES = {
    "Is it slower?": "suites checking environments ci bisect history reports files subjects commands",
    "If you use": "pytest-benchmark codspeed asv pyperf",
    "The garage": "measuring scale serving load http plugging-in",
}


def add_contents(_app: Sphinx, document: str, source: list[str]) -> None:
    """Put the lists of pages at the end of the first one."""
    if document != root_doc:
        return
    for caption, pages in PAGES.items():
        names = "\n".join(f"/docs/{page}" for page in pages.split())
        source[0] += CONTENTS.format(caption=caption, pages=names)
    source[0] += CONTENTS.format(
        caption="Project", pages="/results/README\n/results/seed\n/CHANGELOG\n/CONTRIBUTING"
    )


def add_index(app: Sphinx, error: Exception | None) -> None:
    """Let the first page be what a web server shows of the directory."""
    if error is None:
        site = Path(app.outdir)
        shutil.copyfile(site / f"{root_doc}.html", site / "index.html")


def setup(app: Sphinx) -> None:
    """Hook into Sphinx."""
    app.connect("source-read", add_contents)
    app.connect("build-finished", add_index)
