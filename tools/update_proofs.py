"""Write the tables of docs/checking.md anew from the gates in results/: gates.jsonl and peers.jsonl.

python tools/update_proofs.py            docs/checking.md
python tools/update_proofs.py --check    only tell whether it agrees with the files (exit code 1 if not)
"""

from __future__ import annotations

import statistics
import sys
from collections import Counter
from pathlib import Path

from lines import Line, by_machine, read

from garagebench.report import replace_between_markers

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "checking.md"

#: Series of benchmarks/gate/gates.py -> what it says in the table, and its options.
SERIES = {
    "identical": ("identical", "`--budget 30`"),
    "stage +5 %": ("a stage +5 %", "`--budget 30 --max-slowdown 2`"),
    "total +2 %": ("`total` +2 %", "`--budget 60 --max-slowdown 1`"),
    "identical, core busy": ("identical, the workers' core busy in bursts", "`--budget 30`"),
    "stage +10 %, core busy": ("a stage +10 %, that core busy in bursts", "`--budget 30`"),
}

SECONDS = "\nSeconds: the median.\n"

#: The tools of benchmarks/gate/peers.py, in the order of the table.
TOOLS = (
    "garagebench",
    "pyperf, default",
    "pyperf, best practice",
    "pytest-benchmark, default",
    "pytest-benchmark, best practice",
    "hyperfine, default",
    "hyperfine, best practice",
)


def main() -> int:
    """Update the document, or check it."""
    before = DOCUMENT.read_text(encoding="utf-8")
    after = replace_between_markers(
        before, "gates", by_machine(read("gates.jsonl"), gates_table) + SECONDS
    )
    after = replace_between_markers(
        after, "peers", by_machine(read("peers.jsonl"), peers_table) + SECONDS
    )
    if after == before:
        return 0
    is_check = "--check" in sys.argv
    print(
        f"{DOCUMENT.relative_to(ROOT)}: {'disagrees with' if is_check else 'updated from'} results"
    )
    if not is_check:
        DOCUMENT.write_text(after, encoding="utf-8")
    return int(is_check)


def gates_table(gates: list[Line]) -> str:
    """Return how the gates of each series ended."""
    lines = [
        "| gates | options | ended with 0 | 3 | 4 | seconds |",
        "| :--- | :--- | ---: | ---: | ---: | ---: |",
    ]
    for series, (title, options) in SERIES.items():
        own = [gate for gate in gates if gate["series"] == series]
        if not own:
            continue
        codes = Counter(gate["exit_code"] for gate in own)
        seconds = statistics.median(gate["seconds"] for gate in own)
        lines.append(
            f"| {len(own)}, {title} | {options} | {codes[0]} | {found(own, codes[3])} | {codes[4]} | {seconds:.0f} |"
        )
    return "\n".join(lines) + "\n"


def found(gates: list[Line], slower: int) -> str:
    """Return how many were slower, and how many of those named what had been slowed down."""
    if not slower or gates[0]["stage"] is None or "total" in gates[0]["series"]:
        return str(slower)
    named = sum(
        gate["exit_code"] == 3 and gate["attributed_to"] == gate["stage"].partition(" ")[2]
        for gate in gates
    )
    return f"{slower} ({'all' if named == slower else named} named it)"


def peers_table(gates: list[Line]) -> str:
    """Return what each tool said of identical code and of code that is slower."""
    lines = [
        "| tool | identical: slower | inconclusive | +10 %: slower | inconclusive | seconds |",
        "| :--- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for tool in TOOLS:
        own = [gate for gate in gates if gate["tool"] == tool]
        cells = [tool]
        for change in ("none", "+10 %"):
            outcomes = Counter(gate["outcome"] for gate in own if gate["change"] == change)
            cells += [f"{outcomes['slower']} of {outcomes.total()}", str(outcomes["inconclusive"])]
        cells.append(f"{statistics.median(gate['seconds'] for gate in own):.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
