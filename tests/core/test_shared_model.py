"""`shared`, interleaved and killed between any two atomic steps; see shared_model.py."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numba")

from shared_model import Call, Memory, make_functions, repair

FUNCTIONS = make_functions()

#: More steps than any call takes here.
WHOLE = 1000


class Race:
    """Processes that work at once: each has a place, and a script of takes, looks and releases of its oldest space.

    held: the spaces that their takers know of. releasing: for each space how many releases have begun and not returned.
    """

    def __init__(
        self, memory: Memory, scripts: Sequence[Sequence[str]], taken: Sequence[int] = ()
    ) -> None:
        self.memory = memory
        self.held = {index for index in range(memory.capacity) if memory.truth[index]}
        self.releasing: Counter[int] = Counter()
        self.killed: set[int] = set()
        self._must_see: dict[int, set[int]] = {}
        self._answers: dict[int, Any] = {}
        self._running = {place: self._run(place, script) for place, script in enumerate(scripts, 2)}

    def _run(self, place: int, script: Sequence[str]) -> Call:
        mine: list[int] = []
        for name in script:
            if name != "_release":
                mine += yield from self._look(name, place)
            elif mine:
                yield from self._release(place, mine.pop(0))

    def _look(self, name: str, place: int) -> Call:
        free = {i for i in range(self.memory.capacity) if not self.memory.truth[i]}
        self._must_see[place] = {i for i in free if not self.releasing[i]}
        arguments = (place,) if name == "_take" else ()
        index = yield from self.memory.begin(name, *arguments)
        overlooked = {i for i in self._must_see.pop(place) if index < 0 or i < index}
        assert not overlooked, f"{index} was given, {overlooked} overlooked"
        if name != "_take" or index < 0:
            return []
        assert index not in self.held, f"{index} was given twice"
        self.held.add(index)
        return [index]

    def _release(self, place: int, index: int) -> Call:
        self.held.discard(index)
        self.releasing[index] += 1
        assert (yield from self.memory.begin("_release", place, index))
        self.releasing[index] -= 1

    def advance(self, place: int, steps: int = 1) -> bool:
        """Let one process take that many steps; False if its script had ended before."""
        running = self._running.get(place)
        for _ in range(steps if running else 0):
            try:
                step = running.send(self._answers.get(place))
            except StopIteration:
                del self._running[place]
                return False
            self._answers[place] = self.memory.perform(*step)
            for seen in self._must_see.values():
                seen.difference_update([i for i in seen if self.memory.truth[i]])
        return running is not None

    def kill(self, place: int) -> None:
        """Let a process never take a step again."""
        if self._running.pop(place, None):
            self._must_see.pop(place, None)
            self.killed.add(place)

    def finish(self) -> None:
        """Let the living finish, mend what the dead left, and account for every space."""
        for place in sorted(self._running, reverse=True):
            self.advance(place, WHOLE)
        truth = self.memory.truth
        cut_short = {i for i, count in self.releasing.items() if count and truth[i]}
        known = self.held | {i for i in cut_short if truth[i] in self.killed}
        taken = {i for i in range(self.memory.capacity) if truth[i]}
        missing = taken - known
        hidden = self._find_hidden()
        assert len(missing) + len(hidden) <= len(self.killed), f"{missing} missing, {hidden} hidden"
        for place in self.killed:
            note = self.memory.call("_in_doubt", place)
            self.memory.run(repair(self.memory, place, knows=note >> 2 in known))
        self.memory.call("_uncover")
        assert {i for i in range(self.memory.capacity) if truth[i]} == known
        free = sorted(set(range(self.memory.capacity)) - known)
        assert [self.memory.call("_take", 9) for _ in range(len(free) + 1)] == [*free, -1]

    def _find_hidden(self) -> set[int]:
        """Return the free spaces that a process alone does not find."""
        free = {i for i in range(self.memory.capacity) if not self.memory.truth[i]}
        found = set(iter(lambda: self.memory.call("_take", 9), -1))
        for index in found:
            self.memory.truth[index] = 0
        for index in found:
            self.memory.call("_set", index)
        return free - found


def make_race(functions: Any, capacity: int, free: set[int], scripts: Any) -> Race:
    """Return a race on a pool of which these spaces are free."""
    memory = Memory(capacity, functions)
    for _ in range(capacity):
        memory.call("_take", 1)
    for index in free:
        memory.call("_release", 1, index)
    return Race(memory, scripts)


TAKE, LOOK, RELEASE = "_take", "_nearest", "_release"

#: Capacity, free spaces, and what two processes do.
RACES = [
    (1, {0}, ([TAKE, RELEASE, TAKE], [TAKE, LOOK])),
    (3, {2}, ([TAKE, RELEASE], [TAKE, TAKE])),
    (5, {0, 3}, ([TAKE, RELEASE, TAKE], [TAKE, LOOK])),
    (5, {4}, ([TAKE, RELEASE], [LOOK, TAKE, RELEASE])),
    (5, {1, 2, 3}, ([TAKE, TAKE, RELEASE], [TAKE, RELEASE])),
]


def count_steps(race: Sequence[Any], place: int) -> int:
    """Return how many steps a process takes alone."""
    alone = make_race(FUNCTIONS, *race)
    return next(count for count in itertools.count() if not alone.advance(place))


#: How many steps follow the second switch, and who is killed then; 0 is nobody.
ENDS = [(0, 0), (3, 0), (WHOLE, 0), (0, 2), (WHOLE, 3)]


def find_flaw(functions: Any) -> str | None:
    """Run every race with every two switches and each of the ends; return what went wrong first."""
    for race in RACES:
        steps = [range(count_steps(race, place)) for place in (2, 3)]
        for first, second, (third, killed) in itertools.product(*steps, ENDS):
            running = make_race(functions, *race)
            try:
                for place, count in ((2, first), (3, second), (2, third)):
                    running.advance(place, count)
                running.kill(killed)
                running.finish()
            except AssertionError as error:
                return str(error).partition("\n")[0]
    return None


def test_no_interleaving_and_no_kill_breaks_it() -> None:
    """However two processes switch and wherever one is killed: none twice, none overlooked, none lost after repair."""
    assert find_flaw(FUNCTIONS) is None


#: What is left out -> the words in the source, what stands there instead, and what is seen of it.
MUTANTS = {
    "the version": ("+ _VERSION) & _WORD", ") & _WORD", "overlooked"),
    "the second look": ("or not _is_taken(base, level, node)", "", "overlooked"),
    "the swap": (
        "if swap_byte(base + _TRUTH + index, 0, place)",
        "if swap_byte(base + _TRUTH + index, load_byte(base + _TRUTH + index), place)",
        "given twice",
    ),
    "the note before": ("store(note, index * 4 + _TAKING)", "store(note, 0)", ""),
    "the note after": ("store(note, index * 4 + _TAKEN)", "store(note, 0)", ""),
    "the other try": ("        _clear(base, level, node)", "        return -1", "overlooked"),
    "the way up": (
        "    _set(base, index)\n    return True\n\n\n@numba.njit(cache=True)\ndef _claim",
        "    return True\n\n\n@numba.njit(cache=True)\ndef _claim",
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


@given(data=st.data())
def test_three_processes_at_random(data: st.DataObject) -> None:
    """Three processes that switch at random, and are killed at random, keep to it, too."""
    capacity = data.draw(st.integers(1, 9))
    free = data.draw(st.sets(st.integers(0, capacity - 1)))
    scripts = data.draw(
        st.lists(
            st.lists(st.sampled_from([TAKE, LOOK, RELEASE]), max_size=6), min_size=3, max_size=3
        )
    )
    race = make_race(FUNCTIONS, capacity, free, scripts)
    for place, steps in data.draw(
        st.lists(st.tuples(st.integers(2, 4), st.integers(1, 12)), max_size=40)
    ):
        race.advance(place, steps)
    for place in data.draw(st.sets(st.integers(2, 4))):
        race.kill(place)
    race.finish()


def test_repair_may_be_killed_too() -> None:
    """Wherever a repair is killed, the next one does the rest."""
    for killed_at, repair_killed_at in itertools.product(range(20), range(60)):
        race = make_race(FUNCTIONS, 3, {0, 2}, [[TAKE]])
        race.advance(2, killed_at)
        race.kill(2)
        memory, known = race.memory, bool(race.held - {1})
        memory.run(repair(memory, 2, knows=known), repair_killed_at)
        race.finish()
