"""Gates on the unmodified benchmarks of a public repository: identical code, and one function that takes 10 % longer.

    python benchmarks/gate/suites.py CHECKOUT --pytest PATH --function FILE:NAME [--gates N] [-- PYTEST_OPTIONS]
    python benchmarks/gate/suites.py CHECKOUT --asv DIR --function FILE:NAME [--gates N]
    python benchmarks/gate/suites.py CHECKOUT --pyperf SCRIPT --install CMD --function FILE:NAME [--gates N]

Each gate checks a clone of the checkout and adds a line to the output. Which benchmarks call the function is found by
letting it fail: a gate that names another one is wrong. FILE is of Python or C. What is there of this machine already is not
done again.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from journal import Journal
from repository import ask, check
from slower import let_fail, slow_down

sys.path.insert(0, str(Path(__file__).parents[1]))
from host_speed import look

GATES = 5

#: By how much longer the function takes.
SLOWDOWN = 0.1


def clone(checkout, directory):
    """Clone the checkout, with a commit that is HEAD."""
    subprocess.run(["git", "clone", "--quiet", str(checkout), directory], check=True)  # noqa: S607
    return Path(directory)


def find_callers(checkout, chosen):
    """Return the benchmarks that call the function: those that work in base, and fail in a head where it fails."""
    with tempfile.TemporaryDirectory() as directory:
        repository = clone(checkout, f"{directory}/repository")
        names = ask(repository, *chosen.suites, "--dry-run", options=chosen.options).stdout
        let_fail(repository, chosen.function)
        said = ask(repository, *chosen.suites, options=chosen.options).stderr
    said = said.partition("works in base and fails in head: ")[2]
    found = {name for name in names.splitlines()[:-1] if f"{name}: " in said}
    if not found:
        raise SystemExit(f"no benchmark calls {chosen.function}")
    return found


def run_gate(checkout, chosen, number, *, slowed):
    """Return what a gate of its own found."""
    with tempfile.TemporaryDirectory() as directory:
        repository = clone(checkout, f"{directory}/repository")
        if slowed:
            slow_down(repository, chosen.function, SLOWDOWN)
        return check(repository, *chosen.suites, "--seed", str(number), options=chosen.options)


def main():
    """Run what is missing of the gates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--pytest", action="append", default=[], metavar="PATH")
    parser.add_argument("--asv", action="append", default=[], metavar="DIR")
    parser.add_argument("--pyperf", action="append", default=[], metavar="SCRIPT")
    parser.add_argument("--install", action="append", default=[], metavar="CMD")
    parser.add_argument("--function", required=True, metavar="FILE:NAME")
    parser.add_argument("--gates", type=int, default=GATES, help="of each sort")
    parser.add_argument("--output", type=Path, default=Path("results/suites.jsonl"))
    # What stands after -- is pytest's.
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    chosen = parser.parse_args(words[:end])
    chosen.options = words[end + 1 :]
    chosen.suites = [
        word
        for kind in ("pytest", "asv", "pyperf", "install")
        for value in getattr(chosen, kind)
        for word in (f"--{kind}", value)
    ]
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
                install=chosen.install,
                notes=[note[:200] for note in verdict["notes"]],
                host=host,
            )


if __name__ == "__main__":
    main()
