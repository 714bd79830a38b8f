"""A function of a user's file, or several, as cases that can be timed: `--subject FILE.py:NAME`.

NAME is one of:

    an object or a class with a method `cases()`    it is what `garagebench.interface` describes
    a mapping or a list of callables                a case for each
    a coroutine function                            one case, run to its end on an event loop of its own
    any other callable without required arguments   one case
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable

from garagebench.errors import GarageError
from garagebench.interface import INTERFACE_VERSION, Block, Case, Step

#: Answers with more parts than this are not compared.
MOST_PARTS = 100_000


class NoSubject(GarageError):
    """There is nothing under that name that could be timed; the text says why."""

    status = "invalid"


def make_subject(arguments: Mapping[str, Any]) -> Any:
    """Return the subject that the engine's worker measures.

    arguments: file, name, and calls: case -> how many calls a pass has; 1 for a case that it does not name. case: what
    the case of a single function is called; without it, as the function.
    """
    found = find_name(load_file(arguments["file"]), arguments["file"], arguments["name"])
    if callable(getattr(found, "cases", None)):
        return found() if inspect.isclass(found) else found
    functions = name_functions(arguments["name"], found)
    if callable(found) and "case" in arguments:
        functions = {arguments["case"]: next(iter(functions.values()))}
    return FunctionSubject(functions, arguments.get("calls", {}))


def load_file(path: str) -> Any:
    """Import the file: as a module of its package where it is in one, so that relative imports work."""
    root, words = os.path.split(os.path.abspath(path))
    names = [os.path.splitext(words)[0]]
    while os.path.isfile(os.path.join(root, "__init__.py")):
        root, package = os.path.split(root)
        names.insert(0, package)
    sys.path.insert(0, root)
    if all(name.isidentifier() for name in names):
        module = importlib.import_module(".".join(names))
        if os.path.realpath(getattr(module, "__file__", None) or "") == os.path.realpath(path):
            return module
    # Another module has that name already, or it cannot be a name.
    spec = importlib.util.spec_from_file_location(f"_subject_{names[-1]}", path)
    if spec is None or spec.loader is None:
        raise NoSubject(f"{os.path.basename(path)} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def find_name(module: Any, path: str, name: str) -> Any:
    """Return what the file calls so; dots lead into classes."""
    found = module
    for word in name.split("."):
        if not hasattr(found, word):
            raise NoSubject(f"{os.path.basename(path)} has no {name}")
        found = getattr(found, word)
    return found


def name_functions(name: str, found: Any) -> dict[str, Callable[[], Any]]:
    """Return case -> function. Raises NoSubject."""
    if isinstance(found, Mapping):
        functions = {str(key): function for key, function in found.items()}
    elif isinstance(found, Sequence) and not isinstance(found, (str, bytes)):
        functions = {
            getattr(function, "__name__", str(number)): function
            for number, function in enumerate(found)
        }
        if len(functions) < len(found):
            raise NoSubject(f"two functions of {name} have the same name: use a mapping")
    else:
        functions = {name: found}
    if not functions:
        raise NoSubject(f"{name} is empty")
    return {case: make_call(case, function) for case, function in functions.items()}


def make_call(case: str, function: Any) -> Callable[[], Any]:
    """Return the function as one that is called without arguments. Raises NoSubject."""
    if not callable(function):
        raise NoSubject(f"{case} is no function, but {type(function).__name__}")
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # one of C that does not say: the first call will tell
        parameters = ()  # type: ignore[assignment]
    needed = [
        one.name
        for one in parameters
        if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    if needed:
        raise NoSubject(
            f"{case} needs arguments ({', '.join(needed)}): name a function that takes none, and calls it"
        )
    if not inspect.iscoroutinefunction(function):
        call: Callable[[], Any] = function
        return call
    import asyncio  # which takes 40 ms
    import weakref

    loop = asyncio.new_event_loop()

    def run() -> Any:
        return loop.run_until_complete(function())

    weakref.finalize(run, loop.close)
    return run


class FunctionSubject:
    """Functions without arguments, a case for each."""

    interface_version = INTERFACE_VERSION

    def __init__(
        self, functions: Mapping[str, Callable[[], Any]], calls: Mapping[str, int]
    ) -> None:
        self._functions = functions
        self._calls = calls
        self.caveats: list[str] = []

    def cases(self) -> Iterator[Case]:
        """Yield the cases; each function is called twice meanwhile, to see whether it answers the same."""
        for name, call in self._functions.items():
            first, second = encode(call()), encode(call())
            is_same = first is not None and first == second
            if not is_same:
                self.caveats.append(f"{name}: answers not compared")
            count = self._calls.get(name, 1)
            block = Block([None] * count, None, count)
            yield Case(
                name,
                "turn",
                [Step("call", "answer = call()")],
                "answer",
                {"call": call},
                [block],
                group=name,
                answers=[first] if is_same and first is not None else [],
            )


def encode(value: Any) -> str | None:
    """Return plain data as text that is the same for equal values; None for anything else, whose repr may hold an address."""
    left = [MOST_PARTS]

    def write(one: Any) -> str:
        left[0] -= 1
        if left[0] < 0:
            raise ValueError
        kind = type(one)
        if one is None or kind in (bool, int, float, complex, str, bytes):
            return repr(one)
        if kind in (list, tuple):
            return f"{kind.__name__}({', '.join(map(write, one))})"
        if kind in (set, frozenset):
            return f"{kind.__name__}({', '.join(sorted(map(write, one)))})"
        if kind is dict:
            pairs = sorted((write(key), write(value)) for key, value in one.items())
            return f"dict({', '.join(': '.join(pair) for pair in pairs)})"
        raise ValueError

    try:
        return write(value)
    except (ValueError, RecursionError):
        return None
