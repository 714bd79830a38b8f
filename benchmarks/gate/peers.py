"""The same change through garagebench, pyperf, pytest-benchmark, hyperfine and asv: who cries wolf, and who sees it.

    python benchmarks/gate/peers.py [--output results/peers.jsonl] [--gates N] [--tools TOOL...]

The change is to a user's implementation of which one stage is slowed down so that `total` of park takes 5 % longer,
or nothing at all. All get the same function and the same 2 %, each tool as its documentation has it by default, and in
its best practice on such a machine: pinned, warmed up, without the collector, with a threshold, for TIME_S in all. The
order of the tools is drawn afresh for each gate, so that they go in turn. What is there of this machine already is not
done again. It takes `apt-get install hyperfine` and `pip install asv virtualenv` besides what the tests need.
"""

import argparse
import json
import math
import os
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gates import garagebench, measure_share
from journal import Journal
from repository import SOURCE, STAGES, make_repository, write_version

GATES = 20
CHANGE = "+5 %"
SLOWDOWN = 0.05
THRESHOLD = 2

#: Seconds that a best practice may take for both sides. A gate of garagebench ends when all is decided.
TIME_S = 12

#: Of asv: its benchmarks, and how its environment finds the commit that is checked out, and this garagebench.
ASV_FILES = {
    "bench/__init__.py": "",
    "bench/park.py": "from case import fill\n\n\ndef time_park():\n    fill()\n",
}
ASV = {
    "version": 1,
    "project": "slow",
    "repo": ".",
    "branches": ["HEAD"],
    "benchmark_dir": "bench",
    "environment_type": "virtualenv",
    "build_command": [],
    "uninstall_command": ["return-code=any python -c pass"],
    "matrix": {"req": {}},
}
POINT = "import site, sys; open(site.getsitepackages()[0] + '/here.pth', 'w').write('\\n'.join(sys.argv[1:]))"

CASE = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
from slow_stage import SLOW
from garagebench import Garage, Layout
garage = Garage(Layout.builtin("seed"), SLOW)
empty = [pool.save() for pool in garage.pools]

def fill():
    for pool, state in zip(garage.pools, empty):
        pool.restore(state)
    for _ in range(120):
        garage.handle_park(b'{"vehicle":"small"}')
"""
FILES = {
    "case.py": CASE,
    "bench_pyperf.py": "import pyperf\nfrom case import fill\npyperf.Runner().bench_func('park', fill)\n",
    "test_park.py": "from case import fill\ndef test_park(benchmark):\n    benchmark(fill)\n",
    "whole.py": "from case import fill\nfor _ in range(600):\n    fill()\n",
}


def main():
    """Run what is missing of the gates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("results/peers.jsonl"))
    parser.add_argument("--gates", type=int, default=GATES, help="of each sort, for each tool")
    parser.add_argument("--tools", nargs="*", choices=list(TOOLS), default=list(TOOLS))
    chosen = parser.parse_args()
    journal = Journal(chosen.output)
    done = {(one["tool"], one["change"], one["number"]) for one in journal.read()}
    stages = [stage for stage in STAGES if stage.startswith("park")]
    shares = {stage: measure_share(stage, STAGES) for stage in stages}
    for number in range(chosen.gates):
        rng = random.Random(number)
        for change in ("none", CHANGE):
            stage = rng.choice(stages)
            every = round(shares[stage] / SLOWDOWN) if change != "none" else 0
            for tool in rng.sample(chosen.tools, len(chosen.tools)):
                if (tool, change, number) in done:
                    continue
                begin = time.monotonic()
                outcome = run_tool(tool, stage, every)
                journal.add(
                    tool=tool,
                    change=change,
                    number=number,
                    stage=stage,
                    every=every,
                    outcome=outcome,
                    seconds=round(time.monotonic() - begin, 1),
                    load=round(os.getloadavg()[0], 2),
                )


