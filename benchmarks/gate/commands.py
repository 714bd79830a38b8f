"""Gates on a whole process of about 100 ms, and runs of one command beside itself, also with hyperfine, in turn.

    python benchmarks/gate/commands.py gates [--gates N]    identical, and 10 % more CPU time: check --command
    python benchmarks/gate/commands.py runs [--runs N]      two times the same command: run --command, and hyperfine

Each gate and each run adds a line to the output. What is there of this machine already is not done again.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from journal import Journal
from repository import check, commit_all

sys.path.insert(0, str(Path(__file__).parents[1]))
from host_speed import look

GATES, RUNS = 20, 40

BUDGET_S, RUN_S = 60, 10

#: About how long the process takes here, in seconds of CPU time.
CPU_S = 0.1

#: A process that works, and, where it is slowed, spends a share more of CPU time.
SCRIPT = """
import json, time
items = [{{"number": number, "text": "n%d" % number}} for number in range(60)]
for _ in range({turns}):
    for item in items:
        json.dumps(item)
end = time.process_time() * {factor}
while time.process_time() < end:
    pass
"""


def write_script(place, turns, factor):
    """Write the script."""
    (place / "work.py").write_text(SCRIPT.format(turns=turns, factor=factor), encoding="utf-8")


def choose_turns(place):
    """Return how often the script does its work, for the process to take CPU_S."""
    turns = 200
    write_script(place, turns, 1.0)
    times = []
    for _ in range(5):
        begin = time.monotonic()
        subprocess.run([sys.executable, "-S", "work.py"], cwd=place, check=True)
        times.append(time.monotonic() - begin)
    return max(1, round(turns * CPU_S / statistics.median(times)))


def run_gate(number, *, slowed):
    """Return what a check of the script found."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        turns = choose_turns(place)
        write_script(place, turns, 1.0)
        commit_all(place)
        write_script(place, turns, 1.1 if slowed else 1.0)
        command = f"{sys.executable} -S work.py"
        return check(place, "--command", command, "--budget", str(BUDGET_S), "--seed", str(number))


def add_gates(journal, gates):
    """Run what is missing of the gates."""
    done = {(one["slowed"], one["number"]) for one in journal.read() if one["what"] == "gate"}
    for number in range(gates):
        for slowed in (False, True):
            if (slowed, number) in done:
                continue
            host = look()
            verdict = run_gate(number, slowed=slowed)
            (case,) = verdict["cases"]
            journal.add(
                what="gate",
                slowed=slowed,
                number=number,
                exit_code=verdict["exit_code"],
                seconds=verdict["seconds"],
                change_percent=case["change_percent"],
                generations=case["generations"],
                host=host,
            )


def run_ours(place, commands):
    """Return the ratio of the second command to the first, as `run` sees it."""
    named = [word for command in commands for word in ("--command", command)]
    words = ["run", *named, "--budget", str(RUN_S), "--format", "json"]
    found = subprocess.run(
        [sys.executable, "-m", "garagebench", *words], cwd=place, capture_output=True, check=True
    )
    return json.loads(found.stdout)["rows"][1]["ratio"]


def run_hyperfine(place, commands):
    """Return the ratio of the second command to the first by hyperfine's means, in about the same time."""
    report = place / "hyperfine.json"
    runs = str(max(10, round(RUN_S / 2 / (1.5 * CPU_S))))
    options = ["--shell", "none", "--warmup", "3", "--runs", runs, "--export-json", str(report)]
    subprocess.run(
        ["hyperfine", *options, *commands],  # noqa: S607
        cwd=place,
        capture_output=True,
        check=True,
    )
    first, second = json.loads(report.read_text(encoding="utf-8"))["results"]
    return second["mean"] / first["mean"]


def add_runs(journal, runs):
    """Run what is missing of the runs, the tools in turn."""
    tools = {"garagebench": run_ours, "hyperfine": run_hyperfine}
    done = {(one["tool"], one["number"]) for one in journal.read() if one["what"] == "run"}
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        write_script(place, choose_turns(place), 1.0)
        # The same, in other words: what has the same name is one command.
        commands = [f"{sys.executable} -S {script}" for script in ("work.py", "./work.py")]
        for number in range(runs):
            order = list(tools) if number % 2 else list(tools)[::-1]
            for tool in order:
                if (tool, number) in done:
                    continue
                host = look()
                begin = time.monotonic()
                ratio = tools[tool](place, commands)
                journal.add(
                    what="run",
                    tool=tool,
                    number=number,
                    log_ratio=round(math.log(ratio), 5),
                    seconds=round(time.monotonic() - begin, 1),
                    host=host,
                )


def main():
    """Run the gates or the runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["gates", "runs"])
    parser.add_argument("--gates", type=int, default=GATES, help="of each sort")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each tool")
    parser.add_argument("--output", type=Path, default=Path("results/commands.jsonl"))
    chosen = parser.parse_args()
    journal = Journal(chosen.output)
    if chosen.what == "gates":
        add_gates(journal, chosen.gates)
    else:
        add_runs(journal, chosen.runs)


if __name__ == "__main__":
    main()
