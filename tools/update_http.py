"""Write what is published of servers anew from results/http.json.gz and the lines of results/http_*.jsonl.

python tools/update_http.py            docs/http.md, docs/load.md, docs/serving.md, results/seed.md
python tools/update_http.py --check    only tell whether they agree with the files (exit code 1 if not)
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from lines import RESULTS, Line, by_machine, read

from garagebench.engine import Result
from garagebench.report import Report, Row, render_markdown, replace_between_markers
from garagebench.run.rows import make_report

ROOT = Path(__file__).resolve().parent.parent
SERVING = ROOT / "docs" / "serving.md"


def main() -> int:
    """Update the documents, or check them."""
    is_check = "--check" in sys.argv
    report = make_report(Result.load(RESULTS / "http.json.gz"))
    wanted = {
        ROOT / "docs" / "http.md": {"http": render_markdown(report)},
        ROOT / "docs" / "load.md": {
            "http_stall": by_machine(read("http_stall.jsonl"), stall_table)
        },
        RESULTS / "seed.md": {"seed-http": bottleneck_table(report)},
        SERVING: {
            "http_ceiling": by_machine(read("http_ceiling.jsonl"), ceiling_table),
            "http_slow": by_machine(read("http_slow.jsonl"), slow_table),
            "http_stopping": by_machine(read("http_stopping.jsonl"), stopping_table),
            "http_streams": by_machine(read("http_streams.jsonl"), streams_table),
            "http_pages": by_machine(read("http_pages.jsonl"), pages_table),
            "http_schema": by_machine(read("http_schema.jsonl"), schema_table),
        },
    }
    stale = False
    for path, blocks in wanted.items():
        before = after = path.read_text(encoding="utf-8")
        for stem, markdown in blocks.items():
            after = replace_between_markers(after, stem, markdown)
        if after != before:
            stale = True
            print(
                f"{path.relative_to(ROOT)}: {'disagrees with' if is_check else 'updated from'} results"
            )
            if not is_check:
                path.write_text(after, encoding="utf-8")
    return int(stale and is_check)


def bottleneck_table(report: Report) -> str:
    """Return, for each server, what a request costs in it and what the garage's part of that is."""
    rows = {
        (row.server, row.operation, row.stage): row for row in report.rows if row.impl == "lists"
    }
    lines = []
    for server in dict.fromkeys(row.server for row in report.rows if row.server):
        cells = [server]
        for operation in ("park", "unpark"):
            whole = value(rows[server, operation, "http_cpu"])
            http = value(rows[server, operation, "http"])
            cells += [f"{whole / 1000:.3g}", f"{http / whole:.0%}"]
        cells.append(
            f"{value(rows[None, 'park', 'assignment']) / value(rows[server, 'park', 'http_cpu']):.1%}"
        )
        lines.append(cells)
    header = ["server", "park, µs", "of it HTTP", "unpark, µs", "of it HTTP", "assignment, of park"]
    return f"{draw(header, lines)}\nMeasured: {report.environment['cpu_model_name']}.\n"


def value(row: Row) -> float:
    """Return the median, in ns."""
    if row.median is None:
        raise SystemExit(f"http.json.gz has no figure for {row.server} {row.operation} {row.stage}")
    return row.median


def ceiling_table(lines: list[Line]) -> str:
    """Return the ratios of requests per second, and what was measured of each contestant."""
    slices = [line for line in lines if "contestant" in line]
    table = []
    for name in dict.fromkeys(line["contestant"] for line in slices):
        own = [line for line in slices if line["contestant"] == name]
        good = [line for line in own if not line["objections"]]
        table.append(
            [
                name,
                f"{median(line['requests_per_s'] for line in own):,.0f}",
                f"{median(line['server_share'] for line in own):.0%}",
                f"{median(line['load_share'] for line in own):.0%}",
                f"{len(good)} of {len(own)}",
            ]
        )
    ratios = [
        [
            " / ".join(line["ratio"]),
            shown(line["median"]),
            shown(line["lowest"]),
            shown(line["highest"]),
            str(line["rounds"]),
        ]
        for line in lines
        if "ratio" in line
    ]
    rates = draw(
        ["server, implementation", "requests/s", "its core", "load's core", "slices valid"], table
    )
    return (
        rates
        + "\n"
        + draw(["ratio within rounds", "median", "lowest", "highest", "rounds"], ratios)
    )


