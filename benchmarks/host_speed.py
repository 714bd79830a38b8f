"""How fast this machine is, for how long it keeps its speed, and how far two stretches next to each other lie apart.

    python benchmarks/host_speed.py [SECONDS]

The same piece of work of 50 us is done over and over on the core that the workers would have.
"""

import math
import os
import statistics
import sys
from itertools import pairwise

from garagebench.engine.metadata import describe_machine
from garagebench.engine.patience import CHUNK_NS, find_patience_ns
from garagebench.engine.worker.machine import feel_pulse

#: Lengths of neighbouring stretches, in ms.
STRETCHES_MS = (0.2, 1, 5, 15, 100)


def look(seconds=0.5):
    """Return the figures of a host: microseconds of a piece, its spread, the patience, and the deviations of log ratios."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        chunks_ns = feel_pulse(CHUNK_NS, int(seconds * 1e9 / CHUNK_NS))
    finally:
        os.sched_setaffinity(0, cores)
    ordered = sorted(chunks_ns)
    p10, p50, p90 = (ordered[int(share * len(ordered))] for share in (0.1, 0.5, 0.9))
    return {
        "piece_us": round(p50 / 1e3, 1),
        "p90_over_p10": round(p90 / p10, 3),
        "patience_ms": round(find_patience_ns(chunks_ns) / 1e6, 2),
        "deviation": {
            f"{stretch_ms:g} ms": deviation
            for stretch_ms in STRETCHES_MS
            if (deviation := _deviate(chunks_ns, round(stretch_ms * 1e6 / p50))) is not None
        },
    }


def _deviate(chunks_ns, pieces):
    """Return the standard deviation of the log ratio of neighbouring stretches of so many pieces; None: too few."""
    pieces = max(1, pieces)
    sums = [sum(chunks_ns[at : at + pieces]) for at in range(0, len(chunks_ns) - pieces, pieces)]
    logs = [math.log(after / before) for before, after in pairwise(sums)]
    return round(statistics.pstdev(logs), 4) if len(logs) > 5 else None


def main():
    """Print the figures."""
    found = look(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
    print(describe_machine())
    print(f"a piece of work takes {found['piece_us']} us; p90/p10 {found['p90_over_p10']}")
    print(f"nine pieces in ten keep their speed for {found['patience_ms']} ms")
    for stretch, deviation in found["deviation"].items():
        print(f"neighbouring stretches of {stretch}: log ratios deviate by {deviation}")


if __name__ == "__main__":
    main()
