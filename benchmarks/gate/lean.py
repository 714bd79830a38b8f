"""Does it matter who is started first, or who lies where? From recorded rounds of identical code.

    python benchmarks/gate/lean.py RECORDING...

`garagebench selftest --record FILE` makes a recording. For each case it is counted in how many generations the side that
was started second was slower, the side at the second place, and head, whatever it was. One half is what chance gives.
"""

import sys
from pathlib import Path
from statistics import median

from garagebench.check.selftest import load_recording
from garagebench.gate.changes import measure_changes, measure_sizes
from garagebench.gate.pairs import Pair, find_cases
from garagebench.gate.replay import NOWHERE
from garagebench.stats.binomial import exact_bounds


def count_leans(recording):
    """Yield (what, case, how often slower, generations, median percent)."""
    base, head = recording.contestants
    sides = [(Pair(base.subject, base.runtime, "", (NOWHERE, NOWHERE)), base, head)]
    cases = [case for case, _, _ in find_cases(*sides[0])]
    changes = measure_changes(sides, cases, measure_sizes(sides, cases))
    signs = {"head": [1] * len(next(iter(changes.values())))}
    if recording.conditions is not None:
        signs["started second"] = [
            1 if first == base.name else -1 for first in recording.conditions.first
        ]
        signs["at the second place"] = [
            -1 if swapped else 1 for swapped in recording.conditions.exchanged
        ]
    for what, sign in signs.items():
        for case, values in changes.items():
            turned = [one * value for one, value in zip(sign, values, strict=True)]
            slower = sum(value > 0 for value in turned)
            yield what, case.row.replace("/", " "), slower, len(turned), 100 * median(turned)


def main():
    """Print a table for each recording."""
    for name in sys.argv[1:]:
        print(f"{Path(name).name}\n\n| slower is | case | of generations | exact bounds | median |")
        print("| :--- | :--- | ---: | ---: | ---: |")
        for what, case, slower, generations, percent in count_leans(load_recording(Path(name))):
            low, high = exact_bounds(slower, generations)
            print(
                f"| {what} | {case} | {slower} of {generations} | {low:.2f} to {high:.2f} | {percent:+.2f} % |"
            )
        print()


if __name__ == "__main__":
    main()
