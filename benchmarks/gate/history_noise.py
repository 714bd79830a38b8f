"""What real checks of identical code read, one after the other: the noise in which `history.py` hides its changes.

    python benchmarks/gate/history_noise.py [--checks N] [--output results/history_noise.jsonl]

Each is `garagebench check --subject` on the same twelve functions, 6 generations. What is there already stays.
"""

import argparse
import json
import tempfile
from pathlib import Path

from repository import check, commit_all

CHECKS = 365
GENERATIONS = 6

FUNCTIONS = """
import base64, csv, hashlib, html, io, itertools, json, re, statistics, textwrap

WORDS = [f"word{n % 17}" for n in range(60)]
TEXT = " ".join(WORDS)
DATA = {"a": [1, 2, 3], "b": {"c": WORDS[:9]}}
DUMPED = json.dumps(DATA)
CASES = {
    "base64": lambda: base64.b64encode(TEXT.encode()),
    "count": lambda: {word: WORDS.count(word) for word in WORDS[:8]},
    "csv": lambda: list(csv.reader(io.StringIO(TEXT.replace(" ", ",")))),
    "dumps": lambda: json.dumps(DATA),
    "escape": lambda: html.escape(TEXT),
    "group": lambda: [len(list(group)) for _, group in itertools.groupby(WORDS)],
    "hash": lambda: hashlib.sha256(TEXT.encode()).hexdigest(),
    "loads": lambda: json.loads(DUMPED),
    "mean": lambda: statistics.mean([1.5, 2.5, 9.0, 4.0]),
    "replace": lambda: re.sub(r"word([0-9]+)", "<x>", TEXT),
    "sort": lambda: sorted(WORDS),
    "wrap": lambda: textwrap.wrap(TEXT, 40),
}
"""


def main():
    """Check and write down, a line a check: case -> change in percent, with its bounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checks", type=int, default=CHECKS)
    parser.add_argument("--output", type=Path, default=Path("results/history_noise.jsonl"))
    chosen = parser.parse_args()
    done = len(chosen.output.read_text().splitlines()) if chosen.output.exists() else 0
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "cases.py").write_text(FUNCTIONS, encoding="utf-8")
        commit_all(Path(place))
        for number in range(done, chosen.checks):
            verdict = check(
                Path(place),
                *("--subject", "cases.py:CASES", "--generations", str(GENERATIONS)),
                *("--seed", str(number)),
            )
            cases = {
                case["case"]: [case["change_percent"], case["low"], case["high"]]
                for case in verdict["cases"]
            }
            with chosen.output.open("a", encoding="utf-8") as file:
                line = {
                    "machine": verdict["machine"],
                    "seconds": verdict["seconds"],
                    "cases": cases,
                }
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
            print(number, verdict["seconds"], flush=True)


if __name__ == "__main__":
    main()
