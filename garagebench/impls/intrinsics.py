"""Single machine instructions for code that Numba compiles."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _type_and_generate(typing_context: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.true_bit)

    return types.uint64(types.uint64), generate


#: uint64 -> uint64: the number of the lowest bit that is set; undefined for 0.
#: Numba's cache does not see this file: who changes it clears the cache.
count_trailing_zeros: Any = intrinsic(_type_and_generate)