def shown(number: float | None) -> str:
    """Return a ratio, or a dash."""
    return "–" if number is None else f"{number:.2f}"


def stall_table(lines: list[Line]) -> str:
    """Return what each loop saw of the stall, in milliseconds."""
    return draw(
        ["driver", "requests", "p50", "p99", "max"],
        [
            [
                line["driver"],
                f"{line['requests']:,}",
                *(f"{line[name] / 1000:.3f}" for name in ("p50_us", "p99_us", "max_us")),
            ]
            for line in lines
        ],
    )


def slow_table(lines: list[Line]) -> str:
    """Return what slow clients do to a normal one."""
    table = [
        [
            f"{line['server']}, {line['attack']}",
            str(line["slow_open"][0]),
            f"{line['p99_us']['before'] / 1000:.3g}",
            f"{line['p99_us']['during'] / 1000:.3g}",
            f"{line['ratio']:.2f}",
            "; ".join(line["faults"]) or "none",
        ]
        for line in lines
    ]
    return draw(
        ["server, attack", "slow clients", "p99 before, ms", "during, ms", "ratio", "faults"], table
    )


def stopping_table(lines: list[Line]) -> str:
    """Return how often a server ended in order."""
    table = []
    for server in dict.fromkeys(line["server"] for line in lines):
        own = [line for line in lines if line["server"] == server]
        outcomes: Counter[str] = Counter()
        for line in own:
            outcomes += Counter(line["kept"]) + Counter(line["fresh"])
        faults = sum(bool(line["faults"]) for line in own)
        said = ", ".join(f"{count:,} {name}" for name, count in sorted(outcomes.items()))
        table.append([server, str(len(own)), str(faults), said])
    return draw(
        ["server", "tries", "with faults", "what became of requests and connections"], table
    )


def streams_table(lines: list[Line]) -> str:
    """Return what mutated streams of bytes did."""
    return draw(
        ["server", "streams", "faults", "replies", "5xx", "memory in the last fifth, of the first"],
        [
            [
                line["server"],
                f"{line['streams']:,}",
                str(line["fault_count"]),
                f"{sum(line['statuses'].values()):,}",
                str(sum(many for status, many in line["statuses"].items() if status >= "500")),
                f"{line['growth']:+.1%}",
            ]
            for line in lines
        ],
    )


def pages_table(lines: list[Line]) -> str:
    """Return what open pages cost another client: the median over the pairs, and the median of the ratios."""
    keys = {"p50_us": "p50", "p90_us": "p90", "p99_us": "p99"}
    return draw(
        ["latency", "without pages, ms", f"with {lines[0]['pages']} pages, ms", "ratio", "pairs"],
        [
            [
                name,
                *(
                    f"{median(line[kind][key] for line in lines) / 1000:.3f}"
                    for kind in ("without", "with")
                ),
                f"{median(line['with'][key] / line['without'][key] for line in lines):.2f}",
                str(len(lines)),
            ]
            for key, name in keys.items()
        ],
    )


def schema_table(lines: list[Line]) -> str:
    """Return what schemathesis found."""
    return draw(
        ["server", "requests", "faults", "5xx"],
        [
            [
                line["server"],
                f"{line['requests']:,}",
                str(len(line["faults"])),
                str(sum(many for status, many in line["statuses"].items() if status >= "500")),
            ]
            for line in lines
        ],
    )


def draw(header: list[str], lines: Iterable[list[str]]) -> str:
    """Return a table; the first column is text."""
    rule = [":---", *["---:"] * (len(header) - 1)]
    return "".join(f"| {' | '.join(line)} |\n" for line in (header, rule, *lines))


if __name__ == "__main__":
    sys.exit(main())
