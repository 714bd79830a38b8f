"""The gate on a plain function, which is no garage and has no parts: identical code, and 5 or 10 % more work.

    python benchmarks/gate/function.py [--output results/function.jsonl] [--gates N]

Both sides are a file with a function. Some gates are given the few lines that make it a subject, the others are
`garagebench check --subject` in a repository. What is there of this machine already is not done again.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from journal import Journal
from repository import check, commit_all

from garagebench.engine.interpreter import find_interpreter
from garagebench.engine.target import Target
from garagebench.gate.case import Thresholds
from garagebench.gate.limit import Limit
from garagebench.gate.live import LiveGate
from garagebench.gate.pairs import Pair
from garagebench.gate.trees.scratch import PLACES, exchange, own_directory
from garagebench.system.cache import find_cache

sys.path.insert(0, str(Path(__file__).parents[1]))
from host_speed import look

PACKAGE = Path(sys.modules["garagebench"].__file__).parent

GATES = 20
TURNS = 100
CHANGES = {"identical": TURNS, "+10 %": round(1.1 * TURNS)}

#: Gates of `garagebench check --subject`: how much work head does, and the options.
CHECKS = {
    "check, identical": (TURNS, ("--max-slowdown", "2", "--budget", "30")),
    "check, +5 %": (round(1.05 * TURNS), ("--max-slowdown", "2", "--budget", "30")),
}

FUNCTION = """
def split():
    words = []
    for _ in range({turns}):
        words = "a,b,c".split(",")
    return len(words)
"""

SOURCE = """
from garagebench.interface import Block, Case, Step


def split(text):
    words = []
    for _ in range({turns}):
        words = text.split(",")
    return len(words)


class Function:
    def cases(self):
        texts = ["a,b,c"] * 10
        yield Case("split", "text", [Step("split", "answer = split(text)")], "answer",
                   {{"split": split}}, [Block(texts, [3] * 10, 10)])


def make(arguments):
    return Function()
"""


def run_gate(number, turns):
    """Return what a gate of its own finds; turns: of head."""
    interpreter = find_interpreter("")
    with own_directory(Path(find_cache(os.environ)) / "trees") as (directory, _):
        targets = []
        for place, times in zip(PLACES, (TURNS, turns), strict=True):
            (directory / place).mkdir()
            (directory / place / "words.py").write_text(SOURCE.format(turns=times))
            packages = {"garagebench": str(PACKAGE)}
            targets.append(Target("words:make", {}, packages, (str(directory / place),)))
        gate = LiveGate(
            [Pair("split", interpreter.label, interpreter.path, tuple(targets))],
            thresholds=Thresholds(5.0),
            limit=Limit(),
            seed=number,
            exchange=lambda: exchange(directory),
        )
        return gate.run()


def run_check(number, turns, options):
    """Return what the command finds in a repository of its own."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "words.py")
        file.write_text(FUNCTION.format(turns=TURNS))
        commit_all(directory)
        file.write_text(FUNCTION.format(turns=turns))
        verdict = check(directory, "--subject", "words.py:split", "--seed", str(number), *options)
    (case,) = verdict["cases"]
    return {
        "outcome": verdict["verdict"],
        "change_percent": case["change_percent"],
        "generations": case["generations"],
        "seconds": verdict["seconds"],
    }


def main():
    """Run what is missing of the gates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("results/function.jsonl"))
    parser.add_argument("--gates", type=int, default=GATES, help="of each sort")
    chosen = parser.parse_args()
    journal = Journal(chosen.output)
    done = {(one["change"], one["number"]) for one in journal.read()}
    for number in range(chosen.gates):
        for change, turns in CHANGES.items():
            if (change, number) in done:
                continue
            host = look()
            found = run_gate(number, turns)
            (judgement,) = found.cases.values()
            journal.add(
                change=change,
                number=number,
                outcome=found.outcome,
                change_log=round(judgement.change, 4),
                generations=judgement.generations,
                seconds=round(found.seconds, 1),
                host=host,
            )
        for change, (turns, options) in CHECKS.items():
            if (change, number) not in done:
                host = look()
                found = run_check(number, turns, options)
                journal.add(
                    change=change, number=number, options=" ".join(options), **found, host=host
                )


if __name__ == "__main__":
    main()
