"""`shared`: a lock-free tree of bitmaps in shared memory, from which several processes take at once.

    pool = SharedPool(1000)
    other = SharedPool.attach(pool.name)  # in another process; a fork has the pool, and it can be pickled
    index = other.take()
    pool.release(index)  # whoever took it
    pool.repair(is_known=book.__contains__)  # after a process was killed

The calls are here, what they run compiled is in shared_tree.py, and the atomic steps of that are in atomics.py.

The truth is one byte a space: 0 while it is free, else the number of the process that took it. A single swap of that
byte takes or releases a space. Above it are hints: a bit for each space, set when it may be free, and above those a
bit for each word, up to one word. A release sets the bits on its way up, a take clears those that lead to nothing.

A word of hints is 32 bits and, above them, a version that each release and each repair advances. A bit is cleared
only if the word has not changed since before what is below was seen to be taken, so a bit that a release has set stays
set until its space is taken. (A process that rests between those two steps for exactly 2^31 releases would be fooled.)
Hence, whatever the others do at the same time:

- No space is given twice: who takes one has it until somebody releases it.
- `take` and `nearest` pass over no space that was free during the whole call, its release having returned before. So
  while no other process is in the middle of a call, they answer the lowest free one, and -1 only if there is none.
  What is released during the call may be passed over.
- Who loses a swap tries again, and loses only because another process got on: nobody waits.

A process can be killed between any two instructions:

- In `release`, the space is free or not, and what is hidden is at most this one space, until the next `repair`.
- In `take`, at most one space is taken that nobody was told of. Each process notes what it is about to take, and that
  it has it: `repair` gives back what `take` did not return, and reports what it returned last, for whether the
  process told anybody only the caller can find out.
- A bit that is set in vain hides nothing; the next take that comes by clears it.
- `repair` can be killed, too, and others may work meanwhile. It uncovers all that was hidden when it began, and gives
  back what the dead have, except of those that another process is just repairing.

`save` and `restore` want the pool for themselves. A fork is a process of its own; the threads of one process share
its number, so that only the last space taken by any of them is noted. There is no `take_many`: a kill would leave as
many spaces in doubt as it was to take.
"""

from __future__ import annotations

import contextlib
import functools
import mmap
import os
import weakref
from operator import index as whole
from os import memfd_create  # where there is none, the implementation is unavailable
from typing import Any, Callable, NamedTuple

import numpy as np

from garagebench.impls.impl import Impl
from garagebench.impls.shared_tree import (
    CAPACITY,
    MAGIC,
    MOST,
    PLACE,
    PLACES,
    SIZE,
    TAKEN,
    TAKING,
    TRUTH,
    adopt,
    claim,
    doubt,
    give_back,
    layout,
    nearest,
    prepare,
    release,
    take,
    uncover,
    vacate,
)
from garagebench.stages.sequence import insisting, tiers


def _describe_process(pid: int) -> int:
    """Return a number that no other process has, from its id and when it began; 0 if it is dead."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in b"ZX" else pid << 32 | int(fields[19]) & 0xFFFF_FFFF


_describe_own = functools.lru_cache(maxsize=1)(_describe_process)


class _Segment:
    """The memory of a pool and this process's place in it; `close` may be called twice."""

    def __init__(self, file: int, size: int) -> None:
        self.file = file
        self.memory = mmap.mmap(file, size)
        self.words = np.frombuffer(self.memory, dtype=np.int64)
        self.base = int(self.words.ctypes.data)
        self.place = 0

    def claim(self) -> None:
        self.place, holder = 0, _describe_own(os.getpid())
        if not holder:
            raise OSError("no /proc, in which processes tell whether others live")
        self.place = claim(self.base, holder)
        if not self.place:
            raise OSError(f"{MOST} processes work with this pool, or died and wait for repair()")

    def close(self) -> None:
        if self.file < 0:
            return
        if self.place:
            vacate(self.base, self.place)
        os.close(self.file)
        del self.words, self.memory  # unmapped with the last array of it
        self.file = -1


def _make_segment(capacity: int) -> _Segment:
    size, levels = layout(capacity)
    file = memfd_create("garagebench")
    os.ftruncate(file, size)
    segment = _Segment(file, size)
    prepare(segment.words, capacity, size, levels)
    return segment


class Repaired(NamedTuple):
    """What `repair` found.

    hidden: free spaces that no take would have found, also those that a live process is just releasing. freed: how
    many spaces of killed processes it gave back. in_doubt: the spaces that killed processes took last, and perhaps
    told nobody of; they are still taken.
    """

    hidden: int
    freed: int
    in_doubt: tuple[int, ...]


#: The attributes that a closed pool lacks.
_OPEN = ("_base", "_place", "_segment", "_state", "_truth")


