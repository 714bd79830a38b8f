"""Gates on the unmodified benchmarks of a public repository: identical code, and one function that takes 10 % longer.

    python benchmarks/gate/suites.py CHECKOUT --pytest PATH --function FILE:NAME [--gates N] [-- PYTEST_OPTIONS]
    python benchmarks/gate/suites.py CHECKOUT --asv DIR --function FILE:NAME [--gates N]

Each gate checks a clone of the checkout and adds a line to the output. Which benchmarks call the function is found by
calling: a gate that names another one is wrong. What is there of this machine already is not done again.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from journal import Journal
from repository import check

sys.path.insert(0, str(Path(__file__).parents[1]))
from host_speed import look

GATES = 5

#: By how much longer the function takes.
SLOWDOWN = 0.1

#: What is added to the end of the function's file. It takes longer by a share of what it took, however fast the host is.
SLOWED = """

def _slow_down(function):
    import functools
    from time import perf_counter_ns as clock

    @functools.wraps(function)
    def slowed(*args, **kwargs):
        begin = clock()
        answer = function(*args, **kwargs)
        end = clock()
        end += int((end - begin) * {share})
        while clock() < end:
            pass
        return answer

    return slowed


{name} = _slow_down({name})
"""

#: The same, to find out who calls it: pytest tells which test runs.
TRACED = """

def _trace(function):
    import functools, os

    @functools.wraps(function)
    def traced(*args, **kwargs):
        with open({path!r}, "a") as file:
            file.write(os.environ.get("PYTEST_CURRENT_TEST", "") + "\\n")
        return function(*args, **kwargs)

    return traced


{name} = _trace({name})
"""


def clone(checkout, directory):
    """Clone the checkout, with a commit that is HEAD."""
    subprocess.run(["git", "clone", "--quiet", str(checkout), directory], check=True)  # noqa: S607
    return Path(directory)


def change(repository, function, text, **fields):
    """Add to the file of the function, which is FILE:NAME."""
    path, _, name = function.partition(":")
    with (repository / path).open("a", encoding="utf-8") as file:
        file.write(text.format(name=name, **fields))


#: Calls each benchmark of asv once, and says which one it is, as pytest would.
ASV = """
import os, sys
from garagebench.run.trials import FACTORIES  # where garagebench is, before the repository is on the path
from garagebench.subjects.asv_suites import Call, find_cases
for name, benchmark, number in find_cases(sys.argv[1:]):
    if number is not None:
        benchmark.set_param_idx(number)
    if benchmark.type == "time" and not benchmark.do_setup():
        os.environ["PYTEST_CURRENT_TEST"] = f"{name} (call)"
        Call(benchmark).run()
        del os.environ["PYTEST_CURRENT_TEST"]
"""


def find_callers(checkout, chosen):
    """Return the benchmarks that call the function, by the names that they have in a verdict."""
    with tempfile.TemporaryDirectory() as directory:
        repository = clone(checkout, f"{directory}/repository")
        log = Path(directory, "calls")
        log.touch()
        change(repository, chosen.function, TRACED, path=str(log))
        path = os.pathsep.join(str(repository / part) for part in ("src", ""))
        command = [sys.executable, "-m", "pytest", "-q", *chosen.pytest, *chosen.options]
        if chosen.asv:
            command = [sys.executable, "-c", ASV, *(str(repository / one) for one in chosen.asv)]
        done = subprocess.run(
            command if chosen.asv else [*command, "--benchmark-disable"],
            cwd=repository,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}: exit {done.returncode}: {done.stdout[-2000:]}")
        lines = set(log.read_text(encoding="utf-8").splitlines())
    return {line.removesuffix(" (call)") for line in lines if line.endswith(" (call)")}


def run_gate(checkout, chosen, number, *, slowed):
    """Return what a gate of its own found."""
    with tempfile.TemporaryDirectory() as directory:
        repository = clone(checkout, f"{directory}/repository")
        if slowed:
            change(repository, chosen.function, SLOWED, share=SLOWDOWN)
        suites = [word for path in chosen.pytest for word in ("--pytest", path)]
        suites += [word for path in chosen.asv for word in ("--asv", path)]
        return check(repository, *suites, "--seed", str(number), options=chosen.options)


def main():
    """Run what is missing of the gates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--pytest", action="append", default=[], metavar="PATH")
    parser.add_argument("--asv", action="append", default=[], metavar="DIR")
    parser.add_argument("--function", required=True, metavar="FILE:NAME")
    parser.add_argument("--gates", type=int, default=GATES, help="of each sort")
    parser.add_argument("--output", type=Path, default=Path("results/suites.jsonl"))
    # What stands after -- is pytest's.
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    chosen = parser.parse_args(words[:end])
    chosen.options = words[end + 1 :]
    checkout = chosen.checkout.resolve()
    name = checkout.name
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    callers = find_callers(checkout, chosen)
    journal = Journal(chosen.output)
    done = {(one["repository"], one["slowed"], one["number"]) for one in journal.read()}
    for number in range(chosen.gates):
        for slowed in (False, True):
            if (name, slowed, number) in done:
                continue
            host = look()
            verdict = run_gate(checkout, chosen, number, slowed=slowed)
            slower = [one["case"] for one in verdict["cases"] if one["verdict"] == "slower"]
            open_cases = [
                one["case"] for one in verdict["cases"] if one["verdict"] == "inconclusive"
            ]
            journal.add(
                repository=name,
                slowed=slowed,
                number=number,
                exit_code=verdict["exit_code"],
                seconds=verdict["seconds"],
                cases=len(verdict["cases"]),
                callers=len(callers.intersection(one["case"] for one in verdict["cases"])),
                slower=len(slower),
                named_wrongly=sorted(set(slower) - callers) if slowed else slower,
                undecided=len(open_cases),
                generations=max((one["generations"] for one in verdict["cases"]), default=0),
                function=chosen.function if slowed else None,
                revision=revision,
                notes=[note[:200] for note in verdict["notes"]],
                host=host,
            )


if __name__ == "__main__":
    main()