def run_tool(tool, stage, every):
    """Return what the tool says of a fresh pair of versions: slower, not slower or inconclusive."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        if tool == "garagebench":
            make_repository(place, stage, every)
        if tool.startswith("asv"):
            return run_asv(place, stage, every, *TOOLS[tool])
        for side, rate in (("base", 0), ("head", every)):
            (place / side).mkdir()
            write_version(place / side, stage, rate)
            for name, text in FILES.items():
                (place / side / name).write_text(text, encoding="utf-8")
        return TOOLS[tool](place)


def run_garagebench(place):
    """`check`, as it comes."""
    verdict = garagebench(
        *("check", "--base", "HEAD", "--impl", f"{SOURCE.name}:SLOW"),
        *("--max-slowdown", str(THRESHOLD)),
        directory=place,
    )
    return verdict["verdict"]


def run_pyperf(place, options=(), compare=()):
    """Both sides one after the other, then `compare_to`."""
    for side in ("base", "head"):
        script = [
            sys.executable,
            f"{side}/bench_pyperf.py",
            "--quiet",
            "--inherit-environ=PYTHONPATH",
        ]
        run([*script, f"--output={side}.json", *options], place)
    command = [sys.executable, "-m", "pyperf", "compare_to", "base.json", "head.json", *compare]
    return "slower" if "slower" in run(command, place).stdout else "not slower"


def run_pytest(place, *options, expression):
    """The base saved, the head compared with it."""
    common = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_park.py"]
    common += [f"--benchmark-storage=file://{place}/saved", *options]
    run([*common, "--benchmark-save=base"], place / "base")
    compare = ["--benchmark-compare", f"--benchmark-compare-fail={expression}:{THRESHOLD}%"]
    done = run([*common, *compare], place / "head", codes=(0, 1))
    if done.returncode and "Performance has regressed" not in done.stdout + done.stderr:
        raise SystemExit(f"pytest-benchmark: {done.stdout}{done.stderr}")
    return "slower" if done.returncode else "not slower"


def run_hyperfine(place, *options, prefix=""):
    """Both commands; slower where the mean is, by the threshold and by more than the printed error."""
    commands = [f"{prefix}{sys.executable} {place}/{side}/whole.py" for side in ("base", "head")]
    run(["hyperfine", *options, "--export-json", "found.json", *commands], place)
    base, head = json.loads((place / "found.json").read_text())["results"]
    return base["times"], head["times"]


def hyperfine_by_default(place):
    """Read the printed ratio and its error."""
    base, head = run_hyperfine(place)
    ratio = statistics.mean(head) / statistics.mean(base)
    error = ratio * math.hypot(
        *(statistics.stdev(side) / statistics.mean(side) for side in (base, head))
    )
    if ratio < 1 + THRESHOLD / 100:
        return "not slower"
    return "slower" if ratio - error > 1 else "inconclusive"


def hyperfine_at_its_best(place):
    """Warmed up, without a shell, pinned, and with the test that its scripts have (Welch's)."""
    options = ("--shell=none", "--warmup=2", "--runs=11")
    base, head = run_hyperfine(place, *options, prefix=f"taskset -c {core()} ")
    ratio = statistics.mean(head) / statistics.mean(base)
    is_significant = welch(base, head) < 0.05
    return "slower" if is_significant and ratio >= 1 + THRESHOLD / 100 else "not slower"


def run_asv(place, stage, every, *options):
    """Two commits, and `continuous` between them."""
    for name, text in {**ASV_FILES, "case.py": CASE}.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    (place / ".gitignore").write_text(".asv\n__pycache__\n", encoding="utf-8")
    point = ["python", "-c", POINT, "{build_dir}", str(Path(__file__).parents[2])]
    known = {**ASV, "install_command": [shlex.join(point)]}
    (place / "asv.conf.json").write_text(json.dumps(known), encoding="utf-8")
    make_repository(place, stage, every)
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    run(["git", *identity, "commit", "--quiet", "--all", "--allow-empty", "-m", "head"], place)
    # It notes the machine in the user's home.
    asv = ["env", f"HOME={place}", str(Path(sys.executable).with_name("asv"))]
    run([*asv, "machine", "--yes"], place)
    limit = f"--factor={1 + THRESHOLD / 100}"
    done = run([*asv, "continuous", limit, *options, "HEAD~1", "HEAD"], place, codes=(0, 1))
    if "failed" in done.stdout:
        raise SystemExit(f"asv: {done.stdout}{done.stderr}")
    return "slower" if done.returncode else "not slower"


def welch(base, head):
    """Return the two-sided p-value of Welch's t-test, by integrating Student's density."""
    parts = [statistics.variance(side) / len(side) for side in (base, head)]
    error = math.sqrt(sum(parts)) or 1e-12
    t = abs(statistics.mean(head) - statistics.mean(base)) / error
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(side) - 1) for part, side in zip(parts, (base, head), strict=True)
    )
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2))
    scale /= math.sqrt(freedom * math.pi)
    steps = 20_000
    width = t / steps
    inner = sum(
        (1 + ((step + 0.5) * width) ** 2 / freedom) ** (-(freedom + 1) / 2) for step in range(steps)
    )
    return max(0.0, 1 - 2 * scale * inner * width)


def core():
    """Return the core that is pinned to."""
    return max(os.sched_getaffinity(0))


def run(command, directory, codes=(0,)):
    """Run a command; end where its exit code is none of those expected."""
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise SystemExit(f"{command}: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done


TOOLS = {
    "garagebench": run_garagebench,
    "pyperf, default": run_pyperf,
    "pyperf, best practice": lambda place: run_pyperf(
        place,
        (f"--affinity={core()}", "--processes=10", "--values=3", "--warmups=1"),
        (f"--min-speed={THRESHOLD}",),
    ),
    "pytest-benchmark, default": lambda place: run_pytest(place, expression="min"),
    "pytest-benchmark, best practice": lambda place: run_pytest(
        place,
        "--benchmark-warmup=on",
        "--benchmark-warmup-iterations=500",
        "--benchmark-disable-gc",
        f"--benchmark-max-time={TIME_S / 2 - 1}",
        expression="median",
    ),
    "hyperfine, default": hyperfine_by_default,
    "hyperfine, best practice": hyperfine_at_its_best,
    # Of asv there are options and no function: it needs a repository of its own.
    "asv continuous, default": (),
    "asv continuous, best practice": (
        "--interleave-rounds",
        f"--cpu-affinity={core()}",
        "--attribute=rounds=4",
    ),
}

if __name__ == "__main__":
    main()
