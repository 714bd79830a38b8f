"""How much memory `compare` takes to read a file of 160 MB, of several tools, as a multiple of its size.

python benchmarks/file_memory.py [--megabytes N] [--output FILE]
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from garagebench.engine.metadata import describe_machine

#: Prints the peak of memory of a process that reads a file, in bytes.
READ = """
import sys
from garagebench.gate.formats import load_samples
samples = load_samples(sys.argv[1])
assert samples.cases and not samples.left_out
with open("/proc/self/status") as file:
    print([1024 * int(line.split()[1]) for line in file if line.startswith("VmHWM")][0])
"""

RNG = random.Random(0)


def many_rounds(megabytes):
    """Return JSON of pytest-benchmark with few benchmarks of many rounds, one of them with a letter outside ASCII."""
    data = [[RNG.random() for _ in range(500 * megabytes)] for _ in range(100)]
    names = (f"t.py::test_長[{number}]" for number in range(100))
    return {
        "machine_info": {},
        "benchmarks": [
            {"fullname": name, "stats": {"median": 1.0, "data": one}}
            for name, one in zip(names, data, strict=True)
        ],
    }


def many_benchmarks(megabytes):
    """Return JSON of pytest-benchmark with many benchmarks, without their rounds."""
    keys = [
        "min",
        "max",
        "mean",
        "stddev",
        "median",
        "iqr",
        "q1",
        "q3",
        "ld15iqr",
        "hd15iqr",
        "ops",
        "total",
    ]
    return {
        "machine_info": {},
        "benchmarks": [
            {
                "fullname": f"t.py::test[{number}]",
                "options": {"min_rounds": 5, "timer": "perf_counter", "warmup": False},
                "extra_info": {},
                "stats": {key: RNG.random() for key in keys},
            }
            for number in range(2_100 * megabytes)
        ],
    }


def many_runs(megabytes):
    """Return a suite of pyperf with many short runs, each with metadata."""
    metadata = {"date": "2026-01-01 00:00:00", "load_avg_1min": 0.5, "mem_max_rss": 20_000_000}
    return {
        "version": "1.0",
        "benchmarks": [
            {
                "metadata": {"name": f"case {number}", "unit": "second"},
                "runs": [
                    {
                        "values": [RNG.random() for _ in range(3)],
                        "warmups": [[1, RNG.random()]],
                        "metadata": metadata,
                    }
                    for _ in range(40)
                ],
            }
            for number in range(120 * megabytes)
        ],
    }


def many_times(megabytes):
    """Return JSON of hyperfine with few commands of many runs."""
    count = 4_400 * megabytes
    return {
        "results": [
            {
                "command": f"command {number}",
                "times": [RNG.random() for _ in range(count)],
                "exit_codes": [0] * count,
            }
            for number in range(10)
        ]
    }


def main():
    """Print a line for each kind of file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=160)
    parser.add_argument("--output", type=Path, default=Path("results/file_memory.txt"))
    chosen = parser.parse_args()
    lines = [describe_machine()]
    for make in (many_rounds, many_benchmarks, many_runs, many_times):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "a.json")
            with path.open("w", encoding="utf-8") as file:
                json.dump(make(chosen.megabytes), file, ensure_ascii=False)
            size = path.stat().st_size
            command = [sys.executable, "-c", READ, str(path)]
            peak = int(subprocess.run(command, check=True, capture_output=True).stdout)
        what = make.__doc__.splitlines()[0].removeprefix("Return ").rstrip(".")
        lines.append(f"{size / 1e6:.0f} MB, {peak / size:.1f} times that: {what}")
        print(lines[-1], flush=True)
    chosen.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
