"""The compiled code of `shared`, run one atomic step at a time: the same source, made into generators."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Generator
from typing import Any

import numpy as np

from garagebench.impls import shared

STEPS = {"load", "load_byte", "store", "swap", "swap_byte"}
PLAIN = {"_level_sizes", "_layout", "_prepare"}

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


def make_functions(old: str = "", new: str = "") -> dict[str, Any]:
    """Return the functions of `shared` with 2 bits to a word of hints; `old` in the source replaced by `new`."""
    source = inspect.getsource(shared)
    assert source.count(old), f"{old!r} is not in the source"
    tree = ast.parse(source.replace(old, new) if old else source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    compiled = {node.name for node in functions if node.decorator_list}
    kept = [node for node in functions if node.name in compiled | PLAIN]
    for node in kept:
        node.decorator_list = []
        if node.name in compiled:
            _Stepwise(compiled).visit(node)
    namespace = {**vars(shared), "_FANOUT_BITS": 1, "_FANOUT": 2, "_HINTS": 3}
    namespace["count_trailing_zeros"] = lambda word: (word & -word).bit_length() - 1
    future = ast.parse("from __future__ import annotations").body
    module = ast.fix_missing_locations(ast.Module([*future, *kept], []))
    exec(compile(module, "shared_model", "exec"), namespace)  # noqa: S102
    return namespace


class Memory:
    """A segment that is worked on step by step."""

    def __init__(self, capacity: int, functions: dict[str, Any]) -> None:
        self.capacity = capacity
        self._functions = functions
        size, levels = functions["_layout"](capacity)
        self._bytes = np.zeros(size, dtype=np.uint8)
        self._words = self._bytes.view(np.int64)
        functions["_prepare"](self._words, capacity, size, levels)
        self.truth = self._bytes[shared._TRUTH :][:capacity]

    def begin(self, name: str, *arguments: int) -> Call:
        """Return a call that has not taken its first step."""
        call: Call = self._functions[name](0, *arguments)
        return call

    def perform(self, name: str, address: int, *values: int) -> Any:
        """Take one atomic step."""
        cells, at = (self._bytes, address) if name.endswith("byte") else (self._words, address // 8)
        if name.startswith("load"):
            return int(cells[at])
        if name == "store":
            cells[at] = values[0]
            return None
        expected, value = values
        swapped = int(cells[at]) == expected
        if swapped:
            cells[at] = value
        return swapped

    def run(self, call: Call, steps: int = 10_000) -> Any:
        """Take that many steps of the call; return its result, or None where it has not come to its end."""
        answer = None
        try:
            for _ in range(steps):
                answer = self.perform(*call.send(answer))
            # A process that is killed here has taken its last step and not returned.
        except StopIteration as end:
            return end.value
        return None

    def call(self, name: str, *arguments: int) -> Any:
        """Make a whole call at once."""
        return self.run(self.begin(name, *arguments))


def repair(memory: Memory, place: int, *, knows: bool) -> Call:
    """Do for one dead process what `SharedPool.repair` does; return how many spaces were given back."""
    note = yield from memory.begin("_in_doubt", place)
    freed = 0
    if note & 3 == shared._TAKING or (note and not knows):
        freed = yield from memory.begin("_give_back", place, note >> 2)
    yield from memory.begin("_vacate", place)
    yield from memory.begin("_uncover")
    return freed
