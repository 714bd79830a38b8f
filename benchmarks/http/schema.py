"""schemathesis against every server, from its own /openapi.json, with all checks on and one more: a refusal changes nothing.

    python benchmarks/http/schema.py --server tornado --server wire --examples 1000 --output results/http_schema.jsonl

One JSON line a server; exit code 1 where something was found.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import schemathesis
from click.testing import CliRunner
from schemathesis.cli import schemathesis as command_line
from target import Target, describe_machine

SERVERS = ("tornado", "tornado-delegate", "wire", "falcon", "flask", "twisted", "granian")


class Witness:
    """Looks at the garage before and after each request. compared: the replies that were held against it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.before = self.after = 0
        self.case = ""
        self.compared = 0
        self.statuses: Counter[int] = Counter()

    def count_taken(self) -> int:
        """Return how many spaces are taken."""
        with urllib.request.urlopen(f"{self.url}/garage") as reply:  # noqa: S310  a server of ours
            kinds = json.load(reply)["kinds"]
        return sum(kind["taken"] for kind in kinds.values())


#: schemathesis knows hooks as functions; whom they report to changes with the server.
_witnesses: list[Witness] = []


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Look before the request."""
    witness = _witnesses[-1]
    witness.before, witness.case = witness.count_taken(), case.id


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Look after the reply."""
    witness = _witnesses[-1]
    witness.after = witness.count_taken()
    witness.statuses[response.status_code] += 1


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    """Leave out 1.0 where a whole number is due.

    JSON Schema calls 1.0 an integer and has no way to say otherwise; the API calls it a wrongly typed field. So no
    description could tell schemathesis that it is refused.
    """
    return not isinstance(body, dict) or not any(
        isinstance(value, float) and value.is_integer() for value in body.values()
    )


@schemathesis.check
def state_changes_as_answered(ctx: Any, response: Any, case: Any) -> None:
    """A park takes one space, an unpark frees one, and all else, a refusal above all, changes nothing."""
    witness = _witnesses[-1]
    if case.id != witness.case:
        return
    witness.compared += 1
    is_done = response.status_code == 200 and response.request.method == "POST"
    steps = {"/park": 1, "/unpark": -1}
    expected = steps.get(case.operation.path, 0) if is_done else 0
    moved = witness.after - witness.before
    assert moved == expected, f"{response.status_code}, and {moved:+d} spaces are taken"  # noqa: S101


class Found(NamedTuple):
    """What schemathesis found: its exit code and report, and what the witness saw."""

    exit_code: int
    report: str
    witness: Witness

    @property
    def faults(self) -> list[str]:
        """What is wrong, a line each."""
        faults = [line for line in self.report.splitlines() if line.startswith("- ")]
        if self.exit_code and not faults:
            faults = [f"exit code {self.exit_code}: {self.report[-1000:]}"]
        return faults


def examine(url: str, examples: int, seed: int) -> Found:
    """Run schemathesis against the server at the URL, in this process; the same seed asks the same."""
    witness = Witness(url)
    _witnesses.append(witness)
    arguments = ["run", f"{url}/openapi.json", "--checks=all", "--mode=all", f"--seed={seed}"]
    arguments += [f"--max-examples={examples}", "--generation-database=none", "--no-color"]
    arguments += ["--continue-on-failure", "--suppress-health-check=all", "--request-timeout=20"]
    # It leaves what it found where it is.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        ran = CliRunner().invoke(command_line, arguments)
    report = ran.output if ran.exception is None else f"{ran.output}\n{ran.exception!r}"
    return Found(ran.exit_code, report, witness)


def measure(server: str, examples: int, seed: int) -> dict[str, object]:
    """Examine one server and return the result; its `faults` are empty where all is well."""
    begin = time.monotonic()
    with Target(server, "--spaces", 2000) as target:
        found = examine(target.url, examples, seed)
        ended = target.stop()
    faults = found.faults
    if ended.code or "Traceback" in ended.said:
        faults.append(f"exit code {ended.code}: {ended.said[-2000:]}")
    statuses = found.witness.statuses
    return {
        "server": server,
        "seed": seed,
        "examples": examples,
        "seconds": round(time.monotonic() - begin, 1),
        "requests": statuses.total(),
        "compared": found.witness.compared,
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "faults": faults,
        "report": found.report if faults else "",
        "books": ended.books,
        "machine": describe_machine("schemathesis", "hypothesis"),
    }


def main(arguments: list[str] | None = None) -> int:
    """Examine the servers one after the other; 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server", action="append", help="all seven")
    parser.add_argument("--examples", type=int, default=1000, help="for each operation and phase")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="a line of JSON for each server is added")
    options = parser.parse_args(arguments)
    failed = False
    for server in options.server or SERVERS:
        result = measure(server, options.examples, options.seed)
        failed = failed or bool(result["faults"])
        print(result.pop("report"), json.dumps(result, indent=1))
        if options.output:
            with options.output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
