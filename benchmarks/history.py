"""Whether `history check` finds known changes and nothing else, and how long 300 cases take.

    python benchmarks/history.py [--noise results/history_noise.jsonl] [--output results/history.jsonl]

A made history: 365 commits, each case with what real checks of identical code read one after the other
(`benchmarks/gate/history_noise.py`), and in it 12 changes of 5 to 30 %, up or down, at random commits of random cases, at
least ten commits apart and away from the ends. A change is found within three commits of its place. Each line of the
output is a number of such histories; the last line is of 300 cases over 365 commits, in a file.
"""

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from garagebench.engine.metadata import describe_machine
from garagebench.history.changes import NEAR, find_changes
from garagebench.history.overview import look_at
from garagebench.history.points import CHECK, Point, Ratio, to_json
from garagebench.history.store import Series
from garagebench.report.html.history import render_history

COMMITS, CHANGES = 365, 12
SIZES = (5.0, 30.0)
APART = 10
HISTORIES = 200
MANY = 300


def read_noise(path):
    """Return for each case the logs of what the checks read, in their order."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {
        case: [math.log1p(line["cases"][case][0] / 100) for line in lines]
        for case in lines[0]["cases"]
    }


def choose_changes(rng, cases, count):
    """Return (case, commit, log) of each change."""
    chosen = []
    while len(chosen) < count:
        case, commit = rng.choice(cases), rng.randrange(APART, COMMITS - APART)
        if all(case != other or abs(commit - place) >= APART for other, place, _ in chosen):
            change = math.log1p(rng.uniform(*SIZES) / 100) * rng.choice((1, -1))
            chosen.append((case, commit, change))
    return chosen


def make_series(rng, noise, changes):
    """Return a history: the noise of each case from a random place on, around and around, and the changes in it."""
    shifts = {case: rng.randrange(len(logs)) for case, logs in noise.items()}
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    points = []
    for commit in range(COMMITS):
        cases = {}
        for case, logs in noise.items():
            level = sum(
                change
                for other, place, change in changes
                if (other, commit >= place) == (case, True)
            )
            ratio = round(math.exp(logs[(commit + shifts[case]) % len(logs)] + level), 5)
            cases[case] = Ratio(ratio, None, None)
        date = (begin + timedelta(days=commit)).isoformat()
        points.append(
            Point(f"{commit:010}{0:030}", date, "made", CHECK, "0" * 40, "made", None, cases)
        )
    return Series(CHECK, "0" * 40, tuple(points))


def count(found, changes):
    """Return how many of the changes were found, and how many that were found are none of them."""
    left = list(changes)
    false = 0
    for one in found:
        commit = int(one.since.commit[:10])
        hit = next(
            (
                change
                for change in left
                if change[0] == one.case
                and abs(change[1] - commit) <= NEAR
                and (change[2] > 0) == one.is_slower
            ),
            None,
        )
        if hit is None:
            false += 1
        else:
            left.remove(hit)
    return len(changes) - len(left), false


def try_histories(noise, number, changes_each):
    """Return how often so many changes were found, and how often so many were false."""
    found, false = {}, {}
    for seed in range(number):
        rng = random.Random(f"{seed} {changes_each}")
        changes = choose_changes(rng, list(noise), changes_each)
        hits, wrong = count(find_changes(make_series(rng, noise, changes)), changes)
        found[hits] = found.get(hits, 0) + 1
        false[wrong] = false.get(wrong, 0) + 1
    return dict(sorted(found.items())), dict(sorted(false.items()))


def try_many(noise):
    """Return seconds to add, show and check 300 cases, and the size of the page."""
    rng = random.Random(0)
    many = {
        f"tests/test_module.py::test_{n}[parameter]": rng.choice(list(noise.values()))
        for n in range(MANY)
    }
    series = make_series(rng, many, choose_changes(rng, list(many), CHANGES))
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        git = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.org")
        for words in (("init", "--quiet"), ("commit", "--quiet", "--allow-empty", "--message=one")):
            subprocess.run([*git, *words], cwd=place, check=True)
        lines = (json.dumps(to_json(point)) + "\n" for point in series.points)
        (place / "garagebench-history.jsonl").write_text("".join(lines), encoding="utf-8")
        verdict = make_verdict(series.points[-1])
        (place / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
        seconds = {
            what: take_time(place, *words)
            for what, words in (
                ("add", ("add", "verdict.json", "--commit", "HEAD")),
                ("show", ("show", "--report", "page.html")),
                ("check", ("check",)),
            )
        }
        return {"seconds": seconds, "page_bytes": (place / "page.html").stat().st_size}


def make_page(noise):
    """Return the page of a made history with its changes."""
    rng = random.Random(0)
    series = make_series(rng, noise, choose_changes(rng, list(noise), CHANGES))
    overview = look_at("a file", series, lambda commit: f"https://example.org/commit/{commit}")
    return render_history(overview)


def make_verdict(point):
    """Return the verdict that a point could be made of, as JSON."""
    from garagebench.check.verdict import CaseVerdict, Verdict

    cases = tuple(
        CaseVerdict(
            case=case, impl=None, runtime="cpython", operation=None, stage=None, verdict="not slower",
            change_percent=round(100 * (one.ratio - 1), 3), low=None, high=None, threshold_percent=5.0,
        )
        for case, one in point.cases.items()
    )  # fmt: skip
    verdict = Verdict(
        verdict="not slower", exit_code=0, attributed_to=None, seconds=1.0, cases=cases,
        base="base", head="head", base_commit=point.anchor, machine="made",
    )  # fmt: skip
    return asdict(verdict)


def take_time(place, *words):
    """Return the seconds that a command of `history` takes."""
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "garagebench", "history", *words],
        cwd=place,
        capture_output=True,
        check=False,
    )
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr.decode())
    return round(time.monotonic() - begin, 2)


def main():
    """Try histories with and without changes, then one with many cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--noise", type=Path, default=Path("results/history_noise.jsonl"))
    parser.add_argument("--histories", type=int, default=HISTORIES)
    parser.add_argument("--output", type=Path, default=Path("results/history.jsonl"))
    chosen = parser.parse_args()
    noise = read_noise(chosen.noise)
    lines = []
    for each in (CHANGES, 0):
        found, false = try_histories(noise, chosen.histories, each)
        lines.append(
            {"changes": each, "histories": chosen.histories, "found": found, "false": false}
        )
        print(lines[-1], flush=True)
    lines.append({"cases": MANY, "commits": COMMITS, **try_many(noise)})
    print(lines[-1])
    machine = describe_machine()
    text = "".join(json.dumps({**line, "machine": machine}) + "\n" for line in lines)
    chosen.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
