"""Write the tables of the documents on checks anew from the gates in results/, which are lines of JSON.

python tools/update_proofs.py            the documents
python tools/update_proofs.py --check    only tell whether it agrees with the files (exit code 1 if not)
"""

from __future__ import annotations

import math
import statistics
import sys
from collections import Counter
from pathlib import Path

from lines import Line, by_machine, read

from garagebench.report import replace_between_markers
from garagebench.stats.binomial import at_least, exact_bounds
from garagebench.stats.levels import CONFIDENCE, format_level

ROOT = Path(__file__).resolve().parent.parent
CHECKING = ROOT / "docs" / "checking.md"
SUITES = ROOT / "docs" / "suites.md"
COMMANDS = ROOT / "docs" / "commands.md"
ENVIRONMENTS = ROOT / "docs" / "environments.md"
HISTORY = ROOT / "docs" / "history.md"

#: Series of benchmarks/gate/gates.py -> what it says in the table.
SERIES = {
    "identical": "identical",
    "identical, both cores busy": "identical, both cores busy all the time",
    "identical, 1 %": "identical",
    "identical, disturbed": "identical, both cores busy on and off for 1 to 30 ms",
    "identical, 1 %, disturbed": "identical, both cores busy on and off",
    "stage +5 %": "a stage +5 %",
    "total +3 %": "`total` +3 %",
    "total +2 %": "`total` +2 %",
    "total +10 %": "`total` +10 %",
    "a fifth +20 %": "a stage of a fifth of its `total` +20 %",
    "stage +5 %, disturbed": "a stage +5 %, both cores busy on and off",
    "total +3 %, disturbed": "`total` +3 %, both cores busy on and off",
    "total +2 %, disturbed": "`total` +2 %, both cores busy on and off",
    "total +10 %, disturbed": "`total` +10 %, both cores busy on and off",
    "a fifth +20 %, disturbed": "a stage of a fifth of its `total` +20 %, both cores busy on and off",
}

#: How the series of identical code are called.
IDENTICAL = "identical"

SECONDS = (
    "\nNamed it: the verdict named the stage that was slowed down. Seconds: the median of the times that the gates took. "
    "Patience: the time during which nine of ten pieces of work kept their speed, measured just before each gate; the median "
    "of the gates.\n"
)
PEER_SECONDS = "\nSeconds: the median of the times that a tool took for both sides.\n"

#: The tools of benchmarks/gate/peers.py, in the order of the table.
TOOLS = (
    "garagebench",
    "pyperf, default",
    "pyperf, best practice",
    "pytest-benchmark, default",
    "pytest-benchmark, best practice",
    "hyperfine, default",
    "hyperfine, best practice",
    "asv continuous, default",
    "asv continuous, best practice",
)


def main() -> int:
    """Update the documents, or check them."""
    gates = read("gates.jsonl")
    tables = {
        CHECKING: {
            "gates": by_machine(gates, gates_table) + SECONDS + pool(gates),
            "peers": by_machine(read("peers.jsonl"), peers_table) + PEER_SECONDS,
            "rules": rules_table(read("rules.jsonl")),
        },
        SUITES: {
            "suites": by_machine(read("suites.jsonl"), suites_table),
            "many_cases": by_machine(read("many_cases.jsonl"), many_cases_table),
            "judged": judged_table(read("judged.jsonl")),
        },
        COMMANDS: {"commands": by_machine(read("commands.jsonl"), commands_table)},
        HISTORY: {"history": by_machine(read("history.jsonl"), history_table)},
        ENVIRONMENTS: {"dependency": by_machine(read("dependency.jsonl"), dependency_table)},
    }
    is_check = "--check" in sys.argv
    changed = [document for document, own in tables.items() if update(document, own, is_check)]
    return int(is_check and bool(changed))


def update(document: Path, tables: dict[str, str], is_check: bool) -> bool:
    """Write the tables of a document anew, or only tell; whether it was another one."""
    before = after = document.read_text(encoding="utf-8")
    for name, table in tables.items():
        after = replace_between_markers(after, name, table)
    if after == before:
        return False
    told = "disagrees with" if is_check else "updated from"
    print(f"{document.relative_to(ROOT)}: {told} results")
    if not is_check:
        document.write_text(after, encoding="utf-8")
    return True


