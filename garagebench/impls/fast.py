"""`fast`: of each stage the quickest variant that this interpreter can run, on the quickest pool.

Measured in lock-step on layout `seed`, CPython 3.11 and PyPy 3.9. The pool: `heap` takes 0.90 of the time of `c` over a
fill and needs no compiler; over a churn it takes 1.14, from 100,000 spaces on 1.7.
"""

from __future__ import annotations

import sys

from garagebench.errors import Unavailable
from garagebench.impls.heap import HeapPool
from garagebench.impls.impl import Impl
from garagebench.stages.variants import with_variants

_TABLES = {
    "validate": "table",
    "sequence": "unrolled",
    "space_lookup": "spaces",
    "encode": "rendered",
}

#: What a tracing JIT makes of the look-up by row takes less than half of the time of one by hash.
_TABLES_PYPY = {**_TABLES, "space_lookup": "table"}

#: Parsers for what no table answers, the quickest first; json is everywhere.
_PARSERS = ("msgspec", "orjson", "json")


def make_fast(interpreter: str) -> Impl:
    """Return the recipe for an interpreter, named as in `sys.implementation`, with the packages that are here."""
    impl = Impl("fast", HeapPool)
    for parser in _PARSERS:
        try:
            impl = with_variants(impl, {"validate": parser})
        except Unavailable:
            continue
        break
    return with_variants(impl, _TABLES_PYPY if interpreter == "pypy" else _TABLES)


IMPL = make_fast(sys.implementation.name)
