"""The compiled code of `shared`, run one atomic step at a time: the same source, made into generators."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Generator, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from garagebench.impls import shared_tree
from garagebench.impls.shared_tree import NOTE, PLACE, PLACES, TAKING, TRUTH

STEPS = {"load", "load_byte", "store", "swap", "swap_byte"}

Call = Generator[tuple[Any, ...], Any, Any]


class _Stepwise(ast.NodeTransformer):
    """Turn each atomic step into a `yield`, and each call of a compiled function into a `yield from`."""

    def __init__(self, compiled: set[str]) -> None:
        self._compiled = compiled

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Replace the call."""
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in STEPS:
            return ast.Yield(ast.Tuple([ast.Constant(name), *node.args], ast.Load()))
        return ast.YieldFrom(node) if name in self._compiled else node


def make_functions(
    old: str = "", new: str = "", *, modules: Sequence[ModuleType] = (shared_tree,)
) -> dict[str, Any]:
    """Return the functions of the tree with 2 bits to a word of hints; `old` in the source replaced by `new`.

    modules: whose functions these are, the tree's first.
    """
    source = "\n".join(map(inspect.getsource, modules))
    assert not old or source.count(old) == 1, f"{old!r} is not in the source once"
    tree = ast.parse(source.replace(old, new) if old else source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    compiled = {node.name for node in functions if node.decorator_list}
    for node in functions:
        node.decorator_list = []
        if node.name in compiled:
            _Stepwise(compiled).visit(node)
    namespace = {name: value for module in modules for name, value in vars(module).items()}
    namespace |= {"_FANOUT_BITS": 1, "_FANOUT": 2, "_HINTS": 3, "_WORD_BITS": 1}
    namespace["count_trailing_zeros"] = lambda word: (word & -word).bit_length() - 1
    namespace["np"] = SimpleNamespace(int64=int)
    future = ast.parse("from __future__ import annotations").body
    module = ast.fix_missing_locations(ast.Module([*future, *functions], []))
    exec(compile(module, "shared_model", "exec"), namespace)  # noqa: S102
    return namespace


class Memory:
    """A segment that is worked on step by step."""

    def __init__(self, capacity: int, functions: dict[str, Any]) -> None:
        self.capacity = capacity
        self._functions = functions
        size, levels = functions["layout"](capacity)
        self.content = bytearray(size)
        self._bytes = memoryview(self.content)
        self._words = self._bytes.cast("q")
        functions["prepare"](np.frombuffer(self.content, np.int64), capacity, size, levels)
        self.truth = self._bytes[TRUTH : TRUTH + capacity]

    def copy(self) -> Memory:
        """Return another one with the same content."""
        other = Memory(self.capacity, self._functions)
        other.content[:] = self.content
        return other

    def find_free(self) -> set[int]:
        """Return the spaces that are free."""
        return {index for index, taker in enumerate(self.truth) if not taker}

    def begin(self, name: str, *arguments: int) -> Call:
        """Return a call that has not taken its first step."""
        call: Call = self._functions[name](0, *arguments)
        return call

    def perform(self, name: str, address: int, *values: int) -> Any:
        """Take one atomic step."""
        if name == "load":
            return self._words[address // 8]
        if name == "load_byte":
            return self._bytes[address]
        if name == "store":
            self._words[address // 8] = values[0]
            return None
        cells, at = (self._words, address // 8) if name == "swap" else (self._bytes, address)
        expected, value = values
        swapped = cells[at] == expected
        if swapped:
            cells[at] = value
        return swapped

    def call(self, name: str, *arguments: int) -> Any:
        """Make a whole call at once."""
        call, answer = self.begin(name, *arguments), None
        try:
            while True:
                answer = self.perform(*call.send(answer))
        except StopIteration as end:
            return end.value

    def read_note(self, place: int) -> int:
        """Return which space a process noted."""
        return self._words[(PLACES + PLACE * place + NOTE) // 8] >> 2


def repair(memory: Memory, place: int, is_known: Callable[[int], bool]) -> Call:
    """Do for one dead process what `SharedPool.repair` does."""
    note = yield from memory.begin("doubt", place)
    index = note >> 2
    if note & 3 == TAKING or (note and not is_known(index)):
        yield from memory.begin("give_back", place, index)
    yield from memory.begin("vacate", place)
    yield from memory.begin("uncover")
