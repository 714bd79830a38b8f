"""Gates on a repository whose code stays as it is, and whose dependency becomes slower: attrs 25.4.0, then 25.3.0.

    python benchmarks/gate/dependency.py [--gates N] [--output results/dependency.jsonl]

attrs made `asdict` faster in 25.4.0. One benchmark uses it, the other one does not. What is there of this machine already is
not done again.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from journal import Journal
from repository import check, commit_all

sys.path.insert(0, str(Path(__file__).parents[1]))
from host_speed import look

GATES = 5

NEW, OLD = "25.4.0", "25.3.0"

CODE = """
import attrs

@attrs.define
class Point:
    x: int
    y: int

def to_data(points):
    return [attrs.asdict(point) for point in points]

def add(points):
    return sum(point.x + point.y for point in points)
"""

BENCH = """
from points import Point, add, to_data

POINTS = [Point(number, 2) for number in range(100)]

def test_to_data(benchmark):
    benchmark(to_data, POINTS)

def test_add(benchmark):
    benchmark(add, POINTS)
"""


def run_gate(number, version):
    """Return the verdict on a working tree that asks for that version of attrs. Base asks for the new one."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        (place / "bench").mkdir()
        (place / "points.py").write_text(CODE)
        (place / "bench" / "test_points.py").write_text(BENCH)
        requirements = place / "requirements.txt"
        requirements.write_text(f"attrs=={NEW}\n")
        commit_all(place)
        requirements.write_text(f"attrs=={version}\n")
        install = "pip install -r requirements.txt pytest"
        return check(place, "--pytest", "bench", "--install", install, "--seed", str(number))


def main():
    """Run what is missing of the gates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("results/dependency.jsonl"))
    parser.add_argument("--gates", type=int, default=GATES, help="of each sort")
    chosen = parser.parse_args()
    journal = Journal(chosen.output)
    done = {(one["head"], one["number"]) for one in journal.read()}
    for number in range(chosen.gates):
        for version in (NEW, OLD):
            if (version, number) in done:
                continue
            host = look()
            verdict = run_gate(number, version)
            journal.add(
                head=version,
                number=number,
                exit_code=verdict["exit_code"],
                slower={
                    one["case"]: one["change_percent"]
                    for one in verdict["cases"]
                    if one["verdict"] == "slower"
                },
                dependencies=verdict["dependencies"],
                seconds=verdict["seconds"],
                host=host,
            )


if __name__ == "__main__":
    main()
