"""Atomic reads and writes for compiled code, on memory given by its address.

An address is a plain integer: Numba unpacks one in a fraction of the time that an array takes. Nothing checks it.
Numba's cache does not see this file: who changes it clears the cache.
"""

from __future__ import annotations

from typing import Any, Callable

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_WORD: Any = cgutils.intp_t
_BYTE: Any = cgutils.int8_t


def _intrinsic(function: Callable[..., Any]) -> Any:
    made: Any = intrinsic(function)  # whose own type says that one calls it with a context
    return made


def _at(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _swap(builder: Any, kind: Any, arguments: Any) -> Any:
    address, expected, value = arguments
    if kind is not _WORD:
        expected, value = builder.trunc(expected, kind), builder.trunc(value, kind)
    pair = builder.cmpxchg(_at(builder, address, kind), expected, value, "seq_cst", "seq_cst")
    return builder.extract_value(pair, 1)


@_intrinsic
def load(context: Any, address: Any) -> Any:
    """Return the word at the address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _at(builder, arguments[0], _WORD)
        return builder.load_atomic(pointer, "seq_cst", 8, typ=_WORD)

    return types.int64(types.int64), generate


@_intrinsic
def load_byte(context: Any, address: Any) -> Any:
    """Return the byte at the address, 0 to 255."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _at(builder, arguments[0], _BYTE)
        return builder.zext(builder.load_atomic(pointer, "seq_cst", 1, typ=_BYTE), _WORD)

    return types.int64(types.int64), generate


@_intrinsic
def store(context: Any, address: Any, value: Any) -> Any:
    """Write the word at the address: after all that was written before, and before the next `swap`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, value = arguments
        builder.store_atomic(value, _at(builder, address, _WORD), "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@_intrinsic
def swap(context: Any, address: Any, expected: Any, value: Any) -> Any:
    """Replace the word at the address if it is the expected one; tell whether it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _swap(builder, _WORD, arguments)

    return types.boolean(types.int64, types.int64, types.int64), generate


@_intrinsic
def swap_byte(context: Any, address: Any, expected: Any, value: Any) -> Any:
    """Replace the byte at the address if it is the expected one; tell whether it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _swap(builder, _BYTE, arguments)

    return types.boolean(types.int64, types.int64, types.int64), generate
