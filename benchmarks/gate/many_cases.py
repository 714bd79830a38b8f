"""How the time of a check grows with the suite: identical code, suites of 16, 64 and 200 benchmarks.

    python benchmarks/gate/many_cases.py [--gates N] [--output FILE]

The benchmarks are alike: functions of some microseconds, each with data of its own. Each gate adds a line to the output.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from journal import Journal
from repository import check, commit_all

sys.path.insert(0, str(Path(__file__).parents[1]))
from host_speed import look

CASES = (16, 64, 200)
GATES = 2

CODE = """
def split(text):
    return [int(word) for word in text.split(",")]
"""

SUITE = """
import pytest
from numbers_of import split

@pytest.mark.parametrize("size", range(20, 20 + {cases}))
def test_split(benchmark, size):
    text = ",".join(map(str, range(size)))
    assert len(benchmark(split, text)) == size
"""


def make_repository(place, cases):
    """Make a repository with a suite of so many benchmarks."""
    place.mkdir()
    (place / "numbers_of.py").write_text(CODE, encoding="utf-8")
    (place / "test_numbers.py").write_text(SUITE.format(cases=cases), encoding="utf-8")
    commit_all(place)


def run_gate(cases, seed):
    """Return what a check of so many benchmarks found."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory, "repository")
        make_repository(place, cases)
        return check(place, "--pytest", "test_numbers.py", "--seed", str(seed))


def main():
    """Run what is missing of the gates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gates", type=int, default=GATES, help="of each size")
    parser.add_argument("--output", type=Path, default=Path("results/many_cases.jsonl"))
    chosen = parser.parse_args()
    journal = Journal(chosen.output)
    done = {(one["cases"], one["number"]) for one in journal.read()}
    for number in range(chosen.gates):
        for cases in CASES:
            if (cases, number) in done:
                continue
            host = look()
            verdict = run_gate(cases, number)
            journal.add(
                cases=cases,
                number=number,
                exit_code=verdict["exit_code"],
                seconds=verdict["seconds"],
                generations=max(one["generations"] for one in verdict["cases"]),
                host=host,
            )


if __name__ == "__main__":
    main()
