"""Searches over 64 real commits of a public repository, with a function that takes 10 % longer from a random one on.

    python benchmarks/gate/bisects.py CHECKOUT --pytest PATH --function FILE:NAME [--searches N] [-- PYTEST_OPTIONS]
    python benchmarks/gate/bisects.py CHECKOUT --subject FILE:NAME --function FILE:NAME [--searches N]

The commits are those of the checkout, first parents; from the chosen one on, the file of the function has the slowdown at its
end. The file of a subject is added to each commit. Half as many searches have none: they must accuse nobody. What is there of
this machine already is not done again.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from journal import Journal
from slower import SLOWED

sys.path.insert(0, str(Path(__file__).parents[1]))
from host_speed import look

COMMITS = 64
SEARCHES = 10
SLOWDOWN = 0.1


def git(place, *words, given=None):
    """Return what git says."""
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    done = subprocess.run(
        ["git", *identity, *words],  # noqa: S607
        cwd=place,
        check=True,
        capture_output=True,
        input=given,
    )
    return done.stdout.decode().strip()


def add_file(place, path, text):
    """Put a file into the index."""
    blob = git(place, "hash-object", "-w", "--stdin", given=text.encode())
    git(place, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")


def make_history(checkout, place, function, subject, slow):
    """Make the commits anew, slower from number `slow` on (None: never); return them, oldest first.

    subject: a file that each of them has, or None.
    """
    subprocess.run(["git", "clone", "--quiet", str(checkout), place], check=True)  # noqa: S607
    path, _, name = function.partition(":")
    originals = git(
        place, "rev-list", "--first-parent", f"--max-count={COMMITS + 1}", "HEAD"
    ).split()
    made = []
    for number, original in enumerate(reversed(originals)):
        git(place, "read-tree", original)
        if slow is not None and number >= slow:
            text = git(place, "show", f"{original}:{path}")
            add_file(place, path, text + SLOWED.format(name=name, share=SLOWDOWN))
        if subject is not None:
            add_file(place, subject.name, subject.read_text(encoding="utf-8"))
        parent = ["-p", made[-1]] if made else []
        made.append(
            git(place, "commit-tree", git(place, "write-tree"), *parent, "-m", f"number {number}")
        )
    git(place, "reset", "--quiet", "--hard", made[-1])
    return made


def search(checkout, chosen, number, slow):
    """Return what a search found, with the number of each commit that it names."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory, "repository")
        file, _, called = (chosen.subject or "").partition(":")
        subject = Path(file) if file else None
        commits = make_history(checkout, place, chosen.function, subject, slow)
        command = [
            sys.executable,
            "-m",
            "garagebench",
            "bisect",
            "--good",
            commits[0],
            "--format",
            "json",
        ]
        suites = [word for path in chosen.pytest for word in ("--pytest", path)]
        suites += ["--subject", f"{subject.name}:{called}"] if subject else []
        done = subprocess.run(
            [
                *command,
                *suites,
                "--seed",
                str(number),
                *(["--", *chosen.options] if chosen.options else []),
            ],
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
        )
    if not done.stdout:
        raise SystemExit(f"exit {done.returncode}: {done.stderr}")
    found = json.loads(done.stdout)
    return found, [commits.index(one["commit"]) for one in found["commits"]]


def main():
    """Run what is missing of the searches."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--pytest", action="append", default=[], metavar="PATH")
    parser.add_argument("--subject", metavar="FILE:NAME")
    parser.add_argument("--function", required=True, metavar="FILE:NAME")
    parser.add_argument("--searches", type=int, default=SEARCHES)
    parser.add_argument("--output", type=Path, default=Path("results/bisects.jsonl"))
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    chosen = parser.parse_args(words[:end])
    chosen.options = words[end + 1 :]
    checkout = chosen.checkout.resolve()
    journal = Journal(chosen.output)
    done = {(one["repository"], one["slow"] is not None, one["number"]) for one in journal.read()}
    for number in range(chosen.searches):
        places = [random.Random(number).randrange(1, COMMITS + 1)]
        places += [None] if number < chosen.searches // 2 else []
        for slow in places:
            if (checkout.name, slow is not None, number) in done:
                continue
            host = look()
            found, named = search(checkout, chosen, number, slow)
            journal.add(
                repository=checkout.name,
                subject=Path(chosen.subject).name if chosen.subject else None,
                number=number,
                slow=slow,
                status=found["status"],
                named=named if found["status"] != "nothing" else [],
                gates=found["gates"],
                outcomes=[step["outcome"] for step in found["steps"]],
                cases=found["cases"],
                seconds=found["seconds"],
                host=host,
            )


if __name__ == "__main__":
    main()