class SharedPool:
    """A pool in a segment of memory without a file, which is gone when the last process that has it is.

    Another process gets it by `SharedPool.attach(pool.name)`, by unpickling it, or by fork, while this one lives
    and has not closed it. All must be on one machine and see each other in /proc.
    """

    def __init__(self, capacity: int, segment: _Segment | None = None) -> None:
        self.capacity = capacity
        self._segment = segment = segment or _make_segment(capacity)
        self._close: Any = weakref.finalize(self, segment.close)
        self._base = segment.base
        # The versions of the hints are saved and restored with them.
        self._state = segment.words[TRUTH // 8 :]
        self._truth = self._state.view(np.uint8)[: self.capacity]
        self.claim()
        _POOLS.add(self)

    def claim(self) -> None:
        """Take a place of this process's own; a fork does so by itself."""
        self.__dict__.pop("_place", None)  # a fork must not go on with its parent's
        self._segment.claim()
        self._place = self._segment.place

    @classmethod
    def attach(cls, name: str) -> SharedPool:
        """Return the pool of that name, which another process has open. Raises OSError, ValueError."""
        file = os.open(name, os.O_RDWR | os.O_CLOEXEC)
        size = os.fstat(file).st_size
        segment = _Segment(file, size) if size >= TRUTH and size % 8 == 0 else None
        if segment is None or segment.words[0] != MAGIC or segment.words[SIZE // 8] != size:
            os.close(file)
            raise ValueError(f"{name} is no pool")
        return cls(int(segment.words[CAPACITY // 8]), segment)

    @property
    def name(self) -> str:
        """What `attach` finds it by: valid as long as this process has it open."""
        return f"/proc/{os.getpid()}/fd/{self._segment.file}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).attach, (self.name,)

    def close(self) -> None:
        """Let go of the segment; what this process has taken stays taken."""
        self._close()
        for attribute in _OPEN:
            self.__dict__.pop(attribute, None)

    def __getattr__(self, name: str) -> Any:
        if name in _OPEN:
            raise ValueError("this process has closed the pool, or found no place in it")
        raise AttributeError(name)

    def __enter__(self) -> SharedPool:  # noqa: PYI034  Python 3.9 has no Self
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @staticmethod
    def compile() -> None:
        """Compile what the first request would have to wait for."""
        with SharedPool(1) as pool:
            pool.nearest()
            pool.release(pool.take())

    @property
    def free(self) -> int:
        """Free spaces, counted: a counter beside them would be wrong after a kill."""
        return self.capacity - int(np.count_nonzero(self._truth))

    def take(self) -> int:
        """Take the lowest free index; -1 when full."""
        index: int = take(self._base, self._place)
        return index

    def nearest(self) -> int:
        """Return what `take` would, and leave it free."""
        index: int = nearest(self._base)
        return index

    def release(self, index: int) -> bool:
        """Free an index; False if it was free already."""
        if not 0 <= index < self.capacity:
            raise IndexError(index)
        if type(index) is not int:
            # Numba would cut a float off; and it keeps the errors that it raises, with all frames that they came through.
            index = whole(index)
        was_taken: bool = release(self._base, self._place, index)
        return was_taken

    def save(self) -> bytes:
        """Return the state. No other process may work meanwhile."""
        state: bytes = self._state.tobytes()
        return state

    def restore(self, state: bytes) -> None:
        """Return to a saved state. No other process may work meanwhile."""
        self._state[:] = np.frombuffer(state, dtype=np.int64)

    @property
    def place(self) -> int:
        """The number of this process in the pool, from 1; others get it after it has closed or was repaired."""
        return int(self._place)

    @property
    def base(self) -> int:
        """Where the segment is in this process's memory, for compiled code."""
        return int(self._base)

    def taker(self, index: int) -> int:
        """Return the number of the process that took the space; 0 if it is free."""
        if not 0 <= index < self.capacity:
            raise IndexError(index)
        return int(self._truth[index])

    def repair(self, is_known: Callable[[int], bool] | None = None) -> Repaired:
        """Repair what killed processes left behind, while others go on working.

        is_known: says of a space that a killed process took last whether it had told anybody, and so whether it stays
        taken. Without it these spaces stay taken and are reported.
        """
        freed, in_doubt = 0, []
        own = _describe_own(os.getpid())
        for place in range(1, MOST + 1):
            holder = int(self._segment.words[(PLACES + PLACE * place) // 8])
            if not holder or _describe_process(holder >> 32) == holder:
                continue
            if not adopt(self._base, place, holder, own):
                continue
            note = doubt(self._base, place)
            index = note >> 2
            try:
                unknown = note & 3 == TAKEN and is_known is not None and not is_known(index)
            except BaseException:
                adopt(self._base, place, own, holder)  # the next repair asks again
                raise
            if unknown or note & 3 == TAKING:
                freed += give_back(self._base, place, index)
            elif note and is_known is None:
                in_doubt.append(index)
            vacate(self._base, place)
        return Repaired(int(uncover(self._base)), freed, tuple(in_doubt))


#: The pools of this process: a fork needs a place of its own in each.
_POOLS: weakref.WeakSet[SharedPool] = weakref.WeakSet()


def _claim_after_fork() -> None:
    for pool in list(_POOLS):
        if "_base" in pool.__dict__:
            with contextlib.suppress(OSError):  # it says so when it is used
                pool.claim()


os.register_at_fork(after_in_child=_claim_after_fork)


IMPL = Impl("shared", SharedPool, sequence=insisting(tiers))
