"""`shared`, interleaved and killed between any two atomic steps; see shared_model.py."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from shared_model import Call, Memory, make_functions, repair

from garagebench.impls.shared_tree import TRUTH

FUNCTIONS = make_functions()

#: More steps than any call takes here.
WHOLE = 1000


TAKE, LOOK, RELEASE = "take", "nearest", "release"

#: The first place of those that repair, and one that takes when the race is over.
FIXERS, LAST = 10, 250


class Race:
    """Processes that work at once: each has a place, and a script of takes, looks and releases.

    A release is of the oldest space that the process has, else of one that somebody had taken before the race.

    held: the spaces whose takers have been told and that are not free again. releasing: which space a process is about
    to free. It is listed until a call has made it visible: that one, a later one of another process, or a repair.
    """

    def __init__(self, memory: Memory, scripts: Sequence[Sequence[str]]) -> None:
        self.memory = memory
        self.held = set(range(memory.capacity)) - memory.find_free()
        self.releasing: dict[int, int] = {}
        self.killed: set[int] = set()
        self._others = sorted(self.held)
        self._taking: set[int] = set()
        self._freed: set[int] = set()
        self._must_see: dict[int, set[int]] = {}
        self._answers: dict[int, Any] = {}
        self._running = {place: self._run(place, script) for place, script in enumerate(scripts, 2)}
        self._fixers = itertools.count(FIXERS)

    def _run(self, place: int, script: Sequence[str]) -> Call:
        mine: list[int] = []
        for name in script:
            if name != RELEASE:
                mine += yield from self._look(name, place)
            elif mine or self._others:
                yield from self._release(place, (mine or self._others).pop(0))

    def _look(self, name: str, place: int) -> Call:
        self._must_see[place] = self.memory.find_free().difference(self.releasing.values())
        if name == TAKE:
            self._taking.add(place)
        index = yield from self.memory.begin(name, *[place] * (name == TAKE))
        self._taking.discard(place)
        overlooked = {i for i in self._must_see.pop(place) if index < 0 or i < index}
        assert not overlooked, f"{index} was given, {overlooked} overlooked"
        if name != TAKE or index < 0:
            return []
        assert index not in self.held, f"{index} was given twice"
        self.held.add(index)
        return [index]

    def _release(self, place: int, index: int) -> Call:
        self.releasing[place] = index
        self._freed.discard(place)
        assert (yield from self.memory.begin(RELEASE, place, index)), f"{index} was free"
        assert place in self._freed, f"{index} was not freed"
        self.releasing.pop(place, None)

    def _fix(self, place: int, dead: int) -> Call:
        buried = set(self.killed)
        self.releasing[place] = self.memory.read_note(dead)
        yield from repair(self.memory, dead, self.held.__contains__)
        for each in (place, *buried):
            self.releasing.pop(each, None)
        self.killed.discard(dead)
        self._taking.discard(dead)

    def advance(self, place: int, steps: int = 1) -> bool:
        """Let one process take that many steps; False if its script had ended before."""
        running = self._running.get(place)
        if running is None:
            return False
        for _ in range(steps):
            try:
                step = running.send(self._answers.get(place))
            except StopIteration:
                del self._running[place]
                return False
            self._answers[place] = swapped = self.memory.perform(*step)
            if step[0] == "swap_byte" and swapped:
                self._note_swap(place, step[1] - TRUTH, step[3])
        return True

    def _note_swap(self, place: int, index: int, taker: int) -> None:
        if not taker:
            assert self.releasing[place] == index, f"{index} was freed"
            self.held.discard(index)
            self._freed.add(place)
            return
        for seen in self._must_see.values():
            seen.discard(index)
        # Who releases it from now on makes it visible, whatever becomes of those that did before.
        self.releasing = {who: i for who, i in self.releasing.items() if i != index}

    def kill(self, place: int) -> None:
        """Let a process never take a step again."""
        self._running.pop(place, None)
        self._must_see.pop(place, None)
        self.killed.add(place)

    def fix(self, dead: int) -> int:
        """Begin to fix what a killed process left; return the place of who does it."""
        place = next(self._fixers)
        self._running[place] = self._fix(place, dead)
        return place

    def finish(self) -> None:
        """Let the living finish, fix what the dead left, and account for every space."""
        self._run_all()
        everything = set(range(self.memory.capacity))
        missing = everything - self.memory.find_free() - self.held
        takers = [self.memory.truth[index] for index in missing]
        assert len(set(takers)) == len(takers), f"{missing} missing: too many"
        assert set(takers) <= self.killed & self._taking, f"{missing} missing"
        hidden = self._find_hidden() if self.killed else set()
        assert hidden <= {self.releasing.get(place) for place in self.killed}, f"{hidden} hidden"
        for place in [place for place in self.killed if place < FIXERS]:
            self.fix(place)
            self._run_all()
        free = self.memory.find_free()
        assert everything - free == self.held, f"{everything - free} taken, {self.held} held"
        takes = [self.memory.call(TAKE, LAST) for _ in range(len(free) + 1)]
        assert takes == [*sorted(free), -1], f"{free} free, {takes} found"

    def _run_all(self) -> None:
        for place in sorted(self._running, reverse=True):
            assert not self.advance(place, WHOLE), f"{place} does not come to an end"

    def _find_hidden(self) -> set[int]:
        """Return the free spaces that a process alone does not find."""
        before, free = bytes(self.memory.content), self.memory.find_free()
        found = set(iter(lambda: self.memory.call(TAKE, LAST), -1))
        self.memory.content[:] = before
        return free - found


def make_memory(functions: Any, capacity: int, free: set[int]) -> Memory:
    """Return a pool of which these spaces are free."""
    memory = Memory(capacity, functions)
    for _ in range(capacity):
        memory.call(TAKE, 1)
    for index in free:
        memory.call(RELEASE, 1, index)
    return memory


#: Capacity, free spaces, and what two processes do.
Spec = tuple[int, set[int], Sequence[Sequence[str]]]
RACES: list[Spec] = [
    (5, {0}, ([TAKE, LOOK], [RELEASE, LOOK])),
    (1, {0}, ([TAKE, RELEASE, TAKE], [TAKE, LOOK])),
    (3, {2}, ([TAKE, RELEASE], [TAKE, TAKE])),
    (5, {0, 3}, ([TAKE, RELEASE, TAKE], [TAKE, LOOK])),
    (5, {4}, ([TAKE, RELEASE], [LOOK, TAKE, RELEASE])),
    (5, {1, 2, 3}, ([TAKE, TAKE, RELEASE], [TAKE, RELEASE])),
]


def count_steps(race: Spec, place: int) -> int:
    """Return how many steps a process takes alone."""
    capacity, free, scripts = race
    alone = Race(make_memory(FUNCTIONS, capacity, free), scripts)
    return next(count for count in itertools.count() if not alone.advance(place))


#: How many steps follow the second switch, who is killed then, and whether he is fixed before the other goes on.
ENDS = [(0, 0, False), (3, 0, False), (WHOLE, 0, False)]
ENDS += [(0, 2, False), (0, 2, True), (0, 3, True), (WHOLE, 3, False)]


def find_flaw(functions: Any) -> str | None:
    """Run every race with every two switches and each of the ends; return what went wrong first."""
    for race in RACES:
        capacity, free, scripts = race
        memory = make_memory(functions, capacity, free)
        steps = (range(count_steps(race, place)) for place in (2, 3))
        for (first, second), end in itertools.product(itertools.product(*steps), ENDS):
            third, killed, is_mended = end
            running = Race(memory.copy(), scripts)
            try:
                for place, count in ((2, first), (3, second), (2, third)):
                    running.advance(place, count)
                if killed:
                    running.kill(killed)
                if is_mended:
                    running.advance(running.fix(killed), WHOLE)
                running.finish()
            except AssertionError as error:
                return str(error).partition("\n")[0]
    return None


def test_no_interleaving_and_no_kill_breaks_it() -> None:
    """However two processes switch and wherever one is killed: none twice, none overlooked, none lost after repair."""
    assert find_flaw(FUNCTIONS) is None


#: What is left out -> the words in the source, what stands there instead, and what is seen of it.
MUTANTS = {
    "the version": ("(word | bit) + _VERSION", "(word | bit)", "overlooked"),
    "the version in a repair": ("(word + _VERSION) & _WORD", "word", "overlooked"),
    "the second look": ("or not _is_taken(base, level, node)", "", "overlooked"),
    "the swap": (
        "if swap_byte(base + TRUTH + index, 0, place)",
        "if swap_byte(base + TRUTH + index, load_byte(base + TRUTH + index), place)",
        "given twice",
    ),
    "the swap in a release": ("or not swap_byte(base + TRUTH + index, taker, 0)", "", "not freed"),
    "the note before": ("store(note, index * 4 + TAKING)", "store(note, 0)", ""),
    "the note after": ("store(note, index * 4 + TAKEN)", "store(note, 0)", ""),
    "the other try": (
        "            _clear(base, level, node)",
        "            return -1",
        "overlooked",
    ),
    "the way up": (
        "    _set(base, index)\n    return True\n\n\n@numba.njit(cache=True)\ndef claim",
        "    return True\n\n\n@numba.njit(cache=True)\ndef claim",
        "",
    ),
    "the repair of hints": (
        "                _set(base, index)\n                hidden",
        "                hidden",
        "",
    ),
}


@pytest.mark.parametrize("left_out", MUTANTS)
def test_what_would_break_it_is_found(left_out: str) -> None:
    """Without any one of its precautions, one of the interleavings breaks it."""
    old, new, seen = MUTANTS[left_out]
    flaw = find_flaw(make_functions(old, new))
    assert flaw is not None
    assert seen in flaw


#: A schedule: the place of who takes the next steps, and how many; 0 is his death.
Schedule = list[tuple[int, int]]
SCHEDULES = st.lists(
    st.tuples(st.integers(2, 4), st.integers(0, 12))
    | st.tuples(st.just(FIXERS), st.integers(1, 12)),
    max_size=40,
)
SCRIPTS = st.lists(
    st.lists(st.sampled_from([TAKE, LOOK, RELEASE]), max_size=6), min_size=3, max_size=3
)


@settings(deadline=None, derandomize=True, max_examples=500)
@given(
    capacity=st.integers(1, 9),
    free=st.sets(st.integers(0, 8)),
    scripts=SCRIPTS,
    schedule=SCHEDULES,
)
# One releases a space, another takes it without being told, and both die: it is nobody's.
@example(3, {0, 1}, [[TAKE], [TAKE, RELEASE], []], [(2, 7), (3, 17), (2, 1), (2, 0), (3, 0)])
def test_three_processes_at_random(
    capacity: int, free: set[int], scripts: list[list[str]], schedule: Schedule
) -> None:
    """Three processes that switch, die and are fixed at random keep to it, too."""
    free = {index for index in free if index < capacity}
    race = Race(make_memory(FUNCTIONS, capacity, free), scripts)
    fixer = 0
    for place, steps in schedule:
        if place == FIXERS:
            if not race.advance(fixer, steps) and race.killed:
                fixer = race.fix(min(race.killed))
        elif steps:
            race.advance(place, steps)
        else:
            race.kill(place)
    race.finish()


def test_repair_may_be_killed_too() -> None:
    """Wherever a repair is killed, the next one does the rest."""
    memory = make_memory(FUNCTIONS, 3, {0, 2})
    for killed_at, repair_killed_at in itertools.product(range(20), range(60)):
        race = Race(memory.copy(), [[TAKE]])
        race.advance(2, killed_at)
        race.kill(2)
        fixer = race.fix(2)
        race.advance(fixer, repair_killed_at)
        race.kill(fixer)
        race.finish()
