"""How a command ends; users script against it."""

from __future__ import annotations

GOOD = 0
ERROR = 1
USAGE = 2

#: Slower than allowed, or wrong answers, which have no time.
SLOWER = WRONG = 3

#: The figures do not tell: a gate without a verdict, a load run that is not valid.
INCONCLUSIVE = 4

INTERRUPTED = 130
