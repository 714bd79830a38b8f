"""Measure something that has nothing to do with parking: sorting, two ways, in lock-step.

python examples/sorting.py
"""

import random

from garagebench import measure
from garagebench.engine import Block, Case, Step


class Sorting:
    """A subject: an object with `cases()`. It is pickled into the workers, so it holds little."""

    def __init__(self, key):
        self.key = key

    def cases(self):
        """Yield one case: what the loop is given, what it does, and what must come out."""
        rng = random.Random(1)
        lists = [[rng.random() for _ in range(20)] for _ in range(100)]
        yield Case(
            name="sort 20 numbers",
            target="numbers",
            steps=[Step("sort", "answer = sorted(numbers, key=key)")],
            result="answer",
            names={"key": self.key},
            blocks=[
                Block(tape=lists, expected=[sorted(one) for one in lists], requests=len(lists))
            ],
        )


def magnitude(number):
    """Order as the number itself does, at a price."""
    return abs(number)


if __name__ == "__main__":
    result = measure({"plain": Sorting(None), "with a key": Sorting(magnitude)}, budget_s=5)
    for row in result.rows():
        print(
            f"{row.contestant}: {row.median:.0f} ns, ratio {row.ratio} [{row.ratio_low}, {row.ratio_high}]"
        )
