"""Draw docs/scale.svg and write docs/scale.md anew from results/scale.json and what benchmarks printed.

garagebench scale --output results/scale.json && python tools/update_scale.py

python tools/update_scale.py --check    only tell whether they agree with the file (exit code 1 if not)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from garagebench.report.markers import replace_between_markers
from garagebench.report.page import draw_markdown
from garagebench.report.plot import save_plot
from garagebench.report.scale import make_page
from garagebench.scale.report import ScaleReport, from_json

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "results" / "scale.json"
#: Of one implementation beside another, on another day and machine.
BESIDE = ROOT / "results" / "scale_go.json"
DOCUMENT = ROOT / "docs" / "scale.md"
PLOT = ROOT / "docs" / "scale.svg"
#: What benchmarks printed, shown as it is.
PRINTED = ("document_park", "shared")
CAPTION = "![Cost of one operation by the number of spaces, log-log](scale.svg)\n\n"


def main() -> int:
    """Update the document and the plot, or check the document."""
    is_check = "--check" in sys.argv
    if not RESULT.exists():
        print(f"{RESULT.relative_to(ROOT)} is not there: nothing is published yet")
        return 0 if is_check else 1
    report = from_json(RESULT.read_text(encoding="utf-8"))
    text = replace_between_markers(
        DOCUMENT.read_text(encoding="utf-8"), "scale", CAPTION + draw_markdown(make_page(report))
    )
    beside = from_json(BESIDE.read_text(encoding="utf-8"))
    text = replace_between_markers(text, "scale_go", draw_markdown(make_page(beside)))
    for stem in PRINTED:
        printed = (RESULT.parent / f"{stem}.txt").read_text(encoding="utf-8")
        text = replace_between_markers(text, stem, f"```text\n{printed}```\n")
    wanted = {DOCUMENT: text}
    if not is_check:  # another matplotlib draws the same figures otherwise
        wanted[PLOT] = draw(report)
    stale = [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if not is_check:
            path.write_text(wanted[path], encoding="utf-8")
        word = "disagrees with" if is_check else "updated from"
        print(f"{path.relative_to(ROOT)}: {word} {RESULT.name}")
    return 1 if stale and is_check else 0


def draw(report: ScaleReport) -> str:
    """Return the plot as SVG."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "scale.svg"
        save_plot(report, path)
        return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
