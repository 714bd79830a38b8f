"""`fast`: of each stage the quickest variant that this interpreter can run, on the quickest pool.

The pool: over a fill of layout `seed` a take of `heap` is quicker than one of `c` (results/fast.json.gz), it needs no
compiler, and over a churn both come to the same (results/fast_churn.json.gz). In garages of thousands of spaces `c` is
quicker (docs/scale.md): `Impl("mine", CPool)` with the variants below is the one to take there.
"""

from __future__ import annotations

import functools
import sys

from garagebench.errors import Unavailable
from garagebench.impls.heap import HeapPool
from garagebench.impls.impl import Impl
from garagebench.stages.validate import UnparkFactory, table_unpark
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
    parse = impl.validate_unpark
    impl = with_variants(impl, _TABLES_PYPY if interpreter == "pypy" else _TABLES)
    return impl._replace(validate_unpark=_known_or(parse))


@functools.cache
def _known_or(parse: UnparkFactory) -> UnparkFactory:
    """Return the table of bodies, with that parser for all others: not every client writes JSON as compactly."""
    return functools.partial(table_unpark, others=parse)


IMPL = make_fast(sys.implementation.name)
