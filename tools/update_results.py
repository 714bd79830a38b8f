"""Write the published tables anew from results/seed.json.gz and results/fast.json.gz.

python tools/update_results.py            README.md and results/seed.md
python tools/update_results.py --check    only tell whether they agree with the file (exit code 1 if not)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from garagebench.engine import Result
from garagebench.report import Report, Row, render_markdown, replace_between_markers
from garagebench.run.rows import make_report

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "results" / "seed.json.gz"
FAST = ROOT / "results" / "fast.json.gz"

STAGES = ("validate", "sequence", "assignment", "floor_lookup")

#: The document's three tables: microseconds on an AWS t2.micro of its day, and their total as printed.
DOCUMENT = {
    "lists": ("plain lists", (0.6, 2.0, 1.0, 0.3), 4.0),
    "numba": ("NumPy + Numba", (0.6, 2.0, 0.6, 0.3), 3.5),
    "pypy": ("PyPy", (0.05, 0.74, 0.06, 0.04), 0.89),
}

Find = Callable[[str, str, str], Row]


def main() -> int:
    """Update the documents, or check them."""
    stale = []
    for path, blocks in make_blocks(make_report(Result.load(RESULT))).items():
        before = path.read_text(encoding="utf-8")
        after = before
        for stem, markdown in blocks.items():
            after = replace_between_markers(after, stem, markdown)
        if after != before:
            stale.append(path)
            if "--check" not in sys.argv:
                path.write_text(after, encoding="utf-8")
    for path in stale:
        print(
            f"{path.relative_to(ROOT)}: {'disagrees with' if '--check' in sys.argv else 'updated from'} results"
        )
    return 1 if stale and "--check" in sys.argv else 0


def make_blocks(report: Report) -> dict[Path, dict[str, str]]:
    """Return document -> marker -> Markdown."""
    whole = render_markdown(report)
    return {
        ROOT / "README.md": {
            "seed": "".join(readme_tables(whole, "park:")),
            "fast": "".join(
                readme_tables(render_markdown(make_report(Result.load(FAST))), "park:", "unpark:")
            ),
        },
        ROOT / "results" / "seed.md": {
            "seed": whole,
            "seed-document": document_tables(report),
            "seed-claims": claims_table(report),
        },
    }


def readme_tables(whole: str, *titles: str) -> Iterator[str]:
    """Yield what a reader wants first: the tables whose titles begin so, and where it was measured."""
    shown = ""
    for section in whole.split("\n\n**"):
        title = section.lstrip("*")
        if title.startswith(titles):
            shown += f"**{title}\n\n" if not section.startswith("**") else f"{section}\n\n"
    yield shown
    for line in whole[whole.rindex("median, 95 %") :].splitlines(keepends=True):
        number, dot, _ = line.partition(". ")
        # Of the footnotes only those of the tables that are shown.
        if not (dot and number.isdigit()) or f"[{number}]" in shown:
            yield line


def finder(report: Report) -> Find:
    """Return a function that gives the row of an implementation, operation and stage."""
    rows = {(row.impl, row.operation, row.stage): row for row in report.rows}
    return lambda impl, operation, stage: rows[impl, operation, stage]


def value(row: Row) -> float:
    """Return the median, in ns."""
    if row.median is None:
        raise SystemExit(f"{RESULT.name} has no figure for {row.impl} {row.operation} {row.stage}")
    return row.median


def document_tables(report: Report) -> str:
    """Return the document's tables beside ours: microseconds, and the requests a second that they imply."""
    find = finder(report)
    lines = [
        f"| {' | '.join(['', *(stage.replace('_', ' ') for stage in STAGES), 'these four', 'requests/s', 'with encode: total', 'requests/s'])} |",
        "| :--- |" + " ---: |" * 8,
    ]
    for impl, (title, stages, total) in DOCUMENT.items():
        ours = [value(find(impl, "park", stage)) / 1000 for stage in STAGES]
        whole = value(find(impl, "park", "total")) / 1000
        lines.append(
            f"| **{title}**, document | {cells(stages)} | {total:.3g} | {rate(total)} | | |"
        )
        lines.append(
            f"| {impl}, ours | {cells(ours)} | {sum(ours):.3g} | {rate(sum(ours))} | {whole:.3g} | {rate(whole)} |"
        )
    return "\n".join(lines) + "\n"


def cells(numbers: list[float] | tuple[float, ...]) -> str:
    """Return microseconds as table cells."""
    return " | ".join(f"{number:.3g}" for number in numbers)


def rate(microseconds: float) -> str:
    """Return thousands of requests a second."""
    return f"{1000 / microseconds:.0f}k"


def claims_table(report: Report) -> str:
    """Return what the document says, what we measured, and whether it still holds."""
    find = finder(report)

    def ratio(impl: str, stage: str) -> float:
        return find(impl, "park", stage).ratio or float("nan")

    def share(impl: str, stage: str) -> float:
        return value(find(impl, "park", stage)) / value(find(impl, "park", "total"))

    unpark = value(find("lists", "unpark", "total")) / value(find("lists", "park", "total"))
    largest = max((*STAGES, "encode"), key=lambda stage: value(find("lists", "park", stage)))
    claims = [
        (
            "NumPy alone is slower than lists at finding a space",
            f"×{ratio('numpy', 'assignment'):.2f}",
            ratio("numpy", "assignment") > 1,
        ),
        (
            "Numba makes finding a space almost twice as fast (1 to 0.6 µs)",
            f"×{ratio('numba', 'assignment'):.2f}",
            ratio("numba", "assignment") < 0.7,
        ),
        (
            "Numba takes an eighth off the total (4 to 3.5 µs)",
            f"total ×{ratio('numba', 'total'):.2f}",
            ratio("numba", "total") < 0.9,
        ),
        (
            "PyPy needs less than a quarter of the time (4 to 0.89 µs)",
            f"total ×{ratio('pypy', 'total'):.2f}",
            ratio("pypy", "total") < 0.25,
        ),
        (
            "Half of the time of plain lists is the sequencer (2 of 4 µs)",
            f"{share('lists', 'sequence'):.0%}",
            share("lists", "sequence") > 0.4,
        ),
        (
            "Assignment is the bottleneck",
            f"{share('lists', 'assignment'):.0%} of total; the most is {largest}, {share('lists', largest):.0%}",
            largest == "assignment",
        ),
        (
            "Unpark takes less time than park (not profiled then)",
            f"unpark / park, lists: {unpark:.2f}",
            unpark < 1,
        ),
    ]
    lines = ["| The document says | we measured | holds |", "| :--- | :--- | :--- |"]
    lines += [
        f"| {claim} | {measured} | {'yes' if holds else 'no'} |"
        for claim, measured, holds in claims
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
