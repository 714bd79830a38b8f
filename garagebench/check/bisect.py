"""Which commit made it slower: between a good and a bad revision, a gate of candidates against *good*, as git bisects."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from garagebench.check.revisions import CheckSettings
from garagebench.check.verdict import Verdict
from garagebench.engine.files import write_whole
from garagebench.errors import GarageError
from garagebench.exit_codes import GOOD as EXIT_GOOD
from garagebench.exit_codes import INCONCLUSIVE, INTERRUPTED
from garagebench.gate.trees.git import Git, resolve
from garagebench.stats.levels import ALPHA, TAIL
from garagebench.system.cache import find_cache

GOOD, BAD, SKIPPED = "good", "bad", "skipped"

#: Judges a pair of revisions: base, head, and the cases that count; None: all.
Gate = Callable[[str, str, frozenset[str] | None], Verdict]


class BisectError(GarageError):
    """There is nothing to search; the text says what is missing."""


@dataclass(frozen=True)
class Commit:
    """A commit, and what people know of it."""

    commit: str
    author: str
    date: str
    subject: str


@dataclass(frozen=True)
class SearchStep:
    """One gate. outcome: "good" (not slower than the good revision), "bad" or "skipped"; reason: in a sentence."""

    commit: str
    outcome: str
    reason: str
    seconds: float


@dataclass(frozen=True)
class Found:
    """The answer, with the fields of its JSON. status: "found", "range" or "nothing"; reason: why it is not "found".

    commits: the one that was found, or those of the range, oldest first. cases: what was searched for: name -> change of the
    found commit against its parent, in percent, with its bounds. gates: how many were judged; steps: those in between.
    error_percent: how often such a search goes wrong, at most.
    """

    status: str
    reason: str
    good: str
    bad: str
    commits: tuple[Commit, ...]
    cases: Mapping[str, tuple[float | None, float | None, float | None]]
    gates: int
    steps: tuple[SearchStep, ...]
    error_percent: float
    seconds: float


@dataclass(frozen=True)
class Judged:
    """What a gate said. outcome: its verdict, or "broken". slower: name -> change and its bounds, in percent."""

    outcome: str
    reason: str
    slower: Mapping[str, tuple[float | None, float | None, float | None]]
    seconds: float


class Search:
    """Looks for the commit.

    gate: judges. notebook: the gates of an interrupted search. on_step: is told each step, and how many commits were left.
    """

    def __init__(
        self,
        git: Git,
        good: str,
        bad: str,
        gate: Gate,
        notebook: Notebook,
        on_step: Callable[[SearchStep, int], None] = lambda _step, _left: None,
    ) -> None:
        self._git = git
        self._good, self._bad = resolve(git, good), resolve(git, bad)
        self._gate = gate
        self._notebook = notebook
        self._on_step = on_step
        self._goods = [self._good]
        self._steps: list[SearchStep] = []
        self._outcomes: list[str] = []
        self._begin = time.monotonic()

    def run(self) -> Found:
        """Search. Raises BisectError where the good revision is not before the bad one."""
        if self._git.run("merge-base", "--is-ancestor", self._good, self._bad).returncode:
            raise BisectError(
                f"{self._good[:7]} is not an ancestor of {self._bad[:7]}: name the older revision with --good"
            )
        first = self._judge(self._good, self._bad, None)
        names = frozenset(first.slower)
        if first.outcome != "slower":
            ends = f"the bad revision against the good one is {first.outcome}"
            why = ends if first.outcome == "not slower" else f"{ends}: {first.reason}"
            return self._tell("nothing", why, (self._bad,))
        bad = self._narrow(names)
        left = self._list(bad)
        if len(left) > 1:
            why = "the commits between them could not be judged"
            return self._tell("range", why, left)
        last = self._judge(f"{bad}^", bad, names)
        if last.outcome != "slower":
            why = f"against its parent it is {last.outcome}: several commits may have added up"
            return self._tell("range", why, (bad,))
        return self._tell("found", "", (bad,), last)

    def _narrow(self, names: frozenset[str]) -> str:
        """Return the first commit that is known to be bad, when no other can be judged."""
        bad, skipped = self._bad, set[str]()
        while True:
            left = self._list(bad)
            candidates = [
                one for one in self._list_halving(bad) if one not in skipped and one != bad
            ]
            if not candidates:
                return bad
            commit = candidates[0]
            found = self._judge(self._good, commit, names)
            if found.outcome == "slower":
                bad, outcome = commit, BAD
            elif found.outcome == "not slower":
                self._goods.append(commit)
                outcome = GOOD
            else:
                skipped.add(commit)
                outcome = SKIPPED
            step = SearchStep(commit, outcome, found.reason, found.seconds)
            self._steps.append(step)
            self._on_step(step, len(left))

    def _judge(self, base: str, head: str, only: frozenset[str] | None) -> Judged:
        known = self._notebook.find(base, head)
        if known is None:
            known = self._ask(base, head, only)
            self._notebook.note(base, head, known)
        self._outcomes.append(known.outcome)
        return known

    def _ask(self, base: str, head: str, only: frozenset[str] | None) -> Judged:
        begin = time.monotonic()
        try:
            verdict = self._gate(base, head, only)
        except GarageError as error:
            if only is None:
                raise  # neither end can be judged: what was asked for is wrong
            return Judged("broken", str(error), {}, round(time.monotonic() - begin, 1))
        if verdict.exit_code == INTERRUPTED:
            raise KeyboardInterrupt
        slower = {
            case.case: (case.change_percent, case.low, case.high)
            for case in verdict.cases
            if case.verdict == "slower"
        }
        told = ", ".join(f"{name} {change[0]:+.1f} %" for name, change in slower.items())
        reason = told or next(iter(verdict.notes), verdict.verdict)
        return Judged(verdict.verdict, reason, slower, verdict.seconds)

    def _list(self, bad: str) -> tuple[str, ...]:
        """Return the commits that may be the first bad one, oldest first."""
        return tuple(self._git.text("rev-list", "--reverse", bad, "--not", *self._goods).split())

    def _list_halving(self, bad: str) -> list[str]:
        """Return them in the order in which git would ask for them: those that halve the rest first."""
        said = self._git.text("rev-list", "--bisect-all", bad, "--not", *self._goods)
        return re.findall(r"^[0-9a-f]+", said, re.MULTILINE)

    def _tell(
        self, status: str, reason: str, commits: tuple[str, ...], last: Judged | None = None
    ) -> Found:
        gates = len(self._outcomes)
        level = self._outcomes.count("not slower")
        return Found(
            status,
            reason,
            self._good,
            self._bad,
            tuple(map(self._describe, commits)),
            last.slower if last else {},
            gates,
            tuple(self._steps),
            # A commit that is level is called slower with ALPHA, one at the threshold level with TAIL, at most.
            round(100 * min(1.0, (gates - level) * ALPHA + level * TAIL), 1),
            round(time.monotonic() - self._begin, 1),
        )

    def _describe(self, commit: str) -> Commit:
        said = self._git.text("show", "--no-patch", "--format=%H%n%an%n%as%n%s", commit)
        return Commit(*[*said.split("\n"), "", "", ""][:4])


class Notebook:
    """The gates of a search, in a file: an interrupted one goes on. path: None: nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.known: dict[str, Judged] = {}
        try:
            lines = json.loads(path.read_text(encoding="utf-8")) if path else {}
            self.known = {
                key: Judged(**{**one, "slower": _read(one["slower"])}) for key, one in lines.items()
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            self.known = {}  # there is none, or it is not ours: the search begins anew

    def find(self, base: str, head: str) -> Judged | None:
        """Return what is known of a pair."""
        return self.known.get(f"{base} {head}")

    def note(self, base: str, head: str, judged: Judged) -> None:
        """Keep what a gate has said."""
        self.known[f"{base} {head}"] = judged
        if self._path is not None:
            text = json.dumps({key: asdict(one) for key, one in self.known.items()})
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, lambda whole: whole.write_text(text, encoding="utf-8"))

    def forget(self) -> None:
        """Remove the file: the search has come to its end."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _read(
    slower: Mapping[str, list[float | None]],
) -> dict[str, tuple[float | None, float | None, float | None]]:
    return {name: (one[0], one[1], one[2]) for name, one in slower.items()}


def place_notebook(
    environment: Mapping[str, str], repository: Path, settings: CheckSettings, good: str, bad: str
) -> Path:
    """Return where the gates of such a search are kept."""
    told = repr((str(repository.resolve()), settings, good, bad))
    name = hashlib.sha256(told.encode()).hexdigest()[:16]
    return Path(find_cache(environment)) / "bisect" / f"{name}.json"


def exit_code(found: Found) -> int:
    """Return 0 where a commit was found, 4 for a range or nothing."""
    return EXIT_GOOD if found.status == "found" else INCONCLUSIVE