def gates_table(gates: list[Line]) -> str:
    """Return how the gates of each series ended."""
    lines = [
        "| gates | options | exit code 0 | 3 | 4 | seconds | patience |",
        "| :--- | :--- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for series, title in SERIES.items():
        own = [gate for gate in gates if gate["series"] == series]
        if not own:
            continue
        codes = Counter(gate["exit_code"] for gate in own)
        seconds = statistics.median(gate["seconds"] for gate in own)
        patience = statistics.median(gate["host"]["patience_ms"] for gate in own)
        options = f"`{own[0]['options']}`" if own[0]["options"] else ""
        lines.append(
            f"| {len(own)}, {title} | {options} | {codes[0]} | {found(own, codes[3])} | {codes[4]} "
            f"| {seconds:.0f} | {patience:.1f} ms |"
        )
    return "\n".join(lines) + "\n"


def pool(gates: list[Line]) -> str:
    """Return how often identical code was called slower, and whether head was slower more often than not: on all machines."""
    identical = [gate for gate in gates if gate["series"].startswith(IDENTICAL)]
    return count_alarms(identical) + lean_table(identical)


def count_alarms(gates: list[Line]) -> str:
    """Return how many of all gates on identical code were slower, with the exact bound."""
    slower = sum(gate["exit_code"] == 3 for gate in gates)
    most = exact_bounds(slower, len(gates))[1]
    return (
        f"\nOf all {len(gates)} gates on identical code, {slower} ended with exit code 3. With {format_level(CONFIDENCE)} "
        f"confidence, at most {100 * most:.1f} % of such gates do.\n"
    )


def lean_table(gates: list[Line]) -> str:
    """Return in how many generations of identical code head was slower, case by case."""
    lines = [
        "\n| identical code | generations in which head was slower | share, exact bounds | p, Holm |",
        "| :--- | ---: | ---: | ---: |",
    ]
    counts: dict[str, list[int]] = {}
    for gate in gates:
        for case, (slower, generations) in gate["head_slower"].items():
            count = counts.setdefault(case, [0, 0])
            count[0] += slower
            count[1] += generations
    p_values = {case: two_sided(*count) for case, count in counts.items()}
    adjusted = adjust(p_values)
    for case, (slower, generations) in counts.items():
        low, high = exact_bounds(slower, generations)
        lines.append(
            f"| {case} | {slower} of {generations} | {slower / generations:.3f} [{low:.3f}, {high:.3f}] "
            f"| {adjusted[case]:.2f} |"
        )
    return "\n".join(lines) + "\n"


def two_sided(count: int, trials: int) -> float:
    """Return how probable it is that a fair coin lies so far from one half, on either side."""
    return min(1.0, 2 * at_least(max(count, trials - count), trials, 0.5))


def adjust(p_values: dict[str, float]) -> dict[str, float]:
    """Return the p-values as Holm's procedure makes them larger, for so many cases at once."""
    adjusted: dict[str, float] = {}
    largest = 0.0
    for left, case in zip(
        range(len(p_values), 0, -1), sorted(p_values, key=p_values.__getitem__), strict=True
    ):
        largest = max(largest, min(1.0, left * p_values[case]))
        adjusted[case] = largest
    return adjusted


def found(gates: list[Line], slower: int) -> str:
    """Return how many were slower, and how many of those named what had been slowed down."""
    if not slower or gates[0]["stage"] is None:
        return str(slower)
    named = sum(
        gate["exit_code"] == 3 and gate["attributed_to"] == gate["stage"].partition(" ")[2]
        for gate in gates
    )
    return f"{slower} ({'all' if named == slower else named} named it)"


#: Recordings of benchmarks/gate/rules.py -> what they are of.
RECORDINGS = {
    "as-is": "two-speed host, all of base, then all of head",
    "adjacent": "the same host, case by case",
    "short": "the same host, case by case, short slices",
    "rounds": "this engine",
    "rounds_disturbed": "this engine, both cores busy on and off",
    "rounds_before": "quiet host, all of base, then all of head; biased against head",
}


def rules_table(lines: list[Line]) -> str:
    """Return how often identical code is called slower under the rules as they were and as they are."""
    table = [
        "| recording | `--max-slowdown` | sides | old: slower | inconclusive | new: slower | inconclusive |",
        "| :--- | ---: | :--- | ---: | ---: | ---: | ---: |",
    ]
    known = {
        (line["recording"], line["max_slowdown"], line["swaps"], line["rules"]): line
        for line in lines
    }
    for recording, title in RECORDINGS.items():
        for percent in sorted({key[1] for key in known if key[0] == recording}):
            for swaps in (True, False):
                cells = [title, f"{percent} %", "by chance" if swaps else "as recorded"]
                for rules in ("old", "new"):
                    line = known[recording, percent, swaps, rules]
                    cells += [bound(line["slower"], line["gates"]), share(line)]
                table.append(f"| {' | '.join(cells)} |")
    return "\n".join(table) + "\n\nEach share is of 1,000 replayed gates, with exact bounds.\n"


def suites_table(gates: list[Line]) -> str:
    """Return how the gates on the benchmarks of public repositories ended."""
    table = [
        "| repository | benchmarks | change | gates | exit code 0 | 3 | 4 | named wrongly | seconds |",
        "| :--- | ---: | :--- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for repository in dict.fromkeys(map(name_repository, gates)):
        for slowed in (False, True):
            own = [
                gate
                for gate in gates
                if (name_repository(gate), gate["slowed"]) == (repository, slowed)
            ]
            if not own:
                continue
            codes = Counter(gate["exit_code"] for gate in own)
            change = f"`{own[0]['function']}` +10 %" if slowed else "identical"
            wrong = sum(len(gate["named_wrongly"]) for gate in own)
            seconds = statistics.median(gate["seconds"] for gate in own)
            table.append(
                f"| {repository} | {own[0]['cases']} | {change} | {len(own)} | {codes[0]} | {codes[3]} | {codes[4]} "
                f"| {wrong} | {seconds:.0f} |"
            )
    return "\n".join(table) + "\n"


def name_repository(gate: Line) -> str:
    """Return the repository, and whether it was installed for each side."""
    return f"{gate['repository']}, `--install`" if gate.get("install") else str(gate["repository"])


def dependency_table(gates: list[Line]) -> str:
    """Return how the gates on a dependency that became slower ended."""
    table = [
        "| attrs in head | gates | exit code 0 | 3 | 4 | `test_to_data`, median | seconds |",
        "| :--- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for version in dict.fromkeys(gate["head"] for gate in gates):
        own = [gate for gate in gates if gate["head"] == version]
        codes = Counter(gate["exit_code"] for gate in own)
        changes = [change for gate in own for change in gate["slower"].values()]
        change = f"{statistics.median(changes):+.0f} %" if changes else ""
        seconds = statistics.median(gate["seconds"] for gate in own)
        table.append(
            f"| {version} | {len(own)} | {codes[0]} | {codes[3]} | {codes[4]} | {change} | {seconds:.0f} |"
        )
    return "\n".join(table) + "\n"


def commands_table(lines: list[Line]) -> str:
    """Return how the gates on a command ended, and how far from 1 the ratio of a command to itself is."""
    table = [
        "| check of a command | gates | exit code 0 | 3 | 4 | seconds |",
        "| :--- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for slowed, title in ((False, "identical"), (True, "10 % more CPU time")):
        own = [one for one in lines if one["what"] == "gate" and one["slowed"] is slowed]
        if own:
            codes = Counter(one["exit_code"] for one in own)
            seconds = statistics.median(one["seconds"] for one in own)
            table.append(
                f"| {title} | {len(own)} | {codes[0]} | {codes[3]} | {codes[4]} | {seconds:.0f} |"
            )
    runs = [one for one in lines if one["what"] == "run"]
    if runs:
        table += [
            "",
            "| ratio of a command to itself | runs | half of them are off by less than | the worst | seconds |",
            "| :--- | ---: | ---: | ---: | ---: |",
        ]
    for tool in dict.fromkeys(one["tool"] for one in runs):
        own = [one for one in runs if one["tool"] == tool]
        off = sorted(100 * abs(math.expm1(one["log_ratio"])) for one in own)
        seconds = statistics.median(one["seconds"] for one in own)
        table.append(
            f"| {tool} | {len(own)} | {statistics.median(off):.1f} % | {off[-1]:.1f} % | {seconds:.0f} |"
        )
    return "\n".join(table) + "\n"


def many_cases_table(gates: list[Line]) -> str:
    """Return how the time of a check grows with the number of benchmarks."""
    table = [
        "| benchmarks | gates | exit code 0 | 3 | 4 | seconds | for each benchmark |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for cases in sorted({gate["cases"] for gate in gates}):
        own = [gate for gate in gates if gate["cases"] == cases]
        codes = Counter(gate["exit_code"] for gate in own)
        seconds = statistics.median(gate["seconds"] for gate in own)
        table.append(
            f"| {cases} | {len(own)} | {codes[0]} | {codes[3]} | {codes[4]} | {seconds:.0f} | {seconds / cases:.2f} |"
        )
    return "\n".join(table) + "\n"


def history_table(lines: list[Line]) -> str:
    """Return how many of the known changes were found in made histories, and what 300 cases take."""
    table = [
        "| changes in each history | histories | found | histories with 11 or more found | false changes | histories with more than one |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    (many,) = (line for line in lines if "seconds" in line)
    for line in lines:
        if line is many:
            continue
        found = {int(hits): times for hits, times in line["found"].items()}
        false = {int(wrong): times for wrong, times in line["false"].items()}
        number, each = line["histories"], line["changes"]
        hits = sum(one * times for one, times in found.items())
        share = f"{100 * hits / (number * each):.1f} %" if each else "-"
        enough = sum(times for one, times in found.items() if one >= each - 1) if each else "-"
        wrong = sum(one * times for one, times in false.items())
        too_many = sum(times for one, times in false.items() if one > 1)
        table.append(f"| {each} | {number} | {share} | {enough} | {wrong} | {too_many} |")
    seconds = many["seconds"]
    table.append(
        f"\nOf {many['cases']} cases and {many['commits']} commits, a result was added in {seconds['add']:.1f} s, the history "
        f"shown in {seconds['show']:.1f} s and checked in {seconds['check']:.1f} s; the page has "
        f"{many['page_bytes'] / 1024:.0f} KiB."
    )
    return "\n".join(table) + "\n"


def judged_table(lines: list[Line]) -> str:
    """Return how often plans of several parts are slower, of identical code and of a whole that is slower."""
    known = {
        (
            line["recording"],
            line["max_slowdown"],
            line["parts"],
            line["by"],
            line["slowed_percent"] > 0,
        ): line
        for line in lines
    }
    table = [
        "| recording | `--max-slowdown` | parts, by | identical: slower | slower by twice the threshold: found | generations |",
        "| :--- | ---: | :--- | ---: | ---: | ---: |",
    ]
    for (recording, percent, parts, by, slowed), line in known.items():
        if slowed:
            continue
        found_line = known[recording, percent, parts, by, True]
        title = RECORDINGS[recording.removesuffix(".json.gz")]
        shared = str(parts) if parts == 1 else f"{parts}, {by}"
        table.append(
            f"| {title} | {percent:g} % | {shared} | {bound(line['slower'], line['plans'])} "
            f"| {100 * found_line['slower'] / found_line['plans']:.1f} % | {found_line['generations_of_the_whole']:.0f} |"
        )
    slower = sum(line["slower"] for key, line in known.items() if not key[-1])
    plans = sum(line["plans"] for key, line in known.items() if not key[-1])
    return "\n".join(table) + (
        f"\n\nOf all {plans:,} plans of identical code, {slower} were slower: {bound(slower, plans)}. Generations: the mean "
        "number in which the slower case was measured, by all parts together.\n"
    )


def bound(count: int, trials: int) -> str:
    """Return a share with its exact bounds."""
    low, high = exact_bounds(count, trials)
    return f"{100 * count / trials:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def share(line: Line) -> str:
    """Return the share of the gates that were inconclusive."""
    return f"{100 * line['inconclusive'] / line['gates']:.0f} %"


def peers_table(gates: list[Line]) -> str:
    """Return what each tool said of identical code and of code that is slower."""
    (slowed,) = {gate["change"] for gate in gates} - {"none"}
    lines = [
        f"| tool | identical: slower | inconclusive | {slowed}: slower | inconclusive | seconds |",
        "| :--- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for tool in TOOLS:
        own = [gate for gate in gates if gate["tool"] == tool]
        if not own:
            continue
        cells = [tool]
        for change in ("none", slowed):
            outcomes = Counter(gate["outcome"] for gate in own if gate["change"] == change)
            cells += [f"{outcomes['slower']} of {outcomes.total()}", str(outcomes["inconclusive"])]
        cells.append(f"{statistics.median(gate['seconds'] for gate in own):.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
